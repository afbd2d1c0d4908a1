# SPDX-License-Identifier: MIT
"""Whose request it is: addresses of the socket, of a PROXY header, of header fields."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable

import pytest
from conftest import Server

from client import Client, message

Serve = Callable[..., Server]

LOOPBACK = ("--trusted_proxies", "10.0.0.0/8, 127.0.0.1")
PROXY = (*LOOPBACK, "--proxy_protocol", "1")
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LINE = b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"


def described(client: Client, **headers: str) -> dict[str, object]:
    answer = client.get("/echo", **headers)
    assert answer.status == 200
    return json.loads(answer.body)


def binary(command: int, family: int, data: bytes) -> bytes:
    return SIGNATURE + struct.pack(">BBH", command, family, len(data)) + data


def relayed(source: str, port: int, extensions: bytes = b"") -> bytes:
    addresses = socket.inet_aton(source) + socket.inet_aton("198.51.100.2")
    return binary(0x21, 0x11, addresses + struct.pack(">HH", port, 443) + extensions)


# --- header fields -------------------------------------------------------------------------------


def test_nobody_is_believed_by_default(client: Client) -> None:
    seen = described(
        client,
        forwarded="for=192.0.2.1;proto=https;host=a.example",
        x_forwarded_for="192.0.2.2",
        x_forwarded_proto="https",
        x_forwarded_host="b.example",
    )
    assert (seen["peer"], seen["peer_port"]) == ("127.0.0.1", client.local_port)
    assert (seen["socket_peer"], seen["socket_port"]) == ("127.0.0.1", client.local_port)
    assert (seen["scheme"], seen["host"], seen["host_port"]) == ("http", "test", 80)


def test_a_proxy_that_is_not_listed_is_not_believed(serve: Serve) -> None:
    with serve("--trusted_proxies", "10.0.0.0/8").client() as client:
        assert described(client, x_forwarded_for="192.0.2.2")["peer"] == "127.0.0.1"


def test_a_redirect_keeps_the_scheme_that_the_client_spoke(serve: Serve) -> None:
    options = ["--redirect_slashes", "1", "--route", "GET /with/"]
    with serve(*LOOPBACK, *options).client() as client:
        for proto in ("http", "https"):
            answer = client.get("/with", x_forwarded_proto=proto)
            assert (answer.status, answer.get("location")) == (307, f"{proto}://test/with/")
    with serve(*options).client() as client:
        answer = client.get("/with", x_forwarded_proto="https")
        assert answer.get("location") == "http://test/with/"


def test_trusted_proxies_are_believed(serve: Serve) -> None:
    with serve(*LOOPBACK).client() as client:
        seen = described(
            client,
            x_forwarded_for="198.51.100.9, 192.0.2.2, 10.1.1.1",
            x_forwarded_proto="https",
            x_forwarded_host="b.example",
            x_forwarded_port="8443",
        )
        assert (seen["peer"], seen["peer_port"]) == ("192.0.2.2", 0)
        assert (seen["socket_peer"], seen["socket_port"]) == ("127.0.0.1", client.local_port)
        assert (seen["scheme"], seen["host"], seen["host_port"]) == ("https", "b.example", 8443)
        seen = described(client)  # another request of the same connection
        assert (seen["peer"], seen["scheme"]) == ("127.0.0.1", "http")
    with serve(*LOOPBACK, "--forwarding", "1").client() as client:
        seen = described(client, forwarded='for="[2001:db8::1]:99";proto=https')
        assert (seen["peer"], seen["peer_port"]) == ("2001:db8::1", 99)
        assert (seen["scheme"], seen["host"], seen["host_port"]) == ("https", "test", 443)


@pytest.mark.parametrize(
    ("forwarding", "peer"),
    [("0", "192.0.2.2"), ("1", "192.0.2.1"), ("2", "192.0.2.1"), ("3", "127.0.0.1")],
)
def test_the_kind_of_fields_can_be_chosen(serve: Serve, forwarding: str, peer: str) -> None:
    with serve(*LOOPBACK, "--forwarding", forwarding).client() as client:
        seen = described(client, forwarded="for=192.0.2.1", x_forwarded_for="192.0.2.2")
        assert seen["peer"] == peer


def test_malformed_fields_are_no_error(serve: Serve) -> None:
    with serve(*LOOPBACK, "--forwarding", "2").client() as client:
        assert described(client, forwarded='for="')["peer"] == "127.0.0.1"
        assert described(client, x_forwarded_for="x, 10.0.0.1")["peer"] == "10.0.0.1"


def test_the_authority_of_an_absolute_target_is_the_host(client: Client) -> None:
    client.send(b"GET http://a.example:81/echo HTTP/1.1\r\nHost: b.example:82\r\n\r\n")
    seen = json.loads(client.read().body)
    assert (seen["host"], seen["host_port"]) == ("a.example", 81)


# --- PROXY headers -------------------------------------------------------------------------------


@pytest.mark.parametrize("header", [LINE, relayed("192.0.2.1", 56324, b"\x04\x00\x03abc")])
@pytest.mark.parametrize("how", ["alone", "with the request", "byte by byte"])
def test_a_proxy_header_tells_the_client(serve: Serve, header: bytes, how: str) -> None:
    with serve(*PROXY).client() as client:
        request = message("GET", "/echo")
        if how == "alone":
            client.send(header)
            client.send(request)
        elif how == "with the request":
            client.send(header + request)
        else:
            client.send_bytewise(header + request)
        seen = json.loads(client.read().body)
        for _ in range(2):  # it holds for the whole connection
            assert (seen["peer"], seen["peer_port"]) == ("192.0.2.1", 56324)
            assert (seen["local"], seen["local_port"]) == ("198.51.100.2", 443)
            assert (seen["socket_peer"], seen["socket_port"]) == ("127.0.0.1", client.local_port)
            seen = described(client, x_forwarded_for="203.0.113.5")  # not a proxy's word


def test_requests_behind_the_header_may_be_pipelined(serve: Serve) -> None:
    with serve(*PROXY).client() as client:
        client.send(LINE + message("POST", "/echo", b"one") + message("POST", "/echo", b"two"))
        for body in ("one", "two"):
            seen = json.loads(client.read().body)
            assert (seen["body"], seen["peer"]) == (body, "192.0.2.1")


@pytest.mark.parametrize(
    "header",
    [b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN 1 2 3\r\n", binary(0x20, 0, b""), binary(0x21, 0, b"")],
)
def test_a_proxy_may_speak_for_itself(serve: Serve, header: bytes) -> None:
    with serve(*PROXY).client() as client:
        client.send(header)
        seen = described(client, x_forwarded_for="192.0.2.7")
        assert (seen["peer"], seen["socket_peer"]) == ("192.0.2.7", "127.0.0.1")


def test_a_relayed_proxy_is_believed_too(serve: Serve) -> None:
    with serve(*PROXY).client() as client:
        client.send(relayed("10.0.0.9", 1))
        seen = described(client, x_forwarded_for="192.0.2.7")
        assert (seen["peer"], seen["socket_peer"]) == ("192.0.2.7", "127.0.0.1")


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (message("GET", "/echo"), "neither of its two signatures"),
        (b"PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n" + message("GET", "/echo"), "a port"),
        (b"PROXY TCP4 " + b"1" * 96, "the line is too long"),
        (binary(0x2F, 0x11, b""), "version or command"),
        (binary(0x21, 0x11, b"short"), "too short"),
        (SIGNATURE + b"\x21\x11\xff\xff", "65551 bytes, at most 4096"),
    ],
)
def test_a_malformed_header_closes_without_an_answer(
    serve: Serve, capfd: pytest.CaptureFixture[str], sent: bytes, reason: str
) -> None:
    server = serve(*PROXY)
    with server.client() as client:
        client.send(sent)
        assert client.at_end()
    line = capfd.readouterr().err
    assert line.startswith("connection from 127.0.0.1 closed: PROXY header: ") and reason in line
    assert server.metrics()["parse_errors"] == 1


def test_a_header_that_breaks_off_closes_the_connection(
    serve: Serve, capfd: pytest.CaptureFixture[str]
) -> None:
    server = serve(*PROXY)
    with server.client() as client:
        client.send(LINE[:20])
        client.socket.shutdown(socket.SHUT_WR)
        assert client.at_end()
    assert "not complete" in capfd.readouterr().err


def test_a_probe_that_sends_nothing_is_no_error(
    serve: Serve, capfd: pytest.CaptureFixture[str]
) -> None:
    server = serve(*PROXY)
    with server.client() as client:
        client.socket.shutdown(socket.SHUT_WR)
        assert client.at_end()
    assert capfd.readouterr().err == ""
    assert server.metrics()["parse_errors"] == 0


def test_a_header_that_does_not_come_is_waited_for_no_longer_than_a_request(serve: Serve) -> None:
    with serve(*PROXY, "--idle_timeout", "50", "--head_timeout", "50").client() as client:
        client.send(LINE[:20])
        assert client.at_end()


def test_a_waiting_connection_does_not_keep_the_server(serve: Serve) -> None:
    server = serve(*PROXY)
    with server.client() as client:
        client.send(LINE[:20])
        with server.client() as other:  # so that the first one is known to be open
            other.send(LINE)
            described(other)
        server.command("stop 0")
        server.wait("stopped 0 TURBO_OK")
        assert client.at_end()


@pytest.mark.parametrize("options", [("--proxy_protocol", "1"), LOOPBACK])
def test_for_others_a_proxy_header_is_no_request(serve: Serve, options: tuple[str, ...]) -> None:
    """Nobody is trusted, or PROXY is not asked for: the bytes are HTTP."""
    server = serve(*options)
    with server.client() as client:
        client.send(LINE + message("GET", "/echo"))
        assert client.read().status in (400, 501)  # no such method, no such target
        assert client.at_end()
    with server.client() as client:
        assert described(client)["peer"] == "127.0.0.1"
