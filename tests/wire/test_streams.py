# SPDX-License-Identifier: MIT
"""Streamed answers and streamed request bodies, with back-pressure both ways."""

from __future__ import annotations

from collections import Counter

import pytest

from client import Client, chunked, message, pattern

WINDOW = 64 * 1024


def hold(server, client: Client, tag: str = "a") -> None:
    client.send(message("GET", f"/hold?tag={tag}"))
    server.wait(f"held {tag}")


def test_each_chunk_arrives_when_it_is_sent(server, client: Client) -> None:
    hold(server, client)
    assert server.do("begin", "a", "-1") == "TURBO_OK"
    answer = client.read_head()
    assert (answer.status, answer.get("transfer-encoding")) == (200, "chunked")
    for text in ("one", "two", "three"):
        assert server.do("chunk", "a", text) == "TURBO_OK"
        assert client.read_chunk() == text.encode()
    assert server.do("finish", "a") == "TURBO_OK"
    assert client.read_chunk() == b""
    assert client.get("/").body == b"hello"


def test_an_empty_chunk_does_not_end_the_stream(server, client: Client) -> None:
    hold(server, client)
    server.do("begin", "a", "-1")
    assert server.do("chunk", "a", "") == "TURBO_OK"
    assert server.do("chunk", "a", "x") == "TURBO_OK"
    assert server.do("finish", "a") == "TURBO_OK"
    assert client.read().chunks == [b"x"]


def test_a_stream_of_known_length(server, client: Client) -> None:
    hold(server, client)
    assert server.do("begin", "a", "5") == "TURBO_OK"
    assert client.read_head().get("content-length") == "5"
    assert server.do("chunk", "a", "123") == "TURBO_OK"
    assert server.do("chunk", "a", "456") == "TURBO_ELIMIT"
    assert server.do("chunk", "a", "45") == "TURBO_OK"
    assert server.do("finish", "a") == "TURBO_OK"
    assert client.read_exactly(5) == b"12345"
    assert client.get("/").body == b"hello"


def test_a_stream_that_ends_short_of_its_length_breaks_the_connection(server, client) -> None:
    hold(server, client)
    server.do("begin", "a", "5")
    server.do("chunk", "a", "12")
    server.do("finish", "a")
    client.read_head()
    assert client.read_exactly(2) == b"12"
    assert client.at_end()


def test_an_aborted_stream_is_seen_to_be_incomplete(server, client: Client) -> None:
    hold(server, client)
    server.do("begin", "a", "-1")
    server.do("chunk", "a", "part")
    client.read_head()
    assert client.read_chunk() == b"part"
    assert server.do("abort", "a") == "TURBO_OK"
    assert client.at_end()


@pytest.mark.parametrize("length", ["-1", "5"])
def test_what_was_accepted_before_an_abort_is_sent(server, client: Client, length: str) -> None:
    client.send(message("GET", "/begin-and-abort?length=" + length))
    assert client.read_head().status == 200
    if length == "-1":
        assert client.read_chunk() == b"part"
    else:
        assert client.read_exactly(4) == b"part"
    assert client.at_end()


def test_calls_out_of_order(server, client: Client) -> None:
    hold(server, client)
    assert server.do("chunk", "a", "early") == "TURBO_ESTATE"
    assert server.do("begin", "a", "-1") == "TURBO_OK"
    assert server.do("begin", "a", "-1") == "TURBO_ESTATE"
    assert server.do("status", "a", "500") == "TURBO_ESTATE"
    assert server.do("body", "a", "x") == "TURBO_ESTATE"
    assert server.do("finish", "a") == "TURBO_OK"
    assert client.read().body == b""


def fill_up(server, tag: str) -> int:
    """Sends until neither the socket nor the window takes more; returns the number of bytes."""
    taken = 0
    idle = 0
    while idle < 20:  # a full window alone is not enough: the loop may just not have emptied it yet
        before = server.metrics()["bytes_out"]
        assert server.do("fill", tag) == "TURBO_EAGAIN"
        got = int(server.wait(f"filled {tag}").split()[2])
        taken += got
        idle = idle + 1 if got == 0 and server.metrics()["bytes_out"] == before else 0
    return taken


