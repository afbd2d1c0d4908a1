"""A client on a bare socket, for tests that care about bytes and their timing."""

from __future__ import annotations

import socket


class Wire:
    """One TCP connection to a server on this machine."""

    def __init__(self, port: int, *, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", port))
        self._ahead = b""

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Sends all of ``data``."""
        self.socket.sendall(data)

    def until(self, mark: bytes) -> bytes:
        """What comes up to and with ``mark``."""
        while mark not in self._ahead:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError(f"the connection ended after {self._ahead!r}")
            self._ahead += more
        at = self._ahead.index(mark) + len(mark)
        found, self._ahead = self._ahead[:at], self._ahead[at:]
        return found

    def head(self) -> bytes:
        """The next head, with its closing empty line."""
        return self.until(b"\r\n\r\n")

    def exactly(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        while len(self._ahead) < count:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError(f"the connection ended {count - len(self._ahead)} bytes early")
            self._ahead += more
        found, self._ahead = self._ahead[:count], self._ahead[count:]
        return found

    def rest(self) -> bytes:
        """Everything up to the end of the connection; a reset ends it, too."""
        try:
            while more := self.socket.recv(65536):
                self._ahead += more
        except ConnectionResetError:
            pass
        found, self._ahead = self._ahead, b""
        return found
