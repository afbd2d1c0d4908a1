# SPDX-License-Identifier: MIT
"""Request bodies, and answers' bodies by each way of giving one."""

from __future__ import annotations

import json
import socket

import pytest

from client import Client, chunked, message, pattern

SIZES = [0, 1, 4095, 4096, 16 * 1024, 100_000, 3_000_000]


@pytest.mark.parametrize("size", SIZES)
def test_length_body_comes_back(client: Client, size: int) -> None:
    body = pattern(size)
    for _ in range(2):
        assert client.request("POST", "/body", body, content_type="a/b").body == body


@pytest.mark.parametrize("size", SIZES)
def test_chunked_body_comes_back(client: Client, size: int) -> None:
    body = pattern(size)
    for piece in (997, 70_000):
        parts = [body[at : at + piece] for at in range(0, size, piece)]
        client.send(message("POST", "/body", chunked(*parts), transfer_encoding="chunked"))
        assert client.read().body == body


def test_a_chunk_of_one_byte_each(client: Client) -> None:
    body = pattern(2000)
    parts = [body[at : at + 1] for at in range(len(body))]
    client.send(message("POST", "/body", chunked(*parts), transfer_encoding="Chunked"))
    assert client.read().body == body


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "path", ["/big", "/owned", "/stream", "/stream?known=1", "/stream?owned=1"]
)
def test_answers_of_every_size(client: Client, path: str, size: int) -> None:
    join = "&" if "?" in path else "?"
    for _ in range(2):
        assert client.get(f"{path}{join}size={size}").body == pattern(size)


def test_big_answers_pipelined_to_a_client_that_reads_late(client: Client) -> None:
    sizes = [1_000_000, 10, 2_000_000, 0, 300_000]
    client.send(b"".join(message("GET", f"/owned?size={size}") for size in sizes))
    for size in sizes:
        assert client.read().body == pattern(size)


def test_owned_bodies_are_given_back_once_each(serve) -> None:
    server = serve()
    with server.client() as client:
        for i in range(5):
            assert client.get(f"/owned?size=100000&tag=t{i}").body == pattern(100_000)
        assert client.request("HEAD", "/owned?size=10&tag=head").status == 200
    wanted = sorted([*(f"released t{i}" for i in range(5)), "released head"])
    assert sorted(e for e in server.end() if e.startswith("released")) == wanted


def test_owned_body_of_a_client_that_leaves(serve) -> None:
    server = serve()
    client = server.client(receive_buffer=4096)
    client.send(message("GET", "/owned?size=20000000&tag=gone"))
    client.read_head()
    client.reset()
    assert server.wait("released gone")
    assert [e for e in server.end() if e.startswith("released")] == []


def test_owned_body_of_a_handler_that_then_fails(serve) -> None:
    server = serve()
    with server.client() as client:
        assert client.get("/owned?size=10&tag=failed&fail=-23").status == 500
    assert server.wait("released failed")
    assert [e for e in server.end() if e.startswith("released")] == []


def test_files(serve, tmp_path) -> None:
    path = tmp_path / "data"
    path.write_bytes(pattern(1_000_000))
    with serve("--file", str(path)).client() as client:
        for offset, length in [(0, 1_000_000), (0, 0), (12345, 500_000), (999_999, 1)]:
            answer = client.get(f"/file?offset={offset}&length={length}")
            assert answer.get("content-length") == str(length)
            assert answer.body == pattern(length, offset)
        client.send(b"".join(message("GET", f"/file?length={n}") for n in (700_000, 5, 1)))
        assert [len(client.read().body) for _ in range(3)] == [700_000, 5, 1]
        head = client.request("HEAD", "/file?length=1000000")
        assert head.get("content-length") == "1000000"
        assert client.get("/file?offset=999999&length=2").status == 500
        assert client.get("/").body == b"hello"


