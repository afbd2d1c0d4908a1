"""The short way through the Python executor gives what the general one gives, message by message.

The general way is the one that instrumentation takes hold of: replacing one of its functions sends every
request there. So each request below is sent twice.
"""

import asyncio
import contextlib
import copy
import gc
import json
import threading
import weakref
from collections.abc import AsyncIterator, Iterator
from enum import Enum
from typing import Annotated, Any

import anyio
import pytest
from pydantic import BaseModel, Field
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route
from turboapi import (
    APIRouter,
    BackgroundTasks,
    Body,
    Cookie,
    Depends,
    FastAPI,
    Header,
    HTTPException,
    Query,
    Request,
    Response,
    routing,
)
from turboapi.routing import APIRoute
from turboapi.security import OAuth2PasswordBearer

Messages = list[dict[str, Any]]


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Item(BaseModel):
    name: str = Field(alias="title")
    price: float = 0.0
    note: str | None = None


class Filters(BaseModel):
    limit: int = 10
    tags: list[str] = []


class Teapot(Exception):
    """Has a handler that reads the request's body."""


class Unready(Exception):
    """Has a handler that fails."""


class Loud(JSONResponse):
    def render(self, content: Any) -> bytes:
        return json.dumps(content).upper().encode()


def make_app(log: list[Any]) -> FastAPI:
    app = FastAPI()
    add_plain_routes(app)
    add_answers(app, log)
    add_parameters(app)
    add_bodies(app)
    add_dependencies(app, log)
    add_failures(app, log)
    return app


def add_plain_routes(app: FastAPI) -> None:
    @app.get("/dict")
    async def a_dict() -> Any:
        return {"é": [1, 2.5, None, True, {"x": "\u2028"}], 3: "three"}

    @app.get("/plain")
    def plain() -> Any:
        return ["plain", Colour.RED]

    @app.get("/encoded", response_model=None)
    async def encoded():
        return {"é": {1, 2} and [Colour.RED, 2.5], 3: Item(title="x")}

    @app.get("/plain-encoded", response_model=None)
    def plain_encoded():
        return {"a": [1, None]}

    @app.get("/encoded-nan", response_model=None)
    async def encoded_nan():
        return {"a": float("nan")}

    @app.get("/model", response_model=Item, response_model_exclude_unset=True)
    async def model() -> Any:
        return {"title": "a"}

    @app.get("/plain-model")
    def plain_model() -> Item:
        return Item(title="b", price=2)

    @app.get("/no-alias", response_model_by_alias=False)
    async def no_alias() -> Item:
        return Item(title="c")

    @app.get("/explicit", response_class=JSONResponse)
    async def explicit() -> Item:
        return Item(title="d")

    @app.get("/loud", response_class=Loud)
    async def loud() -> Any:
        return {"a": "b"}

    @app.get("/created", status_code=201)
    async def created() -> Any:
        return None

    @app.get("/empty", status_code=204)
    async def empty() -> None:
        return None

    @app.get("/nan")
    async def nan() -> Any:
        return float("nan")

    @app.get("/unfit", response_model=int)
    async def unfit() -> Any:
        return "no number"


def add_answers(app: FastAPI, log: list[Any]) -> None:
    @app.get("/response")
    async def response() -> Any:
        return PlainTextResponse(
            "text", headers={"x-a": "1"}, background=BackgroundTask(log.append, 1)
        )

    @app.get("/injected")
    async def injected(response: Response) -> Any:
        response.headers["x-one"] = "1"
        response.set_cookie("c", "d")
        response.status_code = 202
        return {"ok": True}

    @app.get("/background")
    def background(tasks: BackgroundTasks) -> Any:
        tasks.add_task(log.append, "task")
        return {"later": True}

    @app.get("/both")
    async def both(tasks: BackgroundTasks) -> Any:
        tasks.add_task(log.append, "task")
        return PlainTextResponse("both")

    @app.get("/stream")
    async def stream() -> Any:
        return StreamingResponse(iter(["a", "b"]))


