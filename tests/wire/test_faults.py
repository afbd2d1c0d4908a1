# SPDX-License-Identifier: MIT
"""System calls that fail while the server serves: it survives each, and answers the next request.

The calls of the library, and of nobody else, are made to fail by tests/faults/shim.c.
"""

from __future__ import annotations

import errno
import mmap
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Server

from client import Client, message, pattern

# The order of `enum call` in the shim.
CALLS = [
    "accept4",
    "recv",
    "send",
    "sendmsg",
    "sendfile",
    "open",
    "write-file",
    "read-file",
    "write-event",
    "read-event",
    "epoll-add",
    "epoll-mod",
    "epoll-del",
    "epoll-wait",
    "pthread_create",
]
SLOT = struct.Struct("=4i")  # error, skip, left, made
SHORT = -1
BIG = 3_000_000  # bytes; more than a socket takes at once
SPOOLED = 1_200_000  # bytes of a form's file that go to disk

# Those of a listener, and those that are of one connection only.
EXHAUSTED = [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM]
PASSING = [errno.EINTR, errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.ENETDOWN]
HARMLESS = [errno.EINTR, errno.EAGAIN, SHORT]
DEADLY = [errno.ECONNRESET, errno.EPIPE, errno.ENOMEM, errno.ENOBUFS]


def name(error: object) -> str | None:
    if isinstance(error, int):
        return errno.errorcode.get(error, "short")
    return None


