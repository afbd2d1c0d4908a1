"""Middleware classes with ``__call__(self, request, call_next)``, in-process and on the live server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import anyio
import pytest
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from turboapi import (
    BackgroundTasks,
    Depends,
    HTTPException,
    Request,
    Response,
    TurboAPI,
    WebSocket,
)
from turboapi._call_next import takes_call_next
from turboapi.responses import PlainTextResponse, StreamingResponse
from turboapi.testclient import LiveTestClient, TestClient

CallNext = Callable[[Request], Awaitable[Response]]
MakeClient = Callable[..., TestClient]


@pytest.fixture(params=[TestClient, LiveTestClient], ids=["in-process", "live"])
def client_of(request: pytest.FixtureRequest) -> MakeClient:
    return request.param


class Named:
    """Notes when it is entered and left."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name = name
        self.log = log

    async def __call__(self, request: Request, call_next: CallNext) -> Response:
        self.log.append(f"{self.name} in")
        response = await call_next(request)
        self.log.append(f"{self.name} out")
        response.headers.append("x-passed", self.name)
        return response


class PlainAsgi:
    """ASGI middleware that notes the same."""

    def __init__(self, app: Any, name: str, log: list[str]) -> None:
        self.app = app
        self.name = name
        self.log = log

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        self.log.append(f"{self.name} in")
        await self.app(scope, receive, send)
        self.log.append(f"{self.name} out")


# --- recognition ---------------------------------------------------------------------------------


def test_classes_are_recognised_by_their_signature() -> None:
    class WithOption:
        async def __call__(self, request: Any, call_next: Any, log: Any = None) -> Any: ...

    class Derived(Named):
        pass

    class Factory:
        def __init__(self, app: Any) -> None: ...

    async def function(request: Any, call_next: Any) -> Any: ...

    assert all(map(takes_call_next, [Named, WithOption, Derived]))
    assert not any(map(takes_call_next, [PlainAsgi, BaseHTTPMiddleware, Factory, function, int]))


def test_the_signature_is_read_when_middleware_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    app = TurboAPI()
    app.add_middleware(Named, "a", log=[])

    def never(*args: Any) -> Any:
        raise AssertionError("inspected while a request is served")

    monkeypatch.setattr("inspect.signature", never)
    assert TestClient(app).get("/none").status_code == 404


def test_it_composes_with_asgi_middleware_in_order(client_of: MakeClient) -> None:
    log: list[str] = []
    app = TurboAPI(middleware=[Middleware(Named, "innermost", log=log)])
    app.add_middleware(PlainAsgi, name="asgi", log=log)
    app.add_middleware(Named, "outermost", log=log)

    @app.get("/")
    def endpoint() -> str:
        log.append("endpoint")
        return "x"

    response = client_of(app).get("/")
    assert response.text == '"x"'
    assert log == [
        "outermost in", "asgi in", "innermost in", "endpoint",
        "innermost out", "outermost out", "asgi out",
    ]  # fmt: skip
    assert response.headers.get_list("x-passed") == ["innermost", "outermost"]


def test_one_instance_serves_all_requests_with_its_options(client_of: MakeClient) -> None:
    made: list[Any] = []

    class Counting:
        def __init__(self, start: int, *, step: int) -> None:
            self.value, self.step = start, step
            made.append(self)

        async def __call__(self, request: Request, call_next: CallNext) -> Response:
            self.value += self.step
            return PlainTextResponse(str(self.value))

    app = TurboAPI()
    app.add_middleware(Counting, 5, step=2)
    client = client_of(app)
    assert [client.get("/").text, client.get("/").text] == ["7", "9"]
    assert len(made) == 1


def test_wrong_options_are_an_error() -> None:
    app = TurboAPI()
    app.add_middleware(Named, "a", unknown=1)
    with pytest.raises(TypeError, match="unknown"):
        TestClient(app).get("/")


def test_middleware_cannot_be_added_after_the_start() -> None:
    app = TurboAPI()
    TestClient(app).get("/")
    with pytest.raises(RuntimeError, match="after an application has started"):
        app.add_middleware(Named, "a", log=[])


# --- what it answers -----------------------------------------------------------------------------


def only(dispatch: Any, **options: Any) -> TurboAPI:
    """An application with one middleware, which runs ``dispatch``."""

    class Only:
        async def __call__(self, request: Request, call_next: CallNext) -> Response:
            return await dispatch(request, call_next)

    app = TurboAPI(**options)
    app.add_middleware(Only)
    return app


