"""Fixtures that serve an application on a real socket and talk to it."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from turboapi.server import Server

# The JSON test suite, where the environment has one beside the checkout.
_CONFORMANCE = Path(
    os.environ.get(
        "TURBO_CONFORMANCE_DIR", Path(__file__).resolve().parents[3] / "shared" / "conformance"
    )
)


@dataclass(frozen=True)
class Answer:
    """One response as it came over the wire. Names of headers are in lower case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first field of that name."""
        return next((value for key, value in self.headers if key == name), None)

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


class _Connection(http.client.HTTPConnection):
    """Sends head and body in one write, so that they arrive together."""

    _unsent = b""

    def request(self, *args: Any, **options: Any) -> None:
        self._unsent = b""
        super().request(*args, **options)
        super().send(self._unsent)

    def send(self, data: Any) -> None:
        self._unsent += data


class Client:
    """Requests over one kept connection."""

    def __init__(self, port: int) -> None:
        self.connection = _Connection("127.0.0.1", port)

    def request(
        self,
        method: str,
        path: str,
        *,
        json_body: Any = None,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Sends one request and reads its answer."""
        sent = dict(headers or {})
        if json_body is not None:
            body = json.dumps(json_body).encode()
            sent.setdefault("content-type", "application/json")
        self.connection.request(method, path, body=body, headers=sent)
        response = self.connection.getresponse()
        fields = [(name.lower(), value) for name, value in response.getheaders()]
        return Answer(response.status, fields, response.read())

    def get(self, path: str, **headers: str) -> Answer:
        """A GET request; underscores in header names stand for dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("GET", path, headers=named)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Starts a server for an application on a free port; all are stopped after the test."""
    with ExitStack() as stack:

        def start(app: Any, **options: Any) -> Server:
            return stack.enter_context(Server(app, port=0, **options))

        yield start


@pytest.fixture
def connect(serve: Callable[..., Server]) -> Iterator[Callable[..., Client]]:
    """Starts a server for an application and gives a client of it."""
    with ExitStack() as stack:

        def start(app: Any, **options: Any) -> Client:
            client = Client(serve(app, **options).port)
            stack.callback(client.connection.close)
            return client

        yield start


@pytest.fixture
def conformance() -> Path:
    """The folder of conformance suites; tests that need it are skipped where there is none."""
    if not (_CONFORMANCE / "json").is_dir():
        pytest.skip(f"no JSON test suite in {_CONFORMANCE}")
    return _CONFORMANCE
