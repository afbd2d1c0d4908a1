"""The server behind :class:`turboapi.testclient.LiveTestClient`, and what it sees of its requests."""

from __future__ import annotations

import threading
from collections.abc import Mapping, MutableMapping
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio.from_thread import BlockingPortal
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .server import Server

TAG = b"turboapi-test-exchange"
"""A request header with the number of an exchange. The application never sees it."""


@dataclass(slots=True, eq=False)
class Exchange:
    """One request of a client and what became of it.

    The client's thread makes it and sets the first two flags; the loop's thread sets the rest, until
    ``done`` is set.
    """

    scheme: str
    server: tuple[str, int]
    client: tuple[str, int] | None
    root_path: str
    received: bool = False  # the client has read the response to its end
    abandoned: bool = False  # the client was closed
    entered: bool = False  # the Python executor got the request: ``done`` will be set
    started: bool = False  # the application sent the head of a response
    answered: bool = False  # … and its last part
    exception: BaseException | None = None
    debug: Mapping[str, Any] | None = None  # the info of an "http.response.debug" message
    cancel_scope: anyio.CancelScope | None = None  # set when ``entered`` is
    done: threading.Event = field(default_factory=threading.Event)


class Exchanges:
    """The exchanges of one client that are under way, by number. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards the two below
        self._last = 0
        self._open: dict[bytes, Exchange] = {}

    def add(self, exchange: Exchange) -> bytes:
        """Registers an exchange and returns its number, as a header's value."""
        with self._lock:
            self._last += 1
            number = b"%d" % self._last
            self._open[number] = exchange
        return number

    def remove(self, number: bytes) -> None:
        """Forgets an exchange."""
        with self._lock:
            self._open.pop(number, None)

    def take_from(self, scope: Scope) -> Exchange | None:
        """The exchange of a request, whose tag is taken out of the scope; None for a stranger's."""
        for index, (name, value) in enumerate(scope["headers"]):
            if name == TAG:
                del scope["headers"][index]
                with self._lock:
                    return self._open.get(value)
        return None


class Observer:
    """Wraps an application: shows it the scope that a test asks for and keeps what happened.

    Runs on the loop of the server. ``state`` is what the lifespan fills and requests get a copy of.
    """

    def __init__(self, app: ASGIApp, exchanges: Exchanges, state: dict[str, Any]) -> None:
        self._app = app
        self._exchanges = exchanges
        self._state = state
        self.lifespan_error: BaseException | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._serve_lifespan(scope, receive, send)
            return
        exchange = self._exchanges.take_from(scope)
        if exchange is None:
            await self._app(scope, receive, send)
            return
        self._complete(scope, exchange)
        await self._serve_request(exchange, scope, receive, send)

    async def _serve_lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = self._state
        try:
            await self._app(scope, receive, send)
        except BaseException as exc:
            self.lifespan_error = exc
            raise

    def _complete(self, scope: MutableMapping[str, Any], exchange: Exchange) -> None:
        scope["scheme"] = exchange.scheme
        scope["server"] = list(exchange.server)
        scope["client"] = exchange.client
        scope["root_path"] = exchange.root_path
        scope["state"] = self._state.copy()
        scope["extensions"] = {**scope.get("extensions", {}), "http.response.debug": {}}

    async def _serve_request(
        self, exchange: Exchange, scope: Scope, receive: Receive, send: Send
    ) -> None:
        async def observed_send(message: Message) -> None:
            if message["type"] == "http.response.debug":
                exchange.debug = message["info"]
                return
            if message["type"] == "http.response.start":
                exchange.started = True
            elif message["type"] == "http.response.body" and not message.get("more_body", False):
                exchange.answered = True
            await send(message)

        exchange.cancel_scope = cancel_scope = anyio.CancelScope()
        exchange.entered = True
        try:
            with cancel_scope:
                await self._app(scope, receive, observed_send)
        except BaseException as exc:
            exchange.exception = exc
            raise
        finally:
            exchange.done.set()


class LiveServer(Server):
    """Serves an application on a free loopback port, on a thread of its own.

    ``app`` is served through ``observer``. ``native`` is the application whose routes may run
    without it, or None. ``portal`` runs functions on the server's loop while it runs.
    """

    portal: BlockingPortal

    def __init__(
        self,
        observer: Observer,
        native: ASGIApp | None,
        backend_options: dict[str, Any],
        *,
        lifespan: bool,
    ) -> None:
        super().__init__(observer, port=0, threads=1, lifespan="on" if lifespan else "off")
        self._observer = observer
        self._backend_options = backend_options
        self._context = copy_context()
        if native is not None:
            self._routed = native

    def run(self) -> None:
        """Serves until it is stopped, on an event loop as the client's options say.

        The application sees the context variables that were set when the server was made.
        """
        self._context.run(self._run_loop)

    def _run_loop(self) -> None:
        anyio.run(self._serve, backend="asyncio", backend_options=self._backend_options)

    async def _serve(self) -> None:
        failure: Exception | None = None
        async with BlockingPortal() as self.portal:
            try:
                await super()._serve()
            except Exception as exc:  # raised below: leaving the portal would put it in a group
                failure = exc
        if failure is not None:
            raise failure

    def start(self) -> None:
        """Starts; raises what the application's lifespan raised, as the same object."""
        try:
            super().start()
        except Exception as exc:
            raise self._observer.lifespan_error or exc from None

    def close(self) -> None:
        """Stops and waits for it; raises what the end of the lifespan raised, as the same object."""
        self.stop()
        try:
            self.join()
        except Exception as exc:
            raise self._observer.lifespan_error or exc from None