def test_it_may_answer_without_the_application(client_of: MakeClient) -> None:
    async def dispatch(request: Request, call_next: CallNext) -> Response:
        return PlainTextResponse("no", 403)

    app = only(dispatch)
    called = []
    app.get("/")(lambda: called.append(1))
    response = client_of(app).get("/")
    assert (response.status_code, response.text, called) == (403, "no", [])


def test_a_plain_function_may_pass_the_awaitable_on(client_of: MakeClient) -> None:
    class Marks:
        def __call__(self, request: Request, call_next: CallNext) -> Awaitable[Response]:
            request.state.mark = "seen"
            return call_next(request)

    app = TurboAPI()
    app.add_middleware(Marks)

    @app.get("/")
    def endpoint(request: Request) -> str:
        return request.state.mark

    assert client_of(app).get("/").json() == "seen"


@pytest.mark.parametrize("answer", [None, "text"])
def test_something_else_than_a_response_is_an_error(client_of: MakeClient, answer: Any) -> None:
    async def dispatch(request: Request, call_next: CallNext) -> Any:
        return answer

    with pytest.raises(TypeError, match=r"middleware Only returned .* which is not a response"):
        client_of(only(dispatch)).get("/")


def test_a_whole_response_stays_whole() -> None:
    async def dispatch(request: Request, call_next: CallNext) -> Response:
        return await call_next(request)

    app = only(dispatch)
    app.get("/")(lambda: "abc")
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"",
        "headers": [], "root_path": "", "scheme": "http", "server": ("s", 80), "client": None,
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert (b"content-length", b"5") in sent[0]["headers"]
    assert sent[1]["body"] == b'"abc"'


def test_the_body_can_be_read_and_replaced(client_of: MakeClient) -> None:
    async def dispatch(request: Request, call_next: CallNext) -> Response:
        response: Any = await call_next(request)
        body = b"".join([part async for part in response.body_iterator])
        return Response(body.upper(), response.status_code, media_type="text/plain")

    app = only(dispatch)
    app.get("/")(lambda: StreamingResponse(iter(["one ", "two"]), status_code=201))
    response = client_of(app).get("/")
    assert (response.status_code, response.text) == (201, "ONE TWO")


def test_the_body_iterator_can_be_wrapped(client_of: MakeClient) -> None:
    async def dispatch(request: Request, call_next: CallNext) -> Response:
        response: Any = await call_next(request)
        inner = response.body_iterator

        async def wrapped() -> AsyncIterator[bytes]:
            async for part in inner:
                yield b"<" + part + b">"

        response.body_iterator = wrapped()
        return response

    app = only(dispatch)
    app.get("/")(lambda: StreamingResponse(iter(["a", "b"])))
    assert client_of(app).get("/").text == "<a><b>"


def test_a_stream_passes_through_part_by_part(client_of: MakeClient) -> None:
    """The second part is made only when the client has the first one."""
    app = TurboAPI()
    app.add_middleware(Named, "m", log=[])
    go_on = asyncio.Event()

    async def parts() -> AsyncIterator[bytes]:
        yield b"first"
        await go_on.wait()
        yield b"second"

    app.get("/")(lambda: StreamingResponse(parts()))
    with client_of(app) as client, client.stream("GET", "/") as response:
        assert response.headers["x-passed"] == "m"
        chunks = response.iter_raw()
        assert next(chunks) == b"first"
        client.portal.call(go_on.set)
        assert b"".join(chunks) == b"second"


def test_the_head_of_a_stream_does_not_wait_for_its_body(client_of: MakeClient) -> None:
    app = TurboAPI()
    app.add_middleware(Named, "m", log=[])
    go_on = asyncio.Event()

    async def parts() -> AsyncIterator[bytes]:
        await go_on.wait()
        yield b"late"

    app.get("/")(lambda: StreamingResponse(parts()))
    with client_of(app) as client, client.stream("GET", "/") as response:
        assert response.status_code == 200
        client.portal.call(go_on.set)
        assert response.read() == b"late"


# --- the request's body --------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["body", "json"])
def test_what_it_reads_the_endpoint_reads_too(client_of: MakeClient, method: str) -> None:
    seen = []

    async def dispatch(request: Request, call_next: CallNext) -> Response:
        seen.append(await getattr(request, method)())
        return await call_next(request)

    app = only(dispatch)
    app.post("/")(lambda item: item)

    @app.post("/dict")
    def endpoint(item: dict[str, int]) -> Any:
        return item

    assert client_of(app).post("/dict", json={"a": 1}).json() == {"a": 1}
    assert seen == [{"a": 1} if method == "json" else b'{"a":1}']


