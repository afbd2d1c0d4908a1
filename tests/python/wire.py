"""A client on a bare socket, for tests that care about bytes and their timing."""

from __future__ import annotations

import socket
from typing import Self


class Wire:
    """One TCP connection to a server on this machine."""

    def __init__(self, port: int, *, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", port))
        self._ahead = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Sends all of ``data``."""
        self.socket.sendall(data)

    def until(self, mark: bytes) -> bytes:
        """What comes up to and with ``mark``."""
        while (at := self._ahead.find(mark)) < 0:
            self._more(f"before {mark!r}")
        return self._take(at + len(mark))

    def head(self) -> bytes:
        """The next head, with its closing empty line."""
        return self.until(b"\r\n\r\n")

    def exactly(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        while len(self._ahead) < count:
            self._more(f"{count - len(self._ahead)} bytes early")
        return self._take(count)

    def rest(self) -> bytes:
        """Everything up to the end of the connection; a reset ends it, too."""
        try:
            while more := self.socket.recv(65536):
                self._ahead += more
        except ConnectionResetError:
            pass
        return self._take(len(self._ahead))

    def _more(self, when: str) -> None:
        more = self.socket.recv(65536)
        if not more:
            raise EOFError(f"the connection ended {when}, after {bytes(self._ahead[-200:])!r}")
        self._ahead += more

    def _take(self, count: int) -> bytes:
        taken = bytes(self._ahead[:count])
        del self._ahead[:count]
        return taken
