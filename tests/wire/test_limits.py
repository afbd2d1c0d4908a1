# SPDX-License-Identifier: MIT
"""Every limit that a client can run into."""

from __future__ import annotations

import json
import select

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
        for size in (999, 1000):
            assert client.request("POST", "/body", b"x" * size).status == 200
        client.send(message("POST", "/body", content_length="1001"))  # and not one byte of it
        refused(client, 413)


def test_chunked_body_too_large(serve) -> None:
    server = serve("--max_body", "1000")
    with server.client() as client:
        for size in (999, 1000):
            parts = chunked(b"x" * 600, b"x" * (size - 600))
            client.send(message("POST", "/body", parts, transfer_encoding="chunked"))
            assert client.read().body == b"x" * size
        part = b"258\r\n" + b"x" * 600 + b"\r\n191\r\n" + b"x" * 401 + b"\r\n"
        client.send(message("POST", "/body", part, transfer_encoding="chunked"))
        refused(client, 413)


@pytest.mark.parametrize("server_limit", ["1", "1000000"])
def test_limit_of_one_route(serve, server_limit: str) -> None:
    with serve("--max_body", server_limit).client() as client:
        for size in (9, 10):
            assert client.request("POST", "/small-body", b"x" * size).body == b"x" * size
        client.send(message("POST", "/small-body", b"x" * 11))
        refused(client, 413)


@pytest.mark.parametrize(
    "start", [b"broken\r\n\r\n", message("POST", "/body", content_length="99999999")]
)
def test_a_refused_client_that_goes_on_sending_gets_its_answer(client, start: bytes) -> None:
    # A close with unread input would reset the connection: RFC 9112 §9.6.
    client.send(start + bytes(5_000_000))
    refused(client, 400 if start.startswith(b"broken") else 413)


def test_a_refused_client_may_go_on_sending_for_a_while(server) -> None:
    with server.client() as talks, server.client() as silent:
        for client in (talks, silent):
            client.send(b"broken\r\n\r\n")
            refused(client, 400)
        while server.metrics()["open"] == 2:
            talks.send(b"more")
            select.select([], [], [], 0.02)
        for _ in range(3):  # it is the silent one that has been closed
            talks.send(b"more")
            assert server.metrics()["open"] == 1


# --- times -----------------------------------------------------------------------


def test_idle_connections_are_closed(serve) -> None:
    # The time for a head counts from its first byte: these have sent none.
    server = serve("--idle_timeout", "50", "--head_timeout", "600000")
    with server.client() as fresh, server.client() as used:
        assert used.get("/").body == b"hello"
        assert used.at_end()
        assert fresh.at_end()
        assert server.metrics()["open"] == 0


def test_the_time_for_a_head_counts_from_its_first_byte(serve) -> None:
    server = serve("--head_timeout", "50", "--idle_timeout", "600000")
    with server.client() as fresh, server.client() as begun:
        begun.send(b"G")
        refused(begun, 408)
        assert fresh.get("/").body == b"hello"


def trickle(client: Client, piece: bytes) -> None:
    """Sends piece after piece until the server answers."""
    while not select.select([client.socket], [], [], 0.005)[0]:
        client.send(piece)


def test_the_time_for_a_head_is_a_total(serve) -> None:
    with serve("--head_timeout", "100", "--max_head", "1000000").client() as client:
        client.send(b"GET / HTTP/1.1\r\nhost: a\r\nx: ")
        trickle(client, b"y")
        refused(client, 408)


def test_a_head_begun_before_a_slow_answer_has_its_time_too(serve) -> None:
    with serve("--head_timeout", "100").client(receive_buffer=4096) as client:
        client.send(message("GET", "/big?size=5000000") + b"GET / HT")
        assert len(client.read().body) == 5_000_000
        refused(client, 408)


def test_an_unfinished_head_is_408(serve) -> None:
    with serve("--head_timeout", "50").client() as client:
        client.send(b"GET / HTTP/1.1\r\nhost: a\r\n")
        refused(client, 408)