def add_parameters(app: FastAPI) -> None:
    @app.get("/params/{number}/{rest:path}")
    async def params(
        number: int,
        rest: str,
        q: str,
        limit: int = 10,
        flag: bool | None = None,
        colour: Colour = Colour.BLUE,
        many: Annotated[list[int], Query()] = [],  # noqa: B006
        renamed: Annotated[str, Query(alias="re-named", min_length=2)] = "xx",
        x_token: Annotated[str | None, Header()] = None,
        x_list: Annotated[list[str] | None, Header()] = None,
        session: Annotated[str | None, Cookie()] = None,
    ) -> Any:
        return [number, rest, q, limit, flag, colour, many, renamed, x_token, x_list, session]

    @app.get("/filters")
    async def filters(filters: Annotated[Filters, Query()]) -> Any:
        return filters

    @app.get("/connection")
    async def connection(request: Request, q: str = "") -> Any:
        return [q, dict(request.query_params), request.url.path, request.headers.get("host")]


def add_bodies(app: FastAPI) -> None:
    @app.post("/item")
    async def item(item: Item) -> Item:
        return item

    @app.post("/plain-item")
    def plain_item(item: Item) -> Any:
        return item

    @app.post("/any")
    async def anything(body: Annotated[Any, Body()] = None) -> Any:
        return {"body": body if isinstance(body, (dict, list, int)) else repr(body)}

    @app.post("/two")
    async def two(item: Item, count: Annotated[int, Body()] = 1) -> Any:
        return [item, count]

    @app.post("/request-too")
    async def request_too(request: Request, item: Item) -> Any:
        return [item, await request.json(), len(await request.body())]

    lax = APIRouter(strict_content_type=False)

    @lax.post("/lax")
    async def lax_item(item: Item) -> Any:
        return item

    app.include_router(lax)


def add_dependencies(app: FastAPI, log: list[Any]) -> None:
    async def outer() -> AsyncIterator[str]:
        log.append("outer in")
        try:
            yield "outer"
        finally:
            log.append("outer out")

    def inner(outer: Annotated[str, Depends(outer)]) -> Iterator[str]:
        log.append("inner in")
        try:
            yield f"{outer} inner"
        finally:
            log.append("inner out")

    async def early(n: int = 1) -> AsyncIterator[int]:
        yield n + 1
        log.append("early out")

    async def swallowing() -> AsyncIterator[None]:
        with contextlib.suppress(ValueError):
            yield

    async def failing_late() -> AsyncIterator[None]:
        yield
        raise Teapot("late")

    def counted(request: Request) -> int:
        return len(request.query_params)

    @app.get("/depends")
    async def depends(
        inner: Annotated[str, Depends(inner)],
        outer: Annotated[str, Depends(outer)],
        early: Annotated[int, Depends(early, scope="function")],
        counted: Annotated[int, Depends(counted)],
    ) -> Any:
        log.append("endpoint")
        return [inner, outer, early, counted]

    @app.get("/depends-and-fails")
    async def depends_and_fails(inner: Annotated[str, Depends(inner)]) -> Any:
        raise HTTPException(409, "no", headers={"x-why": "because"})

    @app.get("/swallowed", dependencies=[Depends(swallowing, scope="function")])
    async def swallowed() -> Any:
        raise ValueError("swallowed")

    @app.get("/swallowed-late", dependencies=[Depends(swallowing)])
    async def swallowed_late() -> Any:
        raise ValueError("swallowed")

    @app.get("/fails-late", dependencies=[Depends(failing_late)])
    async def fails_late() -> Any:
        return "sent"

    @app.get("/fails-early", dependencies=[Depends(failing_late, scope="function")])
    def fails_early() -> Any:
        return "not sent"

    scheme = OAuth2PasswordBearer("token")

    @app.get("/secret")
    async def secret(token: Annotated[str, Depends(scheme)]) -> Any:
        return token


def add_failures(app: FastAPI, log: list[Any]) -> None:
    @app.exception_handler(Teapot)
    async def teapot(request: Request, exc: Teapot) -> Response:
        body = await request.body()
        return PlainTextResponse(f"{exc} {body.decode()} {request.url.path}", status_code=418)

    @app.exception_handler(Unready)
    def unready(request: Request, exc: Unready) -> Response:
        raise Teapot("handler")

    @app.exception_handler(500)
    async def broken(request: Request, exc: Exception) -> Response:
        log.append(repr(exc))
        return PlainTextResponse("broken", status_code=500)

    @app.post("/teapot")
    async def make_tea(item: Item) -> Any:
        raise Teapot(item.name)

    @app.get("/unready")
    async def raise_unready() -> Any:
        raise Unready

    @app.get("/zero")
    async def zero() -> Any:
        return 1 / 0

    @app.get("/plain-zero")
    def plain_zero() -> Any:
        return 1 / 0

    def chunks(exc: Exception) -> Iterator[bytes]:
        yield b"begin"
        raise exc

    @app.get("/breaks")
    async def breaks() -> Any:
        return StreamingResponse(chunks(ZeroDivisionError("in a stream")))

    @app.get("/breaks-handled")
    async def breaks_handled() -> Any:
        return StreamingResponse(chunks(Teapot("in a stream")))


