# SPDX-License-Identifier: MIT
"""Every limit that a client can run into."""

from __future__ import annotations

import json

import pytest

from client import Client, chunked, message


def refused(client: Client, status: int) -> None:
    answer = client.read()
    assert (answer.status, answer.get("connection")) == (status, "close")
    assert "detail" in json.loads(answer.body)
    assert client.at_end()


def test_request_line_too_long(serve) -> None:
    server = serve("--max_request_line", "100")
    with server.client() as client:
        assert client.get("/echo/" + "x" * 70).status == 200
        client.send(message("GET", "/echo/" + "x" * 100))
        refused(client, 414)


def test_request_line_that_never_ends(serve) -> None:
    server = serve("--max_request_line", "1000")
    with server.client() as client:
        client.send(b"GET /" + b"x" * 20_000)
        refused(client, 414)


@pytest.mark.parametrize("ended", [True, False])
def test_head_too_large(serve, ended: bool) -> None:
    server = serve("--max_head", "1000")
    with server.client() as client:
        assert client.get("/", x="v" * 800).status == 200
        whole = message("GET", "/", x="v" * 2000)
        client.send(whole if ended else whole[:-4])
        refused(client, 431)


def test_head_too_large_a_byte_at_a_time(serve) -> None:
    with serve("--max_head", "200").client() as client:
        client.send_bytewise(message("GET", "/", x="v" * 400)[:201])
        refused(client, 431)


def test_too_many_fields(serve) -> None:
    server = serve("--max_headers", "10")
    with server.client() as client:
        assert client.get("/", **{f"h{i}": "v" for i in range(9)}).status == 200
        client.send(message("GET", "/", **{f"h{i}": "v" for i in range(10)}))
        refused(client, 431)


def test_declared_body_too_large_is_refused_before_it_is_read(serve) -> None:
    server = serve("--max_body", "1000")
    with server.client() as client:
        assert client.request("POST", "/body", b"x" * 1000).status == 200
        client.send(message("POST", "/body", content_length="1001"))  # and not one byte of it
        refused(client, 413)


def test_chunked_body_too_large(serve) -> None:
    server = serve("--max_body", "1000")
    with server.client() as client:
        client.send(message("POST", "/body", chunked(b"x" * 600) + b"", transfer_encoding="chunked"))
        assert client.read().status == 200
        part = b"258\r\n" + b"x" * 600 + b"\r\n"
        client.send(message("POST", "/body", part * 2, transfer_encoding="chunked"))
        refused(client, 413)


def test_limit_of_one_route(client: Client) -> None:
    assert client.request("POST", "/small-body", b"x" * 10).body == b"x" * 10
    client.send(message("POST", "/small-body", b"x" * 11))
    answer = client.read()
    assert answer.status == 413


def test_idle_connections_are_closed(serve) -> None:
    # A connection without any request yet is bounded by the time for a head.
    server = serve("--idle_timeout", "50", "--head_timeout", "50")
    with server.client() as fresh, server.client() as used:
        assert used.get("/").body == b"hello"
        assert used.at_end()
        assert fresh.at_end()
        assert server.metrics()["open"] == 0


def test_an_unfinished_head_is_408(serve) -> None:
    with serve("--head_timeout", "50").client() as client:
        client.send(b"GET / HTTP/1.1\r\nhost: a\r\n")
        refused(client, 408)


def test_an_unfinished_body_is_408(serve) -> None:
    with serve("--body_timeout", "50").client() as client:
        client.send(message("POST", "/body", content_length="10") + b"half")
        refused(client, 408)


def test_a_client_that_does_not_read_is_closed(serve) -> None:
    server = serve("--write_timeout", "50")
    client = server.client(receive_buffer=4096)
    client.send(message("GET", "/owned?size=50000000&tag=stuck"))
    assert server.wait("released stuck")
    client.close()


def test_a_pending_answer_is_not_idle(serve) -> None:
    server = serve("--idle_timeout", "30", "--head_timeout", "30", "--body_timeout", "30")
    with server.client() as slow, server.client() as idle:
        slow.send(message("GET", "/hold?tag=a"))
        server.wait("held a")
        assert idle.at_end()  # the timeouts have passed for this one
        server.do("body", "a", "late")
        server.do("finish", "a")
        assert slow.read().body == b"late"


def test_max_connections(serve) -> None:
    server = serve("--max_connections", "2")
    with server.client() as one, server.client() as two:
        assert one.get("/").body == two.get("/").body == b"hello"
        with server.client() as three:
            three.send(message("GET", "/"))
            # The third may wait for a place or be turned away, but is not among the open ones.
            assert server.metrics()["open"] == 2
            assert one.get("/").body == two.get("/").body == b"hello"
            one.close()
            if not three.at_end():
                assert three.read().status in (200, 503)
        two.get("/")


def test_a_thousand_idle_clients_cost_no_thread_and_others_are_served(serve) -> None:
    server = serve("--max_connections", "2000", "--idle_timeout", "600000")
    with server.client() as first:
        assert first.get("/").body == b"hello"
        before = server.threads()
        idle = [server.client() for _ in range(1000)]
        for client in idle:
            client.send(message("GET", "/"))
        for client in idle:
            assert client.read().body == b"hello"
        assert server.metrics()["open"] == 1001
        assert server.threads() == before
        for _ in range(10):
            assert first.get("/").body == b"hello"
        with server.client() as late:
            assert late.get("/").body == b"hello"
        for client in idle:
            assert client.get("/").body == b"hello"
            client.close()
