# SPDX-License-Identifier: MIT
"""Handlers that block do not stall the others: the baton passes on (order of events, no clock)."""

from __future__ import annotations

import select

from client import Client, message


def block(server, tags: list[str], path: str = "/block") -> dict[str, Client]:
    clients = {}
    for tag in tags:
        clients[tag] = server.client()
        clients[tag].send(message("GET", f"{path}?tag={tag}"))
    return clients


def finish(server, clients: dict[str, Client]) -> None:
    server.command("open")
    for tag, client in clients.items():
        assert client.read().body == tag.encode()
        assert client.get("/").body == b"hello"
        client.close()


def test_forty_blocked_handlers_leave_the_server_answering(server) -> None:
    tags = [f"b{i}" for i in range(40)]
    clients = block(server, tags)
    for tag in tags:
        server.wait(f"entered {tag}")  # all of them run at once, none has returned
    with server.client() as client:
        for _ in range(20):
            assert client.get("/").body == b"hello"
        assert client.get("/static").status == 200
    assert server.metrics()["handovers"] > 0
    finish(server, clients)


def test_the_same_from_two_workers(serve) -> None:
    server = serve("--workers", "2")
    tags = [f"b{i}" for i in range(40)]
    clients = block(server, tags)
    for tag in tags:
        server.wait(f"entered {tag}")
    others = [server.client() for _ in range(10)]
    for client in others:
        assert client.get("/").body == b"hello"
        client.close()
    finish(server, clients)


def test_requests_behind_a_blocked_one_wait_for_it_only_on_its_connection(server) -> None:
    clients = block(server, ["a"])
    server.wait("entered a")
    clients["a"].send(message("GET", "/echo/behind"))
    with server.client() as other:
        assert other.get("/").body == b"hello"
    server.command("open")
    assert clients["a"].read().body == b"a"
    assert b"/echo/behind" in clients["a"].read().body
    clients["a"].close()


def test_a_client_that_leaves_a_blocked_handler(server) -> None:
    clients = block(server, ["a"])
    server.wait("entered a")
    clients["a"].reset()
    with server.client() as other:
        assert other.get("/").body == b"hello"
        server.command("open")
        assert other.get("/").body == b"hello"


def test_offloaded_routes_run_beside_the_worker(serve) -> None:
    server = serve("--offload_threads", "3")
    tags = ["a", "b", "c"]
    clients = block(server, tags, "/block-offload")
    for tag in tags:
        server.wait(f"entered {tag}")
    with server.client() as other:
        assert other.get("/").body == b"hello"
    assert server.metrics()["offloaded"] == 3
    finish(server, clients)


def test_a_full_offload_queue_is_503_with_retry_after(serve) -> None:
    server = serve("--offload_threads", "2", "--offload_queue", "3", "--retry_after", "9")
    running = block(server, ["r0", "r1"], "/block-offload")
    for tag in running:
        server.wait(f"entered {tag}")
    waiting = block(server, ["w0", "w1", "w2", "w3"], "/block-offload")
    sockets = {client.socket: tag for tag, client in waiting.items()}
    ready, _, _ = select.select(list(sockets), [], [])
    turned_away = [waiting.pop(sockets[ready_socket]) for ready_socket in ready]
    assert len(turned_away) == 1
    answer = turned_away[0].read()
    assert answer.status == 503
    assert answer.get("retry-after") == "9"
    with server.client() as other:
        assert other.get("/").body == b"hello"
    finish(server, {**running, **waiting})
    turned_away[0].close()


def test_more_blocked_handlers_than_threads(serve) -> None:
    server = serve("--offload_threads", "2", "--offload_queue", "100")
    tags = [f"b{i}" for i in range(10)]
    clients = block(server, tags)
    server.wait("entered b0")
    server.wait("entered")
    with server.client() as client:
        assert client.get("/static").status == 200
        finish(server, clients)
        assert client.get("/").body == b"hello"
