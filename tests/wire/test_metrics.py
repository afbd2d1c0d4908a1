# SPDX-License-Identifier: MIT
"""Counters: every request once, whatever became of it; and their Prometheus text."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest

from client import Client, chunked, message
from prometheus import Family, parse

Key = tuple[str, str, str]  # route, method, status


def scrape(server) -> dict[str, Family]:
    """The metrics over a connection of its own. Its own request is in flight meanwhile."""
    with server.client() as client:
        answer = client.get("/metrics")
        assert answer.status == 200
        assert answer.get("content-type") == "text/plain; version=0.0.4; charset=utf-8"
        return parse(answer.body)


def requests_of(families: dict[str, Family]) -> Counter[Key]:
    """Requests by route, method and status, those of the scrapes left out."""
    found: Counter[Key] = Counter()
    for (_, labels), value in families["turbo_http_requests_total"].samples.items():
        named = dict(labels)
        if named["route"] != "/metrics":
            found[named["route"], named["method"], named["status"]] = int(value)
    return found


def single(families: dict[str, Family], name: str) -> float:
    ((_, value),) = families[name].samples.items()
    return value


def histogram(families: dict[str, Family], route: str) -> tuple[float, int]:
    """Sum in seconds and count of a route's durations."""
    name = "turbo_http_request_duration_seconds"
    labels = frozenset({("route", route)})
    samples = families[name].samples
    return samples[f"{name}_sum", labels], int(samples[f"{name}_count", labels])


def check_sums(server, expected: Counter[Key]) -> None:
    """Text, numbers and what the clients know agree to the last request."""
    families = scrape(server)
    assert requests_of(families) == expected
    assert single(families, "turbo_http_requests_in_flight") == 1  # the scrape
    for route in {key[0] for key in expected}:
        count = sum(number for key, number in expected.items() if key[0] == route)
        assert histogram(families, route)[1] == count
    metrics = server.metrics()
    classes = [metrics[name] for name in ("broken", "1xx", "2xx", "3xx", "4xx", "5xx")]
    scrapes = 1
    assert sum(classes) == sum(expected.values()) + scrapes
    assert metrics["requests"] + metrics["refused_heads"] - metrics["in_flight"] == sum(classes)
    assert metrics["in_flight"] == 0


# --- one after the other -------------------------------------------------------------------------


def test_every_kind_of_answer_is_counted_once(serve) -> None:
    server = serve()
    server.command("open")
    expected: Counter[Key] = Counter()
    with server.client() as client:

        def ask(
            method: str, target: str, status: int, route: str, body: bytes | None = None
        ) -> None:
            assert client.request(method, target, body).status == status
            named = method if method != "PROPFIND" else "other"
            expected[route, named, str(status)] += 1

        ask("GET", "/", 200, "/")
        ask("HEAD", "/", 200, "/")
        ask("GET", "/static", 200, "/static")
        ask("HEAD", "/static", 200, "/static")
        ask("GET", "/big?size=1000000", 200, "/big")
        ask("GET", "/owned?size=1000000", 200, "/owned")
        ask("GET", "/status?code=204", 204, "/status")
        ask("GET", "/status?code=503", 503, "/status")
        ask("GET", "/fail", 500, "/fail")
        ask("POST", "/body", 200, "/body", b"x")
        ask("PUT", "/body", 200, "/body", b"x" * 100_000)
        ask("POST", "/json", 400, "/json", b"{")
        ask("GET", "/early", 200, "/early")
        ask("GET", "/thread", 200, "/thread")
        ask("GET", "/block?tag=a", 200, "/block")
        ask("GET", "/block-offload?tag=a", 200, "/block-offload")
        ask("GET", "/stream?size=10000", 200, "/stream")
        ask("POST", "/upload", 200, "/upload", b"x" * 10_000)
        ask("PROPFIND", "/echo", 200, "/echo")
        ask("GET", "/nowhere", 404, "")
        ask("DELETE", "/", 405, "")
        ask("GET", "/", 200, "/")
    check_sums(server, expected)


