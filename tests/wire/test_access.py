# SPDX-License-Identifier: MIT
"""The access log: one record for each request, off the hot path, none lost unless it is told."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from dataclasses import dataclass

import pytest

from client import Client, message

LINE = re.compile(
    r'(?P<client>\S+) - - \[(?P<time>[^\]]+)\] "(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3})'
    r' (?P<bytes>\d+) "(?P<referer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)"'
)


@dataclass
class Record:
    """An access record: its members, and the line that turbo_access_format() makes of it."""

    fields: dict[str, str]
    line: dict[str, str]

    def number(self, name: str) -> int:
        return int(self.fields[name])


def read_record(event: str) -> Record:
    fields, _, line = event.removeprefix("access ").partition(" | ")
    match = LINE.fullmatch(line)
    assert match, line
    return Record(dict(pair.split("=", 1) for pair in fields.split(" ")), match.groupdict())


def record(server) -> Record:
    return read_record(server.wait("access"))


def raw(client: Client, data: bytes) -> bytes:
    """Sends a request that closes the connection; everything that came back."""
    client.send(data)
    return client.read_to_end()


# --- what a record says --------------------------------------------------------------------------


def test_a_record_has_what_was_sent_and_received(serve) -> None:
    server = serve("--access", "1")
    before = time.time()
    with server.client() as client:
        port = client.local_port
        data = message(
            "POST",
            "/body?a=b",
            b"12345",
            referer="http://example.com/",
            user_agent="test/1",
            connection="close",
        )
        got = raw(client, data)
    found = record(server)
    assert found.number("port") == port
    assert found.fields["route"] == "/body"
    assert found.number("version") == 11
    assert found.number("status") == 200
    assert found.number("in") == 5
    assert found.number("out") == len(got)
    assert before <= found.number("started") / 1e6 <= time.time()
    assert found.number("dropped") == 0
    assert found.line["client"] == "127.0.0.1"
    assert found.line["request"] == "POST /body?a=b HTTP/1.1"
    assert (found.line["status"], found.line["bytes"]) == ("200", str(len(got)))
    assert (found.line["referer"], found.line["agent"]) == ("http://example.com/", "test/1")
    made = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(found.number("started") // 10**6))
    assert found.line["time"] == made


@pytest.mark.parametrize(
    ("method", "target", "status", "route"),
    [
        ("GET", "/static", 200, "/static"),
        ("HEAD", "/static", 200, "/static"),
        ("HEAD", "/", 200, "/"),
        ("GET", "/big?size=300000", 200, "/big"),
        ("GET", "/owned?size=3000000", 200, "/owned"),
        ("GET", "/stream?size=5000", 200, "/stream"),
        ("GET", "/stream?size=5000&known=1", 200, "/stream"),
        ("GET", "/thread", 200, "/thread"),
        ("GET", "/status?code=204", 204, "/status"),
        ("GET", "/nowhere", 404, ""),
        ("DELETE", "/", 405, ""),
    ],
)
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_bytes_are_those_on_the_wire(
    serve, method: str, target: str, status: int, route: str, version: str
) -> None:
    server = serve("--access", "1")
    data = message(method, target, connection="close").replace(
        b"HTTP/1.1", f"HTTP/{version}".encode()
    )
    with server.client() as client:
        got = raw(client, data)
    found = record(server)
    assert found.number("out") == len(got)
    assert found.line["request"] == f"{method} {target} HTTP/{version}"
    assert (found.number("status"), found.fields["route"]) == (status, route)


def test_files(serve, tmp_path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 2_000_000)
    server = serve("--access", "1", "--file", str(path))
    with server.client() as client:
        got = raw(client, message("GET", "/file?length=2000000", connection="close"))
    assert len(got) > 2_000_000
    assert record(server).number("out") == len(got)


def test_kept_connections_say_so(serve) -> None:
    server = serve("--access", "1")
    data = message("GET", "/static", connection="keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0")
    with server.client() as client:
        client.send(data)
        client.read()
    one = record(server).number("out")
    with server.client() as client:
        got = raw(client, message("GET", "/static", connection="close"))
    assert one == len(got) + len("keep-alive") - len("close")


def test_what_a_client_sent_cannot_forge_a_line(serve) -> None:
    server = serve("--access", "1")
    agent = b'x" 200 0\\\xff\t'
    data = b"GET /static HTTP/1.1\r\nhost: a\r\nuser-agent: " + agent + b"y\r\n\r\n"
    with server.client() as client:
        client.send(data)
        assert client.read().status == 200
    assert record(server).line["agent"] == 'x\\" 200 0\\\\\\xff\\x09y'


def test_long_texts_are_cut(serve) -> None:
    server = serve("--access", "1")
    with server.client() as client:
        client.get("/echo/" + "x" * 3000, user_agent="y" * 1000, referer="z" * 1000)
    line = record(server).line
    assert line["request"] == "GET /echo/" + "x" * 1018 + " HTTP/1.1"
    assert (line["agent"], line["referer"]) == ("y" * 256, "z" * 256)


def test_the_client_behind_a_trusted_proxy(serve) -> None:
    server = serve("--access", "1", "--trusted_proxies", "127.0.0.1")
    with server.client() as client:
        client.get("/", x_forwarded_for="192.0.2.7")
        client.get("/", x_forwarded_for="203.0.113.9, 127.0.0.1")
        client.send(message("GET", "/hold?tag=a", x_forwarded_for="192.0.2.8"))
        server.wait("held a")
        client.reset()
    assert [record(server).line["client"] for _ in range(3)] == [
        "192.0.2.7",
        "203.0.113.9",
        "192.0.2.8",
    ]
    server.wait("closed a")
    server.do("finish", "a")


# --- every request, once -------------------------------------------------------------------------


def test_messages_that_were_no_requests(serve) -> None:
    server = serve("--access", "1")
    with server.client() as client:
        client.get("/")
        assert record(server).fields["route"] == "/"
        client.send(b"broken\r\n\r\n")
        got = client.read_to_end()
        port = client.local_port
    found = record(server)
    assert (found.line["request"], found.line["status"]) == ("-", "400")
    assert (found.number("out"), found.number("port")) == (len(got), port)
    assert (found.number("in"), found.number("version"), found.fields["route"]) == (0, 0, "")


def test_requests_that_were_broken_off(serve) -> None:
    server = serve("--access", "1")
    client = server.client()
    client.send(message("GET", "/hold?tag=a"))
    server.wait("held a")
    client.reset()
    found = record(server)
    assert (found.number("status"), found.line["status"]) == (0, "499")
    assert found.line["request"] == "GET /hold?tag=a HTTP/1.1"
    assert found.number("out") == 0
    server.wait("closed a")
    server.do("finish", "a")
    with server.client() as other:
        other.get("/")
    assert record(server).fields["route"] == "/"  # and no second one of /hold


def ask_many(port: int, number: int) -> None:
    with Client(port) as client:
        for turn in range(0, 100, 4):
            client.send(b"".join(message("GET", f"/echo/{number}-{turn + i}") for i in range(3)))
            for _ in range(3):
                client.read()
            client.get(f"/thread?n={number}-{turn}")


def test_each_request_has_one_record(serve) -> None:
    server = serve("--access", "1", "--workers", "2")
    threads = [threading.Thread(target=ask_many, args=(server.port, n)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = Counter(record(server).line["request"] for _ in range(800))
    assert set(found.values()) == {1}
    assert server.metrics()["access_dropped"] == 0


def test_records_of_one_connection_are_in_order(serve) -> None:
    server = serve("--access", "1")
    with server.client() as client:
        client.send(b"".join(message("GET", f"/echo/{i}") for i in range(200)))
        for _ in range(200):
            client.read()
    requests = [record(server).line["request"] for _ in range(200)]
    assert requests == [f"GET /echo/{i} HTTP/1.1" for i in range(200)]


# --- the queue -----------------------------------------------------------------------------------


def test_a_log_that_blocks_delays_nobody_and_losses_are_told(serve) -> None:
    server = serve("--access", "1", "--access_queue", "4")
    server.command("log-shut")
    server.metrics()  # commands are done in order: it is shut now
    with server.client() as client:
        for i in range(10):
            assert client.get(f"/echo/{i}").status == 200
        assert server.metrics()["access_dropped"] == 6
        server.command("log-open")
        first = [record(server) for _ in range(4)]
        assert [found.line["request"] for found in first] == [
            f"GET /echo/{i} HTTP/1.1" for i in range(4)
        ]
        assert {found.number("dropped") for found in first} == {0}
        client.get("/echo/more")
        assert record(server).number("dropped") == 6
        client.get("/echo/more")
        assert record(server).number("dropped") == 0
        assert server.metrics()["access_dropped"] == 6


@pytest.mark.parametrize("driving", [(), ("--workers", "2"), ("--step", "1")])
def test_a_graceful_stop_loses_no_record(serve, driving: tuple[str, ...]) -> None:
    server = serve("--access", "1", *driving)
    server.command("log-shut")
    with server.client() as client:
        client.send(message("GET", "/") * 300)
        for _ in range(300):
            client.read()
        client.send(message("GET", "/hold?tag=a"))
        server.wait("held a")
        server.command("stop")
        server.command("log-open")
        server.do("finish", "a")
        assert client.read().status == 200
    stopped = server.wait("stopped")
    assert stopped == "stopped 0 TURBO_OK"
    # Waiting for the end read all that came before it, and nothing comes after it.
    found = [read_record(event) for event in server.events if event.startswith("access")]
    assert len(found) == 301
    assert found[-1].fields["route"] == "/hold"


def test_without_a_log_there_is_no_thread_for_it(serve) -> None:
    plain, logging = serve(), serve("--access", "1")
    for server in (plain, logging):
        with server.client() as client:
            client.get("/")
    assert logging.threads() == plain.threads() + 1
    record(logging)
    assert not any(event.startswith("access") for event in plain.end())
