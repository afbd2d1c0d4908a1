# SPDX-License-Identifier: MIT
"""A client that sees every byte: raw sockets and a strict reader of HTTP/1 answers.

No call has a time limit: a test waits for an answer, an event or the end of a connection.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, field

TCP_INFO_DATA_SEGS_IN = 152  # offset of tcpi_data_segs_in in Linux's struct tcp_info


@dataclass
class Answer:
    status: int
    reason: str
    version: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    chunks: list[bytes] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times"
        return values[0] if values else None


class Client:
    """One connection."""

    def __init__(self, port: int, receive_buffer: int = 0) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    @classmethod
    def on(cls, connected: socket.socket) -> Client:
        """A client of a connection that was made elsewhere."""
        client = cls.__new__(cls)
        client.socket = connected
        client.buffer = b""
        return client

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Closes with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    @property
    def local_port(self) -> int:
        return self.socket.getsockname()[1]

    def segments_in(self) -> int:
        """Segments with data that this side has received: one for each write of the server."""
        info = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        return struct.unpack_from("I", info, TCP_INFO_DATA_SEGS_IN)[0]

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_bytewise(self, data: bytes) -> None:
        for i in range(len(data)):
            self.socket.sendall(data[i : i + 1])

    def get(self, target: str, **headers: str) -> Answer:
        return self.request("GET", target, **headers)

    def request(
        self, method: str, target: str, body: bytes | None = None, **headers: str
    ) -> Answer:
        self.send(message(method, target, body, **headers))
        return self.read(method)

    def read(self, method: str = "GET") -> Answer:
        """The next final answer; `method` says whether it has a body (RFC 9112 §6.3)."""
        answer = self.read_head()
        if method == "HEAD" or answer.status in (204, 304) or answer.status < 200:
            return answer
        coding = answer.get("transfer-encoding")
        length = answer.get("content-length")
        assert coding is None or length is None, "both Transfer-Encoding and Content-Length"
        if coding is not None:
            assert coding == "chunked"
            self._read_chunks(answer)
        elif length is not None:
            answer.body = self.read_exactly(int(length))
        else:
            assert answer.get("connection") == "close" or answer.version == "HTTP/1.0", (
                "a body without length that does not end with the connection"
            )
            answer.body = self.read_to_end()
        return answer

    def read_head(self) -> Answer:
        head = self.read_until(b"\r\n\r\n")[:-4].decode("latin-1")
        first, *lines = head.split("\r\n")
        version, status, reason = first.split(" ", 2)
        headers = []
        for line in lines:
            name, colon, value = line.partition(":")
            assert colon and name and name == name.strip(), f"bad field line {line!r}"
            assert "\n" not in line and "\r" not in line
            headers.append((name, value.strip()))
        return Answer(int(status), reason, version, headers)

    def _read_chunks(self, answer: Answer) -> None:
        while True:
            chunk = self.read_chunk()
            if not chunk:
                break
            answer.chunks.append(chunk)
        answer.body = b"".join(answer.chunks)

    def read_chunk(self) -> bytes:
        """One chunk; b"" for the last one, whose trailers must be empty."""
        size = int(self.read_until(b"\r\n"), 16)
        data = self.read_exactly(size)
        assert self.read_exactly(2) == b"\r\n"
        return data

    def read_until(self, end: bytes) -> bytes:
        while end not in self.buffer:
            self._fill()
        at = self.buffer.index(end) + len(end)
        data, self.buffer = self.buffer[:at], self.buffer[at:]
        return data

    def read_exactly(self, size: int) -> bytes:
        parts = [self.buffer[:size]]
        self.buffer = self.buffer[size:]
        missing = size - len(parts[0])
        while missing > 0:
            part = self.socket.recv(min(missing, 1 << 20))
            if not part:
                raise EOFError(f"the connection ended {missing} bytes early")
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def read_to_end(self) -> bytes:
        parts = [self.buffer]
        self.buffer = b""
        while part := self.socket.recv(1 << 16):
            parts.append(part)
        return b"".join(parts)

    def at_end(self) -> bool:
        """Waits for the next byte or the end; True when the server has closed."""
        if self.buffer:
            return False
        try:
            self.buffer = self.socket.recv(1 << 16)
        except ConnectionResetError:
            return True
        return not self.buffer

    def _fill(self) -> None:
        part = self.socket.recv(1 << 16)
        if not part:
            raise EOFError(f"the connection ended; unread: {self.buffer!r}")
        self.buffer += part


def message(method: str, target: str, body: bytes | None = None, **headers: str) -> bytes:
    """A request as bytes. Header names are keywords with _ for -."""
    lines = [f"{method} {target} HTTP/1.1"]
    fields = {"host": "test", **{name.replace("_", "-"): value for name, value in headers.items()}}
    if body is not None and "transfer-encoding" not in fields:
        fields.setdefault("content-length", str(len(body)))
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def pattern(size: int, start: int = 0) -> bytes:
    """The bytes that the server's big bodies are made of."""
    period = bytes(range(251))
    return (period * ((start + size) // 251 + 1))[start : start + size]