def test_routes_of_one_name_are_counted_together(serve) -> None:
    server = serve()
    with server.client() as client:
        client.request("POST", "/body", b"x")
        client.request("PUT", "/body", b"x")
    families = scrape(server)  # the reader refuses a series that comes twice
    assert requests_of(families) == {("/body", "POST", "200"): 1, ("/body", "PUT", "200"): 1}
    assert histogram(families, "/body")[1] == 2


def test_names_are_escaped(serve) -> None:
    server = serve("--route", 'GET /a"b\\c')
    with server.client() as client:
        assert client.get("/a%22b%5Cc").status == 200
    assert requests_of(scrape(server)) == {('/a"b\\c', "GET", "200"): 1}


def test_pipelined_requests_are_counted_each(serve) -> None:
    server = serve()
    with server.client() as client:
        client.send(message("GET", "/") * 40 + message("GET", "/nowhere"))
        for _ in range(41):
            client.read()
        assert server.metrics()["pipelined"] == 40
        client.get("/")  # alone
        assert server.metrics()["pipelined"] == 40
    check_sums(server, Counter({("/", "GET", "200"): 41, ("", "GET", "404"): 1}))


# --- refused -------------------------------------------------------------------------------------

KINDS = (
    "malformed",
    "timeouts",
    "large_bodies",
    "long_targets",
    "expectations",
    "large_heads",
    "unsupported",
    "versions",
    "bad_proxies",
)
REFUSED = [
    (b"GET / HTTP/1.1\r\nhost: a\r\nbad header\r\n\r\n", 400, "malformed", True),
    (b"GET /" + b"x" * 300 + b" HTTP/1.1\r\nhost: a\r\n\r\n", 414, "long_targets", True),
    (b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"x" * 600 + b"\r\n\r\n", 431, "large_heads", True),
    (b"GET / HTTP/3.0\r\nhost: a\r\n\r\n", 505, "versions", True),
    (b"GET / HTTP/1.1\r\nhost: a\r\n", 408, "timeouts", True),
    (message("POST", "/small-body", b"x" * 11), 413, "large_bodies", False),
    (message("POST", "/body", b"zz\r\n", transfer_encoding="chunked"), 400, "malformed", False),
    (message("POST", "/body", content_length="10") + b"half", 408, "timeouts", False),
]


@pytest.mark.parametrize(("data", "status", "kind", "unread"), REFUSED)
def test_refused_messages_are_counted_by_kind(
    serve, data: bytes, status: int, kind: str, unread: bool
) -> None:
    limits = ("--max_request_line", "200", "--max_head", "500")
    times = ("--head_timeout", "50", "--body_timeout", "50") if status == 408 else ()
    server = serve(*limits, *times)
    with server.client() as client:
        client.send(data)
        assert client.read().status == status
        assert client.at_end()
    metrics = server.metrics()
    assert {name: metrics[name] for name in KINDS if metrics[name]} == {kind: 1}
    assert metrics["parse_errors"] == 1
    assert metrics["refused_heads"] == (1 if unread else 0)
    route = "" if unread else {413: "small-body"}.get(status, "/body")
    method = "other" if unread else "POST"
    check_sums(server, Counter({(route, method, str(status)): 1}))
    errors = scrape(server)["turbo_http_parse_errors_total"].samples.values()
    assert sorted(errors) == [0] * 8 + [1]


def test_unsupported_and_unexpected(serve) -> None:
    server = serve()
    for extra, status in (({"transfer_encoding": "gzip, chunked"}, 501), ({"expect": "x"}, 417)):
        with server.client() as client:
            client.send(message("POST", "/body", b"", **extra))
            assert client.read().status == status
    metrics = server.metrics()
    assert (metrics["unsupported"], metrics["expectations"], metrics["parse_errors"]) == (1, 1, 2)


