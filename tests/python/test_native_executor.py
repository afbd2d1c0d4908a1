"""Routes that run natively answer as the Python executor does, to the last byte."""

# mypy: disable-error-code="no-untyped-def"
# Endpoints have no return type where it would make a response model.

from __future__ import annotations

import contextvars
import datetime
import gc
import importlib
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Answer, Client
from pydantic import BaseModel, Field, field_validator
from starlette.responses import PlainTextResponse
from turboapi import (
    APIRouter,
    Body,
    Cookie,
    FastAPI,
    Header,
    HTTPException,
    Query,
    TurboAPI,
    routing,
)
from turboapi.server import Server

Connect = Callable[..., Client]
seen: contextvars.ContextVar[str] = contextvars.ContextVar("seen", default="nothing")


class Item(BaseModel):
    name: str
    price: float
    quantity: int = 1


class Even(BaseModel):
    number: int

    @field_validator("number")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("odd")
        return value


class Public(BaseModel):
    name: str = Field(serialization_alias="Name")


def make_app() -> TurboAPI:
    app = FastAPI()

    @app.get("/")
    def hello():
        return {"message": "Hello World"}

    @app.get("/items/{item_id}")
    def get_item(item_id: int, q: str | None = None):
        return {"item_id": item_id, "name": "Widget", "q": q}

    @app.post("/items", status_code=201)
    def create_item(item: Item):
        return {"item": item.model_dump(), "created": True}

    @app.put("/items/{item_id}")
    async def put_item(item_id: int, item: Item, dry: bool = False):
        return {"id": item_id, "dry": dry, "item": item}

    @app.post("/any")
    def any_body(body: Any = Body()):
        return {"type": type(body).__name__, "body": body}

    @app.post("/optional")
    def optional_body(item: Item | None = None):
        return item

    @app.post("/even")
    def even(body: Even):
        return body.number

    @app.get("/scalars/{text}/{number}/{ratio}/{flag}")
    def scalars(text: str, number: int, ratio: float, flag: bool):
        return [text, number, ratio, flag]

    @app.get("/query")
    def query(s: str = "d", i: int = 1, f: float = 0.5, b: bool = True, o: int | None = None):
        return [s, i, f, b, o]

    @app.get("/required")
    async def required(a: int, b: str, limit: int = Query(default=5)):
        return {"a": a, "b": b, "limit": limit}

    @app.get("/headers")
    def headers(
        user_agent: str | None = Header(default=None),
        x_number: int = Header(default=0),
        x_text: str = Header(default="none"),
    ):
        return [user_agent, x_number, x_text]

    @app.get("/cookies")
    def cookies(session: str | None = Cookie(default=None), n: int = Cookie(default=0)):
        return [session, n]

    @app.get("/convertors/{x:int}")
    def convertors(x: int):
        return x

    @app.get("/misfit/{x:int}")
    def misfit(x: str):
        return x

    @app.get("/path/{rest:path}")
    def path(rest: str):
        return rest

    @app.get("/model")
    def model() -> Public:
        return Public(name="a")

    @app.get("/filtered", response_model=Public)
    async def filtered():
        return {"name": "a", "secret": "b"}

    @app.get("/large")
    def large():
        return ["é" * 100] * 1000

    @app.get("/large-model")
    def large_model() -> list[Public]:
        return [Public(name="n" * 50)] * 200

    @app.get("/wrong", response_model=Public)
    def wrong():
        return {"nome": "a"}

    @app.get("/typed-nan")
    def typed_nan() -> Any:
        return {"x": float("nan")}

    @app.get("/date")
    def date():
        return {"at": datetime.datetime(2024, 2, 29, 12), "models": [Item(name="a", price=1)]}

    @app.get("/generator")
    def generator():
        return {"items": (number for number in range(3))}

    @app.get("/nan")
    def nan():
        return {"x": float("nan")}

    @app.get("/object")
    def opaque():
        return object

    @app.get("/response")
    def response():
        return PlainTextResponse("plain", status_code=202, headers={"x-own": "1"})

    @app.get("/async-response")
    async def async_response():
        return PlainTextResponse("plain")

    @app.get("/teapot")
    def teapot():
        raise HTTPException(418, detail={"short": True}, headers={"x-pot": "tea"})

    @app.get("/async-teapot")
    async def async_teapot():
        raise HTTPException(418)

    @app.get("/crash")
    def crash():
        raise RuntimeError("a secret in the log")

    @app.get("/async-crash")
    async def async_crash():
        raise RuntimeError("a secret in the log")

    router = APIRouter(prefix="/v1")

    @router.get("/users/{name}")
    def user(name: str):
        return name

    @router.get("/users/me")
    def me():
        return "shadowed"

    @router.get("/slash/")
    def slash():
        return "slash"

    app.include_router(router)
    app.static_route("GET", "/health", '{"status":"ok"}')
    return app