class Faults:
    """Orders to the shim of one server."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(bytes(SLOT.size * len(CALLS)))
        with path.open("r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)

    def fail(self, call: str, error: int, times: int = 1, skip: int = 0) -> None:
        """From now on ``times`` calls fail, once ``skip`` have worked."""
        at = CALLS.index(call) * SLOT.size
        struct.pack_into("=2i", self.map, at, error, skip)
        struct.pack_into("=i", self.map, at + 8, times)

    def made(self, call: str) -> int:
        """How many calls have failed."""
        return int(SLOT.unpack_from(self.map, CALLS.index(call) * SLOT.size)[3])

    def left(self, call: str) -> int:
        return int(SLOT.unpack_from(self.map, CALLS.index(call) * SLOT.size)[2])


@pytest.fixture
def faults(tmp_path: Path) -> Iterator[Faults]:
    made = Faults(tmp_path / "orders")
    yield made
    made.map.close()


@pytest.fixture
def content(tmp_path: Path) -> Path:
    path = tmp_path / "content"
    path.write_bytes(pattern(BIG))
    return path


@pytest.fixture
def faulty(serve: Callable[..., Server], faults: Faults, content: Path) -> Callable[..., Server]:
    """Starts a server whose calls can be made to fail."""

    def start(*options: str) -> Server:
        variables = [
            f"LD_PRELOAD={os.environ['WIRE_FAULTS']}",
            f"TURBO_FAULTS={faults.path}",
            # The shim is loaded before a sanitizer's runtime, and finds that behind it.
            f"ASAN_OPTIONS={os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0",
        ]
        return serve("--file", str(content), *options, launcher=["env", *variables])

    return start


@pytest.fixture
def server(faulty: Callable[..., Server]) -> Server:
    return faulty()


def descriptors(server: Server) -> int:
    return len(list(Path(f"/proc/{server.pid}/fd").iterdir()))


def settle(server: Server) -> None:
    """Waits until the server has seen the end of all connections."""
    while server.metrics()["open"] > 0:
        pass


def look(server: Server) -> tuple[int, dict[str, int]]:
    """Descriptors and counters while one connection, which is answered, is open.

    That answer comes behind the ends of all others, in which the descriptor goes last.
    """
    settle(server)
    with server.client() as client:
        assert client.get("/").body == b"hello"
        return descriptors(server), server.metrics()


@pytest.fixture(autouse=True)
def nothing_leaks(server: Server) -> Iterator[None]:
    """Behind each test: the next request is answered, nothing is open that was not open before."""
    before, counted = look(server)
    yield
    now, metrics = look(server)
    assert now == before
    assert metrics["in_flight"] == 0
    assert metrics["connections"] > counted["connections"]
    assert metrics["parse_errors"] == counted["parse_errors"]


# --- accepting -------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [*PASSING, *EXHAUSTED], ids=name)
def test_accept(server: Server, faults: Faults, error: int) -> None:
    faults.fail("accept4", error, times=3)
    with server.client() as client:
        assert client.get("/").body == b"hello"
    assert (faults.made("accept4"), faults.left("accept4")) == (3, 0)
    if error in EXHAUSTED:
        for _ in range(3):
            assert f"errno {error}" in server.wait("log cannot accept")
    assert not [event for event in server.events if event.startswith("log")]


@pytest.mark.parametrize("driving", [["--workers", "2"], ["--step"]], ids=["two", "stepped"])
def test_accept_otherwise_driven(
    faulty: Callable[..., Server], faults: Faults, driving: list[str]
) -> None:
    server = faulty(*driving)
    faults.fail("accept4", errno.EMFILE, times=3)
    with server.client() as client:
        assert client.get("/").body == b"hello"
    assert (faults.made("accept4"), faults.left("accept4")) == (3, 0)


@pytest.mark.parametrize("error", [errno.ENOMEM, errno.ENOSPC], ids=name)
def test_a_connection_that_cannot_be_watched(server: Server, faults: Faults, error: int) -> None:
    refused = server.metrics()["refused_connections"]
    faults.fail("epoll-add", error)
    with server.client() as client:
        assert client.at_end()
    assert server.metrics()["refused_connections"] == refused + 1


@pytest.mark.parametrize("error", [errno.ENOMEM, errno.ENOSPC], ids=name)
def test_a_listener_that_cannot_be_watched_again(
    server: Server, faults: Faults, error: int
) -> None:
    faults.fail("accept4", errno.EMFILE)
    faults.fail("epoll-add", error, times=2)
    with server.client() as client:
        assert client.get("/").body == b"hello"
    assert (faults.made("epoll-add"), faults.left("epoll-add")) == (2, 0)
    for _ in range(3):
        server.wait("log cannot accept")


def test_waiting_is_interrupted(server: Server, faults: Faults) -> None:
    faults.fail("epoll-wait", errno.EINTR, times=20)
    with server.client() as client:
        for _ in range(21):
            assert client.get("/").body == b"hello"
    assert (faults.made("epoll-wait"), faults.left("epoll-wait")) == (20, 0)


# --- reading ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", HARMLESS, ids=name)
def test_receive_goes_on(server: Server, faults: Faults, error: int) -> None:
    body = pattern(100_000)
    with server.client() as client:
        faults.fail("recv", error, times=40)
        assert client.request("POST", "/body", body).body == body
    assert (faults.made("recv"), faults.left("recv")) == (40, 0)


@pytest.mark.parametrize("error", [*DEADLY, errno.ETIMEDOUT], ids=name)
def test_receive_fails(server: Server, faults: Faults, error: int) -> None:
    with server.client() as client, server.client() as other:
        assert client.get("/").body == b"hello"
        faults.fail("recv", error)
        client.send(message("GET", "/"))
        assert client.at_end()
        assert faults.made("recv") == 1
        assert other.get("/").body == b"hello"


def test_receive_fails_in_a_streamed_body(server: Server, faults: Faults) -> None:
    with server.client() as client:
        client.send(message("POST", "/upload", pattern(BIG))[:100_000])
        settle_body(server)
        faults.fail("recv", errno.ECONNRESET)
        client.send(b"more")
        assert client.at_end()


def settle_body(server: Server) -> None:
    while server.metrics()["bytes_in"] < 100_000:
        pass


# --- writing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "target"),
    [
        ("send", f"/big?size={BIG}"),
        ("sendmsg", f"/owned?size={BIG}"),
        ("sendfile", f"/file?length={BIG}"),
    ],
)
@pytest.mark.parametrize("error", HARMLESS, ids=name)
def test_send_goes_on(server: Server, faults: Faults, call: str, target: str, error: int) -> None:
    with server.client() as client:
        faults.fail(call, error)
        answer = client.get(target)
        assert answer.body == pattern(BIG)
        assert faults.made(call) == 1
        assert client.get("/").body == b"hello"


@pytest.mark.parametrize(
    ("call", "target"),
    [
        ("send", f"/big?size={BIG}"),
        ("sendmsg", f"/owned?size={BIG}"),
        ("sendfile", f"/file?length={BIG}"),
    ],
)
@pytest.mark.parametrize("error", [*DEADLY, errno.EIO], ids=name)
def test_send_fails(server: Server, faults: Faults, call: str, target: str, error: int) -> None:
    with server.client() as client:
        faults.fail(call, error)
        client.send(message("GET", target))
        with pytest.raises((EOFError, ConnectionResetError)):
            client.read()
        assert faults.made(call) == 1


@pytest.mark.parametrize("error", DEADLY, ids=name)
def test_send_fails_in_a_stream(server: Server, faults: Faults, error: int) -> None:
    """The handler learns that its client is gone, and what it gave is given back."""
    with server.client() as client:
        client.send(message("GET", "/hold?tag=a"))
        server.wait("held a")
        assert server.do("begin", "a", "-1") == "TURBO_OK"
        assert server.do("chunk", "a", "one") == "TURBO_OK"
        assert client.read_head().status == 200
        assert client.read_chunk() == b"one"
        server.wait("released a")
        faults.fail("send", error)
        assert server.do("chunk", "a", "two") == "TURBO_OK"
        assert client.at_end()
        server.wait("closed a")
        server.wait("released a")
        assert server.do("finish", "a") == "TURBO_ECANCELLED"
        assert faults.made("send") == 1


@pytest.mark.parametrize("path", ["/big", "/owned"])
def test_a_connection_whose_watch_cannot_be_changed(
    server: Server, faults: Faults, path: str
) -> None:
    """Of an answer that does not go out at once: the rest could never be sent."""
    with server.client(receive_buffer=4096) as client:
        faults.fail("epoll-mod", errno.ENOMEM)
        client.send(message("GET", f"{path}?size={10 * BIG}"))
        with pytest.raises((EOFError, ConnectionResetError)):
            client.read()
        assert faults.made("epoll-mod") == 1


@pytest.mark.parametrize("path", ["/big", "/owned", "/file"])
@pytest.mark.parametrize("error", HARMLESS, ids=name)
def test_a_slow_client_gets_all(server: Server, faults: Faults, path: str, error: int) -> None:
    """Every call of the queued rest goes wrong for a while."""
    calls = {"/big": "send", "/owned": "send", "/file": "sendfile"}
    size = BIG if path == "/file" else 10 * BIG
    with server.client(receive_buffer=4096) as client:
        faults.fail(calls[path], error, times=10, skip=1)
        client.send(message("GET", f"{path}?size={size}&length={size}"))
        assert client.read().body == pattern(size)
        assert faults.made(calls[path]) > 0


# --- between threads -------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["write-event", "read-event"])
def test_a_wake_up_is_interrupted(server: Server, faults: Faults, call: str) -> None:
    with server.client() as client, server.client() as other:
        client.send(message("GET", "/hold?tag=a"))
        server.wait("held a")
        for _ in range(2):  # the second one's turn began after that of the held request had ended
            assert other.get("/").body == b"hello"
        faults.fail(call, errno.EINTR)
        assert server.do("finish", "a") == "TURBO_OK"
        assert client.read().status == 200
        while faults.made(call) == 0:  # the loop may have seen the answer before the wake-up
            pass
    assert (faults.made(call), faults.left(call)) == (1, 0)


def test_no_thread_for_a_request(faulty: Callable[..., Server], faults: Faults) -> None:
    """With the loop's own thread as the only one there is nobody to wait for: 503."""
    server = faulty()
    with server.client() as client:
        faults.fail("pthread_create", errno.EAGAIN)
        answer = client.get("/block-offload")
        assert (answer.status, answer.get("retry-after")) == (503, "1")
        client.send(message("GET", "/block-offload?tag=b"))
        server.wait("entered b")
        server.command("open")
        assert client.read().status == 200
    assert faults.made("pthread_create") == 1


