"""The index of routes gives what asking every route in order would give."""

from __future__ import annotations

import copy
import random
import threading
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Match, Mount, Route
from turboapi import APIRouter, TurboAPI
from turboapi._include import _IncludedRouter
from turboapi._match import Entry, RouteTable
from turboapi.routing import APIRoute, iter_route_contexts
from turboapi.testclient import TestClient


def answer(text: str) -> Any:
    def endpoint() -> str:
        return text

    return endpoint


def scope_of(path: str, method: str = "GET") -> dict[str, Any]:
    return {"type": "http", "method": method, "path": path, "headers": [], "root_path": ""}


# --- against asking every route ------------------------------------------------------------------

SEGMENTS = (
    "a",
    "b",
    "a.b",
    "",
    "{p}",
    "{p:int}",
    "{p:float}",
    "{p:uuid}",
    "{p}.json",
    "v{p:int}",
    "{p}-{q}",
    "{p:path}",
    "x{p:path}y",
)
TEXTS = ("a", "b", "a.b", "", "1", "1.5", "a.json", "v7", "a-b-c", "xzy", "é", "v", ".json")
UUID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
METHODS = ("GET", "POST", "PUT")


def random_template(source: random.Random) -> str:
    segments = []
    for position in range(source.randint(1, 4)):
        segment = source.choice(SEGMENTS)
        segments.append(segment.replace("{p", f"{{p{position}").replace("{q", f"{{q{position}"))
    return "/" + "/".join(segments)


def random_path(source: random.Random) -> str:
    segments = [source.choice((*TEXTS, UUID)) for _ in range(source.randint(1, 4))]
    return "/" + "/".join(segments) + source.choice(("", "", "", "\n"))


def found_by_asking(routes: list[Any], scope: dict[str, Any]) -> tuple[Any, Any, Any]:
    """The first full match and what it adds to the scope; the first match of any kind."""
    full = child = partial = None
    for route in routes:
        match, child_scope = route.matches(scope)
        if match is Match.NONE:
            continue
        partial = partial or route
        if match is Match.FULL:
            full, child = route, child_scope
            break
    return full, child, partial


@pytest.mark.parametrize("seed", range(40))
def test_it_finds_what_asking_every_route_finds(seed: int):
    source = random.Random(seed)
    app = TurboAPI(openapi_url=None)
    for number in range(source.randint(1, 40)):
        methods = source.sample(METHODS, source.randint(1, 2))
        if source.random() < 0.2:
            app.add_route(random_template(source), answer(f"{number}"), methods=methods)
        else:
            app.add_api_route(
                random_template(source), lambda request: request, response_model=None,
                methods=methods,
            )  # fmt: skip
    table = RouteTable(app.router)
    matched = 0
    for _ in range(300):
        path = random_path(source)
        scope = scope_of(path, source.choice(METHODS))
        full, child, first = found_by_asking(app.routes, scope)
        found = table.find(scope, path)
        assert (found.route if isinstance(found, Entry) else found) is full, path
        if isinstance(found, Entry):
            matched += 1
            assert found.child_scope(path, scope) == child, path
        found_at_all = table.find_any(scope, path)
        assert (found_at_all.route if isinstance(found_at_all, Entry) else None) is first, path
        assert table.may_match(scope, path) is (first is not None)
    assert matched > 0 or len(app.routes) < 5


def test_parameters_of_an_outer_match_are_kept():
    app = TurboAPI(openapi_url=None)
    app.get("/{item}/x")(answer("x"))
    (entry,) = [RouteTable(app.router).find(scope_of("/7/x"), "/7/x")]
    assert isinstance(entry, Entry)
    scope = {**scope_of("/7/x"), "path_params": {"tenant": "acme"}}
    assert entry.child_scope("/7/x", scope)["path_params"] == {"tenant": "acme", "item": "7"}