JSON = (b"content-type", b"application/json")
GOOD = b'{"title": "x", "price": 1}'

# method, path, query, headers, messages with the body
REQUESTS: list[tuple[str, str, bytes, list[tuple[bytes, bytes]], list[Any]]] = [
    *(
        ("GET", path, b"", [], [b""])
        for path in (
            "/dict", "/plain", "/encoded", "/plain-encoded", "/encoded-nan", "/model", "/plain-model", "/no-alias", "/explicit", "/loud", "/created",
            "/empty", "/nan", "/unfit", "/response", "/injected", "/background", "/both", "/stream",
            "/filters", "/connection", "/depends", "/depends-and-fails", "/swallowed",
            "/swallowed-late", "/fails-late", "/fails-early", "/secret", "/unready", "/zero",
            "/plain-zero", "/breaks", "/breaks-handled", "/nowhere", "/dict/", "/item",
        )
    ),
    ("GET", "/params/4/a/b", b"q=1", [], [b""]),
    ("GET", "/params/x/", b"limit=1.5&colour=green&many=1&many=y&re-named=z", [], [b""]),
    ("GET", "/params/4/a", b"q=a%20b+c&q=%C3%A9%ff&flag=on&many=1&many=2&colour=red", [], [b""]),
    ("GET", "/params/4/a", b"q&limit=&flag=&re-named=", [], [b""]),
    (
        "GET", "/params/4/a", b"q=\xe9",
        [(b"x-token", b"t\xe9"), (b"x-list", b"1"), (b"x-list", b"2"), (b"cookie", b"session=s; a=b")],
        [b""],
    ),
    ("GET", "/filters", b"limit=3&tags=a&tags=b&other=1", [], [b""]),
    ("GET", "/filters", b"limit=x", [], [b""]),
    ("GET", "/connection", b"q=1&r=2", [(b"host", b"example.com")], [b""]),
    ("GET", "/depends", b"n=x&m=1", [], [b""]),
    ("GET", "/secret", b"", [(b"authorization", b"Bearer abc")], [b""]),
    *(("POST", path, b"", [JSON], [GOOD]) for path in (
        "/item", "/plain-item", "/any", "/request-too", "/teapot", "/lax", "/dict"
    )),
    ("POST", "/two", b"", [JSON], [b'{"item": {"title": "x"}, "count": 2}']),
    ("POST", "/two", b"", [JSON], [b'[1]']),
    ("POST", "/two", b"", [JSON], [b'{"item": {}, "count": "x"}']),
    ("POST", "/item", b"", [JSON], [GOOD[:5], GOOD[5:9], b"", GOOD[9:]]),
    ("POST", "/item", b"", [JSON], [GOOD[:5], None]),
    ("POST", "/item", b"", [JSON], [None]),
    ("POST", "/item", b"", [], [GOOD]),
    ("POST", "/lax", b"", [], [GOOD]),
    ("POST", "/lax", b"", [(b"content-type", b"")], [GOOD]),
    ("POST", "/item", b"", [(b"content-type", b""), JSON], [GOOD]),
    ("POST", "/item", b"", [(b"content-type", b"application/x+json; charset=utf-8")], [GOOD]),
    ("POST", "/item", b"", [(b"content-type", b"text/plain")], [GOOD]),
    ("POST", "/teapot", b"", [JSON], [b'{"title": "tea"', b"}"]),
    *(("POST", "/any", b"", [JSON], [body]) for body in (
        b"", b"null", b"[]", b"{}", b" [1]", b"[1] ", b"[1", b"{", b"[NaN]", b'{"a": 1}x', b"5", b"\xff",
        b'\xef\xbb\xbf{"a": 1}', '{"a": "é"}'.encode("utf-16"), b'["\xed\xa0\x80"]', b'["\\ud800"]',
        b"[" * 5000,
    )),
    *(("POST", "/item", b"", [JSON], [body]) for body in (
        b"", b"null", b"[]", b"{}", b'{"title": 1}', b'{"title": "x", "price": "y"}', b"nonsense",
    )),
]  # fmt: skip


