"""Streams of hosted applications: bounded memory both ways, and Starlette's own responses and forms."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from conftest import Client
from rawclient import RawClient
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from turboapi.server import Server

Connect = Callable[..., Client]
Serve = Callable[..., Server]
START = {"type": "http.response.start", "status": 200, "headers": []}
CHUNK = 64 * 1024
MANY = 512  # chunks: 32 MiB, more than sockets and the engine hold


def test_a_slow_reader_holds_the_application_back(serve: Serve) -> None:
    sent = 0
    stuck = threading.Event()
    read = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal sent
        await send(START)
        block = bytes(CHUNK)
        for _ in range(MANY):
            task = asyncio.ensure_future(
                send({"type": "http.response.body", "body": block, "more_body": True})
            )
            while not task.done():
                before = sent
                await asyncio.wait([task], timeout=0.2)
                if not task.done() and sent == before:
                    stuck.set()  # the client takes nothing, and so send() waits
            await task
            sent += 1
        await send({"type": "http.response.body", "body": b"end"})
        read.set()

    server = serve(app, lifespan="off")
    with RawClient(server.port, receive_buffer=65536) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        stuck.wait()
        assert sent < MANY / 2  # the kernel's buffers and the engine's window, no more
        client.read_head()
        total, last = 0, b""
        while chunk := client.read_chunk():
            total, last = total + len(chunk), chunk
    read.wait()
    assert total == MANY * CHUNK + 3 and last.endswith(b"end")


def test_an_application_that_does_not_read_holds_the_client_back(serve: Serve) -> None:
    go = threading.Event()
    largest = 0
    digest = hashlib.sha256()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal largest
        while not go.is_set():
            await asyncio.sleep(0.005)
        more = True
        while more:
            message = await receive()
            largest = max(largest, len(message["body"]))
            digest.update(message["body"])
            more = message["more_body"]
        await send(START)
        await send({"type": "http.response.body", "body": digest.hexdigest().encode()})

    data = b"".join(i.to_bytes(4) for i in range(MANY * CHUNK // 4))
    server = serve(app, lifespan="off", body_timeout=600_000)
    with RawClient(server.port) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(data))
        client.socket.setblocking(False)
        taken, pauses = 0, 0
        while pauses < 20:  # until the kernel's buffers are full and stay full
            try:
                taken += client.socket.send(data[taken : taken + CHUNK])
                pauses = 0
            except BlockingIOError:
                pauses += 1
                threading.Event().wait(0.01)
        assert taken < len(data) / 2
        client.socket.setblocking(True)
        go.set()
        client.send(data[taken:])
        client.read_head()
        assert client.read_exactly(64) == hashlib.sha256(data).hexdigest().encode()
    assert largest <= 4 * CHUNK


def test_both_directions_at_once(serve: Serve) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        more = True
        while more:
            message = await receive()
            more = message["more_body"]
            await send({"type": "http.response.body", "body": message["body"], "more_body": more})

    with RawClient(serve(app, lifespan="off").port) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.send(b"3\r\none\r\n")
        assert client.read_head()[0] == 200
        assert client.read_chunk() == b"one"  # before the second is written
        client.send(b"3\r\ntwo\r\n")
        assert client.read_chunk() == b"two"
        client.send(b"0\r\n\r\n")
        assert client.read_chunk() == b""


# --- an unchanged Starlette application ---------------------------------------------------------


async def count(request: Request) -> Response:
    async def parts() -> AsyncIterator[str]:
        for i in range(5):
            yield f"{i}\n"
            await asyncio.sleep(0)

    return StreamingResponse(parts(), media_type="text/plain")


def count_in_a_thread(request: Request) -> Response:
    def parts() -> Iterator[bytes]:
        for i in range(5):
            yield b"%d\n" % i

    return StreamingResponse(parts(), media_type="text/plain")


async def upload(request: Request) -> Response:
    async with request.form() as form:
        file: Any = form["file"]
        data = await file.read()
        return JSONResponse(
            {"field": form["field"], "name": file.filename, "sha": hashlib.sha256(data).hexdigest()}
        )


async def raw_upload(request: Request) -> Response:
    digest = hashlib.sha256()
    async for part in request.stream():
        digest.update(part)
    return JSONResponse(digest.hexdigest())


async def this_file(request: Request) -> Response:
    return FileResponse(__file__)


@pytest.fixture
def starlette_app() -> Starlette:
    done: list[str] = []

    async def background(request: Request) -> Response:
        return JSONResponse(list(done), background=BackgroundTask(done.append, "ran"))

    return Starlette(
        routes=[
            Route("/count", count),
            Route("/threaded", count_in_a_thread),
            Route("/upload", upload, methods=["POST"]),
            Route("/raw", raw_upload, methods=["POST"]),
            Route("/file", this_file),
            Route("/background", background),
        ]
    )


@pytest.mark.parametrize("path", ["/count", "/threaded"])
def test_a_streaming_response(connect: Connect, starlette_app: Starlette, path: str) -> None:
    client = connect(starlette_app)
    for _ in range(3):
        answer = client.get(path)
        assert (answer.status, answer.body) == (200, b"0\n1\n2\n3\n4\n")
        assert answer.header("transfer-encoding") == "chunked"
        assert answer.header("content-type") == "text/plain; charset=utf-8"
        assert client.request("HEAD", path).body == b""


def test_an_upload(connect: Connect, starlette_app: Starlette) -> None:
    data = bytes(range(256)) * 12_000
    parts = b"".join(
        [
            b'--cut\r\nContent-Disposition: form-data; name="field"\r\n\r\nvalue\r\n',
            b'--cut\r\nContent-Disposition: form-data; name="file"; filename="f.bin"\r\n\r\n',
            data,
            b"\r\n--cut--\r\n",
        ]
    )
    client = connect(starlette_app)
    answer = client.request(
        "POST", "/upload", body=parts, headers={"content-type": "multipart/form-data; boundary=cut"}
    )
    sha = hashlib.sha256(data).hexdigest()
    assert answer.json() == {"field": "value", "name": "f.bin", "sha": sha}
    assert client.request("POST", "/raw", body=data).json() == sha


def test_files_and_background_tasks(connect: Connect, starlette_app: Starlette) -> None:
    client = connect(starlette_app)
    with open(__file__, "rb") as file:
        assert client.get("/file").body == file.read()
    client.get("/background")
    while client.get("/background").json()[:1] != ["ran"]:
        continue
