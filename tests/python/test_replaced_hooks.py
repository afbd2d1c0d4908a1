"""Libraries replace functions, methods and attributes of a framework; what they replace is called.

As in FastAPI, what they take hold of may be anything that is looked up where it is used, not only the
functions that are meant for it. Each case is one that libraries or applications are known to make.
"""

# mypy: disable-error-code="no-untyped-def"
# Endpoints have no return type where it would make a response model.

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, Router
from turboapi import APIRouter, FastAPI, TurboAPI, routing
from turboapi._connection import own_method
from turboapi.routing import APIRoute
from turboapi.testclient import TestClient


class Item(BaseModel):
    name: str


def make_app() -> FastAPI:
    app = FastAPI()

    @app.get("/values/{key}")
    async def value(key: str) -> Any:
        return {"key": key}

    @app.get("/plain")
    async def plain():
        return {"plain": True}

    @app.post("/items")
    async def create(item: Item) -> Item:
        return item

    router = APIRouter(prefix="/inner")

    @router.get("/plain")
    async def inner():
        return "inner"

    app.include_router(router)
    app.router.routes.append(Route("/starlette", lambda request: PlainTextResponse("x")))
    return app


def watched(original: Callable[..., Any], calls: list[str], name: str) -> Callable[..., Any]:
    def replaced(*args: Any, **options: Any) -> Any:
        calls.append(name)
        return original(*args, **options)

    return replaced


def statuses(app: FastAPI) -> list[int]:
    client = TestClient(app, raise_server_exceptions=False)
    answers = [client.get(path) for path in ("/values/a", "/plain", "/inner/plain", "/starlette")]
    return [
        *(each.status_code for each in answers),
        client.post("/items", json={"name": "a"}).status_code,
    ]


# --- methods of classes ----------------------------------------------------------------------------


@pytest.mark.parametrize("owner", [APIRoute, Route])
def test_a_replaced_matches_of_routes_is_called(
    owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(owner, "matches", watched(owner.matches, calls, "matches"))
    app = make_app()
    TestClient(app).get("/plain")
    assert calls
    assert statuses(app) == [200] * 5


@pytest.mark.parametrize("name", ["matches", "handle"])
def test_replaced_methods_of_routers_are_called(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(APIRouter, name, watched(getattr(APIRouter, name), calls, name))
    app = make_app()
    assert TestClient(app).get("/inner/plain").json() == "inner"
    assert calls == [name]


@pytest.mark.parametrize("included", [False, True])
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("name", ["matches", "handle"])
def test_methods_of_one_route_may_be_replaced(name: str, late: bool, included: bool) -> None:
    router = APIRouter()

    @router.get("/plain")
    async def plain() -> str:
        return "plain"

    app = FastAPI()
    if included:
        app.include_router(router)
    else:
        app.router.routes.extend(router.routes)
    client = TestClient(app)
    if late:
        assert client.get("/plain").json() == "plain"
    calls: list[str] = []
    route = router.routes[0]
    setattr(route, name, watched(getattr(route, name), calls, name))
    app.router._mark_routes_changed()  # Only `handle` is asked for at every request.
    assert client.get("/plain").json() == "plain"
    assert calls and set(calls) == {name}
    assert next(e for e in app.native_routes() if e.path == "/plain").plan is None


def test_a_handle_that_one_route_gets_late_is_called_at_the_next_request() -> None:
    app = make_app()
    client = TestClient(app)
    assert client.get("/plain").status_code == 200
    calls: list[str] = []
    route: Any = next(each for each in app.routes if getattr(each, "path", "") == "/plain")
    route.handle = watched(route.handle, calls, "handle")
    assert client.get("/plain").status_code == 200
    assert calls == ["handle"]


@pytest.mark.parametrize("name", ["body", "json"])
def test_replaced_readers_of_requests_are_called(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    client = TestClient(app)
    assert client.post("/items", json={"name": "a"}).json() == {"name": "a"}

    async def body(self: Request) -> bytes:
        return b'{"name": "replaced"}'

    async def read(self: Request) -> Any:
        return {**json.loads(await self.body()), "name": "replaced"}

    monkeypatch.setattr(Request, name, {"body": body, "json": read}[name])
    assert client.post("/items", json={"name": "a"}).json() == {"name": "replaced"}


def test_the_media_type_of_json_responses_may_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(JSONResponse, "media_type", "application/json; charset=utf-8")
    client = TestClient(make_app())
    header = "application/json; charset=utf-8"
    assert client.get("/plain").headers["content-type"] == header
    # With a response model pydantic writes the JSON, and the class has no say.
    assert client.get("/values/a").headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("owner", "name"),
    [(JSONResponse, "__init__"), (Response, "__init__"), (Response, "init_headers")],
)
def test_replaced_constructors_of_responses_are_called(
    owner: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(owner, name, watched(getattr(owner, name), calls, name))
    TestClient(make_app()).get("/plain")
    assert calls == [name]


class Proxy:
    """As the wrappers of a well-known library: it shows all attributes of what it wraps."""

    def __init__(self, wrapped: Any) -> None:
        self._wrapped = wrapped

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)

    @property
    def __class__(self) -> Any:
        return type(self._wrapped)

    def __get__(self, instance: Any, owner: Any) -> Any:
        return Proxy(self._wrapped.__get__(instance, owner))

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self._wrapped(*args, **options)


def test_a_wrapper_that_looks_like_the_method_is_not_taken_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert own_method(Route, "handle") is Route.handle
    monkeypatch.setattr(Route, "handle", Proxy(Route.handle))
    assert own_method(Route, "handle") is None


# --- functions of the module `routing` --------------------------------------------------------------


def test_a_replaced_encoder_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app()
    assert TestClient(app).get("/plain").json() == {"plain": True}
    monkeypatch.setattr(routing, "jsonable_encoder", lambda value: {"encoded": value})
    assert TestClient(app).get("/plain").json() == {"encoded": {"plain": True}}


@pytest.mark.parametrize("name", ["get_dependant", "request_response"])
def test_functions_that_make_routes_may_be_replaced(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(routing, name, watched(getattr(routing, name), calls, name))
    assert statuses(make_app()) == [200] * 5
    assert len(calls) >= 4


# --- the native executor ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (Starlette, "__call__"),
        (TurboAPI, "__call__"),
        (TurboAPI, "build_middleware_stack"),
        (Router, "__call__"),
        (APIRouter, "app"),
        (APIRoute, "handle"),
        (APIRoute, "matches"),
        (Route, "handle"),
        (Route, "matches"),
        (ExceptionMiddleware, "__call__"),
        (Request, "json"),
        (JSONResponse, "render"),
        (JSONResponse, "__init__"),
    ],
)
def test_a_replaced_method_takes_the_application_off_the_native_path(
    owner: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert TurboAPI().native_ready() is None
    monkeypatch.setattr(owner, name, watched(getattr(owner, name), [], name))
    assert TurboAPI().native_ready() == "a routing function has been replaced"


@pytest.mark.parametrize("name", ["request_response", "jsonable_encoder", "get_dependant"])
def test_a_replaced_function_takes_the_application_off_the_native_path(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, name, watched(getattr(routing, name), [], name))
    assert TurboAPI().native_ready() == "a routing function has been replaced"