@pytest.mark.parametrize("path", ["/{a}/{a}", "/{a:unknown}", "/{a:int}/{b}/{a}"])
def test_templates_that_starlette_refuses_are_refused_when_declared(path: str):
    with pytest.raises((AssertionError, ValueError)) as theirs:
        Route(path, answer("x"))
    with pytest.raises(type(theirs.value)) as ours:
        TurboAPI().get(path)(lambda: None)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize(
    "path", ["/a", "/{a}", "/a.b/{c:int}x/{d:path}", "/é/{a:uuid}/", "/{a}{b:float}", "", "x{a}"]
)
def test_the_expression_is_starlettes(path: str):
    theirs, ours = Route("/" + path, answer("x")), APIRoute("/" + path, answer("x"))
    assert ours.path_regex == theirs.path_regex
    assert ours.path_format == theirs.path_format
    assert ours.param_convertors == theirs.param_convertors


# --- routes that must be asked -------------------------------------------------------------------


def test_an_expression_somebody_set_is_used():
    app = TurboAPI(openapi_url=None)
    app.get("/a")(answer("a"))
    app.get("/b")(answer("b"))
    changed: Any = app.routes[0]
    changed.path_regex = APIRoute("/{x}", answer("x")).path_regex
    changed.param_convertors = {"x": APIRoute("/{x}", answer("x")).param_convertors["x"]}
    client = TestClient(app)
    assert client.get("/anything").json() == "a"
    assert client.get("/b").json() == "a"


def test_methods_may_change_after_the_first_request():
    app = TurboAPI(openapi_url=None)
    app.get("/a")(answer("a"))
    client = TestClient(app)
    assert client.post("/a").status_code == 405
    changed: Any = app.routes[0]
    changed.methods.add("POST")
    assert client.post("/a").json() == "a"
    changed.methods = {"POST"}
    assert client.get("/a").status_code == 405


def test_included_routes_that_must_be_asked_keep_their_place():
    class HeaderRoute(APIRoute):
        def matches(self, scope: Any) -> Any:
            if (b"x-match", b"yes") not in scope["headers"]:
                return Match.NONE, {}
            return super().matches(scope)

    class Shouting(APIRouter):
        async def handle(self, scope: Any, receive: Any, send: Any) -> None:
            scope["shouting"] = True
            await super().handle(scope, receive, send)

    def plain(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"plain {request.path_params}")

    nested = Shouting()

    @nested.get("/deep/{x}")
    def deep(request: Request, x: str):
        context = request.scope["fastapi"]["effective_route_context"]
        return [x, request.scope["shouting"], context.path]

    router = APIRouter(form_limits={"max_fields": 3})
    router.get("/first")(answer("first"))
    router.routes.append(HeaderRoute("/{rest}", lambda rest: f"header {rest}"))
    router.add_route("/plain/{x}", plain)
    router.routes.append(Mount("/files", Route("/y", lambda request: PlainTextResponse("file"))))
    router.include_router(nested, prefix="/n")
    router.get("/last")(answer("last"))
    app = TurboAPI(openapi_url=None)
    app.include_router(router, prefix="/{tenant}")
    client = TestClient(app)
    yes = {"x-match": "yes"}
    assert client.get("/t/first", headers=yes).json() == "first"
    assert client.get("/t/last", headers=yes).json() == "header last"
    assert client.get("/t/last").json() == "last"
    assert client.get("/t/plain/1").text == "plain {'tenant': 't', 'x': '1'}"
    assert client.post("/t/plain/1").status_code == 405
    assert client.get("/t/files/y").text == "file"
    assert client.get("/t/n/deep/1").json() == ["1", True, "/{tenant}/n/deep/{x}"]
    assert client.post("/t/n/deep/1").status_code == 405
    assert client.get("/t/nope").status_code == 404


def test_what_no_included_route_matches_fully():
    router = APIRouter()
    router.get("/x")(answer("x"))
    router.put("/x")(answer("put"))
    router.get("/y/")(answer("y"))
    outer = APIRouter()
    outer.include_router(router, prefix="/b")
    app = TurboAPI(openapi_url=None)
    app.include_router(outer, prefix="/a")
    client = TestClient(app, follow_redirects=False)
    refused = client.post("/a/b/x")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")
    moved = client.get("/a/b/y")
    assert (moved.status_code, moved.headers["location"]) == (307, "http://testserver/a/b/y/")
    assert client.get("/a/b/z").status_code == 404


