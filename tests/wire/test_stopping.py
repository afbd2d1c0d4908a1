# SPDX-License-Identifier: MIT
"""Stopping, restarting, and several servers in one process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess

import pytest

from client import Client, message


def test_idle_connections_close_and_the_server_ends(server) -> None:
    with server.client() as fresh, server.client() as used:
        used.get("/")
        server.command("stop")
        assert used.at_end()
        assert fresh.at_end()
        assert server.wait("stopped") == "stopped 0 TURBO_OK"


def test_a_request_in_flight_is_answered_and_nothing_new_accepted(server, client: Client) -> None:
    client.send(message("GET", "/hold?tag=a"))
    server.wait("held a")
    with server.client() as idle:
        idle.get("/")
        server.command("stop")
        assert idle.at_end()
    with pytest.raises(OSError), server.client() as late:
        late.get("/")
    assert server.do("body", "a", "in time") == "TURBO_OK"
    assert server.do("finish", "a") == "TURBO_OK"
    answer = client.read()
    assert (answer.body, answer.get("connection")) == (b"in time", "close")
    assert client.at_end()
    assert server.wait("stopped")


def test_a_stream_and_an_upload_in_flight_finish(server) -> None:
    stream, upload = server.client(), server.client()
    stream.send(message("GET", "/hold?tag=s"))
    server.wait("held s")
    server.do("begin", "s", "-1")
    upload.send(message("POST", "/hold-upload?tag=u", content_length="4") + b"ab")
    server.wait("held u")
    server.command("stop")
    assert server.do("chunk", "s", "more") == "TURBO_OK"
    assert server.do("finish", "s") == "TURBO_OK"
    assert stream.read().body == b"more"
    assert stream.at_end()
    upload.send(b"cd")
    total = 0
    while total < 4:
        server.do("read", "u")
        total += int(server.wait("data u").split()[2])
    server.do("finish", "u")
    assert upload.read().status == 200
    assert upload.at_end()
    assert server.wait("stopped")


def test_a_request_that_has_just_come_is_answered(serve) -> None:
    server = serve("--step", "1")
    with server.client() as busy, server.client() as idle:
        assert busy.get("/").body == idle.get("/").body == b"hello"
        # Both are there when the server next looks, and it looks at the command first.
        os.kill(server.pid, signal.SIGSTOP)
        server.command("stop")
        busy.send(message("GET", "/"))
        os.kill(server.pid, signal.SIGCONT)
        answer = busy.read()
        assert (answer.body, answer.get("connection")) == (b"hello", "close")
        assert busy.at_end()
        assert idle.at_end()
        assert server.wait("stopped")


def test_refused_clients_that_stay_do_not_delay_the_end(serve) -> None:
    server = serve("--servers", "2", "--idle_timeout", "1500")  # less than clients may linger
    refused, witness = server.client(), Client(server.ports[1])
    refused.send(b"broken\r\n\r\n")
    assert refused.read().status == 400  # and does not close
    assert witness.get("/").body == b"hello"
    server.command("stop 0")
    assert server.wait("stopped") == "stopped 0 TURBO_OK"
    witness.socket.setblocking(False)
    with pytest.raises(BlockingIOError):  # it is still idle
        witness.socket.recv(1)
    assert refused.at_end()
    refused.close()
    witness.close()


def test_a_body_that_is_thrown_away_does_not_delay_the_end(server, client: Client) -> None:
    client.send(message("POST", "/nope", content_length="10") + b"half")
    assert client.read().status == 404
    server.command("stop")
    assert client.at_end()
    assert server.wait("stopped")


@pytest.mark.parametrize("begun", [b"", b"PROXY TCP4 192.0"])
def test_a_proxy_whose_header_is_not_complete_does_not_delay_the_end(serve, begun: bytes) -> None:
    server = serve("--proxy_protocol", "1", "--trusted_proxies", "127.0.0.1")
    with server.client() as client, server.client() as other:
        client.send(begun)
        other.send(b"PROXY UNKNOWN\r\n" + message("GET", "/"))  # the server has had its turn
        assert other.read().body == b"hello"
        server.command("stop")
        assert client.at_end()
        assert server.wait("stopped")


@pytest.mark.parametrize(
    "begun", [b"GET / HTTP/1.1\r\nho", message("POST", "/body", content_length="4")]
)
def test_a_request_that_is_coming_is_answered(server, client: Client, begun: bytes) -> None:
    client.send(begun)
    with server.client() as idle:
        idle.get("/")
        server.command("stop")
        assert idle.at_end()
    client.send(b"st: a\r\n\r\n" if begun.startswith(b"GET") else b"body")
    answer = client.read()
    assert (answer.status, answer.get("connection")) == (200, "close")
    assert client.at_end()
    assert server.wait("stopped")


def test_a_request_that_never_comes_ends_with_the_grace(serve) -> None:
    server = serve("--grace", "50", "--head_timeout", "600000")
    with server.client() as client:
        client.send(b"GET / HT")
        server.command("stop")
        assert client.at_end()
        assert server.wait("stopped")


def test_a_second_stop_closes_at_once(server, client: Client) -> None:
    client.send(message("GET", "/hold?tag=a"))
    server.wait("held a")
    server.command("stop")
    server.command("stop")
    assert client.at_end()
    assert server.wait("closed a")
    assert server.do("finish", "a") == "TURBO_ECANCELLED"
    assert server.wait("stopped")


def test_the_grace_ends(serve) -> None:
    server = serve("--grace", "50")
    with server.client() as client:
        client.send(message("GET", "/hold?tag=a"))
        server.wait("held a")
        server.command("stop")
        assert client.at_end()
        assert server.wait("closed a")
        assert server.do("finish", "a") == "TURBO_ECANCELLED"
        assert server.wait("stopped")


def test_a_blocked_handler_is_waited_for(server, client: Client) -> None:
    client.send(message("GET", "/block?tag=a"))
    server.wait("entered a")
    server.command("stop")
    server.command("open")
    assert client.read().body == b"a"
    assert client.at_end()
    assert server.wait("stopped")


def test_restart_on_the_same_port_in_one_process(server) -> None:
    for _ in range(3):
        with server.client() as client:
            assert client.get("/").body == b"hello"
            server.command("restart 0")
            assert client.at_end()
        server.wait("stopped")
        assert server.wait("listening").split()[2] == str(server.port)
    with server.client() as client:
        assert client.get("/").body == b"hello"


def test_another_process_takes_the_port_over(serve) -> None:
    first = serve()
    with first.client() as client:
        client.get("/")
        first.end()  # the server closes first: its side stays in TIME_WAIT
    second = serve("--port", str(first.port))
    assert second.port == first.port
    with second.client() as client:
        assert client.get("/").body == b"hello"


def test_two_processes_share_a_port(serve) -> None:
    first = serve("--reuse_port", "1")
    second = serve("--reuse_port", "1", "--port", str(first.port))
    clients = [first.client() for _ in range(20)]
    for client in clients:
        assert client.get("/").body == b"hello"
        client.close()
    second.command("stop")
    assert second.wait("stopped")
    with first.client() as client:
        assert client.get("/").body == b"hello"


def test_several_servers_in_one_process(serve) -> None:
    server = serve("--servers", "3")
    assert len(set(server.ports)) == 3
    clients = [Client(port) for port in server.ports]
    for client in clients:
        assert client.get("/").body == b"hello"
    server.command("stop 1")
    assert server.wait("stopped") == "stopped 1 TURBO_OK"
    assert clients[1].at_end()
    for client in (clients[0], clients[2]):
        assert client.get("/").body == b"hello"
        client.close()


@pytest.mark.parametrize("workers", ["1", "2", "4"])
def test_stop_with_many_clients(serve, workers: str) -> None:
    server = serve("--workers", workers)
    clients = [server.client() for _ in range(50)]
    for client in clients:
        assert client.get("/").body == b"hello"
    server.command("stop")
    for client in clients:
        assert client.at_end()
    assert server.wait("stopped")


def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [os.environ["WIRE_SERVER"], "--port", port], capture_output=True, text=True
        )
    assert done.returncode == 1
    assert port in done.stderr and "in use" in done.stderr
