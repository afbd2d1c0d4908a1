"""What a hosted ASGI application sees and may send: the HTTP part of ASGI 3."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from wire import Wire

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]
START: Message = {"type": "http.response.start", "status": 200, "headers": []}


def hosted(handle: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """``handle`` as an application that knows no lifespan."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise RuntimeError("HTTP only")
        await handle(scope, receive, send)

    return app


async def answer(send: Send, body: bytes = b"", **start: Any) -> None:
    await send({**START, **start})
    await send({"type": "http.response.body", "body": body})


def request(
    path: str = "/", *, method: str = "GET", version: str = "1.1", extra: str = ""
) -> bytes:
    return f"{method} {path} HTTP/{version}\r\nHost: test\r\n{extra}\r\n".encode()


def test_scope(serve: Any) -> None:
    seen: list[Any] = []

    async def handle(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)
        await answer(send)

    server = serve(hosted(handle))
    with Wire(server.port) as wire:
        wire.send(
            request("/caf%C3%A9/a%2Fb?x=1&y=%20", extra="X-One: 1\r\nAccept: a\r\nX-one: 2\r\n")
        )
        wire.head()
        client = wire.socket.getsockname()
    (scope,) = seen
    assert scope == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", server.port),
        "client": client,
        "scheme": "http",
        "method": "GET",
        "root_path": "",
        "path": "/café/a/b",
        "raw_path": b"/caf%C3%A9/a%2Fb",
        "query_string": b"x=1&y=%20",
        "headers": [(b"host", b"test"), (b"x-one", b"1"), (b"accept", b"a"), (b"x-one", b"2")],
        "state": {},
    }


def test_root_path_is_put_in_front(serve: Any) -> None:
    seen: list[Any] = []

    async def handle(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["root_path"], scope["path"], scope["raw_path"]))
        await answer(send)

    with Wire(serve(hosted(handle), root_path="/api").port) as wire:
        wire.send(request("/x"))
        wire.head()
    assert seen == [("/api", "/api/x", b"/api/x")]


def test_requests_do_not_share_what_they_may_change(connect: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            assert (await receive())["type"] == "lifespan.startup"
            scope["state"]["made"] = "at start"
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        seen = json.dumps([scope["state"], scope["asgi"], scope.get("mine")]).encode()
        scope["state"]["made"] = scope["asgi"]["version"] = scope["mine"] = "changed"
        await answer(send, seen)

    client = connect(app)
    bodies = [client.get("/").json() for _ in range(2)]
    assert bodies[0] == bodies[1]
    assert bodies[0][0] == {"made": "at start"}


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        ("Content-Length: 11\r\n", b"hello world"),
        ("Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"),
    ],
)
@pytest.mark.parametrize("bytewise", [False, True])
def test_request_bodies(serve: Any, framing: str, body: bytes, bytewise: bool) -> None:
    async def handle(scope: Any, receive: Any, send: Any) -> None:
        got, more = b"", True
        while more:
            message = await receive()
            assert message["type"] == "http.request"
            got += message["body"]
            more = message["more_body"]
        await answer(send, got)

    with Wire(serve(hosted(handle)).port) as wire:
        for _ in range(2):  # the second request shows that the connection is in order
            wire.send(request(method="POST", extra=framing))
            for part in (body[i : i + 1] for i in range(len(body))) if bytewise else [body]:
                wire.send(part)
            assert b"200 OK" in wire.head()
            assert wire.exactly(11) == b"hello world"


def test_an_empty_body_is_one_message(connect: Any) -> None:
    async def handle(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, repr(await receive()).encode())

    body = connect(hosted(handle)).get("/").body
    assert body == b"{'type': 'http.request', 'body': b'', 'more_body': False}"


