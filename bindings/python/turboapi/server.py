"""Serving applications: ``run()``, and ``Server`` for programs that start and stop one."""

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
from collections.abc import Callable, Iterable
from typing import Any, Literal, NoReturn

from . import _native
from ._access_log import AccessLog
from ._loop import ASGIApp, LifespanMode, Stopper, serve
from ._registration import Registration

logger = logging.getLogger("turboapi.error")

Forwarding = Literal["both", "forwarded", "x-forwarded", "none"]
_FORWARDINGS = ("x-forwarded", "forwarded", "both", "none")  # the order of enum turbo_forwarding

UDS_MODE = 0o666  # any user of the machine may connect, as with uvicorn
_EVERYBODY = "0.0.0.0/0, ::/0, unix"

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_STARTUP_FAILED = 3  # exit status of a worker that cannot serve; restarting it is no use
_QUICK_DEATH = 1.0  # seconds; a worker that lived shorter is restarted with a pause


# --- one process ---------------------------------------------------------------------------------


class Server:
    """Serves one application in this process.

    ``run()`` blocks the calling thread, whose asyncio loop runs the application's coroutines;
    ``start()`` does the same on a thread of its own and returns once requests are answered.
    ``stop()`` may be called on any thread, also from a handler; a second call stops at once.
    ``host`` and ``port`` are the real ones once it listens, "" and 0 for a unix socket.
    A process that is forked while it serves has a copy, whose methods raise ``StateError``.
    Arguments are those of :func:`run`.
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str = "127.0.0.1",
        port: int = 8000,
        *,
        uds: str | None = None,
        uds_mode: int = UDS_MODE,
        fd: int | None = None,
        trusted_proxies: str | Iterable[str] | None = None,
        proxy_protocol: bool = False,
        forwarding: Forwarding = "x-forwarded",
        threads: int | None = None,
        lifespan: LifespanMode = "auto",
        root_path: str = "",
        grace: float = 30.0,
        access_log: bool = False,
        metrics_path: str | None = None,
        on_started: Callable[[Server], None] | None = None,
        **limits: Any,
    ) -> None:
        self.app = app
        self._routed = app  # whose routes are registered; what they pass on goes to ``app``
        self.host = host
        self.port = port
        self._uds = uds
        self._uds_mode = uds_mode
        self._fd = fd
        self._lifespan: LifespanMode = lifespan
        self._root_path = root_path
        self._grace = grace
        self._wants_access_log = access_log
        self._metrics_path = metrics_path
        self._on_started = on_started
        self._options: dict[str, Any] = {
            "workers": threads or default_threads(),
            "grace": max(1, int(grace * 1000)),
            "trusted_proxies": _networks(trusted_proxies),
            "proxy_protocol": proxy_protocol,
            "forwarding": _FORWARDINGS.index(forwarding),
            **limits,
        }
        self._stopper = Stopper()
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._native: _native.Server | None = None
        self._process = 0  # that serves
        self._access_log: AccessLog | None = None
        self._loop: Any = None

    @property
    def url(self) -> str:
        """Where it listens."""
        if self._uds is not None:
            return f"unix:{self._uds}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def run(self) -> None:
        """Serves until :meth:`stop` is called or, on the main thread, SIGINT or SIGTERM comes."""
        self._refuse_copy()
        asyncio.run(self._serve())

    def start(self) -> None:
        """Serves on a thread of its own; raises what kept it from starting."""
        self._refuse_copy()
        self._thread = threading.Thread(target=self._run_in_thread, name="turboapi")
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error

    def stop(self) -> None:
        """Asks for a stop that lets requests in flight finish; a second call does not wait."""
        self._refuse_copy()
        self._stopper.request()

    def join(self) -> None:
        """Waits for a server begun with :meth:`start`; raises what ended it, if anything did."""
        self._refuse_copy()
        if self._thread is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error

    def metrics(self) -> dict[str, Any]:
        """The counters of the running server."""
        if self._native is None:
            raise RuntimeError("the server is not running")
        return self._native.metrics()

    def _refuse_copy(self) -> None:
        """Raises :class:`_native.StateError` in a child that was forked after the start."""
        native = self._native
        if native is not None and self._process != os.getpid():
            native.wait(0)

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
        self.join()

    def _run_in_thread(self) -> None:
        try:
            self.run()
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
                grace=self._grace,
                on_started=self._started,
                on_stopped=self._close,
            )
        finally:
            self._close()

    def _make(self, state: dict[str, Any]) -> _native.Server:
        self._loop = _native.Loop(asyncio.get_running_loop())
        entry = _native.Application(self._loop, self.app, root_path=self._root_path, state=state)
        log = AccessLog() if self._wants_access_log else None
        records = log.records if log is not None else None
        native = self._native = _native.Server(self._options, records)  # type: ignore[arg-type]
        self._process = os.getpid()
        if log is not None:
            log.start()
            self._access_log = log
        if self._metrics_path is not None:
            native.add_metrics(self._metrics_path)
        Registration(native, self._routed, self._loop, entry).register()
        self._listen(native)
        return native

    def _listen(self, native: _native.Server) -> None:
        """Opens the listener of ``native`` and notes where it is."""
        if self._fd is not None:
            native.listen_fd(os.dup(self._fd))
        elif self._uds is not None:
            native.listen_unix(self._uds, self._uds_mode)
        else:
            self.port = native.listen(self.host, self.port)
            return
        self._note_address(native.listener(0))

    def _note_address(self, fd: int) -> None:
        with socket.socket(fileno=os.dup(fd)) as listener:
            address = listener.getsockname()
        if isinstance(address, tuple):
            self.host, self.port = address[:2]
        else:
            self.host, self.port = "", 0
            self._uds = os.fsdecode(address)

    def _started(self) -> None:
        self._ready.set()
        if self._on_started is not None:
            self._on_started(self)

    def _close(self) -> None:
        native, self._native = self._native, None
        loop, self._loop = self._loop, None
        log, self._access_log = self._access_log, None
        if native is not None:
            native.close()
        if log is not None:
            log.join()
        if loop is not None:
            loop.close()


def _networks(proxies: str | Iterable[str] | None) -> str:
    """The list as libturbo reads it."""
    if proxies is None:
        return ""
    text = proxies if isinstance(proxies, str) else ",".join(proxies)
    return _EVERYBODY if text.strip() == "*" else text


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


# --- several processes ---------------------------------------------------------------------------


class _Supervisor:
    """Keeps ``count`` worker processes alive; all accept from one listening socket."""

    def __init__(self, count: int, work: Callable[[], None]) -> None:
        self.count = count
        self.work = work
        self.workers: dict[int, float] = {}  # process id → when it was started
        self.stopping = False
        self.status = 0

    def run(self) -> None:
        for number in _STOP_SIGNALS:
            signal.signal(number, self._on_signal)
        try:
            for _ in range(self.count):
                self._spawn()
            while self.workers:
                self._reap()
        except BaseException:
            self._end_workers()
            raise
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

    def _end_workers(self) -> None:
        """Stops them and waits: nobody would keep them alive, or stop them later."""
        self.stopping = True
        self._forward(signal.SIGTERM)
        while self.workers:
            self._reap()

    def _spawn(self) -> None:
        # A signal that comes meanwhile waits until each process does with it what it should: a
        # worker that still had the supervisor's handler would not end.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
        try:
            pid = os.fork()
            if pid == 0:
                self._be_worker()
            self.workers[pid] = time.monotonic()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
        if self.stopping:
            os.kill(pid, signal.SIGTERM)

    def _be_worker(self) -> NoReturn:
        status = 0
        try:
            for number in _STOP_SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
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


def run_workers(
    load: Callable[[], ASGIApp], host: str, port: int, workers: int, **options: Any
) -> None:
    """Serves with ``workers`` processes; each calls ``load`` for the application."""
    shown = Server(_nothing, host, port, **options)
    native = _native.Server()  # holds the listener and is never started
    try:
        shown._listen(native)
        fd = native.listener(0)

        def work() -> None:
            Server(load(), host, port, **{**options, "uds": None, "fd": fd}).run()

        print(
            f"turboapi: serving on {shown.url} with {workers} processes"
            f" ({describe_interpreter()}); Ctrl-C stops",
            flush=True,
        )
        _Supervisor(workers, work).run()
    finally:
        native.close()


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("never called")


def run(
    app: ASGIApp,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    uds: str | None = None,
    uds_mode: int = UDS_MODE,
    fd: int | None = None,
    trusted_proxies: str | Iterable[str] | None = None,
    proxy_protocol: bool = False,
    forwarding: Forwarding = "x-forwarded",
    workers: int = 1,
    threads: int | None = None,
    lifespan: LifespanMode = "auto",
    root_path: str = "",
    grace: float = 30.0,
    access_log: bool = False,
    metrics_path: str | None = None,
    **limits: Any,
) -> None:
    """Serves ``app`` until SIGINT or SIGTERM, or until it is stopped.

    ``host`` "::" takes IPv6 and IPv4 clients. ``port`` 0 takes a free port; the URL is printed.
    ``uds`` is the path of a unix socket to listen on instead, made with permissions ``uds_mode``,
    ``fd`` an inherited listening socket (3 under systemd's socket activation).
    ``trusted_proxies`` are addresses and networks whose word about the client is believed, "unix"
    for unix sockets, "*" for everybody; ``forwarding`` names the headers they write:
    "x-forwarded", "forwarded" (RFC 7239), "both" or "none". With ``proxy_protocol`` their connections begin
    with a PROXY header. ``workers`` processes share the port.
    ``threads`` event loops run in each (default: 1 with a GIL, one for each core without).
    ``lifespan`` is "auto", "on" or "off", ``root_path`` the prefix that a proxy strips, ``grace``
    the seconds that requests in flight get on a stop. ``access_log`` logs each answer as
    ``turboapi.access``; ``metrics_path``, such as "/metrics", is a path that is answered, before all
    routes of the application, with the counters of this process in Prometheus' text format.
    ``limits`` are those of
    :class:`turboapi._native.ServerOptions`, times in ms.
    Works on any thread; signals are handled on the main thread only.
    """
    options: dict[str, Any] = {
        "uds": uds,
        "uds_mode": uds_mode,
        "fd": fd,
        "trusted_proxies": trusted_proxies,
        "proxy_protocol": proxy_protocol,
        "forwarding": forwarding,
        "threads": threads,
        "lifespan": lifespan,
        "root_path": root_path,
        "grace": grace,
        "access_log": access_log,
        "metrics_path": metrics_path,
        **limits,
    }
    if workers > 1:
        run_workers(lambda: app, host, port, workers, **options)
        return
    Server(app, host, port, on_started=_announce, **options).run()