def test_an_unfinished_body_is_408(serve) -> None:
    with serve("--body_timeout", "50").client() as client:
        client.send(message("POST", "/body", content_length="10") + b"half")
        refused(client, 408)


def test_a_body_slower_than_the_rate_is_408(serve) -> None:
    with serve("--body_timeout", "100", "--body_rate", "1000000").client() as client:
        client.send(message("POST", "/body", content_length="1000000"))
        trickle(client, b"x")
        refused(client, 408)


def test_a_streamed_body_slower_than_the_rate_is_408(serve) -> None:
    server = serve("--body_timeout", "100", "--body_rate", "1000000")
    with server.client() as client:
        client.send(message("POST", "/upload", content_length="1000000"))
        trickle(client, b"x")
        assert server.wait("uploaded").endswith("TURBO_ETIMEOUT")
        refused(client, 408)


def test_a_body_faster_than_the_rate_may_take_long(serve) -> None:
    server = serve("--body_timeout", "100", "--body_rate", "1")
    with server.client() as client, server.client() as silent:
        client.send(message("POST", "/body", content_length="1000000"))
        silent.send(message("POST", "/body", content_length="2") + b"x")
        sent = 0
        while not select.select([silent.socket], [], [], 0.005)[0]:
            client.send(b"x" * 1000)
            sent += 1000
        refused(silent, 408)  # so the timeout is over for both
        client.send(b"x" * (1_000_000 - sent))
        assert len(client.read().body) == 1_000_000


def test_a_reader_that_waits_too_long_is_told(serve) -> None:
    server = serve("--body_timeout", "50")
    with server.client() as client:
        client.send(message("POST", "/hold-upload?tag=a", content_length="10") + b"half")
        server.wait("held a")
        server.do("read", "a")
        assert server.wait("data a").split()[2:] == ["4", "0", "TURBO_OK"]
        server.do("read", "a")
        assert server.wait("data a").split()[2:] == ["0", "0", "TURBO_ETIMEOUT"]
        assert server.do("read", "a") == "TURBO_ESTATE"
        server.do("body", "a", "my own answer")
        server.do("finish", "a")
        answer = client.read()
        assert (answer.body, answer.get("connection")) == (b"my own answer", "close")
        assert client.at_end()


@pytest.mark.parametrize("sent", [0, 4, 200_000])
def test_a_handler_that_does_not_read_is_not_the_clients_fault(serve, sent: int) -> None:
    server = serve("--body_timeout", "50", "--body_rate", "1000000000")
    with server.client() as client, server.client() as late:
        client.send(message("POST", "/hold-upload?tag=a", content_length=str(sent + 1)))
        server.wait("held a")
        client.send(b"x" * sent)  # fills the window, or not
        late.send(message("POST", "/body", content_length="2") + b"x")
        refused(late, 408)  # the timeout is over
        client.send(b"y")
        received = 0
        last = "0"
        while last == "0":
            assert server.do("read", "a") == "TURBO_OK"
            _, _, size, last, status = server.wait("data a").split()
            assert status == "TURBO_OK"
            received += int(size)
        assert received == sent + 1
        server.do("finish", "a")
        assert client.read().status == 200


def test_a_slow_reader_is_no_idle_client(serve) -> None:
    server = serve("--idle_timeout", "50", "--write_timeout", "600000")
    with server.client(receive_buffer=4096) as client, server.client() as idle:
        client.get("/")
        client.send(message("GET", "/static-big"))
        assert idle.at_end()
        rest = int(client.read_head().get("content-length") or 0)
        rest -= len(client.read_exactly(100_000))
        with server.client() as another:
            assert another.at_end()
        assert len(client.read_exactly(rest)) == rest


