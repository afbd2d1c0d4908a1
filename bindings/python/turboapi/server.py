"""Serving applications: ``run()``, and ``Server`` for programs that start and stop one themselves."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

from . import _native
from ._loop import ASGIApp, LifespanMode, Stopper, serve
from .applications import TurboAPI
from .encoders import jsonable_encoder
from .responses import Response

logger = logging.getLogger("turboapi.error")

_STARTUP_FAILED = 3  # exit status of a worker that cannot serve; restarting it is no use
_QUICK_DEATH = 1.0  # seconds; a worker that lived shorter is restarted with a pause


# --- from routes to native routes ------------------------------------------------------------------


def _watches(app: TurboAPI) -> tuple[tuple[dict[str, Any], str, Any], ...]:
    """What must stay as it is for the routes that were registered to be the application's."""
    from . import routing

    watched: list[tuple[dict[str, Any], str, Any]] = [
        (vars(routing), name, getattr(routing, name))
        for name in (
            "get_request_handler",
            "solve_dependencies",
            "run_endpoint_function",
            "serialize_response",
        )
    ]
    for router in _routers(app.router):
        watched.append((vars(router), "_routes_version", vars(router)["_routes_version"]))
    trace = sys.modules.get("opentelemetry.trace")
    if trace is not None and "_TRACER_PROVIDER" in vars(trace):
        watched.append((vars(trace), "_TRACER_PROVIDER", vars(trace)["_TRACER_PROVIDER"]))
    return tuple(watched)


def _routers(router: Any, seen: set[int] | None = None) -> list[Any]:
    seen = set() if seen is None else seen
    if id(router) in seen:
        return []
    seen.add(id(router))
    found = [router]
    for route in router.routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            found += _routers(included, seen)
    return found


def _is_plain(path: str) -> bool:
    """Whether the C router understands the path's convertors."""
    import re

    kinds = re.findall(r"{[^{}:]*:([^{}]*)}", path)
    return all(kind in {"str", "int", "float", "path", "uuid"} for kind in kinds)


class _Registration:
    """Puts an application's routes on a native server, in their order."""

    def __init__(self, server: _native.Server, app: ASGIApp, loop: Any, entry: Any) -> None:
        self.server = server
        self.app = app
        self.loop = loop
        self.entry = entry

    def register(self) -> None:
        if isinstance(self.app, TurboAPI):
            reason = self.app.native_ready()
            if reason is None:
                self._register_native(self.app)
                return
            self._register_fixed_only(self.app)
        self.server.add_asgi(None, "/{path:path}", self.entry)

    def _register_fixed_only(self, app: TurboAPI) -> None:
        """Native handlers have no Python to run; without them their routes would not exist."""
        from . import routing

        for entry in app.native_routes():
            if isinstance(entry.route, routing.NativeRoute):
                self._add_entry(entry, gate=None)

    def _register_native(self, app: TurboAPI) -> None:
        gate = _native.Gate(_watches(app))
        paths: list[str] = []
        for entry in app.native_routes():
            if not _is_plain(entry.path) or entry.path == "/{path:path}":
                break  # from here on the Python executor decides: the order of routes must hold
            self._add_entry(entry, gate)
            paths.append(entry.path)
        self.server.add_asgi(None, "/{path:path}", self.entry)

    def _add_entry(self, entry: Any, gate: Any) -> None:
        from . import routing

        route = entry.route
        try:
            if isinstance(route, routing.StaticRoute) and gate is not None:
                self._add_static(entry.path, route)
            elif isinstance(route, routing.NativeRoute):
                for method in sorted(route.methods or {"GET"}):
                    self.server.add_library(method, entry.path, route.library, route.symbol)
            elif gate is not None and entry.plan is not None and entry.plan.reason is None:
                self._add_plan(entry, gate)
            else:
                self.server.add_asgi(entry.methods, entry.path, self.entry)
        except _native.ConflictError:
            return  # an earlier route with the same path and method always wins

    def _add_static(self, path: str, route: Any) -> None:
        for method in sorted(route.methods or {"GET"}):
            self.server.add_static(
                method,
                path,
                route.body,
                status=route.status_code,
                content_type=route.content_type,
            )

    def _add_plan(self, entry: Any, gate: Any) -> None:
        self.server.add_plan(
            entry.methods,
            entry.path,
            entry.plan,
            self.entry,
            self.loop,
            gate,
            jsonable_encoder,
            Response,
        )


