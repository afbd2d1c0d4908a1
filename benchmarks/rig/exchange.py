"""Requests sent one by one: checks the answers and warms the server up."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass

from .errors import RigError
from .targets import Row

WARM_UP_REQUESTS = 1000
WARM_UP_SECONDS = 1.0  # Whichever of the two ends first.
ANSWER_SECONDS = 10.0  # Silence after which an answer is missing.
MAX_HEAD = 64 * 1024  # Bytes of a response head.


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content_type: str
    body: bytes
    size: int  # Bytes on the wire, head included.


class Client:
    """One keep-alive connection that sends the same requests as wrk."""

    def __init__(self, port: int) -> None:
        self._host = f"127.0.0.1:{port}"
        self._socket = socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS)
        self._buffer = b""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def request(self, row: Row) -> Answer:
        """Sends the row's request and reads the whole answer."""
        self.send(row)
        return self.receive(row)

    def send(self, row: Row) -> None:
        """Sends the row's request."""
        lines = [f"{row.target.method} {row.url_path} HTTP/1.1", f"Host: {self._host}"]
        if row.target.body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(row.target.body)}"]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode() + row.target.body)

    def receive(self, row: Row) -> Answer:
        """Reads one whole answer."""
        while b"\r\n\r\n" not in self._buffer:
            self._fill(row)
            if len(self._buffer) > MAX_HEAD:
                raise RigError(f"{row.name}: response head over {MAX_HEAD} bytes")
        head, _, _ = self._buffer.partition(b"\r\n\r\n")
        status_line, *field_lines = head.decode("latin-1").split("\r\n")
        fields = {}
        for line in field_lines:
            name, _, value = line.partition(":")
            fields[name.strip().lower()] = value.strip()
        if "content-length" not in fields:
            raise RigError(f"{row.name}: answer without Content-Length: {status_line}")
        size = len(head) + 4 + int(fields["content-length"])
        while len(self._buffer) < size:
            self._fill(row)
        body = self._buffer[len(head) + 4 : size]
        self._buffer = self._buffer[size:]
        status = int(status_line.split(" ", 2)[1])
        return Answer(status, fields.get("content-type", ""), body, size)

    def _fill(self, row: Row) -> None:
        try:
            data = self._socket.recv(MAX_HEAD)
        except TimeoutError:
            raise RigError(f"{row.name}: no answer within {ANSWER_SECONDS} s") from None
        if not data:
            raise RigError(f"{row.name}: connection closed instead of an answer")
        self._buffer += data


def check(row: Row, answer: Answer) -> None:
    """Raises RigError unless status, content type and body are exactly the target's."""
    expected = (200, row.target.content_type, row.target.answer)
    received = (answer.status, answer.content_type, answer.body)
    if received != expected:
        raise RigError(f"{row.name}: answered {received}, not {expected}")


def warm_up(row: Row, port: int) -> int:
    """Checks a run of answers on one connection. Returns the bytes of one on the wire."""
    deadline = time.monotonic() + WARM_UP_SECONDS
    with Client(port) as client:
        first = client.request(row)
        check(row, first)
        for _ in range(WARM_UP_REQUESTS):
            answer = client.request(row)
            check(row, answer)
            if answer.size != first.size:
                raise RigError(f"{row.name}: answers differ in size: {first.size}, {answer.size}")
            if time.monotonic() > deadline:
                break
    return first.size


def check_side_by_side(row: Row, port: int, connections: int) -> None:
    """Checks one answer on each of many connections that are all kept open.

    wrk does not count requests that are never answered: a server that serves some connections and
    lets the others wait, or that no longer answers after the load, is found by this.
    """
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(port)) for _ in range(connections)]
        for client in clients:
            client.send(row)
        for client in clients:
            check(row, client.receive(row))