def test_connections_that_are_too_many(serve) -> None:
    server = serve("--max_connections", "1")
    with server.client() as first:
        assert first.get("/").status == 200
        with server.client() as second:
            assert second.read().status == 503
            assert second.at_end()
        metrics = server.metrics()
        assert (metrics["connections"], metrics["open"]) == (1, 1)
        assert (metrics["refused_connections"], metrics["refused_heads"]) == (1, 1)
        assert (metrics["5xx"], metrics["parse_errors"]) == (1, 0)
        answer = first.get("/metrics")
    families = parse(answer.body)
    assert single(families, "turbo_connections_refused_total") == 1
    assert single(families, "turbo_connections_accepted_total") == 1
    assert single(families, "turbo_connections_open") == 1
    assert requests_of(families) == {("/", "GET", "200"): 1, ("", "other", "503"): 1}


# --- broken off ----------------------------------------------------------------------------------


def test_a_client_that_leaves_is_counted_once(serve) -> None:
    server = serve()
    client = server.client()
    client.send(message("GET", "/hold?tag=a"))
    server.wait("held a")
    assert server.metrics()["in_flight"] == 1
    client.reset()
    server.wait("closed a")
    expected = Counter({("/hold", "GET", "0"): 1})
    check_sums(server, expected)
    server.do("finish", "a")  # too late, and no second request
    assert requests_of(scrape(server)) == expected


def test_a_client_that_leaves_within_its_body_is_counted(serve) -> None:
    server = serve()
    with server.client() as client:
        client.send(message("POST", "/body", content_length="10") + b"half")
        while server.metrics()["in_flight"] == 0:
            pass
    while server.metrics()["open"] > 0:
        pass
    check_sums(server, Counter({("/body", "POST", "0"): 1}))


def test_answers_given_up(serve) -> None:
    server = serve()
    with server.client() as client:
        client.send(message("GET", "/hold?tag=a"))
        server.wait("held a")
        server.do("abort", "a")
        assert client.at_end()
    with server.client() as client:
        client.send(message("GET", "/hold?tag=b"))
        server.wait("held b")
        server.do("begin", "b", "-1")
        server.do("chunk", "b", "some")
        client.read_until(b"some")
        server.do("abort", "b")
        client.read_to_end()
    check_sums(server, Counter({("/hold", "GET", "0"): 1, ("/hold", "GET", "200"): 1}))


# --- queue, durations, load ----------------------------------------------------------------------


def test_the_queue_for_offload_threads(serve) -> None:
    server = serve("--offload_threads", "1", "--offload_queue", "1")
    clients = [server.client() for _ in range(3)]
    clients[0].send(message("GET", "/block-offload?tag=a"))
    server.wait("entered a")
    clients[1].send(message("GET", "/block-offload?tag=b"))
    while server.metrics()["queued"] != 1:
        pass
    assert clients[2].get("/block-offload?tag=c").status == 503
    metrics = server.metrics()
    assert (metrics["queued"], metrics["queue_full"], metrics["offloaded"]) == (1, 1, 2)
    families = parse(clients[2].get("/metrics").body)
    assert single(families, "turbo_http_requests_queued") == 1
    assert single(families, "turbo_http_queue_full_total") == 1
    assert single(families, "turbo_http_requests_in_flight") == 3
    server.command("open")
    for client in clients[:2]:
        assert client.read().status == 200
        client.close()
    clients[2].close()
    check = Counter({("/block-offload", "GET", "200"): 2, ("/block-offload", "GET", "503"): 1})
    assert requests_of(scrape(server)) == check
    assert server.metrics()["queued"] == 0


