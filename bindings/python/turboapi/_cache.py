"""Keeping whole responses of a route for some time, where the route asks for it."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

if TYPE_CHECKING:
    from ._route import Operation
    from .dependencies.models import Dependant

_ENTRY_OVERHEAD = 512  # bytes; what an entry costs besides its texts, roughly
_METHODS = frozenset({"GET", "HEAD"})
_CREDENTIALS = frozenset({b"authorization", b"cookie", b"proxy-authorization"})
# The answer to these depends on more than the resource (RFC 9110 §13, §14).
_CONDITIONS = frozenset(
    {b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since", b"if-range"}
    | {b"range"}
)
_PRIVATE = frozenset({b"private", b"no-store", b"no-cache"})  # RFC 9111 §5.2.2
_ALWAYS_VARIES = (b"host",)  # responses contain URLs made from it

_numbers = itertools.count()


class _Key(NamedTuple):
    """What tells responses apart."""

    route: int
    method: str
    path: str
    root_path: str
    scheme: str
    query: bytes | tuple[tuple[str, str], ...]
    headers: tuple[tuple[bytes, bytes], ...]


class CacheMetrics(NamedTuple):
    """Counters of one :class:`ResponseCache` since it was made, and what it holds now."""

    hits: int  # requests answered from the cache
    misses: int  # requests that could have been, but ran
    bypassed: int  # requests that the cache must not answer, such as ones with credentials
    stores: int
    evictions: int  # entries that went for want of room
    expirations: int  # entries that were found too old
    entries: int
    bytes: int  # an estimate


@dataclass(slots=True, frozen=True)
class _Stored:
    """A response as it was sent. Immutable: any number of requests may send it at once."""

    start: Message
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    expires: float  # on the cache's clock
    size: int  # bytes

    async def send(self, send: Send) -> None:
        """Sends the response; what is around may change the messages."""
        await send({**self.start, "headers": list(self.headers)})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


class ResponseCache:
    """How a route's responses are kept, and the responses: ``@app.get(path, cache=...)``.

    A response is kept ``ttl`` seconds and sent again to requests with the same method (GET or
    HEAD), scheme, host, path, query and the same values of the headers named in ``vary``. With
    ``query`` only the parameters of these names count.

    Kept are whole responses with one of ``statuses``, of at most ``max_body`` bytes, without
    ``Set-Cookie`` unless ``set_cookies``, not marked private or ``no-store`` unless ``private``, not
    streamed unless ``streams``. Requests with a body, with range or condition headers, with
    ``Authorization`` or ``Cookie``, or with a header or cookie that the route declares as a parameter
    or security scheme, neither get nor leave a response unless ``vary`` names the header.

    At most ``max_entries`` responses and ``max_bytes`` bytes are held; the ones not used for the
    longest time go first. With ``single_flight`` equal requests that come while the first one
    runs wait for it (on each event loop).

    A hit runs neither the endpoint nor its dependencies nor background tasks. A dependency that
    reads the request itself is therefore refused unless ``skip_dependencies``. While the
    application has ``dependency_overrides`` nothing is cached.

    All methods may be called on any thread. Several routes may share one object.
    """

    def __init__(
        self,
        ttl: float,
        *,
        vary: Sequence[str] = (),
        query: Sequence[str] | None = None,
        statuses: Sequence[int] = (200,),
        max_entries: int = 1024,
        max_bytes: int = 64 << 20,
        max_body: int = 1 << 20,
        set_cookies: bool = False,
        private: bool = False,
        streams: bool = False,
        single_flight: bool = False,
        skip_dependencies: bool = False,
    ) -> None:
        if not 0 < ttl < math.inf:
            raise ValueError("ttl must be a positive number of seconds")
        for name, value in (
            ("max_entries", max_entries), ("max_bytes", max_bytes), ("max_body", max_body)
        ):  # fmt: skip
            if value < 1:
                raise ValueError(f"{name} must be positive")
        if isinstance(vary, str) or isinstance(query, str):
            raise TypeError("vary and query are sequences of names, not one text")
        self.ttl = ttl
        self.vary = tuple(sorted({name.lower() for name in vary}))
        self.query = None if query is None else tuple(sorted(set(query)))
        self.statuses = frozenset(statuses)
        self.max_entries = max_entries
        self.max_bytes = max_bytes
        self.max_body = max_body
        self.set_cookies = set_cookies
        self.private = private
        self.streams = streams
        self.single_flight = single_flight
        self.skip_dependencies = skip_dependencies
        self._clock: Callable[[], float] = time.monotonic
        self._lock = threading.Lock()  # guards everything below
        self._entries: OrderedDict[_Key, _Stored] = OrderedDict()  # least recently used first
        self._bytes = 0
        self._hits = self._misses = self._bypassed = 0
        self._stores = self._evictions = self._expirations = 0

    # --- for applications ------------------------------------------------------------------------

    def clear(self) -> int:
        """Drops every response; returns how many there were."""
        with self._lock:
            count = len(self._entries)
            self._entries.clear()
            self._bytes = 0
        return count

    def invalidate(self, path: str) -> int:
        """Drops the responses of a full path, whatever their query; returns how many there were."""
        with self._lock:
            found = [key for key in self._entries if key.path == path]
            for key in found:
                self._drop(key)
        return len(found)

    def metrics(self) -> CacheMetrics:
        """The counters."""
        with self._lock:
            return CacheMetrics(
                hits=self._hits,
                misses=self._misses,
                bypassed=self._bypassed,
                stores=self._stores,
                evictions=self._evictions,
                expirations=self._expirations,
                entries=len(self._entries),
                bytes=self._bytes,
            )

    # --- for routes ------------------------------------------------------------------------------

    def wrap(self, app: ASGIApp, operation: Operation) -> ASGIApp:
        """The application of a path operation with this cache in front of it.

        Raises ``ValueError`` where responses of the operation cannot be told apart by their key.
        """
        return _CachedApp(app, self, operation)

    def _find(self, key: _Key, *, again: bool = False) -> _Stored | None:
        """The fresh response of a key. ``again``: the request has been counted as a miss."""
        now = self._clock()
        with self._lock:
            stored = self._entries.get(key)
            if stored is not None and stored.expires <= now:
                self._drop(key)
                self._expirations += 1
                stored = None
            if stored is None:
                self._misses += not again
                return None
            self._entries.move_to_end(key)
            self._hits += 1
            self._misses -= again
            return stored

    def _note_bypass(self) -> None:
        with self._lock:
            self._bypassed += 1

    def _store(self, key: _Key, start: Message, body: bytes) -> None:
        """Keeps a response; ``start`` becomes the cache's own."""
        headers = tuple((bytes(name), bytes(value)) for name, value in start.pop("headers"))
        size = _ENTRY_OVERHEAD + len(body) + sum(len(n) + len(v) for n, v in headers)
        size += sum(map(_length, key))
        if size > self.max_bytes:
            return
        stored = _Stored(start, headers, body, self._clock() + self.ttl, size)
        with self._lock:
            if key in self._entries:
                self._drop(key)
            self._entries[key] = stored
            self._bytes += size
            self._stores += 1
            while len(self._entries) > self.max_entries or self._bytes > self.max_bytes:
                self._drop(next(iter(self._entries)))
                self._evictions += 1

    def _drop(self, key: _Key) -> None:
        """Removes an entry. The lock is held."""
        self._bytes -= self._entries.pop(key).size

    def _takes(self, start: Message) -> bool:
        """Whether a response with this head may be kept."""
        if start["status"] not in self.statuses or start.get("trailers", False):
            return False
        for name, value in start.get("headers", ()):
            name = name.lower()
            if name == b"set-cookie" and not self.set_cookies:
                return False
            if name == b"cache-control" and not self.private and _PRIVATE & _tokens(value):
                return False
            if name == b"vary" and not _tokens(value) <= self._known_names:
                return False
        return True

    @property
    def _known_names(self) -> set[bytes]:
        return {*_ALWAYS_VARIES, *(name.encode("latin-1") for name in self.vary)}


