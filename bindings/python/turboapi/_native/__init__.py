"""The bridge to libturbo: Python objects around the C library's handles.

This package is the only one that knows CFFI. It hands out :class:`Server` and the types of the data
plane, never raw pointers.
"""

from __future__ import annotations

import os
import sysconfig
import threading
from collections.abc import Iterable
from typing import Any, TypedDict

from ._turbo import ffi, lib

if lib.turboapi_dataplane_init() != 0:
    raise ImportError("the data plane of turboapi could not be set up; see the traceback above")

from . import _dataplane

Application = _dataplane.Application
Gate = _dataplane.Gate
Loop = _dataplane.Loop

BODY_IN_MEMORY = 1 << 20  # bytes of a body that the server collects for a plan

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


class TurboError(Exception):
    """A call into libturbo failed. ``code`` is the negative error number, ``name`` its symbol."""

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.name = name


class UsageError(TurboError, ValueError):
    """What was asked for makes no sense, such as a malformed path."""


class ConflictError(UsageError):
    """Something of the same kind is registered already."""


class StateError(TurboError, RuntimeError):
    """The call is not allowed now, such as adding a route to a running server."""


class SystemError(TurboError, OSError):
    """The operating system refused something, such as an address."""


class PluginError(TurboError):
    """A shared object cannot be loaded, has another ABI version or lacks the symbol."""


class PeerError(TurboError, ConnectionError):
    """The other side of a connection broke a rule or is gone."""


class DataError(TurboError, ValueError):
    """A document is malformed."""


_CATEGORIES: dict[str, type[TurboError]] = {
    "usage": UsageError,
    "state": StateError,
    "system": SystemError,
    "plugin": PluginError,
    "peer": PeerError,
    "data": DataError,
}
# The library's registry of errors: code -> (symbol, class, text). Memory errors are MemoryError.
_ERRORS = {
    code: (name, ConflictError if name == "TURBO_ECONFLICT" else _CATEGORIES[category], text)
    for name, code, category, text in _dataplane.ERRORS
    if category != "memory"
}
_NO_MEMORY = next(code for _, code, category, _ in _dataplane.ERRORS if category == "memory")
_AGAIN = next(code for name, code, _, _ in _dataplane.ERRORS if name == "TURBO_EAGAIN")


def _text(data: Any) -> str:
    return bytes(ffi.string(data)).decode("utf-8", "replace")


def _check(code: int) -> int:
    """``code``, if it is no error; raises what belongs to it otherwise."""
    if code >= 0:
        return code
    if code == _NO_MEMORY:
        raise MemoryError
    name, kind, text = _ERRORS[code]
    detail = _text(lib.turbo_error_detail())
    raise kind(code, name, f"{text}: {detail}" if detail else text)


def version() -> str:
    """The version of the loaded libturbo."""
    return _text(lib.turbo_version())


class ServerOptions(TypedDict, total=False):
    """Options of :class:`Server`, named and meant as in ``turbo_server_options``. Times in ms."""

    workers: int
    backlog: int
    max_connections: int
    offload_threads: int
    offload_queue: int
    max_request_line: int
    max_head: int
    max_headers: int
    max_body: int
    stream_window: int
    head_timeout: int
    body_timeout: int
    idle_timeout: int
    write_timeout: int
    grace: int
    max_requests: int
    reuse_port: bool
    proxy_protocol: bool
    trusted_proxies: str
    forwarding: int
    access_queue: int


class AccessRecords:
    """The access records of a server, to be read by one thread while the server serves.

    Belongs to the :class:`Server` it is given to, which closes it once no more will come.
    """

    def __init__(self) -> None:
        made = lib.turboapi_access_new()
        if made == ffi.NULL:
            raise MemoryError
        self._queue = ffi.gc(made, lib.turboapi_access_free)
        self._room = ffi.new("char[]", lib.TURBOAPI_ACCESS_ROOM)

    def read(self) -> bytes:
        """Waits for records; returns all there are, a line each, or b"" when no more will come.

        A line is ``peer method target version status``; the peer is empty for a unix socket.
        """
        length = lib.turboapi_access_read(self._queue, self._room, lib.TURBOAPI_ACCESS_ROOM)
        return bytes(ffi.buffer(self._room, length))

    def close(self) -> None:
        """Ends :meth:`read`. Harmless when repeated."""
        lib.turboapi_access_close(self._queue)