@pytest.mark.parametrize("route", ["/hold", "/block", "/block-offload"])
def test_durations_lie_between_what_both_sides_saw(serve, route: str) -> None:
    server = serve()
    with server.client() as client:
        sent = time.monotonic()
        client.send(message("GET", f"{route}?tag=a"))
        server.wait("held a" if route == "/hold" else "entered a")
        entered = time.monotonic()
        time.sleep(0.05)
        left = time.monotonic()
        server.command("finish a" if route == "/hold" else "open")
        assert client.read().status == 200
        read = time.monotonic()
    total, count = histogram(scrape(server), route)
    assert count == 1
    assert left - entered <= total <= read - sent


@pytest.mark.parametrize("driving", [(), ("--step", "1")])
def test_durations_of_one_connection_do_not_overlap(serve, driving: tuple[str, ...]) -> None:
    server = serve(*driving)
    batch = message("GET", "/") * 3 + message("GET", "/nap?ms=20") + message("GET", "/static")
    with server.client() as client:
        begun = time.monotonic()
        client.send(batch * 2)
        for _ in range(10):
            assert client.read().status == 200
        elapsed = time.monotonic() - begun
    families = scrape(server)
    sums = {route: histogram(families, route)[0] for route in ("/", "/nap", "/static")}
    assert sums["/nap"] >= 0.04
    assert sum(sums.values()) <= elapsed


def test_a_body_that_is_waited_for_is_part_of_the_duration(serve) -> None:
    server = serve()
    with server.client() as client:
        client.send(message("POST", "/body", content_length="4"))
        while server.metrics()["in_flight"] == 0:
            pass
        begun = time.monotonic()
        time.sleep(0.05)
        waited = time.monotonic() - begun
        client.send(b"body")
        assert client.read().status == 200
    assert histogram(scrape(server), "/body")[0] >= waited


def run_mix(port: int, number: int, counted: list[Counter[Key]]) -> None:
    mine: Counter[Key] = Counter()
    with Client(port) as client:
        for turn in range(60):
            kind = (turn + number) % 6
            if kind == 0:
                client.send(message("GET", "/") * 5 + message("GET", "/nowhere"))
                assert [client.read().status for _ in range(6)] == [200] * 5 + [404]
                mine["/", "GET", "200"] += 5
                mine["", "GET", "404"] += 1
            elif kind == 1:
                assert client.get("/thread").status == 200
                mine["/thread", "GET", "200"] += 1
            elif kind == 2:
                body = chunked(b"x" * 100, b"y" * 1000)
                data = message("POST", "/upload", body, transfer_encoding="chunked")
                client.send(data)
                assert client.read().status == 200
                mine["/upload", "POST", "200"] += 1
            elif kind == 3:
                assert client.get("/stream?size=5000").status == 200
                mine["/stream", "GET", "200"] += 1
            elif kind == 4:
                assert client.get(f"/block-offload?tag={number}").status == 200
                mine["/block-offload", "GET", "200"] += 1
            else:
                assert client.get("/static").status == 200
                mine["/static", "GET", "200"] += 1
        client.send(b"broken\r\n\r\n")
        assert client.read().status == 400
        mine["", "other", "400"] += 1
    counted.append(mine)


def test_sums_are_exact_under_load(serve) -> None:
    server = serve("--workers", "2", "--offload_threads", "4")
    server.command("open")
    counted: list[Counter[Key]] = []
    threads = [
        threading.Thread(target=run_mix, args=(server.port, number, counted)) for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counted) == len(threads)
    check_sums(server, sum(counted, Counter()))
    assert server.metrics()["offloaded"] >= sum(
        one["/block-offload", "GET", "200"] for one in counted
    )
    assert server.metrics()["parse_errors"] == len(threads)


def test_bytes_and_connections_of_the_text(serve) -> None:
    server = serve()
    with server.client() as client:
        client.get("/big?size=100000")
        families = scrape(server)
        assert single(families, "turbo_connections_open") == 2
    assert single(families, "turbo_sent_bytes_total") > 100_000
    assert 0 < single(families, "turbo_received_bytes_total") < 10_000
    assert single(families, "turbo_access_records_dropped_total") == 0
