"""Serving on the asyncio loop: lifespan, signals, and a stop that loses no request.

The loop runs on the thread that called :func:`turboapi.run`. The server's own threads live beside it;
what they need of Python's asynchronous side comes to this loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Literal, Protocol

logger = logging.getLogger("turboapi.error")

LifespanMode = Literal["auto", "on", "off"]
Message = MutableMapping[str, Any]
ASGIApp = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[Message]],
        Callable[[Message], Awaitable[None]],
    ],
    Awaitable[None],
]


class NativeServer(Protocol):
    """What :func:`serve` needs of a server: see ``turboapi._native.Server``."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def wait(self, timeout_ms: int = -1) -> bool: ...


class LifespanError(RuntimeError):
    """The application's start-up or shutdown failed; the reason was logged."""


class Lifespan:
    """Drives the ASGI lifespan protocol of one application.

    ``mode`` is uvicorn's: ``auto`` goes on without a lifespan when the application does not know
    the protocol, ``on`` takes that for an error, ``off`` never asks. ``state`` is filled by the application and
    copied into the scope of every request.
    """

    def __init__(self, app: ASGIApp, state: dict[str, Any], mode: LifespanMode = "auto") -> None:
        self.app = app
        self.state = state
        self.mode = mode
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._started = asyncio.Event()
        self._ended = asyncio.Event()
        self._failure: str | None = None
        self._supported = True
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Returns once the application is ready. Raises :class:`LifespanError`."""
        if self.mode == "off":
            self._supported = False
            return
        self._task = asyncio.get_running_loop().create_task(self._run(), name="lifespan")
        await self._inbox.put({"type": "lifespan.startup"})
        await self._started.wait()
        if self._failure is not None:
            raise LifespanError(self._failure)

    async def shutdown(self) -> None:
        """Returns once the application has cleaned up. Raises :class:`LifespanError`."""
        if self._task is None:
            return
        if self._supported:
            await self._inbox.put({"type": "lifespan.shutdown"})
            await self._ended.wait()
        await self._task
        if self._failure is not None:
            raise LifespanError(self._failure)

    async def _run(self) -> None:
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        try:
            await self.app(scope, self._inbox.get, self._send)
        except BaseException as exc:
            self._crashed(exc)
        finally:
            self._supported = False
            self._started.set()
            self._ended.set()

    def _crashed(self, exc: BaseException) -> None:
        if self._failure is not None:  # the application reported it before it raised
            return
        if self._started.is_set() or self.mode == "on":
            self._failure = "the application's lifespan raised an exception"
            logger.error("Exception in 'lifespan' protocol", exc_info=exc)
        else:
            logger.info("ASGI 'lifespan' protocol appears unsupported.")
        if isinstance(exc, KeyboardInterrupt | SystemExit):
            raise exc

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "lifespan.startup.complete":
            self._started.set()
        elif kind == "lifespan.shutdown.complete":
            self._ended.set()
        elif kind in ("lifespan.startup.failed", "lifespan.shutdown.failed"):
            text = message.get("message", "")
            if text:
                logger.error("%s", text)
            self._failure = f"{kind}: {text}" if text else kind
            (self._started if "startup" in kind else self._ended).set()
        else:
            raise RuntimeError(f"Unexpected ASGI message '{kind}' in the lifespan protocol.")


class Stopper:
    """A request to stop, from any thread or signal handler. The second one stops at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards the two below
        self._loop: asyncio.AbstractEventLoop | None = None
        self._requests = 0
        self._asked: asyncio.Event | None = None
        self._hurry: Callable[[], None] | None = None

    def request(self) -> None:
        """Asks for a stop. Any thread; also before the loop runs."""
        with self._lock:
            self._requests += 1
            loop = self._loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(self._wake)
            except RuntimeError:  # the loop was closed meanwhile: stopped already
                return

    def bind(self) -> None:
        """Attaches it to the running loop."""
        with self._lock:
            self._loop = asyncio.get_running_loop()
            self._asked = asyncio.Event()
        self._wake()

    def unbind(self) -> None:
        with self._lock:
            self._loop = None

    def _wake(self) -> None:
        with self._lock:
            requests = self._requests
        if requests > 0 and self._asked is not None:
            self._asked.set()
        if requests > 1 and self._hurry is not None:
            self._hurry()

    async def wait(self) -> None:
        """Returns when a stop was asked for."""
        assert self._asked is not None, "bind() comes first"
        await self._asked.wait()

    def when_repeated(self, hurry: Callable[[], None]) -> None:
        """Has ``hurry`` called, on the loop, for the second and every later request."""
        self._hurry = hurry
        self._wake()


