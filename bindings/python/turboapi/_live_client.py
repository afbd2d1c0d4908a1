"""A test client like Starlette's that talks to the real server over loopback."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Self

from starlette import testclient
from starlette.testclient import TestClient
from starlette.types import ASGIApp

if TYPE_CHECKING:
    import httpx2 as httpx

    from ._live_server import Exchange, Exchanges, LiveServer
else:
    httpx = testclient.httpx

_DEFAULT_PORTS = {"http": 80, "https": 443}
_NO_WEBSOCKETS = (
    "LiveTestClient cannot open WebSockets: the native server does not serve them yet. Use"
    " turboapi.testclient.TestClient, which calls the application in-process."
)


@cache
def _unused_tls() -> ssl.SSLContext:
    """For transports that never encrypt; making one costs much more than a whole request."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class _Link:
    """A running server and the connections to it."""

    def __init__(self, server: LiveServer) -> None:
        self.server = server
        self._address = httpx.URL(f"http://127.0.0.1:{server.port}")
        self._transport = httpx.HTTPTransport(
            verify=_unused_tls(), limits=httpx.Limits(max_connections=None)
        )

    def send(self, request: httpx.Request, number: bytes) -> httpx.Response:
        """Sends a request to the server as it is, apart from the tag. Times are not limited."""
        from ._live_server import TAG

        sent = httpx.Request(
            request.method,
            self._address.copy_with(raw_path=request.url.raw_path),
            headers=[*request.headers.raw, (TAG, number)],
            stream=request.stream,
            extensions={**request.extensions, "timeout": {}},
        )
        return self._transport.handle_request(sent)

    def close(self) -> None:
        """Closes the connections, then stops the server."""
        try:
            self._transport.close()
        finally:
            self.server.close()


class _Stream(httpx.SyncByteStream):
    """The body of a response; its end is that of the exchange."""

    def __init__(self, body: Iterator[bytes], stack: contextlib.ExitStack) -> None:
        self._body = body
        self._stack = stack

    def __iter__(self) -> Iterator[bytes]:
        return self._body

    def close(self) -> None:
        self._stack.close()


class _LiveTransport(httpx.BaseTransport):
    """Sends the requests of a client to the server that the client runs."""

    def __init__(
        self,
        client: LiveTestClient,
        raise_server_exceptions: bool,
        root_path: str,
        client_address: tuple[str, int],
    ) -> None:
        self._client = client
        self._raise = raise_server_exceptions
        self._root_path = root_path
        self._client_address = client_address
        self._open: dict[Exchange, contextlib.ExitStack] = {}

    def close(self) -> None:
        """Ends the requests that are under way; their applications are cancelled."""
        while self._open:
            exchange, stack = self._open.popitem()
            exchange.abandoned = True
            stack.close()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends one request. The response's body is read from the wire as it is iterated."""
        if request.url.scheme not in _DEFAULT_PORTS:
            raise NotImplementedError(_NO_WEBSOCKETS)
        request.read()  # so that it can be looked at afterwards, as with Starlette's client
        exchange = self._new_exchange(request)
        with contextlib.ExitStack() as stack:
            link = stack.enter_context(self._client._linked())
            number = self._client._exchanges.add(exchange)
            stack.callback(self._client._exchanges.remove, number)

            @stack.push
            def end(kind: object, error: BaseException | None, traceback: object) -> None:
                self._end(link, exchange, error)

            response = link.send(request, number)
            stack.callback(response.close)
            self._check_started(exchange)
            kept = stack.pop_all()
        self._open[exchange] = kept
        kept.callback(self._open.pop, exchange, None)
        return self._answer(request, response, exchange, kept)

    def _new_exchange(self, request: httpx.Request) -> Exchange:
        from ._live_server import Exchange

        scheme = request.url.scheme
        host = request.url.raw_host.decode("ascii")
        port = _DEFAULT_PORTS[scheme] if request.url.port is None else request.url.port
        return Exchange(scheme, (host, port), self._client_address, self._root_path)

    def _check_started(self, exchange: Exchange) -> None:
        """An application that returns without an answer is wrong, whatever the server made of it."""
        silent = exchange.entered and exchange.done.is_set() and not exchange.started
        if silent and exchange.exception is None and self._raise:
            raise AssertionError(
                "LiveTestClient did not receive any response from the application."
            )

    def _answer(
        self,
        request: httpx.Request,
        response: httpx.Response,
        exchange: Exchange,
        stack: contextlib.ExitStack,
    ) -> httpx.Response:
        body = self._body(response, exchange, stack)
        answer = httpx.Response(
            response.status_code,
            headers=response.headers.raw,
            stream=_Stream(body, stack),
            request=request,
            extensions={"http_version": b"HTTP/1.1"},
        )
        if exchange.debug is not None:
            answer.extensions["http.response.debug"] = exchange.debug
            for name in ("template", "context"):
                if name in exchange.debug:
                    setattr(answer, name, exchange.debug[name])
        return answer

    def _body(
        self, response: httpx.Response, exchange: Exchange, stack: contextlib.ExitStack
    ) -> Iterator[bytes]:
        assert isinstance(response.stream, httpx.SyncByteStream)
        try:
            yield from response.stream
        except httpx.TransportError:
            stack.close()  # If the application failed, the test hears of that, not of the wire.
            if exchange.exception is None:
                raise
            return
        exchange.received = True
        stack.close()

    def _end(self, link: _Link, exchange: Exchange, error: BaseException | None) -> None:
        """Waits for the application, which may go on behind its response; raises its exception.

        It is cancelled if the client was closed, or leaves in the middle of its response.
        """
        if not exchange.entered:
            return
        whole = exchange.received or exchange.answered
        if (exchange.abandoned or not whole) and not exchange.done.is_set():
            assert exchange.cancel_scope is not None
            link.server.portal.call(exchange.cancel_scope.cancel)
        exchange.done.wait()
        failed = exchange.exception if self._raise else None
        # What the test itself raised meanwhile stays; a broken connection is only a consequence.
        if failed is not None and (error is None or isinstance(error, httpx.TransportError)):
            raise failed