def test_back_pressure(server) -> None:
    client = server.client(receive_buffer=4096)
    hold(server, client)
    server.do("begin", "a", "-1")
    client.read_head()
    # The socket's buffers and the window fill up; then nothing more is taken.
    taken = fill_up(server, "a")
    assert taken >= WINDOW
    assert server.do("writable", "a") == "TURBO_OK"
    assert server.do("writable", "a") == "TURBO_ESTATE"
    received = 0
    while received < taken:
        received += len(client.read_chunk())
    assert server.wait("writable a")
    assert server.do("chunk", "a", "more") == "TURBO_OK"
    assert client.read_chunk() == b"more"
    assert server.do("writable", "a") == "TURBO_OK"  # there is room: at once
    assert server.wait("writable a")
    server.do("finish", "a")
    assert client.read_chunk() == b""
    client.close()


def test_a_client_that_leaves_a_full_stream(server) -> None:
    client = server.client(receive_buffer=4096)
    hold(server, client)
    server.do("begin", "a", "-1")
    client.read_head()
    server.do("chunk", "a", "owned")
    server.do("fill", "a")
    assert server.do("writable", "a") == "TURBO_OK"
    client.reset()
    assert server.wait("writable a")  # also fires when the client is gone
    assert server.wait("closed a")
    assert server.do("chunk", "a", "owned") == "TURBO_ECANCELLED"
    assert server.do("finish", "a") == "TURBO_ECANCELLED"
    left = Counter(e for e in server.end() if e.split()[0] in ("released", "closed", "writable"))
    assert left == {"released a": 1}


def test_streams_do_not_hold_up_others(server) -> None:
    stuck = server.client(receive_buffer=4096)
    stuck.send(message("GET", "/stream?size=50000000&piece=100000"))
    stuck.read_head()
    with server.client() as client:
        for _ in range(10):
            assert client.get("/").body == b"hello"
    stuck.close()


@pytest.mark.parametrize("query", ["", "&owned=1", "&known=1", "&piece=1", "&piece=200000"])
def test_pumped_streams(client: Client, query: str) -> None:
    for _ in range(2):
        size = 20_000 if "piece=1" in query and "2" not in query else 5_000_000
        assert client.get(f"/stream?size={size}{query}").body == pattern(size)


# --- request bodies -----------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 5000, 100_000, 5_000_000])
@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_uploads(client: Client, size: int, coding: str) -> None:
    body = pattern(size)
    for _ in range(2):
        if coding == "length":
            answer = client.request("POST", "/upload", body)
        else:
            parts = [body[at : at + 3001] for at in range(0, size, 3001)]
            client.send(message("POST", "/upload", chunked(*parts), transfer_encoding="chunked"))
            answer = client.read()
        assert answer.body.decode().split() == [str(size), str(sum(body)), "TURBO_OK"]
    assert client.get("/").body == b"hello"


def test_upload_past_the_limit_of_the_server_on_a_route_without_one(serve) -> None:
    with serve("--max_body", "1000").client() as client:
        body = pattern(300_000)
        answer = client.request("POST", "/upload-unlimited", body)
        assert answer.body.decode().split()[0] == "300000"
        assert client.request("POST", "/upload", body).status == 413


def test_a_streamed_chunked_body_past_the_limit(serve) -> None:
    server = serve("--max_body", "1000")
    with server.client() as client:
        client.send(message("POST", "/hold-upload?tag=a", transfer_encoding="chunked"))
        server.wait("held a")
        client.send(b"3e8\r\n" + pattern(1000) + b"\r\n")
        total = 0
        while total < 1000:
            assert server.do("read", "a") == "TURBO_OK"
            _, _, size, last, status = server.wait("data a").split()
            assert (last, status) == ("0", "TURBO_OK")
            total += int(size)
        client.send(b"1\r\nx\r\n")
        assert server.do("read", "a") == "TURBO_OK"
        _, _, size, _, status = server.wait("data a").split()
        assert (size, status) == ("0", "TURBO_ELIMIT")
        server.do("abort", "a")


def test_the_handler_starts_before_the_body(server, client: Client) -> None:
    client.send(message("POST", "/hold-upload?tag=a", content_length="10"))
    server.wait("held a")
    assert server.do("read", "a") == "TURBO_OK"
    assert server.do("read", "a") == "TURBO_ESTATE"
    client.send(b"01234")
    assert server.wait("data a").split()[2:] == ["5", "0", "TURBO_OK"]
    client.send(b"56789")
    assert server.do("read", "a") == "TURBO_OK"
    assert server.wait("data a").split()[2:] == ["5", "1", "TURBO_OK"]
    assert server.do("read", "a") == "TURBO_ESTATE"
    assert server.do("body", "a", "done") == "TURBO_OK"
    assert server.do("finish", "a") == "TURBO_OK"
    assert client.read().body == b"done"
    assert client.get("/").body == b"hello"


