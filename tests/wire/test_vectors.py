# SPDX-License-Identifier: MIT
"""The messages of http1_vectors.py, a table beside the checkout, against a real server.

Where the table leaves a choice the server refuses; TRACE alone is the router's business.
"""

from __future__ import annotations

import json
import os
import runpy
import select
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from client import Answer, Client

TABLE = Path(os.environ.get("TURBO_CONFORMANCE_DIR", "/nonexistent")) / "http1_vectors.py"
VECTORS = 212
CUTS = 12
ROUTED = {200, 404, 405}  # a message that reached the router
REFUSED = {400, 414, 417, 431, 501, 505}
ROUTES = ["GET /second", "POST /p", "GET /{rest:path}"]


class Vector(NamedTuple):
    name: str
    title: str
    message: bytes
    expected: str

    @property
    def messages(self) -> int:
        """How many requests are answered by a route."""
        if self.name == "G09":  # a good one comes first
            return 1
        return int(self.expected[1]) if self.expected[0] == "A" else 0

    @property
    def bodies(self) -> list[str] | None:
        _, colon, bodies = self.expected.partition(":")
        return bodies.split(",") if colon else None


@pytest.fixture(scope="module")
def vectors() -> list[Vector]:
    if not TABLE.exists():
        pytest.skip("no http1_vectors.py beside the checkout")
    rows = [Vector(*row) for row in runpy.run_path(str(TABLE))["V"]]
    assert len(rows) == VECTORS
    return [row._replace(expected=policy(row)) for row in rows]


def policy(row: Vector) -> str:
    if row.name == "G13":
        return "A1"
    return "R" if row.expected == "E" else row.expected


def whole(message: bytes) -> Iterator[list[bytes]]:
    yield [message]


def bytewise(message: bytes) -> Iterator[list[bytes]]:
    yield [message[i : i + 1] for i in range(len(message))]


def halves(message: bytes) -> Iterator[list[bytes]]:
    step = max(1, len(message) // CUTS)
    for cut in range(1, len(message), step):
        yield [message[:cut], message[cut:]]


@pytest.mark.parametrize("split", [whole, bytewise, halves])
def test_every_vector_is_answered_as_it_must_be(serve, vectors: list[Vector], split) -> None:
    server = serve(*(word for route in ROUTES for word in ("--route", route)))
    faults = []
    for vector in vectors:
        for pieces in split(vector.message):
            with server.client() as client:
                try:
                    check(client, vector, pieces)
                except (AssertionError, EOFError) as error:
                    faults.append(f"{vector.name} {vector.title}: {error}")
    assert not faults, "\n".join(faults)
    with server.client() as client:
        assert client.get("/").body == b"hello"


def check(client: Client, vector: Vector, pieces: Iterable[bytes]) -> None:
    send(client, pieces)
    answers = [final(client, vector) for _ in range(vector.messages)]
    assert all(answer.status in ROUTED for answer in answers), answers
    if vector.expected == "R":
        answer = final(client, vector)
        assert answer.status in REFUSED, answer
        assert answer.get("connection") == "close"
    elif vector.bodies is not None:
        for answer, body in zip(answers, vector.bodies, strict=True):
            assert described_body(answer) in (None, body), answer
    assert client.at_end(), "more than one answer for each message"


def final(client: Client, vector: Vector) -> Answer:
    """The next answer that is not 100 Continue, which comes where a body was late."""
    answer = client.read(method(vector))
    return final(client, vector) if answer.status == 100 else answer


def method(vector: Vector) -> str:
    return vector.message.lstrip(b"\r\n").split(b" ", 1)[0].decode("latin-1")


def described_body(answer: Answer) -> str | None:
    if answer.get("content-type") != "application/json":
        return None
    return json.loads(answer.body)["body"]


def send(client: Client, pieces: Iterable[bytes]) -> None:
    """Sends until the server closes; then says that nothing more comes."""
    try:
        for piece in pieces:
            client.send(piece)
            if len(piece) == 1 and has_closed(client):
                return
        client.socket.shutdown(socket.SHUT_WR)
    except (BrokenPipeError, ConnectionResetError, OSError):
        pass  # it refused the message early; its answer is what counts


def has_closed(client: Client) -> bool:
    """Whether an answer, or the end of the connection, is there to be read."""
    poller = select.poll()
    poller.register(client.socket, select.POLLIN | select.POLLRDHUP)
    events = poller.poll(0)
    return bool(events and events[0][1] & select.POLLRDHUP)