def test_no_thread_for_a_blocked_loop(server: Server, faults: Faults) -> None:
    """It gets one as soon as there is one."""
    with server.client() as slow, server.client() as other:
        faults.fail("pthread_create", errno.EAGAIN, times=3)
        slow.send(message("GET", "/block?tag=b"))
        server.wait("entered b")
        assert other.get("/").body == b"hello"
        assert (faults.made("pthread_create"), faults.left("pthread_create")) == (3, 0)
        server.command("open")
        assert slow.read().status == 200


# --- temporary files -------------------------------------------------------------------------------


def form(data: bytes) -> bytes:
    head = b'--B\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
    body = head + data + b"\r\n--B--\r\n"
    lines = [
        b"POST /form-stream HTTP/1.1",
        b"Host: a",
        b"Content-Type: multipart/form-data; boundary=B",
        b"Content-Length: %d" % len(body),
    ]
    return b"\r\n".join([*lines, b"", body])


def ask_form(client: Client) -> tuple[int, bytes]:
    client.send(form(pattern(SPOOLED)))
    answer = client.read()
    return answer.status, answer.body


RIGHT = (200, f"f|@f||{SPOOLED}|{sum(pattern(SPOOLED))}|file\n".encode())


@pytest.mark.parametrize("call", ["write-file", "read-file"])
@pytest.mark.parametrize("error", [errno.EINTR, SHORT], ids=name)
def test_a_temporary_file_goes_on(server: Server, faults: Faults, call: str, error: int) -> None:
    with server.client() as client:
        faults.fail(call, error, times=3)
        assert ask_form(client) == RIGHT
    assert (faults.made(call), faults.left(call)) == (3, 0)


@pytest.mark.parametrize(
    ("call", "error", "status"),
    [
        ("open", errno.EMFILE, 500),
        ("open", errno.ENFILE, 500),
        ("open", errno.ENOMEM, 500),
        ("open", errno.ENOSPC, 507),
        ("write-file", errno.ENOSPC, 507),
        ("write-file", errno.EDQUOT, 507),
        ("write-file", errno.EIO, 500),
        ("read-file", errno.EIO, 500),
    ],
    ids=name,
)
def test_a_temporary_file_fails(
    server: Server, faults: Faults, call: str, error: int, status: int
) -> None:
    with server.client() as client:
        faults.fail(call, error)
        assert ask_form(client)[0] == status
        assert faults.made(call) == 1
    with server.client() as client:
        assert ask_form(client) == RIGHT
