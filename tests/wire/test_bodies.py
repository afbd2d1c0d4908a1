# SPDX-License-Identifier: MIT
"""Request bodies, and answers' bodies by each way of giving one."""

from __future__ import annotations

import json

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
@pytest.mark.parametrize("path", ["/big", "/owned", "/stream", "/stream?known=1", "/stream?owned=1"])
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


def test_a_body_of_a_get_is_read_and_dropped(client: Client) -> None:
    client.send(message("GET", "/", b"x" * 1000) + message("GET", "/"))
    assert [client.read().body for _ in range(2)] == [b"hello"] * 2
