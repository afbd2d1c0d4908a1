"""Large, broken and slow request bodies: nothing but memory of the application bounds them."""

# mypy: disable-error-code="no-untyped-def"
# Endpoints have no return type where it would make a response model.

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Client
from pydantic import BaseModel
from rawclient import RawClient
from starlette.testclient import TestClient
from turboapi import FastAPI, Request, TurboAPI
from turboapi._native import BODY_IN_MEMORY
from turboapi.server import Server

Connect = Callable[..., Client]
Serve = Callable[..., Server]

MANY = 8 << 20
JSON = {"content-type": "application/json"}


class Item(BaseModel):
    name: str
    price: float


def make_app(**options: Any) -> TurboAPI:
    app = FastAPI(**options)

    @app.post("/def")
    def plain(item: Item):
        return {"length": len(item.name), "price": item.price}

    @app.post("/async")
    async def coroutine(item: Item):
        return {"length": len(item.name), "price": item.price}

    @app.post("/model", response_model=Item)
    def model(item: Item):
        return item

    @app.post("/ignore")
    def ignore(q: int = 0):
        return {"q": q}

    @app.post("/stream")
    async def stream(request: Request):
        return {"length": sum([len(part) async for part in request.stream()])}

    return app


def item_of(size: int, price: object = 1.5) -> bytes:
    """A JSON body of exactly ``size`` bytes."""
    frame = json.dumps({"name": "", "price": price})
    return frame.replace('""', '"' + "x" * (size - len(frame)) + '"').encode()


@pytest.mark.parametrize("path", ["/def", "/async", "/model", "/ignore", "/stream"])
@pytest.mark.parametrize("size", [BODY_IN_MEMORY - 1, BODY_IN_MEMORY, BODY_IN_MEMORY + 1, MANY])
def test_bodies_of_any_size_are_answered_as_by_fastapi(
    connect: Connect, path: str, size: int
) -> None:
    app = make_app()
    body = item_of(size)
    assert len(body) == size
    expected = TestClient(app).post(path, content=body, headers=JSON)
    client = connect(app)
    for _ in range(2):
        answer = client.request("POST", path, body=body, headers=JSON)
        assert (answer.status, answer.body) == (200, expected.content)


@pytest.mark.parametrize("path", ["/def", "/async"])
def test_a_large_body_in_chunks(serve: Serve, path: str) -> None:
    app = make_app()
    body = item_of(MANY)
    expected = TestClient(app).post(path, content=body, headers=JSON)
    with RawClient(serve(app).port) as client:
        for _ in range(2):
            client.send(
                b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n" % path.encode()
            )
            for at in range(0, MANY, 300_000):
                part = body[at : at + 300_000]
                client.send(b"%x\r\n%s\r\n" % (len(part), part))
            client.send(b"0\r\n\r\n")
            status, headers = client.read_head()
            assert status == 200
            assert client.read_exactly(int(headers["content-length"])) == expected.content


@pytest.mark.parametrize("path", ["/def", "/async"])
@pytest.mark.parametrize("broken", ["type", "json", "missing"])
def test_a_large_invalid_body_is_rejected_with_the_same_bytes(
    connect: Connect, path: str, broken: str
) -> None:
    app = make_app()
    body = {
        "type": item_of(MANY, "dear"),
        "json": item_of(MANY)[:-1],
        "missing": json.dumps({"name": "x" * MANY}).encode(),
    }[broken]
    expected = TestClient(app).post(path, content=body, headers=JSON)
    answer = connect(app).request("POST", path, body=body, headers=JSON)
    assert answer.status == expected.status_code == 422
    assert answer.body == expected.content


@pytest.mark.parametrize("path", ["/def", "/async"])
@pytest.mark.parametrize("limit", [100, MANY - 1, MANY])
def test_max_body_size_is_the_applications(connect: Connect, path: str, limit: int) -> None:
    app = make_app(max_body_size=limit)
    body = item_of(MANY)
    expected = TestClient(app).post(path, content=body, headers=JSON)
    assert expected.status_code == (200 if limit == MANY else 413)
    answer = connect(app).request("POST", path, body=body, headers=JSON)
    assert (answer.status, answer.body) == (expected.status_code, expected.content)


def test_what_nobody_reads_is_not_kept(serve: Serve) -> None:
    def resident() -> int:
        status = Path("/proc/self/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024

    server = serve(make_app())
    part = bytes(1 << 20)
    with RawClient(server.port) as client:
        before = resident()
        client.send(b"POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (128 << 20))
        client.send(part)
        status, headers = client.read_head()
        assert (status, headers["connection"]) == (200, "close")
        assert client.read_exactly(int(headers["content-length"])) == b'{"q":0}'
        try:
            for _ in range(127):
                client.send(part)
        except OSError:
            pass  # the server may give up on it
    assert resident() - before < 32 << 20


@pytest.mark.parametrize("path", ["/def", "/async", "/stream"])
@pytest.mark.parametrize("first", [0, 10, BODY_IN_MEMORY + 1])
def test_a_malformed_body_is_400_from_the_server(serve: Serve, path: str, first: int) -> None:
    with RawClient(serve(make_app()).port) as client:
        client.send(
            b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" % path.encode()
        )
        if first:
            client.send(b"%x\r\n%s\r\n" % (first, item_of(max(first, 50))[:first]))
        client.send(b"oh no\r\n")
        status, headers = client.read_head()
        assert status == 400
        client.read_exactly(int(headers["content-length"]))
        assert client.read_rest() == b""


@pytest.mark.parametrize("path", ["/def", "/async", "/stream"])
def test_a_body_that_does_not_come_is_408_from_the_server(serve: Serve, path: str) -> None:
    with RawClient(serve(make_app(), body_timeout=50).port) as client:
        client.send(
            b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Content-Length: 10\r\n\r\n{" % path.encode()
        )
        status, headers = client.read_head()
        assert (status, headers["connection"]) == (408, "close")
        client.read_exactly(int(headers["content-length"]))
        assert client.read_rest() == b""