# --- one process -----------------------------------------------------------------------------------


class Server:
    """Serves one application in this process.

    ``run()`` blocks the calling thread, whose asyncio loop runs the application's coroutines; ``start()`` does the
    same on a thread of its own and returns once requests are answered. ``stop()`` may be called on any thread,
    also from a handler; a second call stops at once. ``port`` is the real port once it listens.
    Arguments are those of :func:`run`.
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str = "127.0.0.1",
        port: int = 8000,
        *,
        fd: int | None = None,
        threads: int | None = None,
        lifespan: LifespanMode = "auto",
        root_path: str = "",
        grace: float = 30.0,
        on_started: Callable[[Server], None] | None = None,
        **limits: Any,
    ) -> None:
        self.app = app
        self.host = host
        self.port = port
        self._fd = fd
        self._lifespan = lifespan
        self._root_path = root_path
        self._on_started = on_started
        self._options: dict[str, Any] = {
            "workers": threads or default_threads(),
            "grace": max(1, int(grace * 1000)),
            **limits,
        }
        self._stopper = Stopper()
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._native: _native.Server | None = None
        self._loop: Any = None

    @property
    def url(self) -> str:
        """Where it listens."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def run(self) -> None:
        """Serves until :meth:`stop` is called or, on the main thread, SIGINT or SIGTERM comes."""
        asyncio.run(self._serve())

    def start(self) -> None:
        """Serves on a thread of its own; raises what kept it from starting."""
        self._thread = threading.Thread(target=self._run_in_thread, name="turboapi")
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error

    def stop(self) -> None:
        """Asks for a stop. Requests in flight are finished; a second call does not wait for them."""
        self._stopper.request()

    def join(self) -> None:
        """Waits for a server begun with :meth:`start`; raises what ended it, if anything did."""
        if self._thread is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error

    def metrics(self) -> dict[str, Any]:
        """The counters of the running server."""
        if self._native is None:
            raise RuntimeError("the server is not running")
        return self._native.metrics()

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
        self.join()

    def _run_in_thread(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as exc:
            self._error = exc
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        try:
            await serve(
                self.app,
                self._make,
                stopper=self._stopper,
                lifespan=self._lifespan,
                on_started=self._started,
                on_stopped=self._close,
            )
        finally:
            self._close()

    def _make(self, state: dict[str, Any]) -> _native.Server:
        self._loop = _native.Loop(asyncio.get_running_loop())
        entry = _native.Application(
            self._loop, self.app, root_path=self._root_path, state=state
        )
        native = self._native = _native.Server(self._options)  # type: ignore[arg-type]
        _Registration(native, self.app, self._loop, entry).register()
        if self._fd is not None:
            native.listen_fd(os.dup(self._fd))
        else:
            self.port = native.listen(self.host, self.port)
        return native

    def _started(self) -> None:
        self._ready.set()
        if self._on_started is not None:
            self._on_started(self)

    def _close(self) -> None:
        native, self._native = self._native, None
        loop, self._loop = self._loop, None
        if native is not None:
            native.close()
        if loop is not None:
            loop.close()


def default_threads() -> int:
    """Event loops in one process: one under a GIL, one for each core without."""
    if not _native.FREE_THREADED:
        return 1
    return len(os.sched_getaffinity(0))


def describe_interpreter() -> str:
    """Such as "CPython 3.14.7, free-threaded"."""
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    kind = "with the GIL" if gil else "free-threaded"
    return f"{platform.python_implementation()} {platform.python_version()}, {kind}"


def _announce(server: Server) -> None:
    print(f"turboapi: serving on {server.url} ({describe_interpreter()}); Ctrl-C stops", flush=True)


# --- several processes -----------------------------------------------------------------------------


class _Supervisor:
    """Keeps ``count`` worker processes alive; all accept from one listening socket."""

    def __init__(self, count: int, work: Callable[[], None]) -> None:
        self.count = count
        self.work = work
        self.workers: dict[int, float] = {}  # process id → when it was started
        self.stopping = False
        self.status = 0

    def run(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        for _ in range(self.count):
            self._spawn()
        while self.workers:
            self._reap()
        if self.status:
            raise SystemExit(self.status)

    def _on_signal(self, number: int, frame: object) -> None:
        self.stopping = True
        self._forward(signal.SIGTERM)

    def _forward(self, number: int) -> None:
        for pid in list(self.workers):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    def _spawn(self) -> None:
        pid = os.fork()
        if pid == 0:
            self._be_worker()
        self.workers[pid] = time.monotonic()
        if self.stopping:  # the signal came between the fork and the line above
            os.kill(pid, signal.SIGTERM)

    def _be_worker(self) -> NoReturn:
        status = 0
        try:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self.work()
        except KeyboardInterrupt:
            status = 0
        except BaseException:
            logger.exception("a worker could not serve")
            status = _STARTUP_FAILED
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _reap(self) -> None:
        pid, raw = os.wait()
        started = self.workers.pop(pid, None)
        if started is None or self.stopping:
            return
        status = os.waitstatus_to_exitcode(raw)
        if status == _STARTUP_FAILED:
            self.stopping = True
            self.status = _STARTUP_FAILED
            self._forward(signal.SIGTERM)
            return
        logger.warning("worker %d ended with status %d; starting another", pid, status)
        if time.monotonic() - started < _QUICK_DEATH:
            time.sleep(_QUICK_DEATH)
        if not self.stopping:
            self._spawn()


def _listening_socket(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    listener.listen(2048)
    return listener


def run_workers(
    load: Callable[[], ASGIApp], host: str, port: int, workers: int, **options: Any
) -> None:
    """Serves with ``workers`` processes; each calls ``load`` for the application."""
    with _listening_socket(host, port) as listener:
        real = listener.getsockname()[1]

        def work() -> None:
            Server(load(), host, real, fd=listener.fileno(), **options).run()

        shown = Server(_nothing, host, real)
        print(
            f"turboapi: serving on {shown.url} with {workers} processes"
            f" ({describe_interpreter()}); Ctrl-C stops",
            flush=True,
        )
        _Supervisor(workers, work).run()


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("never called")


def run(
    app: ASGIApp,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    workers: int = 1,
    threads: int | None = None,
    lifespan: LifespanMode = "auto",
    root_path: str = "",
    grace: float = 30.0,
    **limits: Any,
) -> None:
    """Serves ``app`` until SIGINT or SIGTERM, or until it is stopped.

    ``port`` 0 takes a free port; the URL is printed. ``workers`` processes share the port. ``threads`` event
    loops run in each (default: 1 with a GIL, one for each core without). ``lifespan`` is "auto",
    "on" or "off", ``root_path`` the prefix that a proxy strips, ``grace`` the seconds that requests
    in flight get on a stop. ``limits`` are options of :class:`turboapi._native.ServerOptions`, times in ms.
    Works on any thread; signals are handled on the main thread only.
    """
    options: dict[str, Any] = {
        "threads": threads,
        "lifespan": lifespan,
        "root_path": root_path,
        "grace": grace,
        **limits,
    }
    if workers > 1:
        run_workers(lambda: app, host, port, workers, **options)
        return
    Server(app, host, port, on_started=_announce, **options).run()