@pytest.mark.parametrize("encoding", ["data", "files"])
def test_a_form_that_it_reads_is_read_again(client_of: MakeClient, encoding: str) -> None:
    seen = []

    async def dispatch(request: Request, call_next: CallNext) -> Response:
        async with request.form() as form:
            seen.extend(form)
        return await call_next(request)

    app = only(dispatch)

    @app.post("/")
    async def endpoint(request: Request) -> Any:
        async with request.form() as form:
            return sorted(form)

    sent = (
        {"data": {"a": "1", "b": "2"}} if encoding == "data" else {"files": {"a": b"1", "b": b"2"}}
    )
    assert client_of(app).post("/", **sent).json() == ["a", "b"]
    assert sorted(seen) == ["a", "b"]


def test_a_body_that_it_streams_is_used_up(client_of: MakeClient) -> None:
    async def dispatch(request: Request, call_next: CallNext) -> Response:
        async for _ in request.stream():
            pass
        return await call_next(request)

    app = only(dispatch)

    @app.post("/")
    async def endpoint(request: Request) -> Any:
        return len(await request.body())

    assert client_of(app).post("/", content=b"abc").json() == 0


def test_reading_after_the_application_did_is_an_error(client_of: MakeClient) -> None:
    async def dispatch(request: Request, call_next: CallNext) -> Response:
        response = await call_next(request)
        await request.body()
        return response

    app = only(dispatch)

    @app.post("/")
    async def endpoint(request: Request) -> Any:
        return len(await request.body())

    with pytest.raises(RuntimeError, match="Stream consumed"):
        client_of(app).post("/", content=b"abc")


def test_another_request_may_be_passed_on(client_of: MakeClient) -> None:
    async def dispatch(request: Request, call_next: CallNext) -> Response:
        async def receive() -> Any:
            return {"type": "http.request", "body": b"replaced", "more_body": False}

        scope = {**request.scope, "path": "/other", "raw_path": b"/other"}
        return await call_next(Request(scope, receive))

    app = only(dispatch)

    @app.post("/other")
    async def endpoint(request: Request) -> Any:
        return (await request.body()).decode()

    assert client_of(app).post("/first", content=b"abc").json() == "replaced"


def test_it_may_call_the_application_again(client_of: MakeClient) -> None:
    async def dispatch(request: Request, call_next: CallNext) -> Response:
        await request.body()
        first = await call_next(request)
        return first if first.status_code == 200 else await call_next(request)

    app = only(dispatch)
    tries: list[bytes] = []

    @app.post("/")
    async def endpoint(request: Request) -> Any:
        tries.append(await request.body())
        if len(tries) == 1:
            raise HTTPException(503)
        return "done"

    response = client_of(app).post("/", content=b"again")
    assert (response.json(), tries) == ("done", [b"again", b"again"])


# --- exceptions ----------------------------------------------------------------------------------


def test_an_exception_comes_out_of_call_next(client_of: MakeClient) -> None:
    error = ValueError("from the endpoint")

    async def dispatch(request: Request, call_next: CallNext) -> Response:
        try:
            return await call_next(request)
        except ValueError as exc:
            assert exc is error
            return PlainTextResponse("caught", 418)

    app = only(dispatch)

    @app.get("/")
    def endpoint() -> None:
        raise error

    assert client_of(app).get("/").text == "caught"


def test_an_uncaught_exception_is_the_server_s(client_of: MakeClient) -> None:
    error = ValueError("from the endpoint")
    log: list[str] = []
    app = TurboAPI()
    app.add_middleware(Named, "m", log=log)

    @app.get("/")
    def endpoint() -> None:
        raise error

    with pytest.raises(ValueError, match="endpoint") as caught:
        client_of(app).get("/")
    assert caught.value is error
    assert log == ["m in"]
    quiet = client_of(app, raise_server_exceptions=False)
    assert (quiet.get("/").status_code, quiet.get("/").text) == (500, "Internal Server Error")


def test_handlers_run_inside(client_of: MakeClient) -> None:
    app = TurboAPI()
    app.add_middleware(Named, "m", log=[])

    @app.get("/")
    def endpoint() -> None:
        raise HTTPException(409, "conflict", headers={"x-h": "1"})

    response = client_of(app).get("/")
    assert (response.status_code, response.json()) == (409, {"detail": "conflict"})
    assert (response.headers["x-h"], response.headers["x-passed"]) == ("1", "m")


def test_an_exception_in_the_body_breaks_the_response_off(client_of: MakeClient) -> None:
    app = TurboAPI()
    app.add_middleware(Named, "m", log=[])

    async def parts() -> AsyncIterator[bytes]:
        yield b"part"
        raise ValueError("in the body")

    app.get("/")(lambda: StreamingResponse(parts()))
    with pytest.raises(ValueError, match="in the body"):
        client_of(app).get("/")


