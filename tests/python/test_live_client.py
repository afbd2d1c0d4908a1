"""The test client that talks to the real server, beside Starlette's in-process one."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import ContextVar, copy_context
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route
from turboapi import Cookie, Request, Response, TurboAPI
from turboapi.testclient import LiveTestClient, TestClient

MakeClient = Callable[..., TestClient]


@pytest.fixture(params=[TestClient, LiveTestClient], ids=["in-process", "live"])
def client_of(request: pytest.FixtureRequest) -> MakeClient:
    return request.param


def describing() -> TurboAPI:
    """An application that answers with what it sees of a request."""
    app = TurboAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST", "HEAD"])
    async def endpoint(request: Request) -> Any:
        scope = request.scope
        return {
            "url": str(request.url),
            "server": list(scope["server"]),
            "client": None if scope["client"] is None else list(scope["client"]),
            "root_path": scope["root_path"],
            "raw_path": scope["raw_path"].decode(),
            "query": scope["query_string"].decode(),
            "headers": sorted(request.headers.items()),
            "body": (await request.body()).decode(),
        }

    return app


# --- what the application sees -------------------------------------------------------------------


def test_the_request_is_the_client_s(client_of: MakeClient) -> None:
    client = client_of(describing(), headers={"x-own": "1"})
    seen = client.post("/a%20b/c%2Fd?x=1&y=%C3%A4", json={"a": 1}, headers={"X-More": "2"}).json()
    assert seen["url"] == "http://testserver/a b/c/d?x=1&y=%C3%A4"
    assert (seen["raw_path"], seen["query"]) == ("/a%20b/c%2Fd", "x=1&y=%C3%A4")
    assert (seen["server"], seen["client"]) == (["testserver", 80], ["testclient", 50000])
    assert seen["body"] == '{"a":1}'
    assert {name for name, _ in seen["headers"]} == {
        "accept", "accept-encoding", "connection", "content-length", "content-type", "host",
        "user-agent", "x-more", "x-own",
    }  # fmt: skip
    assert ["user-agent", "testclient"] in seen["headers"]


@pytest.mark.parametrize(
    ("options", "path", "url", "server"),
    [
        ({"base_url": "https://api.example"}, "/x", "https://api.example/x", ["api.example", 443]),
        ({"base_url": "http://h:81/v1"}, "/x", "http://h:81/v1/x", ["h", 81]),
        ({}, "http://other.example/x", "http://other.example/x", ["other.example", 80]),
        ({"base_url": "http://[::1]:5"}, "/x", "http://[::1]:5/x", ["::1", 5]),
    ],
)
def test_the_base_url_is_what_the_application_sees(
    client_of: MakeClient, options: Any, path: str, url: str, server: Any
) -> None:
    seen = client_of(describing(), **options).get(path).json()
    assert (seen["url"], seen["server"]) == (url, server)


def test_client_and_root_path(client_of: MakeClient) -> None:
    app = describing()
    seen = client_of(app, client=("10.0.0.1", 7), root_path="/api").get("/api/x").json()
    assert (seen["client"], seen["root_path"]) == (["10.0.0.1", 7], "/api")


def test_a_route_without_request_is_found_below_a_root_path(client_of: MakeClient) -> None:
    app = TurboAPI()
    app.get("/x")(lambda: "x")
    assert client_of(app, root_path="/api").get("/api/x").json() == "x"


def test_cookies_headers_and_redirects(client_of: MakeClient) -> None:
    app = TurboAPI()

    @app.get("/login")
    def login(response: Response) -> None:
        response.set_cookie("session", "abc")

    @app.get("/who")
    def who(session: str = Cookie("nobody")) -> str:
        return session

    app.get("/old")(lambda: Response(status_code=307, headers={"location": "/who"}))
    client = client_of(app, cookies={"session": "first"})
    assert client.get("/who").json() == "first"
    client.cookies.clear()
    client.get("/login")
    assert client.get("/who").json() == "abc"
    assert client.get("/who/").json() == "abc"  # redirected by the router
    response = client.get("/old")
    assert (response.json(), len(response.history)) == ("abc", 1)
    assert client_of(app, follow_redirects=False).get("/old").status_code == 307


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options", "head"])
def test_every_method(client_of: MakeClient, method: str) -> None:
    app = TurboAPI()
    app.api_route("/", methods=[method.upper()])(lambda: method)
    response = getattr(client_of(app), method)("/")
    assert response.status_code == 200
    assert response.text == ("" if method == "head" else f'"{method}"')


def test_uploads_and_generators(client_of: MakeClient) -> None:
    app = TurboAPI()

    @app.post("/form")
    async def form(request: Request) -> Any:
        async with request.form() as found:
            return {name: (await file.read()).decode() for name, file in found.items()}

    @app.post("/size")
    async def size(request: Request) -> int:
        return len(await request.body())

    client = client_of(app)
    assert client.post("/form", files={"a": b"1", "b": b"2"}).json() == {"a": "1", "b": "2"}
    assert client.post("/size", content=(b"x" * 1000 for _ in range(100))).json() == 100_000


def test_other_applications(client_of: MakeClient) -> None:
    async def plain(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("plain")(scope, receive, send)

    class Asgi2:
        def __init__(self, scope: Any) -> None:
            self.scope = scope

        async def __call__(self, receive: Any, send: Any) -> None:
            await PlainTextResponse("two")(self.scope, receive, send)

    starlette = Starlette(routes=[Route("/", lambda request: PlainTextResponse("starlette"))])
    texts = [client_of(app).get("/").text for app in (plain, Asgi2, starlette)]
    assert texts == ["plain", "two", "starlette"]


# --- the real server -----------------------------------------------------------------------------


def test_it_is_the_real_server_with_its_native_routes() -> None:
    app = TurboAPI()
    app.static_route("GET", "/fixed", '{"a":1}')
    app.get("/plan")(lambda: "native")
    called: list[str] = []
    inner = app.router.app

    async def spied(scope: Any, receive: Any, send: Any) -> None:
        called.append(scope["type"])
        await inner(scope, receive, send)

    with LiveTestClient(app) as client:
        app.router.middleware_stack = spied
        assert client.get("/fixed").json() == {"a": 1}
        response = client.get("/plan")
        assert (response.json(), response.headers["server"]) == ("native", "turboapi")
        assert "date" in response.headers
        assert called == []
        client.get("/docs")
        assert called == ["http"]


def test_requests_of_several_threads() -> None:
    app = TurboAPI()
    both = threading.Barrier(2)

    @app.get("/{number}")
    def endpoint(number: int) -> int:
        both.wait()
        return number

    with LiveTestClient(app) as client, ThreadPoolExecutor(2) as pool:
        answers = pool.map(lambda number: client.get(f"/{number}").json(), [1, 2])
        assert list(answers) == [1, 2]


def test_nothing_is_left_behind() -> None:
    app = describing()

    def resources() -> tuple[int, int, int]:
        tasks, descriptors = os.listdir("/proc/self/task"), os.listdir("/proc/self/fd")
        return threading.active_count(), len(tasks), len(descriptors)

    def use() -> None:
        client = LiveTestClient(app)
        client.get("/")
        with client:
            client.get("/")
            with client.stream("GET", "/"):
                pass
        client.close()

    use()
    before = resources()
    for _ in range(10):
        use()
    after = resources()
    assert (after[0], after[2]) == (before[0], before[2])
    assert after[1] <= before[1] + 5  # a thread that was joined may still be going in the kernel


def test_routes_may_be_added_between_requests(client_of: MakeClient) -> None:
    app = TurboAPI()
    client = client_of(app)
    assert client.get("/late").status_code == 404
    app.get("/late")(lambda: "late")
    assert client.get("/late").json() == "late"
    with client:
        assert client.get("/later").status_code == 404
        app.get("/later")(lambda: "later")
        assert client.get("/later").json() == "later"


# --- exceptions ----------------------------------------------------------------------------------


def test_an_exception_is_raised_again_as_the_same_object(client_of: MakeClient) -> None:
    error = ValueError("mine")
    app = TurboAPI()

    @app.get("/sync")
    def sync() -> None:
        raise error

    @app.get("/async")
    async def asynchronous() -> None:
        raise error

    client = client_of(app)
    for path in ("/sync", "/async"):
        with pytest.raises(ValueError, match="mine") as caught:
            client.get(path)
        assert caught.value is error
    response = client_of(app, raise_server_exceptions=False).get("/sync")
    assert (response.status_code, response.text) == (500, "Internal Server Error")


def test_an_exception_of_a_background_task(client_of: MakeClient) -> None:
    def fail() -> None:
        raise LookupError("behind the response")

    app = TurboAPI()
    app.get("/")(lambda: PlainTextResponse("sent", background=BackgroundTask(fail)))
    with pytest.raises(LookupError, match="behind the response"):
        client_of(app).get("/")
    assert client_of(app, raise_server_exceptions=False).get("/").text == "sent"


def test_an_exception_in_the_middle_of_a_stream(client_of: MakeClient) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"part"
        raise ValueError("in the stream")

    app = Starlette(routes=[Route("/", lambda request: StreamingResponse(parts()))])
    with pytest.raises(ValueError, match="in the stream"):
        client_of(app).get("/")
    assert client_of(app, raise_server_exceptions=False).get("/").text == "part"


def test_an_application_that_answers_nothing(client_of: MakeClient) -> None:
    async def silent(scope: Any, receive: Any, send: Any) -> None:
        return

    with pytest.raises(AssertionError, match="did not receive any response"):
        client_of(silent).get("/")
    assert client_of(silent, raise_server_exceptions=False).get("/").status_code == 500


def test_an_application_that_fails_before_it_answers(client_of: MakeClient) -> None:
    async def failing(scope: Any, receive: Any, send: Any) -> None:
        raise KeyError("early")

    with pytest.raises(KeyError, match="early"):
        client_of(failing).get("/")
    assert client_of(failing, raise_server_exceptions=False).get("/").status_code == 500


# --- lifespan ------------------------------------------------------------------------------------


def test_the_lifespan_runs_around_the_block(client_of: MakeClient) -> None:
    log: list[str] = []

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[Any]:
        log.append("up")
        yield {"number": 42}
        log.append("down")

    app = TurboAPI(lifespan=lifespan)

    @app.get("/")
    def endpoint(request: Request) -> int:
        log.append("request")
        return request.state.number

    client = client_of(app)
    for _ in range(2):
        with client:
            assert client.app_state == {"number": 42}
            assert client.get("/").json() == 42
    assert log == ["up", "request", "down"] * 2


def test_outside_of_a_block_there_is_no_lifespan(client_of: MakeClient) -> None:
    started: list[int] = []
    app = TurboAPI(on_startup=[lambda: started.append(1)])
    app.get("/")(lambda: "x")
    assert client_of(app).get("/").json() == "x"
    assert started == []


@pytest.mark.parametrize("moment", ["start-up", "shutdown"])
def test_errors_of_the_lifespan_are_raised_again(client_of: MakeClient, moment: str) -> None:
    error = RuntimeError(moment)

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        if moment == "start-up":
            raise error
        yield
        raise error

    entered: list[int] = []

    def use() -> None:
        with client_of(TurboAPI(lifespan=lifespan)):
            entered.append(1)

    with pytest.raises(RuntimeError) as caught:
        use()
    assert caught.value is error
    assert entered == ([1] if moment == "shutdown" else [])


def test_the_portal_runs_functions_on_the_loop(client_of: MakeClient) -> None:
    app = TurboAPI()
    loops: list[Any] = []

    @app.get("/")
    async def endpoint() -> None:
        loops.append(asyncio.get_running_loop())

    client = client_of(app)
    assert client.portal is None
    with client:
        client.get("/")
        assert client.portal is not None
        assert client.portal.call(asyncio.get_running_loop) is loops[0]
    assert client.portal is None


# --- streams -------------------------------------------------------------------------------------


def test_a_response_is_there_before_its_body(client_of: MakeClient) -> None:
    go_on = asyncio.Event()

    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        await go_on.wait()
        yield b"two"

    app = Starlette(routes=[Route("/", lambda request: StreamingResponse(parts()))])
    with client_of(app) as client, client.stream("GET", "/") as response:
        chunks = response.iter_raw()
        assert next(chunks) == b"one"
        client.portal.call(go_on.set)
        assert list(chunks) == [b"two"]


@pytest.mark.parametrize("how", ["response", "client"])
def test_leaving_cancels_the_application(client_of: MakeClient, how: str) -> None:
    ended: list[str] = []

    async def parts() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"again"
                await anyio.sleep(0.001)
        finally:
            ended.append("ended")

    app = Starlette(routes=[Route("/", lambda request: StreamingResponse(parts()))])
    client = client_of(app)
    response = client.send(client.build_request("GET", "/"), stream=True)
    assert next(response.iter_raw()) == b"again"
    (response if how == "response" else client).close()
    assert ended == ["ended"]


def test_background_tasks_are_done_when_the_request_is(client_of: MakeClient) -> None:
    ran: list[str] = []

    async def background() -> None:
        await anyio.sleep(0.01)
        ran.append("ran")

    app = TurboAPI()
    app.get("/")(lambda: PlainTextResponse("x", background=BackgroundTask(background)))
    client = client_of(app)
    client.get("/")
    assert ran == ["ran"]
    with client.stream("GET", "/") as response:
        assert (
            next(response.iter_raw()) == b"x"
        )  # all there is, though it was not iterated to its end
    assert ran == ["ran", "ran"]


# --- more of the interface -----------------------------------------------------------------------


def test_templates_show_what_they_were_given(client_of: MakeClient, tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    from turboapi.templating import Jinja2Templates

    (tmp_path / "page.html").write_text("Hello {{ name }}")
    templates = Jinja2Templates(directory=tmp_path)
    app = TurboAPI()

    @app.get("/")
    def endpoint(request: Request) -> Any:
        return templates.TemplateResponse(request, "page.html", {"name": "you"})

    response: Any = client_of(app).get("/")
    assert (response.text, response.template.name) == ("Hello you", "page.html")
    assert response.context["name"] == "you"


def test_a_timeout_is_pointless(client_of: MakeClient) -> None:
    from starlette.exceptions import StarletteDeprecationWarning

    app = describing()
    with pytest.warns(StarletteDeprecationWarning, match="timeout"):
        client_of(app).get("/", timeout=1)


def test_it_is_a_client_of_starlette_s_kind() -> None:
    assert issubclass(LiveTestClient, TestClient)
    assert issubclass(LiveTestClient, httpx2.Client)


def test_websockets_are_clearly_refused() -> None:
    app = TurboAPI()
    client = LiveTestClient(app)
    with pytest.raises(NotImplementedError, match="cannot open WebSockets"):
        client.websocket_connect("/ws")
    with pytest.raises(NotImplementedError, match="cannot open WebSockets"):
        client.get("ws://testserver/ws")


def test_only_asyncio_can_serve() -> None:
    with pytest.raises(ValueError, match="backend='trio' is not possible"):
        LiveTestClient(TurboAPI(), backend="trio")


def test_backend_options_reach_the_loop() -> None:
    made: list[Any] = []

    def factory() -> Any:
        made.append(asyncio.new_event_loop())
        return made[-1]

    app = TurboAPI()

    @app.get("/")
    async def endpoint() -> bool:
        return asyncio.get_running_loop() is made[-1]

    client = LiveTestClient(app, backend_options={"loop_factory": factory})
    assert client.get("/").json() is True
    assert len(made) == 1


VARIABLE: ContextVar[str] = ContextVar("VARIABLE", default="unset")


def test_context_variables_of_the_test_are_seen(client_of: MakeClient) -> None:
    app = TurboAPI()

    @app.get("/sync")
    def sync() -> str:
        return VARIABLE.get()

    @app.get("/async")
    async def asynchronous() -> str:
        return VARIABLE.get()

    def use() -> None:
        VARIABLE.set("test")
        client = client_of(app)
        assert client.get("/sync").json() == "test"
        with client:
            assert client.get("/async").json() == "test"

    copy_context().run(use)
    assert client_of(app).get("/sync").json() == "unset"
