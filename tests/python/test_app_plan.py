"""What the native server is told: routes in order, plans, reasons; and how it hands back."""

from __future__ import annotations

import enum
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, ValidationError
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from turboapi import (
    APIRouter,
    Body,
    Cookie,
    Depends,
    Form,
    Header,
    HTTPException,
    Query,
    Request,
    TurboAPI,
    routing,
)
from turboapi._plan import ParamStep, Plan
from turboapi.testclient import TestClient


class Color(enum.Enum):
    red = "red"


class Filters(BaseModel):
    a: int = 1


class Item(BaseModel):
    name: str
    price: float = Field(gt=0)


def plans(app: TurboAPI) -> dict[str, Plan]:
    return {entry.path: entry.plan for entry in app.native_routes() if entry.plan is not None}


def test_parameter_steps_follow_the_signature():
    app = TurboAPI()

    @app.get("/items/{item_id:int}")
    def endpoint(
        q: str | None = None,
        *,
        item_id: int,
        x_token: Annotated[float, Header()] = 1.5,
        flag: Annotated[bool, Query(alias="on")] = True,
        color: Color = Color.red,
        short: Annotated[str | None, Query(max_length=3)] = None,
        session: Annotated[str, Cookie()] = "s",
    ):
        return None

    plan = plans(app)["/items/{item_id:int}"]
    assert plan.reason is None and plan.body is None and plan.serialize is None
    assert (plan.endpoint, plan.is_coroutine, plan.status_code) == (endpoint, False, 200)
    assert plan.params == (
        ParamStep("q", "query", "q", "str", True, False, None),
        ParamStep("item_id", "path", "item_id", "int", False, True, None),
        ParamStep("x_token", "header", "x-token", "float", False, False, 1.5),
        ParamStep("flag", "query", "on", "bool", False, False, True),
        ParamStep("color", "query", "color", "", False, False, Color.red),
        ParamStep("short", "query", "short", "", True, False, None),
        ParamStep("session", "cookie", "session", "str", False, False, "s"),
    )


def test_body_and_response_model():
    app = TurboAPI(strict_content_type=False)

    @app.post("/items", status_code=201, response_model_exclude_unset=True)
    async def create(item: Item) -> list[Item]:
        return [item]

    plan = plans(app)["/items"]
    assert plan.reason is None and plan.is_coroutine and plan.status_code == 201
    assert not plan.strict_content_type
    assert plan.body is not None and plan.body.name == "item" and plan.body.required
    item = plan.body.validate({"name": "a", "price": 1})
    assert item == Item(name="a", price=1)
    with pytest.raises(ValidationError):
        plan.body.validate({"name": "a", "price": -1})
    assert plan.serialize is not None
    assert plan.serialize([{"name": "ä", "price": 2}]) == '[{"name":"ä","price":2.0}]'.encode()
    with pytest.raises(ValidationError):
        plan.serialize([{"name": 1}])


def test_reasons():
    app = TurboAPI()

    def dependency() -> int:
        return 1

    @app.get("/dependency")
    def with_dependency(value: int = Depends(dependency)):
        return value

    @app.get("/request")
    def with_request(request: Request):
        return None

    @app.get("/stream")
    def stream():
        yield 1

    @app.get("/class", response_class=PlainTextResponse)
    def with_class():
        return "x"

    @app.get("/nothing", status_code=204)
    def nothing():
        return None

    @app.post("/form")
    def form(a: Annotated[str, Form()]):
        return a

    @app.post("/two")
    def two(a: Annotated[int, Body()], b: Annotated[int, Body()]):
        return a + b

    @app.get("/model")
    def model(filters: Annotated[Filters, Query()]):
        return filters

    @app.get("/list")
    def with_list(a: Annotated[list[int], Query()] = []):  # noqa: B006
        return a

    @app.get("/constrained")
    def constrained(a: Annotated[int, Query(gt=1)]):
        return a

    @app.post("/limited", max_body_size=10)
    def limited(item: Item):
        return item

    found = {path: plan.reason for path, plan in plans(app).items()}
    assert found == {
        "/dependency": "it has dependencies",
        "/request": "it takes the request, the response or background tasks",
        "/stream": "the endpoint streams its response",
        "/class": "it has a response class of its own",
        "/nothing": "its status allows no body",
        "/form": "its body is a form",
        "/two": "its body has several parameters",
        "/model": "its parameter 'filters' is a model",
        "/list": "the default of its parameter 'a' is made for each request",
        "/constrained": "its parameter 'a' is validated by pydantic",
        "/limited": "it limits the size of bodies",
    }