def test_an_exception_after_call_next_cancels_the_application(client_of: MakeClient) -> None:
    seen: list[str] = []

    async def parts() -> AsyncIterator[bytes]:
        try:
            yield b"part"
            await anyio.sleep_forever()
        finally:
            seen.append("closed")

    async def dispatch(request: Request, call_next: CallNext) -> Response:
        response: Any = await call_next(request)
        assert await anext(response.body_iterator) == b"part"
        raise LookupError("in the middleware")

    app = only(dispatch)
    app.get("/")(lambda: StreamingResponse(parts()))
    with pytest.raises(LookupError, match="in the middleware"):
        client_of(app).get("/")
    assert seen == ["closed"]


def test_an_unused_response_ends_its_stream(client_of: MakeClient) -> None:
    """The application hears that nobody listens any more; the request does not hang."""
    parts_made = 0

    async def parts() -> AsyncIterator[bytes]:
        nonlocal parts_made
        while True:
            parts_made += 1
            yield b"part"

    async def dispatch(request: Request, call_next: CallNext) -> Response:
        await call_next(request)
        return PlainTextResponse("instead")

    app = only(dispatch)
    app.get("/")(lambda: StreamingResponse(parts()))
    assert client_of(app).get("/").text == "instead"
    assert parts_made >= 1


def test_an_application_without_response(client_of: MakeClient) -> None:
    async def silent(scope: Any, receive: Any, send: Any) -> None:
        return

    async def dispatch(request: Request, call_next: CallNext) -> Response:
        return await call_next(request)

    app = only(dispatch)
    app.mount("/", silent)
    with pytest.raises(RuntimeError, match="No response returned"):
        client_of(app).get("/")


# --- order of the end ----------------------------------------------------------------------------


def test_background_tasks_run_behind_the_response(client_of: MakeClient) -> None:
    log: list[str] = []
    app = TurboAPI()
    app.add_middleware(Named, "m", log=log)

    def dependency() -> Any:
        yield "x"
        log.append("dependency closed")

    @app.get("/")
    async def endpoint(tasks: BackgroundTasks, value: Any = Depends(dependency)) -> None:
        tasks.add_task(log.append, "background")

    assert client_of(app).get("/").status_code == 200
    assert log == ["m in", "m out", "background", "dependency closed"]


def test_the_response_may_get_a_background_task(client_of: MakeClient) -> None:
    from starlette.background import BackgroundTask

    ran: list[str] = []

    async def dispatch(request: Request, call_next: CallNext) -> Response:
        response = await call_next(request)
        response.background = BackgroundTask(ran.append, "mine")
        return response

    app = only(dispatch)
    app.get("/")(lambda: "x")
    assert client_of(app).get("/").json() == "x"
    assert ran == ["mine"]


# --- context -------------------------------------------------------------------------------------

VARIABLE: ContextVar[str] = ContextVar("VARIABLE", default="unset")


def test_context_variables_go_both_ways(client_of: MakeClient) -> None:
    seen: list[str] = []

    async def dispatch(request: Request, call_next: CallNext) -> Response:
        VARIABLE.set("from middleware")
        response = await call_next(request)
        seen.append(VARIABLE.get())
        return response

    app = only(dispatch)

    @app.get("/")
    async def endpoint() -> None:
        seen.append(VARIABLE.get())
        VARIABLE.set("from endpoint")

    client = client_of(app)
    for _ in range(2):  # nothing is left for the next request
        client.get("/")
    assert seen == ["from middleware", "from endpoint"] * 2
    assert VARIABLE.get() == "unset"


def test_cancel_scopes_of_both_sides_do_not_cross(client_of: MakeClient) -> None:
    async def dispatch(request: Request, call_next: CallNext) -> Response:
        with anyio.fail_after(60):
            return await call_next(request)

    async def parts() -> AsyncIterator[bytes]:
        with anyio.fail_after(60):
            yield b"a"
            yield b"b"

    app = only(dispatch)
    app.get("/")(lambda: StreamingResponse(parts()))
    assert client_of(app).get("/").text == "ab"


def test_it_runs_on_trio() -> None:
    pytest.importorskip("trio")
    app = TurboAPI()
    app.add_middleware(Named, "m", log=[])
    app.get("/")(lambda: StreamingResponse(iter(["a", "b"])))
    assert TestClient(app, backend="trio").get("/").text == "ab"


def test_it_leaves_lifespan_and_websockets_alone() -> None:
    log: list[str] = []
    app = TurboAPI()
    app.add_middleware(Named, "m", log=log)

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("hello")

    with TestClient(app) as client, client.websocket_connect("/ws") as session:
        assert session.receive_text() == "hello"
    assert log == []
