# SPDX-License-Identifier: MIT
"""The bounds of heads, chunk extensions and trailers: below, at and past each of them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from client import Client, message

LIMIT = 300


def request_line(size: int) -> bytes:
    return message("GET", "/echo/" + "x" * (size - len("GET /echo/ HTTP/1.1")))


def one_header(size: int) -> bytes:
    return message("GET", "/echo", name="x" * (size - len("name: ")))


def blanks(size: int) -> bytes:
    return message("GET", "/echo", name=" " * (size - len("name: ")))


def head(size: int) -> bytes:
    return message("GET", "/echo", name="x" * (size - len(message("GET", "/echo", name=""))))


def headers(size: int) -> bytes:
    return message("GET", "/echo", **{f"h{i}": "v" for i in range(size - 1)})  # and Host


def chunks(body: bytes) -> bytes:
    return message("POST", "/echo", body, transfer_encoding="chunked")


def extension(size: int) -> bytes:
    return chunks(b"1;%s\r\nx\r\n0\r\n\r\n" % (b"x" * (size - 1)))


def extensions(size: int) -> bytes:
    return chunks(b"1;%s\r\nx\r\n" % (b"x" * 9) * (size // 10 - 1) + last(size % 10 + 10))


def last(size: int) -> bytes:
    return b"0;%s\r\n\r\n" % (b"x" * (size - 1))


def trailer(size: int) -> bytes:
    return chunks(b"0\r\nname: %s\r\n\r\n" % (b"x" * (size - len("name: \r\n"))))


def trailers(size: int) -> bytes:
    return chunks(b"0\r\n" + b"t: v\r\n" * size + b"\r\n")


@pytest.mark.parametrize(
    ("option", "build", "status"),
    [
        ("max_request_line", request_line, 414),
        ("max_header", one_header, 431),
        ("max_header", blanks, 431),
        ("max_head", head, 431),
        ("max_headers", headers, 431),
        ("max_chunk_extension", extension, 400),
        ("max_chunk_extensions", extensions, 400),
        ("max_trailer", trailer, 431),
        ("max_trailers", trailers, 431),
    ],
)
def test_limits(serve, option: str, build: Callable[[int], bytes], status: int) -> None:
    room = {"--max_head": LIMIT * 20}  # the other limits are met first
    limits = {**room, f"--{option}": LIMIT}
    server = serve(*(str(word) for pair in limits.items() for word in pair))
    with server.client() as client:
        for size in (LIMIT - 1, LIMIT):
            client.send(build(size))
            assert client.read().status == 200
        client.send(build(LIMIT + 1))
        answer = client.read()
        assert (answer.status, answer.get("connection")) == (status, "close")
        assert "detail" in json.loads(answer.body)
        assert client.at_end()
    with server.client() as client:
        client.send_bytewise(build(LIMIT))
        assert client.read().status == 200


def test_the_largest_head_is_served(serve) -> None:
    size = 1 << 20
    server = serve("--max_head", str(size), "--max_header", str(size))
    with server.client() as client:
        client.send(head(size))
        assert len(json.loads(client.read().body)["headers"][1][1]) > size - 1000
        client.send(head(size + 1))
        assert client.read().status == 431


def test_underscores_pass_by_default(client: Client) -> None:
    client.send(b"GET /echo HTTP/1.1\r\nHost: h\r\nContent_Length: 3\r\n\r\n")
    assert ["Content_Length", "3"] in json.loads(client.read().body)["headers"]
    assert client.get("/").body == b"hello"


def test_underscores_are_dropped_on_request(serve) -> None:
    with serve("--underscores", "1").client() as client:
        client.send(b"GET /echo HTTP/1.1\r\nHost: h\r\nContent_Length: 3\r\nA-B: c_d\r\n\r\n")
        assert json.loads(client.read().body)["headers"] == [["Host", "h"], ["A-B", "c_d"]]


def test_underscores_are_refused_on_request(serve) -> None:
    with serve("--underscores", "2").client() as client:
        assert client.get("/", name="a_b").body == b"hello"
        client.send(b"GET /echo HTTP/1.1\r\nHost: h\r\nContent_Length: 3\r\n\r\n")
        assert client.read().status == 400
        assert client.at_end()