JSON = {"content-type": "application/json"}
REQUESTS: list[tuple[str, str, dict[str, str], bytes | None]] = [
    ("GET", path, {}, None)
    for path in [
        "/",
        "/items/1",
        "/items/1?q=",
        "/items/1?q=a&q=b",
        "/items/1?q=%C3%A9+x",
        "/items/1?q=%ff",
        "/items/-7?q=%2",
        "/items/007",
        "/items/+1",
        "/items/1.0",
        "/items/1_0",
        "/items/abc",
        "/items/999999999999999999999",
        "/items/%31",
        "/items/",
        "/items/1/",
        "/items//1",
        "/items/%201",
        "/items/a%2Fb",
        "/items/1?%71=z",
        "/items/1?q",
        "/items/1?q=a;b",
        "/items/1?q=%00",
        "/items/1?Q=x",
        "/items/-0",
        "/scalars/x/1/1.5/true",
        "/scalars/x/1/1e5/True",
        "/scalars/%C3%A9/-1/-0.0/off",
        "/scalars/x/1/nan/1",
        "/scalars/x/1/1/2",
        "/scalars/x/1/.5/yes",
        "/scalars/x/1/5./NO",
        "/scalars/%ff/1/1/1",
        "/query",
        "/query?s=&i=2&f=3&b=no&o=4",
        "/query?i=&o=",
        "/query?f=inf",
        "/query?b=maybe&i=x",
        "/query?b=TRUE",
        "/query?i=1e3",
        "/query?f=0.1&f=0.2",
        "/query?i=5&i=6&unknown=1",
        "/query?f=1e400",
        "/query?f=00.5",
        "/required",
        "/required?a=1",
        "/required?a=1&b=x",
        "/required?a=1&b=x&limit=z",
        "/headers",
        "/cookies",
        "/convertors/7",
        "/convertors/007",
        "/convertors/x",
        "/misfit/7",
        "/path/",
        "/path/a/b",
        "/path",
        "/path/%2Fa",
        "/model",
        "/typed-nan",
        "/filtered",
        "/large",
        "/large-model",
        "/date",
        "/generator",
        "/response",
        "/async-response",
        "/teapot",
        "/async-teapot",
        "/v1/users/megan",
        "/v1/users/me",
        "/v1/users",
        "/v1/slash",
        "/v1/slash/",
        "/v1/slash//",
        "/health",
        "/health/",
        "/nope",
        "/nope/",
        "//nope",
        "/docs/",
        "/openapi.json",
        "/%ff",
        "/?x=1",
    ]
]
REQUESTS += [
    ("GET", "/headers", {"user-agent": "me", "x-number": "5", "x-text": "a b"}, None),
    ("GET", "/headers", {"X-Number": "five"}, None),
    ("GET", "/headers", {"x-text": "caf\xe9", "x_number": "3"}, None),
    ("GET", "/headers", {"x-text": ""}, None),
    ("GET", "/cookies", {"cookie": "session=abc; n=5"}, None),
    ("GET", "/cookies", {"cookie": 'session="a b"; n=5'}, None),
    ("GET", "/cookies", {"cookie": 'session="\\303\\251"; n=x'}, None),
    ("GET", "/cookies", {"cookie": "session=a=b; session=c;n=; =x; lone"}, None),
    ("GET", "/cookies", {"cookie": "session= spaced ;n= 7 "}, None),
    ("DELETE", "/items/1", {}, None),
    ("HEAD", "/", {}, None),
    ("HEAD", "/nope", {}, None),
    ("OPTIONS", "/items", {}, None),
    ("PATCH", "/items", {}, None),
    ("POST", "/docs", {}, None),
    ("POST", "/health", {}, None),
    ("GET", "/items", {}, None),
    ("POST", "/", {}, b"ignored"),
    ("DELETE", "/v1/users/me", {}, None),
    ("GET", "/", {}, b"a body that nobody reads"),
]
REQUESTS += [
    ("POST", path, headers, body)
    for path in ("/items", "/any", "/optional", "/even")
    for headers, body in (
        (JSON, b'{"name":"a","price":1.5}'),
        (JSON, b'{"name":"a","price":"1.5","quantity":"2","extra":[]}'),
        (JSON, '{"name":"é😀\\n","price":1e2}'.encode()),
        (JSON, b'{"name":1,"price":"x"}'),
        (JSON, b'{"number":4}'),
        (JSON, b'{"number":5}'),
        (JSON, b"[]"),
        (JSON, b"null"),
        (JSON, b""),
        (JSON, b'{"name":'),
        (JSON, b"nope"),
        (JSON, b'"\xff"'),
        (JSON, b"\xef\xbb\xbf{}"),
        (JSON, '{"number":2}'.encode("utf-16")),
        (JSON, b'{"number":' + b"1" * 5000 + b"}"),
        (JSON, b'{"name":"\\ud800","price":1}'),
        ({}, b'{"number":2}'),
        ({"content-type": "application/json; charset=latin-1"}, b'{"number":2}'),
        ({"content-type": "Application/JSON ;x"}, b'{"number":2}'),
        ({"content-type": "application/vnd.api+json"}, b'{"number":2}'),
        ({"content-type": "text/plain"}, b'{"number":2}'),
        ({"content-type": "application/jsonx"}, b'{"number":2}'),
    )
]
REQUESTS += [
    ("PUT", path, JSON, b'{"name":"a","price":1}')
    for path in ("/items/1", "/items/1?dry=1", "/items/x?dry=y")
]