def _tokens(value: bytes) -> set[bytes]:
    """The members of a list in a header, without their arguments."""
    return {part.split(b"=")[0].strip().lower() for part in value.split(b",")} - {b""}


def _length(part: Any) -> int:
    if isinstance(part, tuple):
        return sum(map(_length, part))
    return len(part) if isinstance(part, (str, bytes)) else 0


# --- what an operation reads ---------------------------------------------------------------------


def _nodes(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for sub in dependant.dependencies:
        yield from _nodes(sub)


class _Reads:
    """Which headers, cookies and query parameters an operation declares."""

    def __init__(self, operation: Operation) -> None:
        self.headers: set[str] = set()
        self.query: set[str] = set()
        self.any_header = self.any_query = False
        self.whole_request: list[str] = []  # dependencies that get the request itself
        for node in _nodes(operation.dependant):
            scheme = _scheme_of(node)
            if scheme is not None:
                self._add_scheme(scheme)
            elif node is not operation.dependant and _gets_connection(node):
                self.whole_request.append(getattr(node.call, "__qualname__", repr(node.call)))
            if node.cookie_params:
                self.headers.add("cookie")
            self.any_header |= self._add(node.header_params, self.headers)
            self.any_query |= self._add(node.query_params, self.query)

    def _add_scheme(self, scheme: Any) -> None:
        from .security.api_key import APIKeyBase

        if not isinstance(scheme, APIKeyBase):
            self.headers.add("authorization")
            return
        place = scheme.model.in_.value
        if place == "query":
            self.query.add(scheme.model.name)
        else:
            self.headers.add(scheme.model.name.lower() if place == "header" else "cookie")

    @staticmethod
    def _add(fields: list[Any], names: set[str]) -> bool:
        """Adds the names of parameters; returns whether one of them takes all there are."""
        from ._extract import param_aliases, param_model
        from .dependencies.utils import _get_flat_fields_from_params

        for field in _get_flat_fields_from_params(fields):
            for alias, on_wire in param_aliases(field, convert_underscores=True):
                names |= {alias, on_wire}
        models = [model for field in fields if (model := param_model(field)) is not None]
        return any(model.model_config.get("extra") in ("allow", "forbid") for model in models)


def _gets_connection(node: Dependant) -> bool:
    return bool(node.request_param_name or node.http_connection_param_name)


def _scheme_of(node: Dependant) -> Any:
    """The security scheme that a dependency is, if it reads the request as ours do."""
    from .security.base import SecurityBase

    call: Any = node.call
    if not isinstance(call, SecurityBase):
        return None
    home = getattr(type(call).__call__, "__module__", "")
    return call if home.startswith(f"{__package__}.security.") else None


# --- serving -------------------------------------------------------------------------------------


class _CachedApp:
    """The application of one path operation behind a cache. Immutable apart from ``_flights``."""

    def __init__(self, app: ASGIApp, cache: ResponseCache, operation: Operation) -> None:
        self._app = app
        self._cache = cache
        self._number = next(_numbers)  # keeps routes that share the cache apart
        self._provider = operation.dependency_overrides_provider
        reads = _Reads(operation)
        _check(cache, operation, reads)
        named = {name.encode("latin-1") for name in cache.vary}
        declared = {name.lower().encode("latin-1") for name in reads.headers}
        self._varies = frozenset({*named, *_ALWAYS_VARIES})
        self._refused = (_CREDENTIALS | _CONDITIONS | declared) - self._varies
        self._query = None if cache.query is None else frozenset(cache.query)
        # The first of several equal requests, by thread (which is an event loop) and key.
        self._flights: dict[tuple[int, _Key], anyio.Event] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = self._key_of(scope)
        if key is None:
            self._cache._note_bypass()
            await self._app(scope, receive, send)
            return
        stored = self._cache._find(key)
        if stored is not None:
            await stored.send(send)
        elif self._cache.single_flight:
            await self._fly(key, scope, receive, send)
        else:
            await self._app(scope, receive, _Recorder(self._cache, key, send))

    def _key_of(self, scope: Scope) -> _Key | None:
        """What tells responses apart; None if the cache has nothing to do with the request."""
        if getattr(self._provider, "dependency_overrides", None):
            return None
        varying: list[tuple[bytes, bytes]] = []
        for name, value in scope["headers"]:
            if name in self._refused:
                return None
            if name in self._varies:
                varying.append((name, value))
            elif name == b"transfer-encoding" or (name == b"content-length" and value != b"0"):
                return None
        query: Any = scope["query_string"]
        if self._query is not None:
            pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
            query = tuple(sorted(pair for pair in pairs if pair[0] in self._query))
        varying.sort(key=_name_of)
        root_path = scope.get("root_path", "")
        scheme = scope.get("scheme", "http")
        path, method = scope["path"], scope["method"]
        return _Key(self._number, method, path, root_path, scheme, query, tuple(varying))

    async def _fly(self, key: _Key, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the application, or waits for an equal request that does."""
        flight = (threading.get_ident(), key)
        landed = self._flights.get(flight)
        if landed is not None:
            await landed.wait()
            stored = self._cache._find(key, again=True)
            if stored is not None:
                await stored.send(send)
                return
        recorder = _Recorder(self._cache, key, send)
        if flight in self._flights:  # the first one's response could not be kept: no more waiting
            await self._app(scope, receive, recorder)
            return
        landed = recorder.landed = self._flights[flight] = anyio.Event()
        try:
            await self._app(scope, receive, recorder)
        finally:
            if self._flights.get(flight) is landed:
                del self._flights[flight]
            landed.set()


def _name_of(pair: tuple[bytes, bytes]) -> bytes:
    return pair[0]


def _check(cache: ResponseCache, operation: Operation, reads: _Reads) -> None:
    where = f"the responses of {operation.path!r} cannot be cached"
    if not operation.methods <= _METHODS:
        raise ValueError(f"{where}: only those of GET and HEAD are")
    if reads.any_header:
        raise ValueError(f"{where}: a parameter model takes every header")
    if cache.query is not None:
        left_out = sorted(reads.query - set(cache.query))
        if left_out:
            names = ", ".join(left_out)
            raise ValueError(f"{where}: its parameters {names} are not in the cache's query")
        if reads.any_query:
            raise ValueError(f"{where} by some parameters: a parameter model takes all of them")
    if reads.whole_request and not cache.skip_dependencies:
        names = ", ".join(reads.whole_request)
        raise ValueError(
            f"{where}: a hit would skip {names}, which reads the request itself; if that is"
            " right, give the cache skip_dependencies=True"
        )


class _Recorder:
    """The ``send`` of a request whose response may be kept."""

    def __init__(self, cache: ResponseCache, key: _Key, send: Send) -> None:
        self._cache = cache
        self._key = key
        self._send = send
        self._start: Message | None = None  # None: the response is not kept
        self._parts: list[bytes] = []
        self._size = 0
        self.landed: anyio.Event | None = None  # set as soon as it is known whether it is kept

    async def __call__(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            if self._cache._takes(message):
                self._start = {**message, "headers": list(message.get("headers", ()))}
            else:
                self._decided()
        elif self._start is not None:
            self._take(kind, message)
        await self._send(message)

    def _take(self, kind: str, message: Message) -> None:
        """Keeps what follows the head. Anything but a body, such as a file to send, is not kept."""
        assert self._start is not None
        more = message.get("more_body", False)
        self._parts.append(bytes(message.get("body", b"")))
        self._size += len(self._parts[-1])
        fits = self._size <= self._cache.max_body and (self._cache.streams or not more)
        if kind != "http.response.body" or not fits:
            self._decided()
        elif not more:
            self._cache._store(self._key, self._start, b"".join(self._parts))
            self._decided()

    def _decided(self) -> None:
        """Nothing more is kept; who waits for the response may look for it."""
        self._start = None
        self._parts.clear()
        if self.landed is not None:
            self.landed.set()