class LiveTestClient(TestClient):
    """Starlette's ``TestClient``, but requests go to the real server over a loopback socket.

    Arguments are Starlette's. In a ``with`` block one server runs, between the application's
    start-up and shutdown; outside of one each request has a server of its own, without a
    lifespan. The application sees ``base_url`` and ``client``. What it raises is raised again
    here (``raise_server_exceptions``), and a request is over when its background tasks are. Responses
    carry what the server adds, such as ``date``. Only the "asyncio" backend can serve, and
    :meth:`websocket_connect` raises ``NotImplementedError``.
    """

    def __init__(
        self,
        app: ASGIApp,
        base_url: str = "http://testserver",
        raise_server_exceptions: bool = True,
        root_path: str = "",
        backend: Literal["asyncio", "trio"] = "asyncio",
        backend_options: dict[str, Any] | None = None,
        cookies: Any = None,
        headers: dict[str, str] | None = None,
        follow_redirects: bool = True,
        client: tuple[str, int] = ("testclient", 50000),
    ) -> None:
        if backend != "asyncio":
            raise ValueError(f"the server runs on asyncio, so backend={backend!r} is not possible")
        super().__init__(
            app,
            base_url=base_url,
            raise_server_exceptions=raise_server_exceptions,
            root_path=root_path,
            backend=backend,
            backend_options=backend_options,
            cookies=cookies,
            headers=headers,
            follow_redirects=follow_redirects,
            client=client,
        )
        from ._live_server import Exchanges

        self._exchanges: Exchanges = Exchanges()
        self._root_path = root_path
        self._link: _Link | None = None
        self._transport = _LiveTransport(self, raise_server_exceptions, root_path, client)

    def _start(self, *, lifespan: bool) -> _Link:
        from ._live_server import LiveServer, Observer

        observer = Observer(self.app, self._exchanges, self.app_state)
        # A root path may be part of the request's path: then only the application finds the route.
        native = self.app if not self._root_path else None
        options = self.async_backend["backend_options"]
        server = LiveServer(observer, native, options, lifespan=lifespan)
        server.start()
        return _Link(server)

    @contextlib.contextmanager
    def _linked(self) -> Iterator[_Link]:
        if self._link is not None:
            yield self._link
            return
        link = self._start(lifespan=False)
        try:
            yield link
        finally:
            link.close()

    def websocket_connect(self, *args: Any, **options: Any) -> NoReturn:
        """Not possible yet."""
        raise NotImplementedError(_NO_WEBSOCKETS)

    def __enter__(self) -> Self:
        self._link = self._start(lifespan=True)
        self.portal = self._link.server.portal
        return self

    def __exit__(self, *exc_info: object) -> None:
        link, self._link = self._link, None
        self.portal = None
        assert link is not None, "the client was not entered"
        try:
            self._transport.close()
        finally:
            link.close()