def comparable(answer: Answer) -> Any:
    """Everything but the time of day; the order of fields is not significant (RFC 9110 §5.3)."""
    fields = sorted(field for field in answer.headers if field[0] != "date")
    return answer.status, fields, answer.body


def test_both_executors_give_the_same_answers(connect: Connect) -> None:
    app = make_app()

    async def hosted(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    native = connect(app)
    python = connect(hosted)
    port = f":{native.connection.port}".encode()
    for method, path, headers, body in REQUESTS:
        ours = native.request(method, path, headers=headers, body=body)
        theirs = python.request(
            method, path, headers={"host": f"127.0.0.1{port.decode()}", **headers}, body=body
        )
        assert comparable(ours) == comparable(theirs), (method, path, headers, body)


@pytest.mark.parametrize("path", ["/crash", "/async-crash", "/wrong", "/nan", "/object"])
def test_a_failing_endpoint_is_a_500_with_its_traceback_in_the_log_only(
    caplog: pytest.LogCaptureFixture, path: str
) -> None:
    with Server(make_app(), port=0) as server:
        client = Client(server.port)
        answer = client.get(path)
        assert client.get("/").json() == {"message": "Hello World"}
        client.connection.close()
    assert answer.status == 500
    assert answer.body == b"Internal Server Error"
    assert answer.header("content-type") == "text/plain; charset=utf-8"
    # Logged after the answer has left, but before the server has stopped.
    logged = [record for record in caplog.records if record.name == "turboapi.error"]
    assert len(logged) == 1 and logged[0].exc_info is not None
    assert logged[0].exc_info[2] is not None
    if "crash" in path:
        assert "a secret in the log" in str(logged[0].exc_info[1])


def test_functions_run_on_the_servers_threads_and_coroutines_on_the_loops(
    connect: Connect,
) -> None:
    app = TurboAPI()

    @app.get("/def")
    def plain():
        return [threading.get_ident(), threading.current_thread().name]

    @app.get("/async")
    async def coroutine():
        return [threading.get_ident(), threading.current_thread().name]

    client = connect(app)
    thread, name = client.get("/def").json()
    assert not name.startswith("AnyIO")
    assert client.get("/def").json()[0] == thread  # inline, on the thread that drives the worker
    assert client.get("/async").json()[1] == "turboapi"
    assert client.get("/async").json()[0] != thread


def test_context_variables_are_a_requests_own(connect: Connect) -> None:
    app = TurboAPI()

    @app.get("/def")
    def plain():
        before = seen.get()
        seen.set("def")
        return before

    @app.get("/async")
    async def coroutine():
        before = seen.get()
        seen.set("async")
        return before

    client = connect(app)
    for path in ("/def", "/async", "/def", "/async"):
        assert client.get(path).json() == "nothing"


def test_routes_that_are_added_late_take_effect(connect: Connect) -> None:
    app = TurboAPI()
    router = APIRouter()
    app.include_router(router)

    @app.get("/{name}")
    def any_name(name: str):
        return name

    client = connect(app)
    assert client.get("/a/b").status == 404
    assert client.get("/late").json() == "late"

    @router.get("/late")
    def late():
        return "the late route, included earlier"

    @app.get("/a/b")
    def deep():
        return "deep"

    assert client.get("/late").json() == "the late route, included earlier"
    assert client.get("/a/b").json() == "deep"


def test_replaced_hooks_take_effect(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app()
    client = connect(app)
    assert client.get("/").status == 200
    called: list[str] = []
    original = routing.run_endpoint_function

    async def replacement(**options: Any) -> Any:
        called.append(options["dependant"].call.__name__)
        return await original(**options)

    monkeypatch.setattr(routing, "run_endpoint_function", replacement)
    assert client.get("/").json() == {"message": "Hello World"}
    assert called == ["hello"]
    monkeypatch.undo()
    assert client.get("/").status == 200
    assert called == ["hello"]


@pytest.mark.parametrize(
    ("module", "variable", "provider"),
    [
        ("opentelemetry.trace", "_TRACER_PROVIDER", "NoOpTracerProvider"),
        ("opentelemetry.metrics._internal", "_METER_PROVIDER", "NoOpMeterProvider"),
        ("opentelemetry._logs._internal", "_LOGGER_PROVIDER", "NoOpLoggerProvider"),
    ],
)
def test_telemetry_that_is_set_up_late_takes_effect(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, module: str, variable: str, provider: str
) -> None:
    app = TurboAPI()

    @app.get("/")
    def thread():
        return threading.current_thread().name

    client = connect(app)
    assert not client.get("/").json().startswith("AnyIO")
    home = importlib.import_module(module)
    monkeypatch.setattr(home, variable, getattr(home, provider)())
    assert client.get("/").json().startswith("AnyIO")  # the Python executor, which writes spans
    monkeypatch.undo()
    assert not client.get("/").json().startswith("AnyIO")


@pytest.mark.parametrize("size", [10, 2047, 2048, 5000, 300_000])
def test_bodies_of_any_size_arrive_whole(connect: Connect, size: int) -> None:
    app = TurboAPI()

    @app.post("/text")
    def text(body: str = Body()) -> Any:
        return body

    @app.post("/async")
    async def text_async(body: str = Body()) -> str:
        return body

    client = connect(app)
    for path in ("/text", "/async"):
        for value in ("x" * size, "é" * size):
            assert client.request("POST", path, json_body=value).json() == value


def test_requests_leave_nothing_behind(connect: Connect) -> None:
    client = connect(make_app())
    requests = [
        ("GET", "/", {}, None),
        ("GET", "/items/5?q=x", {}, None),
        ("GET", "/items/abc", {}, None),
        ("GET", "/nope", {}, None),
        ("DELETE", "/", {}, None),
        ("POST", "/items", JSON, b'{"name":"a","price":1.5}'),
        ("POST", "/items", JSON, b'{"name":"a"}'),
        ("PUT", "/items/1", JSON, b'{"name":"a","price":1.5}'),
        ("GET", "/large", {}, None),
        ("GET", "/large-model", {}, None),
        ("GET", "/model", {}, None),
        ("GET", "/teapot", {}, None),
        ("GET", "/async-teapot", {}, None),
        ("GET", "/response", {}, None),
        ("GET", "/date", {}, None),
        ("GET", "/headers", {"user-agent": "x"}, None),
        ("GET", "/cookies", {"cookie": "session=x"}, None),
    ]

    def work(rounds: int) -> None:
        for _ in range(rounds):
            for method, path, headers, body in requests:
                client.request(method, path, headers=headers, body=body)

    def settled() -> tuple[int, int]:
        gc.collect()
        client.get("/")  # drops what was released on a thread that was not attached
        gc.collect()
        return sys.getallocatedblocks(), len(gc.get_objects())

    work(30)
    blocks, objects = settled()
    work(60)
    more_blocks, more_objects = settled()
    # One lost object per round would be 60 of each.
    assert more_objects - objects < 50
    assert more_blocks - blocks < 300