async def run(app: Any, case: Any, log: list[Any]) -> Any:
    """What is sent, with what else happens in between, and what the application raises."""
    method, path, query, headers, parts = case
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "headers": headers,
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
    }
    waiting = list(parts)

    async def receive() -> dict[str, Any]:
        part = waiting.pop(0) if waiting else None
        if part is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        log.append(message)

    try:
        await app(scope, receive, send)
    except Exception as exc:
        log.append((repr(exc), repr(exc.__cause__)))
    log.append(sorted(scope))
    return log


def send_all(case: Any) -> list[Any]:
    log: list[Any] = []
    asyncio.run(run(make_app(log), case, log))
    return log


# What only the general way puts into the scope, for code that does not run on the short one.
_STACKS = {"fastapi_inner_astack", "fastapi_function_astack"}


@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: f"{case[0]} {case[1]} {case[2]!r}")
def test_both_ways_send_the_same(case: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    short = send_all(case)
    original = routing.get_telemetry_data
    monkeypatch.setattr(routing, "get_telemetry_data", lambda: original())
    general = send_all(case)
    assert short[:-1] == general[:-1]
    assert set(general[-1]) - set(short[-1]) <= _STACKS


def test_the_short_way_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the comparison above compares nothing."""
    handled: list[str] = []
    from turboapi._handler import RouteHandler

    async def handle(self: RouteHandler, request: Request) -> Response:
        handled.append(request.url.path)
        return Response()

    monkeypatch.setattr(RouteHandler, "handle", handle)
    for case in REQUESTS:
        if case[1] in ("/dict", "/depends", "/item", "/params/4/a", "/plain") and case[0] == "GET":
            send_all(case)
    assert handled == []
    monkeypatch.setattr(routing, "run_endpoint_function", lambda **_: None)
    send_all(("GET", "/dict", b"", [], [b""]))
    assert handled == ["/dict"]


@pytest.mark.parametrize(
    "name",
    ["solve_dependencies", "run_endpoint_function", "serialize_response", "get_telemetry_data"],
)
def test_replaced_functions_are_called(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[Any] = []
    app = make_app(log)
    case = ("GET", "/dict", b"", [], [b""])
    asyncio.run(run(app, case, log))  # The stack, the route table and the graph are made before.
    original = getattr(routing, name)
    calls: list[str] = []

    def replaced(*args: Any, **options: Any) -> Any:
        calls.append(name)
        return original(*args, **options)

    monkeypatch.setattr(routing, name, replaced)
    asyncio.run(run(app, case, log))
    # Telemetry is asked for only where the connection is observed.
    assert calls == ([] if name == "get_telemetry_data" else [name])


@pytest.mark.parametrize(("owner", "name"), [(JSONResponse, "render"), (Response, "__call__")])
def test_replaced_methods_of_responses_are_called(
    owner: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    original = getattr(owner, name)

    def replaced(*args: Any) -> Any:
        calls.append(name)
        return original(*args)

    monkeypatch.setattr(owner, name, replaced)
    send_all(("GET", "/explicit", b"", [], [b""]))
    assert calls == [name]


@pytest.mark.parametrize("owner", [APIRoute, Route])
def test_a_replaced_handle_of_routes_is_called(owner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    original = owner.handle

    async def handle(self: Any, scope: Any, receive: Any, send: Any) -> None:
        calls.append(scope["path"])
        await original(self, scope, receive, send)

    log: list[Any] = []
    app = make_app(log)
    app.router.routes.append(Route("/starlette", lambda request: PlainTextResponse("x")))
    paths = ["/dict", "/lax", "/starlette"]

    def ask() -> None:
        for path in paths:
            method = "POST" if path == "/lax" else "GET"
            asyncio.run(run(app, (method, path, b"", [JSON], [GOOD]), log))

    ask()
    monkeypatch.setattr(owner, "handle", handle)
    ask()
    # An included path operation has no `handle` of Starlette's.
    assert calls == (["/dict", "/starlette"] if owner is Route else ["/dict", "/lax"])
    assert [each["status"] for each in log if isinstance(each, dict) and "status" in each] == [
        200
    ] * 6


@pytest.mark.parametrize("name", ["ServerErrorMiddleware", "ExceptionMiddleware"])
def test_replaced_error_middleware_is_called(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from turboapi import applications

    calls: list[str] = []
    owner = getattr(applications, name)
    original = owner.__call__

    async def replaced(self: Any, scope: Any, receive: Any, send: Any) -> None:
        calls.append(name)
        await original(self, scope, receive, send)

    log: list[Any] = []
    app = make_app(log)
    asyncio.run(run(app, ("GET", "/dict", b"", [], [b""]), log))
    monkeypatch.setattr(owner, "__call__", replaced)
    asyncio.run(run(app, ("GET", "/dict", b"", [], [b""]), log))
    assert calls == [name]
    assert isinstance(app.middleware_stack, applications.ServerErrorMiddleware)


def test_exceptions_are_not_kept_in_cycles() -> None:
    """A cycle would keep the request and all that it holds until the collector runs."""
    kept: list[weakref.ref[Exception]] = []
    app = FastAPI()

    def fail(exc: Exception) -> Any:
        kept.append(weakref.ref(exc))
        try:
            raise exc
        finally:
            del exc

    @app.get("/unhandled")
    async def unhandled() -> Any:
        fail(Teapot())

    @app.get("/plain")
    def plain() -> Any:
        fail(Teapot())

    others = set(threading.enumerate())
    gc.disable()
    try:
        for path in ("/unhandled", "/plain"):
            log: list[Any] = []
            asyncio.run(run(app, ("GET", path, b"", [], [b""]), log))
        for thread in set(threading.enumerate()) - others:
            thread.join()  # It may still be letting go of what it has just handed over.
        assert [each() for each in kept] == [None, None]
    finally:
        gc.enable()


def test_routes_and_routers_can_be_copied() -> None:
    router = APIRouter()
    router.add_api_route("/copied", lambda: "copied")
    route = copy.deepcopy(router.routes[0])
    app = FastAPI(routes=[route])
    app.include_router(copy.deepcopy(router), prefix="/twice")
    assert [_answers(app, path) for path in ("/copied", "/twice/copied")] == [b'"copied"'] * 2


async def _cancelled_during(app: Any, path: str, started: anyio.Event) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run, app, ("GET", path, b"", [], [b""]), [])
        await started.wait()
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_cleanup_is_shielded_where_the_request_is_in_a_cancel_scope(backend: str) -> None:
    pytest.importorskip(backend)
    events: list[str] = []

    async def main() -> None:
        started = anyio.Event()
        app = FastAPI()

        async def resource() -> AsyncIterator[None]:
            try:
                yield
            finally:
                await anyio.sleep(0.01)
                events.append("cleaned up")

        @app.get("/", dependencies=[Depends(resource)])
        async def endpoint() -> None:
            started.set()
            await anyio.sleep_forever()

        await _cancelled_during(app, "/", started)

    anyio.run(main, backend=backend)
    assert events == ["cleaned up"]


def _answers(app: FastAPI, path: str) -> bytes:
    log: list[Any] = []
    asyncio.run(run(app, ("GET", path, b"", [], [b""]), log))
    body: bytes = log[1]["body"]
    return body


def test_query_parameters_follow_what_a_dependency_did_to_the_request() -> None:
    app = FastAPI()

    def rewrite(request: Request) -> None:
        from starlette.datastructures import QueryParams

        request._query_params = QueryParams("q=rewritten")

    @app.get("/", dependencies=[Depends(rewrite)])
    async def endpoint(q: str = "") -> Any:
        return q

    assert _answers(app, "/") == b'"rewritten"'


def test_an_override_that_needs_the_exit_stacks() -> None:
    app = FastAPI()
    events: list[str] = []

    def plain() -> int:
        return 1

    async def generator() -> AsyncIterator[int]:
        yield 2
        events.append("closed")

    @app.get("/")
    async def endpoint(value: int = Depends(plain)) -> Any:
        return value

    assert _answers(app, "/") == b"1"
    app.dependency_overrides[plain] = generator
    assert (_answers(app, "/"), events) == (b"2", ["closed"])