def test_a_cancelled_receive_loses_nothing(serve: Any) -> None:
    waiting = asyncio.Event()

    async def handle(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(2):
            task = asyncio.ensure_future(receive())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
        await send(START)
        await send({"type": "http.response.body", "body": b"go", "more_body": True})
        got, more = b"", True
        while more:
            message = await receive()
            got += message["body"]
            more = message["more_body"]
        await send({"type": "http.response.body", "body": got})

    del waiting
    with Wire(serve(hosted(handle)).port) as wire:
        wire.send(request(method="POST", extra="Content-Length: 4\r\n"))
        wire.head()
        wire.until(b"go\r\n")
        wire.send(b"data")
        assert wire.until(b"0\r\n\r\n") == b"4\r\ndata\r\n0\r\n\r\n"


def test_receive_after_the_response_is_a_disconnect(serve: Any) -> None:
    seen: list[Any] = []
    done = asyncio.Event()

    async def handle(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/seen":
            await done.wait()
            await answer(send, json.dumps(seen).encode())
            return
        await receive()
        waiting = [asyncio.create_task(receive()), asyncio.create_task(receive())]
        await asyncio.sleep(0)
        await answer(send)
        seen.extend([await task for task in waiting])
        seen.append(await receive())
        done.set()

    with Wire(serve(hosted(handle)).port) as wire:
        wire.send(request("/") + request("/seen"))
        wire.head()
        head = wire.head()
        assert b"200 OK" in head
        assert json.loads(wire.until(b"]")) == [{"type": "http.disconnect"}] * 3


def test_disconnect_while_waiting(serve: Any, connect: Any) -> None:
    seen: list[Any] = []
    told = asyncio.Event()

    async def handle(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/told":
            await told.wait()
            await answer(send, repr(seen).encode())
            return
        await receive()
        seen.append((await receive())["type"])
        await send(START)  # goes nowhere, and is no error
        await send({"type": "http.response.body", "body": b"x"})
        told.set()

    server = serve(hosted(handle))
    with Wire(server.port) as wire:
        wire.send(request())
    with Wire(server.port) as wire:
        wire.send(request("/told"))
        wire.head()
        assert wire.exactly(19) == b"['http.disconnect']"


def test_disconnect_in_the_middle_of_a_body(serve: Any) -> None:
    seen: list[Any] = []
    told = asyncio.Event()

    async def handle(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/told":
            await told.wait()
            await answer(send, seen[-1].encode())
            return
        while not seen or seen[-1] != "http.disconnect":
            seen.append((await receive())["type"])
        told.set()

    server = serve(hosted(handle))
    with Wire(server.port) as wire:
        wire.send(request(method="POST", extra="Content-Length: 10\r\n") + b"half")
    with Wire(server.port) as wire:
        wire.send(request("/told"))
        wire.head()
        assert wire.exactly(15) == b"http.disconnect"


def test_the_head_goes_out_before_the_body(serve: Any) -> None:
    """Server-sent events: the client gets the head although no event happened yet."""
    go: list[Any] = []

    async def handle(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/go":
            go[0].set()
            await answer(send)
            return
        go.append(asyncio.Event())
        await send({**START, "headers": [(b"content-type", b"text/event-stream")]})
        await go[0].wait()
        await send({"type": "http.response.body", "body": b"data: 1\n\n"})

    server = serve(hosted(handle))
    with Wire(server.port) as events, Wire(server.port) as other:
        events.send(request())
        assert b"content-type: text/event-stream" in events.head()
        other.send(request("/go"))
        other.head()
        assert events.until(b"0\r\n\r\n") == b"9\r\ndata: 1\n\n\r\n0\r\n\r\n"


@pytest.mark.parametrize("waits", [False, True])
def test_the_head_goes_out_from_a_child_task(serve: Any, waits: bool) -> None:
    async def handle(scope: Any, receive: Any, send: Any) -> None:
        async def child() -> None:
            if waits:
                await asyncio.sleep(0)
            await send(START)

        await asyncio.create_task(child())
        await receive()
        assert (await receive())["type"] == "http.disconnect"

    with Wire(serve(hosted(handle)).port) as wire:
        wire.send(request())
        assert b"transfer-encoding: chunked" in wire.head()


def test_concurrent_sends_keep_their_order(serve: Any) -> None:
    parts = [bytes([65 + i]) * 100_000 for i in range(8)]

    async def handle(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "headers": [(b"content-length", b"800000")]})
        await asyncio.gather(
            *(
                send({"type": "http.response.body", "body": part, "more_body": i < 7})
                for i, part in enumerate(parts)
            )
        )

    with Wire(serve(hosted(handle)).port, receive_buffer=4096) as wire:
        wire.send(request())
        wire.head()
        assert wire.exactly(800_000) == b"".join(parts)


def collect(errors: list[str]) -> Callable[..., Awaitable[None]]:
    async def attempt(send: Send, message: Any) -> None:
        try:
            await send(message)
        except Exception as exc:
            errors.append(f"{type(exc).__name__}: {exc}")

    return attempt


def test_messages_out_of_order(connect: Any) -> None:
    errors: list[str] = []
    attempt = collect(errors)

    async def handle(scope: Any, receive: Any, send: Any) -> None:
        await attempt(send, {"type": "http.response.body"})
        await attempt(send, {})
        await send(START)
        await attempt(send, START)
        await attempt(send, {"type": "nonsense"})
        await send({"type": "http.response.body", "body": b"ok"})
        await attempt(send, {"type": "http.response.body"})

    assert connect(hosted(handle)).get("/").body == b"ok"
    assert errors == [
        "RuntimeError: Expected ASGI message 'http.response.start', but got 'http.response.body'.",
        "KeyError: 'type'",
        "RuntimeError: Expected ASGI message 'http.response.body', but got 'http.response.start'.",
        "RuntimeError: Expected ASGI message 'http.response.body', but got 'nonsense'.",
        (
            "RuntimeError: Unexpected ASGI message 'http.response.body' sent, after response already "
            "completed."
        ),
    ]


@pytest.mark.parametrize(
    ("start", "error"),
    [
        ({"type": "http.response.start"}, "KeyError: 'status'"),
        ({**START, "status": "200"}, "TypeError"),
        ({**START, "status": 999}, "RuntimeError"),
        ({**START, "headers": [("a", "b")]}, "TypeError"),
        ({**START, "headers": [(b"a b", b"c")]}, "RuntimeError"),
        ({**START, "headers": [(b"a", b"b\r\nc: d")]}, "RuntimeError"),
        ({**START, "headers": [(b"a",)]}, "ValueError"),
        ({**START, "headers": [(b"content-length", b"x")]}, "ValueError"),
    ],
)
def test_a_wrong_start_is_an_error(serve: Any, start: Message, error: str, caplog: Any) -> None:
    errors: list[str] = []
    attempt = collect(errors)

    async def handle(scope: Any, receive: Any, send: Any) -> None:
        await attempt(send, start)
        raise RuntimeError("given up")

    with Wire(serve(hosted(handle)).port) as wire:
        wire.send(request(extra="Connection: close\r\n"))
        got = wire.rest()
    assert got == b"" or got.startswith(b"HTTP/1.1 500 ")
    assert errors[0].startswith(error)
    assert "given up" in caplog.text


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("length", "word"), [(b"3", "longer"), (b"9", "shorter")])
def test_wrong_content_length(
    serve: Any, caplog: Any, streamed: bool, length: bytes, word: str
) -> None:
    async def handle(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "headers": [(b"content-length", length)]})
        if streamed:
            await send({"type": "http.response.body", "body": b"ab", "more_body": True})
            await send({"type": "http.response.body", "body": b"cd", "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        else:
            await send({"type": "http.response.body", "body": b"abcd"})

    with Wire(serve(hosted(handle)).port) as wire:
        wire.send(request())
        _, _, body = wire.rest().partition(b"\r\n\r\n")  # ends: the connection is closed
    assert len(body) < int(length)
    assert f"Response content {word} than Content-Length" in caplog.text


def test_failing_after_the_start_breaks_the_answer_off(serve: Any, caplog: Any) -> None:
    async def handle(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise ValueError("in the middle")

    with Wire(serve(hosted(handle)).port) as wire:
        wire.send(request())
        got = wire.rest()
    assert b"0\r\n\r\n" not in got
    assert "in the middle" in caplog.text


@pytest.mark.parametrize("started", [False, True])
def test_returning_early(serve: Any, caplog: Any, started: bool) -> None:
    async def handle(scope: Any, receive: Any, send: Any) -> None:
        if started:
            await send(START)
            await send({"type": "http.response.body", "body": b"half", "more_body": True})

    with Wire(serve(hosted(handle)).port) as wire:
        wire.send(request(extra="Connection: close\r\n"))
        got = wire.rest()
    assert b"0\r\n\r\n" not in got
    word = "completing" if started else "starting"
    assert started or got.startswith(b"HTTP/1.1 500 ")
    assert f"ASGI callable returned without {word} response." in caplog.text


def test_head(serve: Any) -> None:
    async def handle(scope: Any, receive: Any, send: Any) -> None:
        given = [(b"content-length", b"5")] if scope["path"] == "/length" else []
        await send({**START, "headers": given})
        if scope["path"] == "/stream":
            await send({"type": "http.response.body", "body": b"he", "more_body": True})
        body = b"" if scope["path"] == "/length" else b"hello"
        await send({"type": "http.response.body", "body": body})

    with Wire(serve(hosted(handle)).port) as wire:
        wire.send(request("/length", method="HEAD"))
        assert b"content-length: 5\r\n" in wire.head()
        wire.send(request("/", method="HEAD"))
        assert b"200 OK" in wire.head()
        wire.send(request("/stream", method="HEAD"))
        assert b"200 OK" in wire.head()
        wire.send(request("/", method="GET"))
        assert wire.head().startswith(b"HTTP/1.1 200 OK")  # nothing lies between the heads
        assert wire.exactly(5) == b"hello"


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_content(serve: Any, status: int) -> None:
    async def handle(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "status": status})
        await send({"type": "http.response.body"})

    with Wire(serve(hosted(handle)).port) as wire:
        wire.send(request() + request())
        for _ in range(2):
            head = wire.head().lower()
            assert b"content-length" not in head
            assert b"transfer-encoding" not in head


def test_http_10(serve: Any) -> None:
    async def handle(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send({"type": "http.response.body", "body": b"1", "more_body": True})
        await send({"type": "http.response.body", "body": scope["http_version"].encode()})

    with Wire(serve(hosted(handle)).port) as wire:
        wire.send(request(version="1.0"))
        head = wire.head()
        assert b"transfer-encoding" not in head
        assert b"connection: close" in head
        assert wire.rest() == b"11.0"


def test_headers_are_sent_in_order_and_duplicates_kept(serve: Any) -> None:
    fields = [
        (b"set-cookie", b"a=1"),
        (b"x-b", b""),
        (b"set-cookie", b"b=2"),
        (b"location", b"/\xe9"),
    ]

    async def handle(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"", headers=(pair for pair in fields))

    with Wire(serve(hosted(handle)).port) as wire:
        wire.send(request())
        lines = wire.head().split(b"\r\n")
    sent = [line for line in lines if line.split(b":")[0] in (b"set-cookie", b"x-b", b"location")]
    assert [line.replace(b": ", b":") for line in sent] == [
        name + b":" + value for name, value in fields
    ]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("size", [0, 5, 300_000])
def test_kinds_and_sizes_of_bodies(connect: Any, kind: Any, size: int) -> None:
    async def handle(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, kind(b"x" * size))

    client = connect(hosted(handle))
    assert [client.get("/").body for _ in range(2)] == [b"x" * size] * 2


def test_websocket_upgrades_arrive_as_plain_requests(serve: Any) -> None:
    async def handle(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, scope["type"].encode(), status=404)

    with Wire(serve(hosted(handle)).port) as wire:
        wire.send(
            request(
                extra="Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            )
        )
        assert b"404 Not Found" in wire.head()
        assert wire.exactly(4) == b"http"


def test_receive_and_send_are_coroutines(connect: Any) -> None:
    async def handle(scope: Any, receive: Any, send: Any) -> None:
        loop = asyncio.get_running_loop()
        message = await asyncio.wait_for(receive(), 60)
        await loop.create_task(send(START))
        await asyncio.gather(send({"type": "http.response.body", "body": b"1", "more_body": True}))
        again = receive()
        await loop.create_task(send({"type": "http.response.body", "body": b"2"}))
        assert (await again)["type"] == "http.disconnect"
        assert message["type"] == "http.request"

    assert connect(hosted(handle)).get("/").body == b"12"