def test_a_client_that_reads_a_little_now_and_then_makes_progress(serve) -> None:
    # So little that the server's socket takes nothing more meanwhile: the kernel's buffers are large.
    server = serve("--write_timeout", "1000")
    client = server.client(receive_buffer=4096)
    client.send(message("GET", "/owned?size=50000000&tag=reads"))
    length = int(client.read_head().get("content-length") or 0)
    for i in range(2):
        with server.client(receive_buffer=4096) as stuck:
            stuck.send(message("GET", f"/owned?size=50000000&tag=stuck{i}"))
            while f"released stuck{i}" not in server.events:
                length -= len(client.read_exactly(2000))
                select.select([], [], [], 0.01)
                server.metrics()  # reads the events up to now
    assert len(client.read_exactly(length)) == length
    client.close()


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


# --- numbers ----------------------------------------------------------------------


@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize("pipelined", [True, False])
def test_requests_per_connection(serve, most: int, pipelined: bool) -> None:
    server = serve("--max_requests", str(most))
    with server.client() as client:
        if pipelined:
            client.send(message("GET", "/") * (most + 1))
        for i in range(1, most + 1):
            answer = client.read() if pipelined else client.get("/")
            assert answer.get("connection") == ("close" if i == most else None)
        assert client.at_end()
        assert server.metrics()["requests"] == most


@pytest.mark.parametrize("workers", ["1", "2"])
def test_clients_past_max_connections_wait_and_then_get_503(serve, workers: str) -> None:
    server = serve("--max_connections", "2", "--workers", workers, "--retry_after", "7")
    with server.client() as one, server.client() as two:
        assert one.get("/").body == two.get("/").body == b"hello"
        with server.client() as three:
            three.send(message("GET", "/"))
            answer = three.read()
            assert (answer.status, answer.get("retry-after")) == (503, "7")
            assert answer.get("connection") == "close"
            assert "detail" in json.loads(answer.body)
            assert three.at_end()
        assert one.get("/").body == two.get("/").body == b"hello"
        metrics = server.metrics()
        assert (metrics["open"], metrics["connections"]) == (2, 2)


def test_a_place_that_gets_free_is_given_to_who_waits(serve) -> None:
    server = serve("--max_connections", "2")
    with server.client() as one, server.client() as two:
        assert one.get("/").body == two.get("/").body == b"hello"
        with server.client() as three:
            three.send(message("GET", "/"))
            two.close()
            assert three.read().status in (200, 503)  # 503 on a machine that stands still
        with server.client() as four:
            assert four.get("/").body == b"hello"


def test_a_pipelining_client_is_not_read_ahead_of_its_answers(server, client: Client) -> None:
    client.send(message("GET", "/hold?tag=a"))
    server.wait("held a")
    count = 5000
    client.send(message("GET", "/") * count)
    with server.client() as other:
        other.get("/")
    metrics = server.metrics()
    assert metrics["requests"] == 2
    assert metrics["bytes_in"] < 2 * 16 * 1024
    server.do("finish", "a")
    assert client.read().status == 200
    for _ in range(count):
        assert client.read().body == b"hello"


def test_a_pipelining_client_that_does_not_read_is_not_served_ahead(serve) -> None:
    server = serve("--max_pipelined", "4")
    client = server.client(receive_buffer=4096)
    count = 2000
    client.send(message("GET", "/big?size=100000") * count)
    served, turns = -1, 0
    with server.client() as other:
        while (now := server.metrics()["requests"] - turns) != served:
            served = now
            assert other.get("/").body == b"hello"  # the worker has had a turn
            turns += 1
    assert served < 200  # as many as the kernel's buffers hold, and one turn
    client.close()


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
    server = serve(
        "--max_connections", "2000", "--idle_timeout", "600000", "--offload_threads", "2"
    )
    with server.client() as first:
        assert first.get("/").body == b"hello"
        before = server.threads()
        idle = [server.client() for _ in range(1000)]
        for client in idle:
            client.send(message("GET", "/"))
        for client in idle:
            assert client.read().body == b"hello"
        assert server.metrics()["open"] == 1001
        assert server.threads() <= before + 2  # as many as a slow machine may want for handlers
        for _ in range(10):
            assert first.get("/").body == b"hello"
        with server.client() as late:
            assert late.get("/").body == b"hello"
        for client in idle:
            assert client.get("/").body == b"hello"
            client.close()
