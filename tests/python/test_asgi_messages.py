"""Hosted ASGI applications: what scope, receive() and send() are and refuse."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Answer, Client
from rawclient import RawClient
from turboapi.server import Server

Connect = Callable[..., Client]
Serve = Callable[..., Server]
START = {"type": "http.response.start", "status": 200, "headers": []}


def body(data: bytes = b"", more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


class Recorder:
    """An application that keeps its scopes and says hello."""

    def __init__(self) -> None:
        self.scopes: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        self.scopes.append(scope)
        await send(START)
        await send(body(b"hello"))


def answer_of(connect: Connect, app: Any, method: str = "GET", **options: Any) -> Answer:
    return connect(app, lifespan="off").request(method, "/", **options)


# --- scope -------------------------------------------------------------------------------------


def test_the_scope_is_complete(connect: Connect) -> None:
    app = Recorder()
    client = connect(app, lifespan="off")
    answer = client.request(
        "POST",
        "/a%20b/%C3%A9%2Fc?x=1&y=%20",
        body=b"data",
        headers={"X-Upper": "Value", "Cookie": "a=b"},
    )
    assert answer.body == b"hello"
    (scope,) = app.scopes
    assert scope["type"] == "http"
    assert scope["asgi"]["version"] == "3.0"
    assert scope["asgi"]["spec_version"] in ("2.3", "2.4", "2.5")
    assert scope["http_version"] == "1.1"
    assert scope["method"] == "POST"
    assert scope["scheme"] == "http"
    assert scope["path"] == "/a b/é/c"
    assert scope["raw_path"] == b"/a%20b/%C3%A9%2Fc"
    assert scope["query_string"] == b"x=1&y=%20"
    assert scope["root_path"] == ""
    assert scope["server"] == ("127.0.0.1", client.connection.port)
    assert scope["client"] == client.connection.sock.getsockname()
    assert (b"x-upper", b"Value") in [tuple(pair) for pair in scope["headers"]]
    assert scope["headers"][0][0] == b"host"
    assert all(isinstance(part, bytes) for pair in scope["headers"] for part in pair)
    assert scope["state"] == {}


def test_headers_keep_their_order_and_repeat(serve: Serve) -> None:
    app = Recorder()
    with RawClient(serve(app, lifespan="off").port) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-B: 1\r\nX-A: \t2 \r\nx-b: 3\r\nX-E:\r\n\r\n")
        assert client.read_head()[0] == 200
    assert [tuple(pair) for pair in app.scopes[0]["headers"]] == [
        (b"host", b"a"),
        (b"x-b", b"1"),
        (b"x-a", b"2"),
        (b"x-b", b"3"),
        (b"x-e", b""),
    ]


def test_each_request_has_a_scope_of_its_own(connect: Connect) -> None:
    app = Recorder()
    client = connect(app, lifespan="off")
    client.get("/one")
    app.scopes[0]["asgi"]["changed"] = app.scopes[0]["state"]["changed"] = True
    app.scopes[0]["changed"] = True
    client.get("/two")
    assert "changed" not in app.scopes[1]
    assert "changed" not in app.scopes[1]["state"]
    assert [scope["path"] for scope in app.scopes] == ["/one", "/two"]


def test_root_path_is_put_before_the_path(connect: Connect) -> None:
    app = Recorder()
    connect(app, lifespan="off", root_path="/api").get("/x")
    (scope,) = app.scopes
    assert scope["root_path"] == "/api"
    assert (scope["path"], scope["raw_path"]) == ("/api/x", b"/api/x")


def test_http_1_0_and_unusual_methods(serve: Serve) -> None:
    app = Recorder()
    server = serve(app, lifespan="off")
    with RawClient(server.port) as client:
        client.send(b"PROPFIND /x HTTP/1.0\r\n\r\n")
        data = client.read_rest()  # the connection closes: 1.0 without keep-alive
    assert data.endswith(b"\r\n\r\nhello")
    assert (app.scopes[0]["http_version"], app.scopes[0]["method"]) == ("1.0", "PROPFIND")


# --- receive -----------------------------------------------------------------------------------


def test_receive_gives_the_body_and_then_waits_for_the_client_to_leave(serve: Serve) -> None:
    got: list[Any] = []
    waiting = threading.Event()
    left = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        got.append(await receive())
        task = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        waiting.set()
        got.append(await task)
        got.append(await receive())  # again, at once
        left.set()

    server = serve(app, lifespan="off")
    with RawClient(server.port) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\ndata")
        waiting.wait()
        client.reset()
    left.wait()
    assert got == [
        {"type": "http.request", "body": b"data", "more_body": False},
        {"type": "http.disconnect"},
        {"type": "http.disconnect"},
    ]


def test_receive_after_the_response_is_a_disconnect(connect: Connect) -> None:
    got: list[Any] = []
    done = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b"x"))
        got.append(await receive())
        done.set()

    assert answer_of(connect, app).body == b"x"
    done.wait()
    assert got == [{"type": "http.disconnect"}]


def test_a_waiting_receive_is_woken_by_the_end_of_the_response(connect: Connect) -> None:
    got: list[Any] = []
    done = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        task = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        await send(START)
        await send(body(b"x"))
        got.append(await task)
        done.set()

    assert answer_of(connect, app).body == b"x"
    done.wait()
    assert got == [{"type": "http.disconnect"}]


def test_a_cancelled_receive_loses_nothing(serve: Serve) -> None:
    parts: list[bytes] = []
    cancelled = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        task = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        cancelled.set()
        while True:
            message = await receive()
            parts.append(message["body"])
            if not message["more_body"]:
                break
        await send(START)
        await send(body(b"".join(parts)))

    with RawClient(serve(app, lifespan="off").port) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n")
        cancelled.wait()
        client.send(b"abc")
        client.send(b"def")
        client.read_head()
        assert client.read_exactly(6) == b"abcdef"


def test_a_chunked_request_arrives_decoded(serve: Serve) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        data, more = b"", True
        while more:
            message = await receive()
            data += message["body"]
            more = message["more_body"]
        await send(START)
        await send(body(data))

    with RawClient(serve(app, lifespan="off").port) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        client.send(b"5;name=value\r\ndefgh\r\n0\r\nTrailer: x\r\n\r\n")
        client.read_head()
        assert client.read_exactly(8) == b"abcdefgh"


def test_expect_100_continue_is_answered_when_the_application_reads(serve: Serve) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        while message["more_body"]:
            message = await receive()
        await send(START)
        await send(body(b"read"))

    with RawClient(serve(app, lifespan="off").port) as client:
        client.send(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
        )
        assert client.read_head()[0] == 100
        client.send(b"abc")
        assert client.read_head()[0] == 200
        assert client.read_exactly(4) == b"read"


# --- send --------------------------------------------------------------------------------------


def test_defaults_of_messages(connect: Connect) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    answer = answer_of(connect, app)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.header("content-length") is None


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bodies_may_be_any_bytes(connect: Connect, kind: type) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send({"type": "http.response.body", "body": kind(b"data")})

    assert answer_of(connect, app).body == b"data"


def test_headers_of_the_answer_keep_order_and_repeat(connect: Connect) -> None:
    fields = [
        (b"x-b", b"1"),
        [b"Set-Cookie", b"a=1"],
        (b"set-cookie", b"b=2"),
        (b"x-latin", b"\xe9"),
    ]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 201, "headers": iter(fields)})
        await send(body(b"x"))

    answer = answer_of(connect, app)
    assert answer.status == 201
    given = [
        (name, value) for name, value in answer.headers if name[0] in "xs" and name != "server"
    ]
    assert given == [("x-b", "1"), ("set-cookie", "a=1"), ("set-cookie", "b=2"), ("x-latin", "é")]


@pytest.mark.parametrize("streamed", [False, True])
def test_head_has_the_fields_and_no_body(connect: Connect, streamed: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"10")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if streamed:
            await send(body(b"01234", more=True))
            await send(body(b"56789"))
        else:
            await send(body(b"0123456789"))

    client = connect(app, lifespan="off")
    for _ in range(2):  # the second answer is read from where the first ended
        answer = client.request("HEAD", "/")
        assert (answer.status, answer.body, answer.header("content-length")) == (200, b"", "10")
    assert client.get("/").body == b"0123456789"


WRONG: dict[str, tuple[list[Any], type[BaseException], str]] = {
    "body first": ([body(b"x")], RuntimeError, "http.response.start"),
    "start twice": ([START, START], RuntimeError, "http.response.body"),
    "unknown type": ([{"type": "http.nonsense"}], RuntimeError, "http.nonsense"),
    "no type": ([{}], KeyError, "type"),
    "no status": ([{"type": "http.response.start"}], KeyError, "status"),
    "status as text": ([{**START, "status": "200"}], TypeError, ""),
    "headers as text": ([{**START, "headers": [("a", "b")]}], TypeError, "bytes"),
    "header without value": ([{**START, "headers": [(b"a",)]}], ValueError, "pair"),
    "line break in a header": ([{**START, "headers": [(b"a", b"b\r\nc: d")]}], RuntimeError, ""),
    "text body": ([START, {"type": "http.response.body", "body": "x"}], TypeError, ""),
    "after the end": ([START, body(b"x"), body(b"y")], RuntimeError, "already completed"),
    "too long": (
        [{**START, "headers": [(b"content-length", b"1")]}, body(b"xy")],
        RuntimeError,
        "longer than Content-Length",
    ),
    "too short": (
        [{**START, "headers": [(b"content-length", b"3")]}, body(b"xy")],
        RuntimeError,
        "shorter than Content-Length",
    ),
}


# In these the head was accepted before the mistake, which is a started answer, as with uvicorn.
STARTED = {
    "start twice",
    "text body",
    "too long",
    "too short",
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_messages_raise_where_they_are_sent(serve: Serve, case: str) -> None:
    messages, kind, text = WRONG[case]
    raised: list[BaseException] = []
    done = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            for message in messages:
                await send(message)
        except Exception as exc:
            raised.append(exc)
            raise
        finally:
            done.set()

    server = serve(app, lifespan="off")
    with RawClient(server.port) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        data = client.read_rest()
    done.wait()
    assert isinstance(raised[0], kind) and text in str(raised[0])
    if case == "after the end":
        assert data.endswith(b"\r\n\r\nx")
    elif case in STARTED:  # nothing that a client could take for a whole answer
        head, _, rest = data.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        assert not head or b"chunked" in head or length
        assert not rest.endswith(b"0\r\n\r\n") and len(rest) < int(length[1] if length else 3)
    else:
        assert data.startswith(b"HTTP/1.1 500") and data.endswith(b"Internal Server Error")


# --- failures ----------------------------------------------------------------------------------


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def fetch(app: Any) -> bytes:
    """Everything a server says to one GET request, after which it has stopped."""
    with Server(app, port=0, lifespan="off") as server, RawClient(server.port) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        try:
            return client.read_rest()
        except ConnectionResetError:
            return b"reset"


def test_an_exception_before_the_start_is_500(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("a secret")

    data = fetch(app)
    assert data.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert data.endswith(b"\r\n\r\nInternal Server Error")
    assert b"secret" not in data
    assert logged(caplog) == ["Exception in ASGI application"]
    assert "a secret" in caplog.text and "Traceback" in caplog.text


def test_an_exception_between_start_and_body_leaves_the_head_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        raise ValueError("a secret")

    head, _, rest = fetch(app).partition(b"\r\n\r\n")
    # As from uvicorn; without the last chunk the client can tell that it is not complete.
    assert b"200 OK" in head and b"chunked" in head and rest == b""
    assert logged(caplog) == ["Exception in ASGI application"]


def test_an_exception_in_the_middle_cuts_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b"part", more=True))
        raise ValueError("a secret")

    data = fetch(app)
    assert not data.endswith(b"0\r\n\r\n")  # the client can tell that it is not complete
    assert logged(caplog) == ["Exception in ASGI application"]


def test_returning_without_an_answer_is_500(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        return

    assert fetch(app).startswith(b"HTTP/1.1 500 ")
    assert logged(caplog) == ["ASGI callable returned without starting response."]


def test_returning_in_the_middle_cuts_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b"part", more=True))

    assert not fetch(app).endswith(b"0\r\n\r\n")
    assert logged(caplog) == ["ASGI callable returned without completing response."]


def test_something_that_is_no_application_is_500(caplog: pytest.LogCaptureFixture) -> None:
    def app(scope: Any, receive: Any, send: Any) -> int:
        return 5

    assert fetch(app).startswith(b"HTTP/1.1 500 ")
    assert logged(caplog) == ["Exception in ASGI application"]


def test_the_server_goes_on_after_failures(connect: Connect) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/crash":
            raise ValueError
        await send(START)
        await send(body(b"fine"))

    client = connect(app, lifespan="off")
    for _ in range(5):
        assert client.get("/crash").status == 500
        assert client.get("/").body == b"fine"


def test_a_client_that_leaves_does_not_stop_the_application(
    caplog: pytest.LogCaptureFixture,
) -> None:
    entered = threading.Event()
    finished = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        entered.set()
        assert (await receive())["type"] == "http.disconnect"
        await send(START)
        for _ in range(100):
            await send(body(b"x" * 1000, more=True))
        await send(body())
        finished.set()

    with Server(app, port=0, lifespan="off") as server:
        client = RawClient(server.port)
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        entered.wait()
        client.reset()
        finished.wait()
    assert logged(caplog) == []


def test_requests_on_many_connections_run_together(serve: Serve) -> None:
    inside = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal inside
        inside += 1
        while inside < 30:
            await asyncio.sleep(0)
        await send(START)
        await send(body(b"together"))

    port = serve(app, lifespan="off").port
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(30)]
    for client in clients:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    for client in clients:
        data = b""
        while more := client.recv(4096):
            data += more
        assert data.endswith(b"together")
        client.close()