def test_a_streamed_body_is_asked_for_when_it_is_read(server, client: Client) -> None:
    client.send(message("POST", "/hold-upload?tag=a", content_length="2", expect="100-continue"))
    server.wait("held a")
    assert server.do("read", "a") == "TURBO_OK"
    assert client.read_head().status == 100
    client.send(b"ab")
    assert server.wait("data a").split()[2:] == ["2", "1", "TURBO_OK"]
    server.do("finish", "a")
    assert client.read().status == 200


def test_a_streamed_body_that_nobody_reads_is_not_asked_for(server, client: Client) -> None:
    client.send(message("POST", "/hold-upload?tag=a", content_length="2", expect="100-continue"))
    server.wait("held a")
    server.do("body", "a", "no thanks")
    server.do("finish", "a")
    answer = client.read()
    assert (answer.status, answer.body) == (200, b"no thanks")
    assert client.at_end()


def test_slow_consumption_stops_the_sender(server) -> None:
    client = server.client()
    client.send(message("POST", "/hold-upload?tag=a", content_length="16000000"))
    server.wait("held a")
    fill_send_buffer(client)
    with server.client() as other:
        for _ in range(20):  # as many turns as the worker needs to fill its window
            other.get("/")
    fill_send_buffer(client)
    before = server.metrics()["bytes_in"]
    assert before <= 4 * WINDOW
    assert server.do("read", "a") == "TURBO_OK"
    assert 0 < int(server.wait("data a").split()[2]) <= before
    client.reset()
    event = ["", "", "", "", "TURBO_OK"]
    while event[4] == "TURBO_OK":
        assert server.do("read", "a") == "TURBO_OK"
        event = server.wait("data a").split()
    assert (event[2], event[4]) == ("0", "TURBO_ECANCELLED")
    assert server.do("finish", "a") == "TURBO_ECANCELLED"


def fill_send_buffer(client: Client) -> None:
    """Sends until the kernel takes no more."""
    client.socket.setblocking(False)
    block = bytes(1 << 16)
    try:
        while True:
            client.socket.send(block)
    except BlockingIOError:
        client.socket.setblocking(True)


def test_a_client_that_leaves_an_upload(server) -> None:
    client = server.client()
    client.send(message("POST", "/upload", content_length="100") + b"0123456789")
    client.close()
    assert server.wait("uploaded").split()[1:] == [
        "10",
        str(sum(b"0123456789")),
        "TURBO_ECANCELLED",
    ]


def test_a_malformed_chunk_in_an_upload(server, client: Client) -> None:
    client.send(message("POST", "/hold-upload?tag=a", transfer_encoding="chunked"))
    server.wait("held a")
    client.send(b"3\r\nabc\r\n")
    assert server.do("read", "a") == "TURBO_OK"
    assert server.wait("data a").split()[2:] == ["3", "0", "TURBO_OK"]
    assert server.do("read", "a") == "TURBO_OK"
    client.send(b"x\r\n")
    assert server.wait("data a").split()[4] == "TURBO_EPROTOCOL"
    assert server.do("abort", "a") == "TURBO_OK"
    assert client.read().status == 400
    assert client.at_end()


def test_a_malformed_chunk_before_the_handler_starts(client: Client) -> None:
    client.send(message("POST", "/upload", b"x\r\n", transfer_encoding="chunked"))
    assert client.read().status == 400
    assert client.at_end()


def test_an_answer_before_the_upload_is_complete(server, client: Client) -> None:
    client.send(message("POST", "/hold-upload?tag=a", content_length="1000") + b"begun")
    server.wait("held a")
    server.do("body", "a", "enough")
    server.do("finish", "a")
    assert client.read().body == b"enough"
    # The rest may be read and dropped, or the connection may end; it is never taken for a request.
    client.send(message("GET", "/nope") * 30)
    client.socket.shutdown(1)
    assert b" 404 " not in client.read_to_end().split(b"\r\n")[0]


@pytest.mark.parametrize("target", ["/stream?size=10", "/stream?size=300000&known=1"])
def test_a_stream_that_begins_while_an_earlier_answer_is_sent(server, target: str) -> None:
    with server.client(receive_buffer=4096) as client:
        client.send(message("GET", "/big?size=40000000") + message("GET", target))
        assert client.read().body == pattern(40000000)
        size = int(target.partition("size=")[2].partition("&")[0])
        assert client.read().body == pattern(size)
        assert client.get("/").body == b"hello"