# --- routes of included routers, made when they are needed -----------------------------------------


def count_operations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    from turboapi import _include

    made: list[str] = []
    fill = _include._IncludedOperation._configure_as_included

    def noting(self: Any) -> None:
        made.append(self.path)
        fill(self)

    monkeypatch.setattr(_include._IncludedOperation, "_configure_as_included", noting)
    return made


def included_app(router: APIRouter) -> TurboAPI:
    app = TurboAPI(openapi_url=None)
    app.include_router(router, prefix="/p")
    return app


def test_only_what_is_served_is_made(monkeypatch: pytest.MonkeyPatch):
    made = count_operations(monkeypatch)
    router = APIRouter()
    for number in range(20):
        router.get(f"/{number}/{{x}}")(answer(f"{number}"))
    app = included_app(router)
    client = TestClient(app)
    assert client.get("/p/7/x").json() == client.get("/p/7/y").json() == "7"
    assert made == ["/p/7/{x}"]
    assert client.get("/p/nope").status_code == 404
    assert client.get("/p/8/x/").json() == "8"  # redirected
    assert app.url_path_for("endpoint", x="1") == "/p/0/1"
    assert made == ["/p/7/{x}", "/p/8/{x}"]
    assert [context.unique_id for context in iter_route_contexts(app.routes)][:1] == [
        "endpoint_p_0__x__get"
    ]
    assert sorted(set(made)) == sorted(made) and len(made) == 20


def test_a_handler_of_its_own_is_made_at_once():
    made: list[str] = []

    class OwnRoute(APIRoute):
        def get_route_handler(self) -> Any:
            made.append(self.path)
            return super().get_route_handler()

    router = APIRouter(route_class=OwnRoute)
    for number in range(3):
        router.get(f"/{number}")(answer(f"{number}"))
    app = included_app(router)
    assert len(made) == 3  # as they were declared
    assert TestClient(app).get("/p/1").json() == "1"
    assert len(made) == 6


def test_what_fails_when_it_is_made_fails_for_every_request():
    router = APIRouter()
    router.get("/x")(answer("x"))
    router.get("/y")(answer("y"))
    app = included_app(router)
    calls: list[str] = []

    def generate(route: Any) -> str:
        calls.append(route.path)
        raise LookupError("no id")

    broken: Any = router.routes[0]
    broken.generate_unique_id_function = generate
    client = TestClient(app)
    for _ in range(2):
        with pytest.raises(LookupError):
            client.get("/p/x")
    assert client.get("/p/y").json() == "y"
    assert calls == ["/p/x", "/p/x"]
    broken.generate_unique_id_function = lambda route: "id"
    assert client.get("/p/x").json() == "x"


def test_many_threads_make_a_route_once(monkeypatch: pytest.MonkeyPatch):
    made = count_operations(monkeypatch)
    router = APIRouter()
    router.get("/x")(answer("x"))
    app = included_app(router)
    node = app.routes[0]
    assert isinstance(node, _IncludedRouter)
    start, seen = threading.Barrier(8), []

    def ask() -> None:
        (context,) = node.effective_candidates()
        start.wait()
        seen.append(context.app)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8 and len(set(map(id, seen))) == 1
    assert made == ["/p/x"]


def test_a_change_elsewhere_makes_no_new_table():
    app, other = TurboAPI(openapi_url=None), APIRouter()
    app.get("/x")(answer("x"))
    table = app.router._current_table()
    other.get("/y")(answer("y"))
    assert app.router._current_table() is table
    app.include_router(other)
    included = app.router._current_table()
    assert included is not table
    other.get("/z")(answer("z"))
    assert app.router._current_table() is not included


def test_a_deep_copy_of_a_router_notices_its_own_changes():
    router = APIRouter()
    router.get("/a")(answer("a"))
    copied = copy.deepcopy(router)
    app = included_app(copied)
    client = TestClient(app)
    assert client.get("/p/a").json() == "a"
    copied.get("/b")(answer("b"))
    assert client.get("/p/b").json() == "b"
    assert len(router.routes) == 1 and len(copied.routes) == 2
    assert copied.routes[0] is not router.routes[0]
