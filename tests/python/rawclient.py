"""A client that says exactly what it is told, for what `http.client` cannot do."""

from __future__ import annotations

import socket
import struct
from types import TracebackType


class RawClient:
    """One connection: bytes out, bytes in."""

    def __init__(self, port: int, *, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", port))
        self._left = b""

    def __enter__(self) -> RawClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read_until(self, end: bytes) -> bytes:
        """Everything up to and including `end`; what came after it is kept for the next read."""
        data = self._left
        while end not in data:
            more = self.socket.recv(65536)
            assert more, f"closed by the server after {data!r}"
            data += more
        found, self._left = data[: data.index(end) + len(end)], data[data.index(end) + len(end) :]
        return found

    def read_exactly(self, size: int) -> bytes:
        data = self._left
        while len(data) < size:
            more = self.socket.recv(65536)
            assert more, f"closed by the server after {data!r}"
            data += more
        self._left = data[size:]
        return data[:size]

    def read_head(self) -> tuple[int, dict[str, str]]:
        """The status and the fields of the next head; names in lower case."""
        lines = self.read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines[1:] if line)
        return int(lines[0].split()[1]), {name.lower(): value for name, value in fields.items()}

    def read_chunk(self) -> bytes:
        """The next chunk of a chunked body; empty: the last."""
        size = int(self.read_until(b"\r\n"), 16)
        return self.read_exactly(size + 2)[:-2]

    def read_rest(self) -> bytes:
        """Everything until the server closes."""
        data = self._left
        while more := self.socket.recv(65536):
            data += more
        self._left = b""
        return data

    def reset(self) -> None:
        """Closes with a TCP reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