class Server:
    """One libturbo server. Routes are added first, then it is started, stopped and waited for.

    Set up on one thread; :meth:`stop`, :meth:`wait` and :meth:`metrics` may be called on any.
    """

    def __init__(
        self, options: ServerOptions | None = None, records: AccessRecords | None = None
    ) -> None:
        given = ffi.new("turbo_server_options *")
        given.size = ffi.sizeof("turbo_server_options")
        texts = []  # keeps them alive for the call
        for name, value in (options or {}).items():
            if isinstance(value, str):
                texts.append(value := ffi.new("char[]", value.encode()))
            setattr(given, name, value)
        given.redirect_slashes = False  # the application redirects
        given.allow_first = True
        given.strict_head = True
        given.hooks = lib.turboapi_thread_hooks()
        if records is not None:
            given.access_log = ffi.addressof(lib, "turboapi_access_log")
            given.access_data = records._queue
        name_of_server = ffi.new("char[]", b"turboapi")
        given.server_header = name_of_server
        out = ffi.new("turbo_server **")
        _check(lib.turbo_server_new(given, out))
        self._server = out[0]
        self._lock = threading.Lock()  # guards _server against a close while it is used
        self._records = records
        self.ports: list[int] = []

    # --- set-up ----------------------------------------------------------------------------------

    def listen(self, host: str, port: int) -> int:
        """Binds and listens; ``port`` 0 takes a free one. Returns the real port."""
        bound = ffi.new("uint16_t *")
        _check(lib.turbo_server_listen(self._server, host.encode(), port, bound))
        self.ports.append(int(bound[0]))
        return int(bound[0])

    def listen_unix(self, path: str, mode: int) -> None:
        """Binds a unix socket and listens. Its file is removed when the server stops."""
        _check(lib.turbo_server_listen_unix(self._server, os.fsencode(path), mode))

    def listen_fd(self, fd: int) -> None:
        """Listens on an inherited listening socket, which becomes the server's."""
        _check(lib.turbo_server_listen_fd(self._server, fd))

    def listener(self, index: int) -> int:
        """The descriptor of the ``index``-th listener; still the server's."""
        return _check(lib.turbo_server_listener(self._server, index))

    def _add(self, methods: Iterable[str] | None, path: str, address: int, **options: int) -> None:
        handler = ffi.cast("turbo_handler *", address)
        try:
            given = ffi.new("turbo_route_options *")
            given.size = ffi.sizeof("turbo_route_options")
            for name, value in options.items():
                setattr(given, name, value)
            method = ",".join(methods) if methods is not None else "*"
            _check(
                lib.turbo_route_add(
                    self._server, method.encode(), path.encode(), handler, given, ffi.NULL
                )
            )
        finally:
            lib.turbo_handler_unref(handler)

    def add_asgi(self, methods: Iterable[str] | None, path: str, application: Any) -> None:
        """A route that the ASGI ``application`` (an :class:`Application`) answers."""
        address = _dataplane.new_asgi_handler(application)
        self._add(methods, path, address, stream_body=True, no_body_limit=True)

    def add_plan(
        self,
        methods: Iterable[str] | None,
        path: str,
        plan: Any,
        application: Any,
        loop: Any,
        gate: Any,
        encode: Any,
        response_class: type,
    ) -> None:
        """A route whose plan runs natively; what it cannot do goes to ``application``.

        A body has no limit, as in FastAPI, but only up to ``BODY_IN_MEMORY`` is collected before
        the plan runs: a larger one is read by ``application``, as it comes.
        """
        address = _dataplane.new_plan_handler(plan, application, loop, gate, encode, response_class)
        self._add(methods, path, address, stream_past=BODY_IN_MEMORY, no_body_limit=True)

    def add_answer(
        self,
        methods: Iterable[str] | None,
        path: str,
        application: Any,
        gate: Any,
        status: int,
        body: bytes,
        headers: tuple[tuple[bytes, bytes], ...],
    ) -> None:
        """A fixed answer while ``gate`` is open; ``application`` answers otherwise."""
        address = _dataplane.new_answer_handler(application, gate, status, body, headers)
        self._add(methods, path, address, stream_body=True, no_body_limit=True)

    def add_static(
        self, method: str, path: str, body: bytes, *, status: int = 200, content_type: str
    ) -> None:
        """A route whose answer is rendered now."""
        given = ffi.new("turbo_static_options *")
        given.size = ffi.sizeof("turbo_static_options")
        kept = [ffi.from_buffer(body), ffi.from_buffer(content_type.encode())]
        given.status = status
        given.body.data, given.body.len = ffi.cast("char *", kept[0]), len(kept[0])
        given.content_type.data = ffi.cast("char *", kept[1])
        given.content_type.len = len(kept[1])
        out = ffi.new("turbo_handler **")
        _check(lib.turbo_handler_new_static(given, out))
        self._add([method], path, int(ffi.cast("uintptr_t", out[0])))

    def add_library(self, method: str, path: str, library: str, symbol: str) -> None:
        """A route answered by function ``symbol`` of the shared object ``library``."""
        out = ffi.new("turbo_handler **")
        _check(lib.turbo_handler_new_library(library.encode(), symbol.encode(), ffi.NULL, out))
        self._add([method], path, int(ffi.cast("uintptr_t", out[0])))

    def add_metrics(self, path: str) -> None:
        """A route that answers GET with the server's counters, in Prometheus' text format."""
        out = ffi.new("turbo_handler **")
        _check(lib.turbo_handler_new_metrics(self._server, out))
        self._add(["GET"], path, int(ffi.cast("uintptr_t", out[0])))

    # --- life ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Starts the server's threads; requests are answered from now on."""
        _check(lib.turbo_server_start(self._server))

    def stop(self) -> None:
        """Finishes what is in flight and stops; at once when called again."""
        with self._lock:
            if self._server is not None:
                self.wait(0)  # refused in a forked process, where a stop would do nothing
                lib.turbo_server_stop(self._server)

    def wait(self, timeout_ms: int = -1) -> bool:
        """Waits until the server has stopped, at most ``timeout_ms``. Returns whether it has.

        Raises :class:`StateError` in a child of the process that started it.
        """
        code = lib.turbo_server_wait(self._server, timeout_ms)
        return code != _AGAIN and _check(code) == 0

    def close(self) -> None:
        """Frees the server. It must have stopped; harmless when repeated."""
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            lib.turbo_server_free(server)
            if self._records is not None:
                self._records.close()
            _dataplane.drain()  # its handlers, which were freed without the interpreter

    def metrics(self) -> dict[str, Any]:
        """The counters of all workers, added up."""
        given = ffi.new("turbo_metrics *")
        given.size = ffi.sizeof("turbo_metrics")
        with self._lock:
            if self._server is None:
                raise RuntimeError("the server is closed")
            _check(lib.turbo_server_metrics(self._server, given))
        names = [name for name, _ in ffi.typeof("turbo_metrics").fields if name != "size"]
        counts: dict[str, Any] = {name: getattr(given, name) for name in names}
        counts["responses"] = list(given.responses)
        return counts
