"""Matching in order of registration, included routers, changes while the application runs."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from starlette.convertors import Convertor, register_url_convertor
from starlette.responses import PlainTextResponse
from starlette.routing import Match, Mount, Route
from turboapi import APIRouter, Depends, Request, TurboAPI, WebSocket
from turboapi.routing import APIRoute, iter_route_contexts
from turboapi.testclient import TestClient


def answer(text: str) -> Any:
    def endpoint() -> str:
        return text

    return endpoint


def test_first_registered_full_match_wins():
    app = TurboAPI()
    app.get("/u/{name}")(answer("parameter"))
    app.get("/u/me")(answer("literal"))
    app.post("/u/me")(answer("posted"))
    client = TestClient(app)
    assert client.get("/u/me").json() == "parameter"
    assert client.get("/u/megan").json() == "parameter"
    assert client.post("/u/me").json() == "posted"
    response = client.delete("/u/me")
    assert response.status_code == 405 and response.headers["allow"] == "GET"


def test_convertors_decide_about_the_match():
    class HexConvertor(Convertor[int]):
        regex = "(0x)?[0-9a-f]+"

        def convert(self, value: str) -> int:
            return int(value, 16)

        def to_string(self, value: int) -> str:
            return hex(value)

    register_url_convertor("turbo_hex", HexConvertor())
    app = TurboAPI()

    @app.get("/c/{value:turbo_hex}")
    def in_hex(value: int):
        return {"hex": value}

    @app.get("/c/{value:float}")
    def in_float(value: float):
        return {"float": value}

    @app.get("/c/{value}.json")
    def in_json(value: str):
        return {"json": value}

    @app.get("/c/{value:path}")
    def in_path(value: str):
        return {"path": value}

    client = TestClient(app)
    assert client.get("/c/0xff").json() == {"hex": 255}
    assert client.get("/c/1.5").json() == {"float": 1.5}
    assert client.get("/c/x.json").json() == {"json": "x"}
    assert client.get("/c/x/y").json() == {"path": "x/y"}
    assert client.get("/c/zz").json() == {"path": "zz"}


def test_opaque_routes_keep_their_place():
    class HeaderRoute(APIRoute):
        def matches(self, scope: Any) -> Any:
            if (b"x-match", b"yes") not in scope["headers"]:
                return Match.NONE, {}
            return super().matches(scope)

    app = TurboAPI(openapi_url=None)
    app.get("/a")(answer("first"))
    app.router.routes.append(HeaderRoute("/{rest:path}", lambda rest: f"header {rest}"))
    app.get("/b")(answer("last"))
    app.mount("/m", Route("/m/x", lambda request: PlainTextResponse("mounted")))
    app.get("/m/x")(answer("shadowed"))
    client = TestClient(app)
    assert client.get("/a", headers={"x-match": "yes"}).json() == "first"
    assert client.get("/b", headers={"x-match": "yes"}).json() == "header b"
    assert client.get("/b").json() == "last"
    assert client.get("/nope").status_code == 404


def test_routes_may_change_while_the_application_runs():
    app = TurboAPI(openapi_url=None)
    router = APIRouter()
    app.include_router(router, prefix="/r")
    app.get("/x")(answer("old"))
    client = TestClient(app)
    assert client.get("/x").json() == "old"
    app.get("/x")(answer("new"))
    assert client.get("/x").json() == "old"
    app.routes.insert(0, app.routes.pop())
    assert client.get("/x").json() == "new"
    app.router.routes[0] = APIRoute("/x", answer("replaced"))
    assert client.get("/x").json() == "replaced"
    del app.routes[0]
    assert client.get("/x").json() == "old"
    app.router.routes = [route for route in app.routes if getattr(route, "path", "") != "/x"]
    assert client.get("/x").status_code == 404
    assert client.get("/r/late").status_code == 404
    router.get("/late")(answer("late"))
    assert client.get("/r/late").json() == "late"
    router.routes.clear()
    assert client.get("/r/late").status_code == 404
    nested = APIRouter()
    router.include_router(nested, prefix="/n")
    nested.get("/deep")(answer("deep"))
    assert client.get("/r/n/deep").json() == "deep"


def test_a_router_may_be_included_many_times():
    calls: list[str] = []
    router = APIRouter(prefix="/items", tags=["own"])

    @router.get("/{item_id}")
    def read(item_id: int, request: Request):
        context = request.scope["fastapi"]["effective_route_context"]
        return [item_id, request.scope["route"].path, context.path, context.tags]

    app = TurboAPI()
    app.include_router(router, prefix="/v1", tags=["one"])
    app.include_router(
        router, prefix="/{tenant}", dependencies=[Depends(lambda tenant: calls.append(tenant))]
    )
    client = TestClient(app)
    assert client.get("/v1/items/3").json() == [
        3,
        "/items/{item_id}",
        "/v1/items/{item_id}",
        ["one", "own"],
    ]
    assert client.get("/acme/items/4").json()[2] == "/{tenant}/items/{item_id}"
    assert calls == ["acme"]
    assert client.get("/acme/items/x").status_code == 422
    assert [context.path for context in iter_route_contexts(app.routes)][-2:] == [
        "/v1/items/{item_id}",
        "/{tenant}/items/{item_id}",
    ]
    assert app.url_path_for("read", item_id=1) == "/v1/items/1"


def test_a_route_that_extensions_changed_is_included_as_it_was_declared():
    from turboapi.dependencies.utils import get_parameterless_sub_dependant
    from turboapi.params import Depends as Declared

    calls: list[str] = []
    router = APIRouter()
    router.get("/x")(answer("x"))
    app = TurboAPI()
    route: Any = app.get("/own")(answer("own")) and app.routes[-1]
    app.include_router(router)
    extra = Declared(lambda: calls.append("extra"))
    client = TestClient(app)
    assert client.get("/own").json() == "own" and calls == []
    for changed in (route, router.routes[0]):
        sub = get_parameterless_sub_dependant(depends=extra, path="/own")
        changed.dependant.dependencies.append(sub)
    assert client.get("/own").json() == "own" and calls == ["extra"]
    assert client.get("/x").json() == "x" and calls == ["extra"]


def test_included_routes_follow_signatures_and_dependencies_that_libraries_change():
    calls: list[str] = []
    router = APIRouter()

    def endpoint(self):
        return self

    router.get("/method")(endpoint)
    router.get("/plain")(answer("plain"))
    app = TurboAPI()
    app.include_router(router, prefix="/r")
    # As class-based views do it, after the route was made.
    parameter = inspect.Parameter(
        "self", inspect.Parameter.KEYWORD_ONLY, default=Depends(lambda: 7)
    )
    endpoint.__signature__ = inspect.Signature([parameter])  # type: ignore[attr-defined]
    # As pagination does it.
    changed: Any = router.routes[1]
    changed.dependencies.append(Depends(lambda: calls.append("added")))
    client = TestClient(app)
    assert client.get("/r/method").json() == 7
    assert client.get("/r/plain").json() == "plain" and calls == ["added"]


def test_convertor_that_refers_to_a_group():
    class TwiceConvertor(Convertor[str]):
        regex = r"([a-z]+)\2"  # The first group is the parameter itself.

        def convert(self, value: str) -> str:
            return value

        def to_string(self, value: str) -> str:
            return value

    register_url_convertor("turbo_twice", TwiceConvertor())
    app = TurboAPI()
    app.get("/{x}/y")(answer("before"))
    app.get("/t/{value:turbo_twice}")(lambda value: value)
    app.get("/t/{value}")(answer("after"))
    client = TestClient(app)
    assert client.get("/t/abab").json() == "abab"
    assert client.get("/t/aba").json() == "after"
    assert client.get("/t/y").json() == "before"


@pytest.mark.parametrize(
    ("path", "status", "location"),
    [
        ("/a/", 307, "http://testserver/a"),
        ("/b", 307, "http://testserver/b/"),
        ("/r/c/", 307, "http://testserver/r/c"),
        ("/nope/", 404, None),
        ("/", 404, None),
    ],
)
def test_slash_redirects(path: str, status: int, location: str | None):
    router = APIRouter()
    router.post("/c")(answer("c"))
    app = TurboAPI()
    app.get("/a")(answer("a"))
    app.get("/b/")(answer("b"))
    app.include_router(router, prefix="/r")
    response = TestClient(app).get(path, follow_redirects=False)
    assert (response.status_code, response.headers.get("location")) == (status, location)
    app.router.redirect_slashes = False
    assert TestClient(app).get(path, follow_redirects=False).status_code == 404


def test_mounted_applications_see_their_root_path():
    inner = TurboAPI()

    @inner.get("/x/{a}")
    def x(a: int, request: Request):
        return [a, request.scope["root_path"], str(request.url_for("x", a=a))]

    app = TurboAPI(routes=[Mount("/sub", inner)])
    client = TestClient(app, root_path="/proxy")
    assert client.get("/proxy/sub/x/1").json() == [
        1,
        "/proxy/sub",
        "http://testserver/proxy/sub/x/1",
    ]
    assert client.get("/proxy/sub/openapi.json").json()["servers"] == [{"url": "/proxy/sub"}]
    assert client.get("/proxy/sub/x/a").json()["detail"][0]["loc"] == ["path", "a"]


def test_own_router_and_route_classes_are_asked_where_they_are_included():
    seen: list[str] = []

    class OwnRouter(APIRouter):
        async def handle(self, scope: Any, receive: Any, send: Any) -> None:
            seen.append("router")
            await super().handle(scope, receive, send)

    class OwnRoute(APIRoute):
        async def handle(self, scope: Any, receive: Any, send: Any) -> None:
            seen.append("route")
            await super().handle(scope, receive, send)

    router = OwnRouter(route_class=OwnRoute)
    router.get("/x")(answer("x"))
    parent = APIRouter()
    parent.include_router(router, prefix="/b")
    app = TurboAPI()
    app.include_router(parent, prefix="/a")
    assert TestClient(app).get("/a/b/x").json() == "x"
    assert seen == ["router", "route"]


def test_websockets_are_routed_too():
    app = TurboAPI()
    router = APIRouter()

    @router.websocket("/ws/{n}")
    async def ws(websocket: WebSocket, n: int, q: str = "d"):
        await websocket.accept()
        await websocket.send_json([n, q])
        await websocket.close()

    app.get("/p/ws/{n}")(answer("http"))
    app.include_router(router, prefix="/p")
    client = TestClient(app)
    with client.websocket_connect("/p/ws/3?q=x") as websocket:
        assert websocket.receive_json() == [3, "x"]
    assert client.get("/p/ws/3").json() == "http"


def test_many_routes_are_found_in_order():
    app = TurboAPI(openapi_url=None)
    for number in range(300):
        app.get(f"/n/{number}/{{x}}")(answer(f"{number}"))
        app.get(f"/s/{number}")(answer(f"s{number}"))
    client = TestClient(app)
    for number in (0, 1, 150, 299):
        assert client.get(f"/n/{number}/x").json() == f"{number}"
        assert client.get(f"/s/{number}").json() == f"s{number}"
    assert client.get("/n/300/x").status_code == 404
    assert client.post("/s/299").status_code == 405
