"""Requests and answers as data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Way = Literal["asgi", "testclient", "live", "fastapi"]
Header = tuple[bytes, bytes]

HOST = b"testserver"


def latin(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")


@dataclass(frozen=True)
class Ask:
    """One request, byte for byte."""

    method: bytes
    target: bytes
    headers: tuple[Header, ...]
    body: tuple[bytes, ...] | None  # its parts; None: the message has none
    chunked: bool
    version: bytes = b"1.1"

    @property
    def origin_form(self) -> bytes:
        """Path and query of the target, which may be a whole URL (RFC 9112 §3.2.2)."""
        if self.target.startswith(b"/"):
            return self.target
        return b"/" + self.target.partition(b"://")[2].partition(b"/")[2]

    @property
    def all_headers(self) -> list[Header]:
        """Every field that goes out, in order."""
        fields = list(self.headers)
        if not any(name.lower() == b"host" for name, _ in fields):
            fields.insert(0, (b"host", HOST))
        if self.chunked:
            fields.append((b"transfer-encoding", b"chunked"))
        elif self.body is not None and not any(n.lower() == b"content-length" for n, _ in fields):
            fields.append((b"content-length", b"%d" % sum(map(len, self.body))))
        return fields

    @property
    def parts(self) -> tuple[bytes, ...]:
        return self.body or (b"",)


@dataclass(frozen=True)
class Answer:
    """One answer. ``complete`` is False when it ended before its framing said so."""

    status: int
    headers: tuple[Header, ...]
    body: bytes
    complete: bool | None = True  # None: the way cannot tell

    def values(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key.lower() == name]


@dataclass(frozen=True)
class Differs:
    """A deliberate difference: what exactly the named ways answer to the last request instead.

    ``row`` is the beginning of its line in docs/differences.md. What is None is as everywhere.
    """

    row: str
    ways: tuple[Way, ...]
    status: int | None = None
    body: bytes | None = None
    digest: str | None = None  # SHA-256 of the body, in hex, where it is not ours to repeat
    headers: Mapping[bytes, bytes | None] = field(default_factory=dict)  # None: not there
    all_headers: tuple[Header, ...] | None = None
    complete: bool | None = None


@dataclass(frozen=True)
class Case:
    """One row of the table: requests to one application, in order."""

    app: str  # module, or "module:attribute"
    name: str
    asks: tuple[Ask, ...]
    no_testclient: str = ""  # why Starlette's client cannot send or read it
    servers_only: str = ""  # why it is asked of the two servers alone
    differs: tuple[Differs, ...] = ()

    def difference(self, way: str) -> Differs | None:
        return next((one for one in self.differs if way in one.ways), None)

    @property
    def id(self) -> str:
        return f"{self.app.replace(':', '-')}/{self.name}"


@dataclass
class Table:
    """The requests of one application; its methods add rows.

    ``headers`` are pairs or a mapping; text is sent as Latin-1. ``json`` is written as Python's
    ``json.dumps`` does, ``data`` sent as it is. A tuple of parts is a body sent in several pieces.
    """

    app: str
    cases: list[Case] = field(default_factory=list)

    def add(self, name: str, *asks: Ask, **options: Any) -> None:
        assert all(case.name != name for case in self.cases), f"two rows are called {name}"
        self.cases.append(Case(self.app, name, asks, **options))

    def get(
        self, target: str | bytes, headers: Any = (), *, name: str = "", **options: Any
    ) -> None:
        self.send("GET", target, headers, name=name, **options)

    def post(
        self, target: str | bytes, headers: Any = (), *, name: str = "", **options: Any
    ) -> None:
        self.send("POST", target, headers, name=name, **options)

    def send(
        self,
        method: str | bytes,
        target: str | bytes,
        headers: Any = (),
        *,
        name: str = "",
        no_testclient: str = "",
        servers_only: str = "",
        differs: Differs | tuple[Differs, ...] = (),
        **content: Any,
    ) -> None:
        """Adds a row of one request; it is named after method and target if nothing is given."""
        request = ask(method, target, headers, **content)
        name = name or f"{request.method.decode('latin-1')} {request.target.decode('latin-1')}"
        differs = (differs,) if isinstance(differs, Differs) else differs
        self.add(
            name,
            request,
            no_testclient=no_testclient,
            servers_only=servers_only,
            differs=differs,
        )


_ABSENT = object()


def ask(
    method: str | bytes,
    target: str | bytes,
    headers: Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]] = (),
    *,
    json: Any = _ABSENT,
    data: bytes | tuple[bytes, ...] | None = None,
    form: str | None = None,
    multipart: Iterable[Part] | None = None,
    content_type: str | None = None,
    chunked: bool = False,
    version: str = "1.1",
) -> Ask:
    """One request."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    fields = [(latin(name), latin(value)) for name, value in pairs]
    if json is not _ABSENT:
        data, content_type = _dumps(json), content_type or "application/json"
    elif form is not None:
        data = form.encode()
        content_type = content_type or "application/x-www-form-urlencoded"
    elif multipart is not None:
        data = encode_multipart(multipart)
        content_type = content_type or f"multipart/form-data; boundary={BOUNDARY}"
    if content_type is not None:
        fields.append((b"content-type", latin(content_type)))
    parts = (data,) if isinstance(data, bytes) else data
    return Ask(latin(method), latin(target), tuple(fields), parts, chunked, latin(version))


def _dumps(value: Any) -> bytes:
    return json.dumps(value).encode()


BOUNDARY = "parity-boundary"


@dataclass(frozen=True)
class Part:
    """One part of a multipart body."""

    name: str
    content: bytes
    filename: str | None = None
    content_type: str | None = None
    headers: tuple[str, ...] = ()


def encode_multipart(parts: Iterable[Part], end: bool = True) -> bytes:
    lines = bytearray()
    for part in parts:
        lines += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{part.name}"'.encode()
        if part.filename is not None:
            lines += f'; filename="{part.filename}"'.encode()
        if part.content_type is not None:
            lines += f"\r\nContent-Type: {part.content_type}".encode()
        for header in part.headers:
            lines += f"\r\n{header}".encode()
        lines += b"\r\n\r\n" + part.content + b"\r\n"
    if end:
        lines += f"--{BOUNDARY}--\r\n".encode()
    return bytes(lines)


def expected(base: Answer, got: Answer, differs: Differs) -> Answer:
    """``base`` with what a deliberate difference changes in it."""
    status = base.status if differs.status is None else differs.status
    complete = base.complete if differs.complete is None else differs.complete
    body = base.body if differs.body is None else differs.body
    if differs.digest is not None and hashlib.sha256(got.body).hexdigest() == differs.digest:
        body = got.body
    if differs.all_headers is not None:
        return Answer(status, differs.all_headers, body, complete)
    changed = dict(differs.headers)
    if body != base.body and base.values(b"content-length"):
        changed.setdefault(b"content-length", b"%d" % len(body))
    headers = [(name, changed.pop(name.lower(), value)) for name, value in base.headers]
    kept = ((name, value) for name, value in (*headers, *changed.items()) if value is not None)
    return Answer(status, tuple(kept), body, complete)