def test_routes_are_listed_in_order_with_full_paths():
    inner, outer = APIRouter(), APIRouter(prefix="/outer")

    class OwnRoute(routing.APIRoute):
        pass

    class AskedRoute(routing.APIRoute):
        def matches(self, scope: Any) -> Any:
            return super().matches(scope)

    class WrappedRoute(routing.APIRoute):
        def get_route_handler(self) -> Any:
            return super().get_route_handler()

    @inner.get("/a/{x:path}")
    def a(x: str):
        return x

    inner.routes.append(OwnRoute("/own", a_function, methods=["PUT", "GET"]))
    inner.routes.append(AskedRoute("/asked", a_function))
    inner.routes.append(WrappedRoute("/wrapped", a_function))

    @inner.websocket("/ws")
    async def ws(websocket: Any):
        pass

    app = TurboAPI(openapi_url=None, routes=[Route("/plain", lambda request: None)])
    outer.include_router(inner, prefix="/inner")
    app.include_router(outer)
    app.routes.append(Mount("/mounted", app=TurboAPI()))
    app.static_route("GET", "/health", '{"status":"ok"}')
    app.add_native_route("POST", "/fast", "./libhandler.so", "handle_request")

    listed = [(entry.methods, entry.path, entry.plan is None) for entry in app.native_routes()]
    assert listed == [
        (("GET", "HEAD"), "/plain", True),
        (("GET",), "/outer/inner/a/{x:path}", False),
        (("GET", "PUT"), "/outer/inner/own", False),
        (None, "/outer/inner/asked", True),
        (("GET",), "/outer/inner/wrapped", True),
        (None, "/outer/inner/ws", True),
        (None, "/mounted/{path:path}", True),
        (("GET",), "/health", True),
        (("POST",), "/fast", True),
    ]
    static, native = (entry.route for entry in app.native_routes()[-2:])
    assert isinstance(static, routing.StaticRoute) and isinstance(native, routing.NativeRoute)
    assert (static.body, static.status_code, static.content_type) == (
        b'{"status":"ok"}',
        200,
        "application/json",
    )
    assert (native.library, native.symbol) == ("./libhandler.so", "handle_request")


def a_function():
    return 1


def test_replaced_application_of_a_route_has_no_plan():
    app = TurboAPI(openapi_url=None)
    app.get("/")(a_function)
    assert app.native_routes()[0].plan is not None
    route: Any = app.routes[0]
    route.app = routing.request_response(route.get_route_handler())
    assert app.native_routes()[0].plan is None


def test_frontends_come_last_and_pass_on(tmp_path: Any):
    app = TurboAPI(openapi_url=None)
    app.frontend("/", directory=tmp_path)
    app.get("/")(a_function)
    entries = app.native_routes()
    assert [entry.path for entry in entries] == ["/", "/{path:path}"]
    assert entries[-1].plan is None and entries[-1].methods is None


def test_application_is_ready_unless_something_else_runs_around_routes():
    assert TurboAPI().native_ready() is None

    app = TurboAPI(middleware=[Middleware(GZipMiddleware)])
    assert app.native_ready() == "it has middleware"

    app = TurboAPI()
    app.add_exception_handler(404, lambda request, exc: None)
    assert app.native_ready() == "it has exception handlers of its own"

    app = TurboAPI()
    app.dependency_overrides[a_function] = a_function
    assert app.native_ready() == "it has dependency overrides"
    app.dependency_overrides.clear()
    assert app.native_ready() is None

    assert TurboAPI(debug=True).native_ready() == "it runs in debug mode"
    assert TurboAPI(max_body_size=1).native_ready() == "it limits the size of bodies"

    class OwnStack(TurboAPI):
        def build_middleware_stack(self) -> Any:
            return super().build_middleware_stack()

    assert OwnStack().native_ready() == "its middleware stack is built by other code"


@pytest.mark.parametrize(
    "hook",
    ["solve_dependencies", "run_endpoint_function", "serialize_response", "get_request_handler"],
)
def test_replaced_hook_takes_the_application_off_the_native_path(monkeypatch: Any, hook: str):
    original = getattr(routing, hook)
    monkeypatch.setattr(routing, hook, lambda *args, **kwargs: original(*args, **kwargs))
    assert TurboAPI().native_ready() == "a routing function has been replaced"


class Outcome:
    """ASGI around an application: sets what the native executor would set."""

    def __init__(self, app: TurboAPI, outcome: tuple[str, Any]) -> None:
        self.app, self.outcome = app, outcome

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope["turboapi.outcome"] = self.outcome
        await self.app(scope, receive, send)


def test_outcome_of_the_native_executor_is_continued_from():
    app = TurboAPI()
    calls: list[str] = []

    @app.post("/items", status_code=201)
    def endpoint(item: Item) -> Item:
        calls.append("called")
        return item

    @app.get("/plain")
    async def plain(q: int):
        calls.append("called")

    def client(*outcome: Any) -> TestClient:
        return TestClient(Outcome(app, outcome), raise_server_exceptions=False)  # type: ignore[arg-type]

    response = client("return", {"name": "a", "price": 1}).post("/items")
    assert (response.status_code, response.content) == (201, b'{"name":"a","price":1.0}')
    assert client("return", {"name": 1}).post("/items").status_code == 500
    assert client("return", PlainTextResponse("x", 202)).post("/items").text == "x"
    assert client("return", {1, 2}).get("/plain").json() == [1, 2]
    response = client("raise", HTTPException(418, "tea", {"x-a": "1"})).get("/plain")
    assert (response.status_code, response.json()) == (418, {"detail": "tea"})
    assert response.headers["x-a"] == "1"
    assert client("raise", KeyError("k")).get("/plain").status_code == 500
    assert calls == []


def test_static_and_native_routes_over_asgi():
    app = TurboAPI()
    app.static_route("GET", "/health", "ok", status_code=203, content_type="text/plain")
    app.native_route("GET", "/fast", "./libhandler.so", "handle_request")
    router = APIRouter(routes=[routing.StaticRoute("GET", "/inner", b"{}")])
    app.include_router(router, prefix="/p")
    client = TestClient(app)
    response = client.get("/health")
    assert (response.status_code, response.content) == (203, b"ok")
    assert response.headers["content-type"] == "text/plain"
    assert client.get("/p/inner").content == b"{}"
    assert client.head("/health").status_code == 405
    response = client.get("/fast")
    assert response.status_code == 501 and "handle_request of ./libhandler.so" in response.text