def test_json_in_and_out(client: Client) -> None:
    document = {"a": [1, 2.5, None, True], "é": "\u20ac", "big": 2**53}
    text = json.dumps(document, ensure_ascii=False).encode()
    answer = client.request("POST", "/json", text, content_type="application/json")
    assert (answer.status, answer.get("content-type")) == (200, "application/json")
    assert json.loads(answer.body) == document
    assert answer.body == json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def test_broken_json_is_400(client: Client) -> None:
    answer = client.request("POST", "/json", b'{"a":', content_type="application/json")
    assert answer.status == 400
    assert "detail" in json.loads(answer.body)
    assert client.get("/").body == b"hello"


# --- Expect: 100-continue (RFC 9110 §10.1.1) ---------------------------------


def test_interim_answer_when_the_body_is_wanted(client: Client) -> None:
    client.send(message("POST", "/body", expect="100-continue", content_length="5"))
    assert client.read_head().status == 100
    client.send(b"hello")
    assert client.read().body == b"hello"
    assert client.get("/").body == b"hello"


def test_no_interim_answer_when_the_body_came_along(client: Client) -> None:
    client.send(message("POST", "/body", b"hello", expect="100-continue"))
    answer = client.read_head()
    assert answer.status in (100, 200)
    if answer.status == 100:  # RFC 9110 lets a server send it all the same
        answer = client.read_head()
    assert client.read_exactly(int(answer.get("content-length") or 0)) == b"hello"


@pytest.mark.parametrize(
    ("target", "length", "status"),
    [("/nope", 5, 404), ("/static", 5, 405), ("/body", 99_999_999, 413), ("/small-body", 11, 413)],
)
def test_final_answer_at_once_when_it_is_not(client, target: str, length: int, status: int) -> None:
    client.send(message("POST", target, expect="100-continue", content_length=str(length)))
    assert client.read().status == status
    # The client may send the body or not; the server cannot know which, so the connection ends.
    assert client.at_end()


def test_no_interim_answer_inside_a_streamed_one(server, client: Client) -> None:
    client.send(message("POST", "/hold-upload?tag=a", content_length="2", expect="100-continue"))
    server.wait("held a")
    server.do("begin", "a", "-1")
    assert client.read_head().status == 200
    server.do("read", "a")
    server.do("chunk", "a", "text")
    assert client.read_chunk() == b"text"
    client.send(b"ab")  # the client need not have waited
    assert server.wait("data a").split()[2:] == ["2", "1", "TURBO_OK"]
    server.do("finish", "a")
    assert client.read_chunk() == b""


def test_one_interim_answer_however_often_it_is_read(server, client: Client) -> None:
    client.send(message("POST", "/hold-upload?tag=a", content_length="4", expect="100-continue"))
    server.wait("held a")
    for part in (b"ab", b"cd"):
        server.do("read", "a")
        if part == b"ab":
            assert client.read_head().status == 100
        client.send(part)
        assert server.wait("data a").split()[2] == "2"
    server.do("finish", "a")
    assert client.read().status == 200


@pytest.mark.parametrize("length", [1000, 1001])
def test_interim_answer_of_a_route_that_streams_large_bodies(server, client, length: int) -> None:
    body = pattern(length)
    client.send(message("POST", "/past", content_length=str(length), expect="100-continue"))
    assert client.read_head().status == 100
    client.send(body)
    assert server.wait("collected 1000" if length == 1000 else "streaming")
    answer = client.read()
    assert answer.body == (body if length == 1000 else f"1001 {sum(body)} TURBO_OK".encode())


def test_another_expectation_is_417_or_ignored(client: Client) -> None:
    assert client.request("POST", "/body", b"hello", expect="x").status in (200, 417)


def test_http_1_0_gets_no_interim_answer(client: Client) -> None:
    client.send(b"POST /body HTTP/1.0\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\nhello")
    assert client.read().body == b"hello"


# --- bodies that nobody reads --------------------------------------------------


