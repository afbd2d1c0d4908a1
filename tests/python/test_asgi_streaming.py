"""Large bodies in both directions: complete, in order, and never all in memory."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from wire import Wire

MEGABYTE = 1024 * 1024
# What may be on its way between two ends that have stopped: windows of the server, buffers of the kernel.
IN_FLIGHT = 8 * MEGABYTE


def post(path: str, length: int) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n".encode()


def test_a_download_waits_for_its_reader(serve: Any) -> None:
    sent = 0
    total = 64 * MEGABYTE
    stalled = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal sent
        length = str(total).encode()
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-length", length)],
            }
        )
        while sent < total:
            sending = asyncio.ensure_future(
                send({"type": "http.response.body", "body": b"x" * MEGABYTE, "more_body": True})
            )
            await asyncio.wait([sending], timeout=0.2)
            if not sending.done():
                stalled.set()
            await sending
            sent += MEGABYTE
        await send({"type": "http.response.body"})

    with Wire(serve(app, lifespan="off").port, receive_buffer=65536) as wire:
        wire.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        head = wire.head()
        stalled.wait()
        assert sent < IN_FLIGHT
        assert b"content-length: %d\r\n" % total in head
        assert wire.exactly(total).count(b"x") == total


def test_an_upload_waits_for_its_application(serve: Any) -> None:
    go = threading.Event()
    total = 64 * MEGABYTE
    largest = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal largest
        await asyncio.get_running_loop().run_in_executor(None, go.wait)
        digest, more = hashlib.sha256(), True
        while more:
            message = await receive()
            largest = max(largest, len(message["body"]))
            digest.update(message["body"])
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": digest.hexdigest().encode()})

    with Wire(serve(app, lifespan="off").port) as wire:
        wire.send(post("/", total))
        data = bytes(range(256)) * 4096
        taken = 0
        wire.socket.settimeout(0.5)  # the server has stopped reading when nothing goes for so long
        try:
            while taken < total:
                taken += wire.socket.send(data[taken % MEGABYTE :][: total - taken])
        except TimeoutError:
            pass
        assert taken < IN_FLIGHT
        wire.socket.settimeout(None)
        go.set()
        while taken < total:
            taken += wire.socket.send(data[taken % MEGABYTE :][: total - taken])
        wire.head()
        assert wire.exactly(64).decode() == hashlib.sha256(data * 64).hexdigest()
    assert largest <= MEGABYTE


def test_a_client_that_leaves_ends_a_stream(serve: Any) -> None:
    told = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

        async def stream() -> None:
            while True:
                part = {"type": "http.response.body", "body": b"x" * MEGABYTE, "more_body": True}
                await send(part)
                await asyncio.sleep(0)

        streaming = asyncio.create_task(stream())
        assert (await receive())["type"] == "http.request"
        assert (await receive())["type"] == "http.disconnect"
        streaming.cancel()
        told.set()

    with Wire(serve(app, lifespan="off").port, receive_buffer=65536) as wire:
        wire.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        wire.head()
    told.wait()


# --- a Starlette application, unchanged ----------------------------------------------------------


async def count_up(request: Request) -> Response:
    async def numbers() -> AsyncIterator[str]:
        for number in range(1000):
            yield f"{number}\n"
            if number % 100 == 0:
                await asyncio.sleep(0)

    return StreamingResponse(numbers(), media_type="text/plain")


async def form(request: Request) -> Response:
    async with request.form() as fields:
        upload = fields["file"]
        assert not isinstance(upload, str)
        content = await upload.read()
        found = {
            "field": fields["field"],
            "filename": upload.filename,
            "type": upload.content_type,
            "digest": hashlib.sha256(content).hexdigest(),
        }
    return JSONResponse(found)


async def raw(request: Request) -> Response:
    digest = hashlib.sha256()
    async for part in request.stream():
        digest.update(part)
    return PlainTextResponse(digest.hexdigest())


background: list[str] = []


async def later(request: Request) -> Response:
    async def note() -> None:
        await asyncio.sleep(0)
        background.append("ran")

    return PlainTextResponse("soon", background=BackgroundTask(note))


starlette = Starlette(
    routes=[
        Route("/count", count_up),
        Route("/form", form, methods=["POST"]),
        Route("/raw", raw, methods=["POST"]),
        Route("/later", later),
    ]
)


def test_starlette_streams(connect: Any) -> None:
    client = connect(starlette)
    for _ in range(2):
        answer = client.get("/count")
        assert answer.header("transfer-encoding") == "chunked"
        assert answer.header("content-type") == "text/plain; charset=utf-8"
        assert answer.body == "".join(f"{n}\n" for n in range(1000)).encode()


@pytest.mark.parametrize("size", [0, 100, 5 * MEGABYTE])
def test_starlette_uploads(connect: Any, size: int) -> None:
    content = b"0123456789abcdef" * (size // 16)
    body = (
        b'--cut\r\nContent-Disposition: form-data; name="field"\r\n\r\nvalue\r\n'
        b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n'
        b"Content-Type: application/x-test\r\n\r\n" + content + b"\r\n--cut--\r\n"
    )
    client = connect(starlette)
    answer = client.request(
        "POST", "/form", body=body, headers={"content-type": "multipart/form-data; boundary=cut"}
    )
    digest = hashlib.sha256(content).hexdigest()
    assert answer.json() == {
        "field": "value",
        "filename": "a.bin",
        "type": "application/x-test",
        "digest": digest,
    }
    assert client.request("POST", "/raw", body=content).body.decode() == digest


def test_starlette_errors_and_background_tasks(serve: Any) -> None:
    from conftest import Client

    background.clear()
    with serve(starlette) as server:
        client = Client(server.port)
        assert client.get("/nope").status == 404
        assert client.get("/form").status == 405
        assert client.get("/later").body == b"soon"
        client.connection.close()
    assert background == ["ran"]