def _install_signals(stopper: Stopper) -> Callable[[], None]:
    """Makes SIGINT and SIGTERM ask for a stop; returns what undoes it. Main thread only."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}
    for number in signals:
        loop.add_signal_handler(number, stopper.request)

    def restore() -> None:
        while before:
            signal.signal(*before.popitem())

    def in_child() -> None:
        if before:  # a signal to the child would reach this loop by the socket that both share
            signal.set_wakeup_fd(-1)
            restore()

    def undo() -> None:
        for number in signals:
            loop.remove_signal_handler(number)
        restore()

    os.register_at_fork(after_in_child=in_child)
    return undo


async def serve(
    app: ASGIApp,
    make_server: Callable[[dict[str, Any]], NativeServer],
    *,
    stopper: Stopper,
    lifespan: LifespanMode = "auto",
    grace: float = 30.0,
    on_started: Callable[[], None] | None = None,
    on_stopped: Callable[[], None] | None = None,
) -> None:
    """Serves ``app`` until ``stopper`` is asked, or a signal comes if this is the main thread.

    The application's lifespan starts first; then ``make_server(state)`` makes the server with all
    its routes, which is started and reported by ``on_started``. On a stop the server finishes its requests
    and their background tasks get ``grace`` seconds, then ``on_stopped`` runs, then the lifespan ends. Raises
    :class:`LifespanError`, or what ``make_server`` and ``start`` raise.
    """
    state: dict[str, Any] = {}
    life = Lifespan(app, state, lifespan)
    stopper.bind()
    main = threading.current_thread() is threading.main_thread()
    undo = _install_signals(stopper) if main else None
    try:
        await life.startup()
        try:
            await _serve_started(make_server(state), stopper, grace, on_started)
        finally:
            if on_stopped is not None:
                on_stopped()
            await life.shutdown()
    finally:
        stopper.unbind()
        if undo is not None:
            undo()


def _running() -> set[asyncio.Task[Any]]:
    """The tasks of requests that are still under way, or in their background part, on this loop."""
    return {task for task in asyncio.all_tasks() if getattr(task.get_coro(), "busy", False)}


async def _finish(server: NativeServer, stopper: Stopper, grace: float) -> None:
    """Stops the server; returns when it has stopped and the tasks of all requests have ended.

    They get ``grace`` seconds, or until the stop is asked for again; then they are cancelled.
    """
    loop = asyncio.get_running_loop()
    hurry: asyncio.Future[None] = loop.create_future()

    def stop_at_once() -> None:
        server.stop()
        if not hurry.done():
            hurry.set_result(None)

    server.stop()
    stopper.when_repeated(stop_at_once)
    # In a thread: requests in flight still need this loop.
    stopped = loop.run_in_executor(None, server.wait)
    deadline = loop.time() + grace
    while not hurry.done() and loop.time() < deadline:
        waiting: set[asyncio.Future[Any]] = {*_running()}
        if not stopped.done():
            waiting.add(stopped)
        if not waiting:
            break
        left = deadline - loop.time()
        await asyncio.wait({*waiting, hurry}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
    await _cancel_tasks()
    await stopped


async def _cancel_tasks() -> None:
    running = _running()
    if not running:
        return
    logger.error("Cancel %d running task(s), the grace period is over", len(running))
    for task in running:
        task.cancel("the grace period is over")
    await asyncio.wait(running)


async def _serve_started(
    server: NativeServer, stopper: Stopper, grace: float, on_started: Callable[[], None] | None
) -> None:
    server.start()
    if on_started is not None:
        on_started()
    try:
        await stopper.wait()
    finally:
        await _finish(server, stopper, grace)
