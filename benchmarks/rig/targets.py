"""What is asked of the servers, and which servers are asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from .errors import RigError


@dataclass(frozen=True, slots=True)
class Target:
    """One request and the one right answer to it; rows of a target differ only in who answers."""

    name: str
    method: str
    path: str
    answer: bytes
    content_type: str = "application/json"
    body: bytes = b""  # Sent as JSON; empty for GET.


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report: a server answering a target."""

    name: str
    label: str
    target: Target
    server: str  # Key of the command table made by `run`.
    path: str = ""  # Where this server answers the target, if not at the target's own path.

    @property
    def url_path(self) -> str:
        return self.path or self.target.path


BARE = "bare"  # Server and row name prefix of the machine's limit.

HELLO = Target("hello", "GET", "/", b'{"message":"Hello World"}')
ITEMS = Target("items", "GET", "/items/42?q=abc", b'{"item_id":42,"name":"Widget","q":"abc"}')
POST = Target(
    "post",
    "POST",
    "/items",
    b'{"item":{"name":"Widget","price":9.5,"quantity":3},"created":true}',
    body=b'{"name":"Widget","price":9.5,"quantity":3}',
)
TARGETS = (HELLO, ITEMS, POST)

ROWS = (
    Row("c-hello", "C handler", HELLO, "c"),
    Row("py-hello", "turboapi def -> dict", HELLO, "turboapi"),
    Row("py-async", "turboapi async def -> dict", HELLO, "turboapi", path="/async"),
    Row("asgi-hello", "raw ASGI hosted by turboapi", HELLO, "asgi"),
    Row("fastapi-hello", "FastAPI/uvicorn def -> dict", HELLO, "fastapi"),
    Row("fastapi-async", "FastAPI/uvicorn async def -> dict", HELLO, "fastapi", path="/async"),
    Row("py-items", "turboapi path + query", ITEMS, "turboapi"),
    Row("fastapi-items", "FastAPI/uvicorn path + query", ITEMS, "fastapi"),
    Row("py-post", "turboapi POST model -> model_dump", POST, "turboapi"),
    Row("fastapi-post", "FastAPI/uvicorn POST model -> model_dump", POST, "fastapi"),
)


def bare_row(target: Target) -> Row:
    """The row of the limit for `target`; it is measured whenever a row of the target is."""
    return Row(f"{BARE}-{target.name}", "bare epoll responder", target, BARE)


def select_rows(patterns: Sequence[str]) -> list[Row]:
    """Rows whose name matches one of the shell patterns; all rows without patterns.

    A pattern that names only the limit (`bare-hello`) selects no other row of its target.
    """
    known = [*(bare_row(target) for target in TARGETS), *ROWS]
    if not patterns:
        return known
    for pattern in patterns:
        if not any(fnmatchcase(row.name, pattern) for row in known):
            names = " ".join(row.name for row in known)
            raise RigError(f"--only {pattern}: no such row; rows are: {names}")
    chosen = [row for row in known if any(fnmatchcase(row.name, p) for p in patterns)]
    needed = {bare_row(row.target) for row in chosen}
    return [row for row in known if row in chosen or row in needed]