def test_an_unwanted_body_does_not_spoil_the_connection(client: Client) -> None:
    client.send(message("POST", "/nope", b"GET /smuggled HTTP/1.1\r\n\r\n") + message("GET", "/"))
    assert client.read().status == 404
    assert client.read().body == b"hello"


DRAINED = 64 * 1024  # bytes of a body that nobody wants, read to keep the connection
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nhost: test\r\n\r\n"


def unwanted(size: int) -> bytes:
    return (SMUGGLED * (size // len(SMUGGLED) + 1))[:size]


def refuse(client: Client, target: str, size: int, coding: str) -> bytes:
    """Sends the head of a request that is answered without its body; returns the body to send."""
    body = unwanted(size)
    if coding == "length":
        client.send(message("POST", target, content_length=str(size)))
        return body
    client.send(message("POST", target, transfer_encoding="chunked"))
    return chunked(*(body[at : at + 5000] for at in range(0, size, 5000)))


@pytest.mark.parametrize("coding", ["length", "chunked"])
@pytest.mark.parametrize("size", [1, DRAINED - 1, DRAINED])
@pytest.mark.parametrize(("target", "status"), [("/nope", 404), ("/static", 405)])
def test_a_little_unwanted_body_is_thrown_away(
    client: Client, target: str, status: int, size: int, coding: str
) -> None:
    rest = refuse(client, target, size, coding)
    answer = client.read()
    assert (answer.status, answer.get("connection")) == (status, None)
    client.send(rest + message("GET", "/"))
    assert client.read().body == b"hello"


def test_a_long_unwanted_body_ends_the_connection(server, client: Client) -> None:
    rest = refuse(client, "/nope", DRAINED + 1, "length")
    answer = client.read()
    assert (answer.status, answer.get("connection")) == (404, "close")
    client.send(rest)
    assert client.at_end()
    assert server.metrics()["requests"] == 1


def test_a_long_unwanted_body_in_chunks_ends_the_connection(server, client: Client) -> None:
    rest = refuse(client, "/nope", DRAINED + 1, "chunked")
    assert client.read().status == 404  # nobody knows yet how long it is
    client.send(rest + SMUGGLED)
    assert client.at_end()
    assert server.metrics()["requests"] == 1


def test_a_malformed_unwanted_body_ends_the_connection(server, client: Client) -> None:
    client.send(message("POST", "/nope", transfer_encoding="chunked"))
    assert client.read().status == 404
    client.send(b"x\r\n" + SMUGGLED)
    assert client.at_end()
    assert server.metrics()["requests"] == 1


def test_an_unwanted_body_that_does_not_come_ends_the_connection(serve) -> None:
    with serve("--body_timeout", "50").client() as client:
        client.send(message("POST", "/nope", content_length="10") + b"half")
        assert client.read().status == 404
        assert client.at_end()


def test_a_half_closed_client_whose_unwanted_body_is_not_complete(client: Client) -> None:
    client.send(message("POST", "/nope", content_length="10") + b"half")
    client.socket.shutdown(socket.SHUT_WR)
    assert client.read().status == 404
    assert client.at_end()


@pytest.mark.parametrize("coding", ["length", "chunked"])
@pytest.mark.parametrize("size", [1, DRAINED])
def test_a_streamed_body_that_the_handler_leaves(server, client, size: int, coding: str) -> None:
    rest = refuse(client, "/hold-upload?tag=a", size, coding)
    server.wait("held a")
    server.do("body", "a", "enough")
    server.do("finish", "a")
    answer = client.read()
    assert (answer.body, answer.get("connection")) == (b"enough", None)
    client.send(rest + message("GET", "/"))
    assert client.read().body == b"hello"
    assert server.metrics()["requests"] == 2


def test_a_window_smaller_than_what_came(serve) -> None:
    """What does not fit the window waits in the receive buffer, which is full then."""
    server = serve("--stream_window", "1024")
    with server.client() as client:
        client.send(message("POST", "/hold-upload?tag=a", transfer_encoding="chunked"))
        server.wait("held a")
        server.do("read", "a")
        client.send(chunked(*[pattern(3000)] * 10))
        read = 0
        while (event := server.wait("data a").split())[3] == "0":
            assert event[4] == "TURBO_OK"
            read += int(event[2])
            server.do("read", "a")
        assert (read + int(event[2]), event[4]) == (30000, "TURBO_OK")
        server.do("finish", "a")
        assert client.read().status == 200


def test_a_streamed_body_that_the_handler_leaves_early(server, client: Client) -> None:
    rest = refuse(client, "/hold-upload?tag=a", DRAINED + 1, "length")
    server.wait("held a")
    server.do("body", "a", "enough")
    server.do("finish", "a")
    answer = client.read()
    assert (answer.body, answer.get("connection")) == (b"enough", "close")
    client.send(rest + SMUGGLED)
    assert client.at_end()
    assert server.metrics()["requests"] == 1


def test_only_what_is_left_of_a_streamed_body_counts(server, client: Client) -> None:
    body = unwanted(DRAINED + 1000)
    client.send(message("POST", "/hold-upload?tag=a", content_length=str(len(body))) + body[:1000])
    server.wait("held a")
    read = 0
    while read < 1000:
        server.do("read", "a")
        read += int(server.wait("data a").split()[2])
    server.do("finish", "a")
    assert client.read().get("connection") is None
    client.send(body[1000:] + message("GET", "/"))
    assert client.read().body == b"hello"


def test_a_streamed_answer_whose_request_is_left(server, client: Client) -> None:
    rest = refuse(client, "/hold-upload?tag=a", 1000, "chunked")
    server.wait("held a")
    server.do("begin", "a", "-1")
    assert client.read_head().get("connection") is None
    client.send(rest[:500])
    server.do("chunk", "a", "text")
    server.do("finish", "a")
    assert client.read_chunk() + client.read_chunk() == b"text"
    client.send(rest[500:] + message("GET", "/"))
    assert client.read().body == b"hello"
    assert server.metrics()["requests"] == 2


def test_a_body_of_a_get_is_read_and_dropped(client: Client) -> None:
    client.send(message("GET", "/", b"x" * 1000) + message("GET", "/"))
    assert [client.read().body for _ in range(2)] == [b"hello"] * 2


# --- bodies that are streamed past a size -----------------------------------------


@pytest.mark.parametrize("coding", ["length", "chunked"])
@pytest.mark.parametrize("size", [0, 1, 999, 1000])
def test_a_body_up_to_the_size_is_collected(server, client, size: int, coding: str) -> None:
    body = pattern(size)
    for _ in range(2):
        if coding == "length":
            answer = client.request("POST", "/past", body)
        else:
            parts = [body[at : at + 300] for at in range(0, size, 300)]
            client.send(message("POST", "/past", transfer_encoding="chunked"))
            client.send_bytewise(chunked(*parts))
            answer = client.read()
        assert answer.body == body
        assert server.wait("collected") == f"collected {size}"


@pytest.mark.parametrize("coding", ["length", "chunked"])
@pytest.mark.parametrize(("first", "size"), [(0, 1001), (1, 1001), (1001, 1002), (1500, 1_900_000)])
def test_a_body_past_the_size_is_streamed(
    server, client, first: int, size: int, coding: str
) -> None:
    body = pattern(size)
    if coding == "length":
        client.send(message("POST", "/past", content_length=str(size)) + body[:first])
        server.wait("streaming")
        client.send(body[first:])
    else:
        first = max(first, 1001)  # before that nobody can know
        if first == size:
            return
        client.send(message("POST", "/past", transfer_encoding="chunked"))
        for at in range(0, first, 700):
            part = body[at : min(at + 700, first)]
            client.send(b"%x\r\n%s\r\n" % (len(part), part))
        server.wait("streaming")
        client.send(chunked(body[first:]))
    assert client.read().body.decode().split() == [str(size), str(sum(body)), "TURBO_OK"]
    assert client.get("/").body == b"hello"


def test_a_streamed_body_has_its_limit_too(client: Client) -> None:
    client.send(message("POST", "/past", content_length="2000001"))
    answer = client.read()
    assert (answer.status, answer.get("connection")) == (413, "close")
    assert client.at_end()


def test_a_body_in_chunks_past_its_limit_after_it_was_streamed(server, client: Client) -> None:
    client.send(message("POST", "/past", transfer_encoding="chunked"))
    client.send(b"5dc\r\n" + pattern(1500) + b"\r\n")
    server.wait("streaming")
    client.send(b"%x\r\n" % 1_998_501 + pattern(1_998_501))
    assert server.wait("uploaded").endswith("TURBO_ELIMIT")
    # The handler gave up before it had answered: the client hears why.
    answer = client.read()
    assert (answer.status, answer.get("connection")) == (413, "close")
    assert client.at_end()


@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_a_large_body_waits_for_its_reader(server, coding: str) -> None:
    size = 16_000_000
    client = server.client()
    field = (
        {"content_length": str(size)} if coding == "length" else {"transfer_encoding": "chunked"}
    )
    client.send(message("POST", "/hold-past?tag=a", **field))
    if coding == "chunked":
        client.send(b"%x\r\n" % size)
    sent = fill_send_buffer(client, size)
    server.wait("held a")
    sent += fill_send_buffer(client, size - sent)
    server.metrics()  # an answer to a command: the worker has had its turn since
    sent += fill_send_buffer(client, size - sent)
    assert sent < size
    assert server.metrics()["bytes_in"] < 100_000 + 4 * 65_536
    received = 0
    server.do("read", "a")
    while received < sent:
        event = server.wait("data a").split()
        assert event[4] == "TURBO_OK"
        received += int(event[2])
        if received < sent:
            server.do("read", "a")
    client.reset()
    server.do("read", "a")
    server.wait("closed a")
    server.do("finish", "a")


def fill_send_buffer(client: Client, most: int) -> int:
    """Sends zeros until the kernel takes no more; returns how many."""
    sent = 0
    client.socket.setblocking(False)
    try:
        while sent < most:
            sent += client.socket.send(bytes(min(1 << 16, most - sent)))
    except BlockingIOError:
        pass
    client.socket.setblocking(True)
    return sent


def test_a_read_is_not_answered_after_the_response_is_finished(serve) -> None:
    server = serve("--stream_window", "4096")
    body = chunked(*[b"x" * 1024] * 12)  # more than the window, in one read of the server's
    with server.client() as client:
        client.send(message("POST", "/read-and-finish", body, transfer_encoding="chunked"))
        assert client.read().status == 200
        assert client.get("/").body == b"hello"
    assert [event for event in server.end() if event.startswith("part")] == ["part 4096 0"]


@pytest.mark.parametrize("coding", ["chunked", None])
def test_a_half_closed_client_whose_body_waits_for_the_window(serve, coding: str | None) -> None:
    """The end of the connection was read before the body was wanted."""
    data = pattern(12_000)
    parts = [data[at : at + 500] for at in range(0, len(data), 500)]
    post = message("POST", "/upload", data)
    if coding is not None:
        post = message("POST", "/upload", chunked(*parts), transfer_encoding=coding)
    server = serve("--stream_window", "4096", "--max_pipelined", "1")
    for _ in range(20):
        with server.client() as client:
            client.send(message("GET", "/") + message("GET", "/") + post)
            client.socket.shutdown(socket.SHUT_WR)
            assert client.read().body == client.read().body == b"hello"
            assert client.read().body.decode() == f"{len(data)} {sum(data)} TURBO_OK"
