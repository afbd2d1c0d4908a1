"""Routers, mounts, middleware, lifespans, pages, limits."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import (
    APIRouter,
    Body,
    Depends,
    FastAPI,
    File,
    Form,
    Header,
    HTTPException,
    Request,
    Response,
    UploadFile,
    WebSocket,
)
from fastapi.middleware import Middleware
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.middleware.httpsredirect import HTTPSRedirectMiddleware
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi.openapi.docs import (
    get_redoc_html,
    get_swagger_ui_html,
    get_swagger_ui_oauth2_redirect_html,
)
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.routing import APIRoute, APIWebSocketRoute
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel
from starlette.routing import Host, Mount, Route, WebSocketRoute
from starlette.testclient import TestClient

from audit.tools import Probes, ask, document, gets, outcome

probes = Probes()


class Item(BaseModel):
    a: int


def _named(text: str) -> Any:
    def endpoint(request: Request) -> Any:
        route = request.scope.get("route")
        return [
            text,
            request.path_params,
            request.scope["path"],
            request.scope.get("root_path"),
            getattr(route, "path", None),
            type(route).__name__,
        ]

    return endpoint


@probes
def order_and_methods() -> Any:
    app = FastAPI()
    for path in (
        "/u/{id}",
        "/u/me",
        "/a/{x:int}",
        "/a/{x}",
        "/f/{p:path}",
        "/f/x",
        "/s/",
        "/n",
        "/d/{a}.{b}",
    ):
        app.get(path)(_named(path))
    app.post("/u/me")(_named("post me"))
    app.put("/a/{x}")(_named("put a"))
    app.api_route("/many", methods=["PUT"])(_named("many"))
    app.get("/é/{x}")(_named("accent"))
    app.get("/x{y}z")(_named("xyz"))
    app.get("/u/{id}/{rest:path}/end")(_named("end"))
    app.get("/float/{f:float}")(_named("float"))
    app.get("/uuid/{u:uuid}")(_named("uuid"))
    paths = [
        "/u/1",
        "/u/me",
        "/a/1",
        "/a/x",
        "/a/1/",
        "/f/x",
        "/f/a/b",
        "/f/",
        "/s",
        "/s/",
        "/n/",
        "/n",
    ]
    paths += [
        "/d/a.b",
        "/d/a.b.c",
        "/many",
        "/é/1",
        "/%C3%A9/1",
        "/x1z",
        "/xz",
        "/u/1/a/b/end",
        "//n",
    ]
    paths += [
        "/float/1.5",
        "/float/1",
        "/float/x",
        "/uuid/12345678-1234-5678-1234-567812345678",
        "/uuid/1",
    ]
    paths += ["/u/a%2Fb", "/u/a%20b", "/U/1", "/nope", "", "/?x=1", "/n/?q=1", "/s?a=b&c=%20"]
    methods = ("GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "TRACE", "QUERY", "get")
    return [[ask(app, m, p) for p in paths] for m in methods]


@probes
def redirects() -> Any:
    found = []
    for options in ({}, {"redirect_slashes": False}):
        app = FastAPI(**options)
        router = APIRouter(prefix="/r", **options)
        router.get("/x")(_named("x"))
        router.get("/y/")(_named("y"))
        router.get("")(_named("root"))
        app.include_router(router)
        app.include_router(router, prefix="/p")
        app.mount("/m", router)
        app.websocket("/ws")(_named("ws"))
        paths = ("/r", "/r/", "/r/x/", "/r/y", "/p/r/x/?a=1", "/m/r/x/", "/m/r/y", "/ws/", "/r//x/")
        found.append(gets(app, *paths))
        found.append(gets(app, *paths, headers={"host": "example.org:99"}))
        found.append([ask(app, "POST", path) for path in paths])
    return found


@probes
def mounts() -> Any:
    sub = FastAPI()
    sub.get("/x/{y}")(_named("sub"))
    inner = FastAPI(root_path="/inner")
    inner.get("/z")(_named("inner"))
    sub.mount("/in/{k}", inner)
    found = []
    for root in ("", "/proxy"):
        app = FastAPI(root_path=root)
        app.mount("/sub", sub, name="sub")
        app.mount("/raw", PlainTextResponse("raw"))
        app.get("/sub/own")(_named("shadowed"))
        app.add_route(
            "/plain", lambda request: PlainTextResponse(request.url.path), methods=["GET"]
        )
        app.routes.append(Route("/list", lambda request: PlainTextResponse("list")))
        app.router.routes.append(Host("h.example", sub))
        app.host("g.example", inner)
        paths = ["/sub/x/1", "/proxy/sub/x/1", "/sub/in/5/z", "/sub/openapi.json", "/sub"]
        paths += [
            "/sub/",
            "/sub/nope",
            "/raw",
            "/raw/a",
            "/sub/own",
            "/plain",
            "/list",
            "/openapi.json",
        ]
        found.append(gets(app, *paths))
        found.append(gets(app, "/x/2", "/z", "/sub/x/1", headers={"host": "h.example"}))
        found.append(gets(app, "/z", headers={"host": "g.example"}))
        found.append(
            [TestClient(app, root_path="/other").get(p).text for p in ("/sub/x/1", "/openapi.json")]
        )
        found.append(outcome(lambda: str(app.url_path_for("sub", path="/x"))))
    return found


@probes
def servers_and_root_path() -> Any:
    found = []
    for options in (
        {},
        {"root_path": "/r"},
        {"root_path": "/r/", "servers": [{"url": "/s"}]},
        {"root_path": "/r", "root_path_in_servers": False},
        {"servers": [{"url": "/r"}], "root_path": "/r"},
        {"openapi_url": "/o.json", "docs_url": "/d", "redoc_url": None},
        {"openapi_url": None},
        {"docs_url": None},
        {"swagger_ui_oauth2_redirect_url": None},
    ):
        app = FastAPI(**options)
        app.get("/x")(lambda: 1)
        client = TestClient(app)
        other = TestClient(app, root_path="/client")
        paths = ("/openapi.json", "/o.json", "/docs", "/d", "/redoc", "/docs/oauth2-redirect", "/x")
        for path in paths:
            for each in (client, other):
                answer = each.get(path)
                text = answer.text if "json" in answer.headers["content-type"] else ""
                found.append([path, answer.status_code, answer.headers["content-type"], text])
        found.append([client.get("/openapi.json").text, document(app)])
    return found


def _facts_of_page(text: str) -> Any:
    """What a page says, without its layout."""
    import re

    links = re.findall(r'(?:src|href|spec-url)="([^"]*)"', text)
    values = re.findall(
        r'"?([A-Za-z0-9_]+)"?: ("[^"]*"|true|false|null|\d+|\'[^\']*\'|\{[^}]*\})', text
    )
    title = re.findall(r"<title>(.*?)</title>", text, re.S)
    return [sorted(links), sorted(set(values)), [t.strip() for t in title]]


@probes
def pages() -> Any:
    made = [
        get_swagger_ui_html(openapi_url="/o", title="T"),
        get_swagger_ui_html(
            openapi_url="/o",
            title="T",
            swagger_js_url="/js",
            swagger_css_url="/css",
            swagger_favicon_url="/fav",
            oauth2_redirect_url="/back",
            init_oauth={"clientId": "c", "scopes": ["a"], "usePkce": True},
            swagger_ui_parameters={
                "deepLinking": False,
                "x": [1],
                "syntaxHighlight": {"theme": "o"},
            },
        ),
        get_redoc_html(openapi_url="/o", title="T"),
        get_redoc_html(
            openapi_url="/o",
            title="T",
            redoc_js_url="/r",
            redoc_favicon_url="/f",
            with_google_fonts=False,
        ),
    ]
    found = [[_facts_of_page(r.body.decode()), r.status_code, r.headers.items()] for r in made]
    for each in found:
        each[2] = [h for h in each[2] if h[0] != "content-length"]
    redirect = get_swagger_ui_oauth2_redirect_html()
    app = FastAPI(
        title="My",
        swagger_ui_parameters={"persistAuthorization": True},
        swagger_ui_init_oauth={"clientId": "x"},
        root_path="/rp",
    )
    found.append([_facts_of_page(ask(app, "GET", path)[2]) for path in ("/docs", "/redoc")])
    return [found, redirect.status_code, redirect.headers["content-type"]]


@probes
def include_options() -> Any:
    def tag(name: str) -> Any:
        def dependency(response: Response) -> None:
            response.headers.append("x-dep", name)

        return Depends(dependency)

    class Own(JSONResponse):
        media_type = "application/own"

    class Other(JSONResponse):
        media_type = "application/other"

    app = FastAPI(
        dependencies=[tag("app")],
        responses={400: {"description": "app"}},
        default_response_class=Own,
        generate_unique_id_function=lambda r: f"app-{r.name}",
    )
    a = APIRouter(
        prefix="/a", tags=["a"], dependencies=[tag("a")], responses={401: {"description": "a"}}
    )
    b = APIRouter(
        prefix="/b",
        tags=["b"],
        dependencies=[tag("b")],
        default_response_class=Other,
        deprecated=True,
        responses={401: {"description": "b"}, 402: {"description": "b"}},
        generate_unique_id_function=lambda r: f"b-{r.name}",
    )
    for router, name in ((a, "a"), (b, "b")):
        router.get("/x", name=f"{name}-x")(lambda: {"x": 1})
        router.get(
            "/y",
            name=f"{name}-y",
            tags=["y"],
            dependencies=[tag("y")],
            deprecated=False,
            response_class=JSONResponse,
            responses={401: {"description": "y"}},
            generate_unique_id_function=lambda r: f"own-{r.name}",
        )(lambda: {"y": 1})
        router.websocket("/ws")(_named("ws"))
    a.include_router(
        b,
        prefix="/in",
        tags=["inc"],
        dependencies=[tag("inc")],
        responses={403: {"description": "inc"}},
        deprecated=None,
        default_response_class=PlainTextResponse,
    )
    app.include_router(a, prefix="/v1", tags=["v1"], include_in_schema=True)
    app.include_router(a, prefix="/v2", default_response_class=Other, dependencies=[tag("v2")])
    app.include_router(b, prefix="/v3", include_in_schema=False, deprecated=True)
    paths = [f"/{v}{p}" for v in ("v1", "v2") for p in ("/a/x", "/a/y", "/a/in/b/x", "/a/in/b/y")]
    paths += ["/v3/b/x", "/v3/b/y", "/v1/x", "/a/x"]
    routes = [getattr(r, "path", None) for r in app.routes if type(r).__name__ != "_IncludedRouter"]
    return [document(app), gets(app, *paths), routes]


@probes
def late_changes() -> Any:
    app = FastAPI()
    router, deep = APIRouter(), APIRouter()
    router.include_router(deep, prefix="/deep")
    app.include_router(router, prefix="/p")
    found = [gets(app, "/p/late", "/p/deep/late", "/late")]
    before = document(app)
    router.get("/late")(_named("late"))
    deep.get("/late")(_named("deep"))
    found.append(gets(app, "/p/late", "/p/deep/late", "/late"))
    app.get("/late")(_named("app"))
    app.add_api_route("/added", _named("added"), methods=["PUT"])
    app.add_api_websocket_route("/aws", _named("ws"))
    found.append(gets(app, "/p/late", "/p/deep/late", "/late", "/added"))
    found.append([before, document(app)])
    app.openapi_schema = None
    found.append(document(app))
    app.router.routes.pop()
    found.append(gets(app, "/added"))
    app.title = "changed"
    app.openapi_schema = None
    found.append(document(app))
    app.openapi = lambda: {"own": 1}  # type: ignore[method-assign]
    found.append(ask(app, "GET", "/openapi.json"))
    return found


@probes
def custom_route_classes() -> Any:
    log: list[str] = []

    class Timed(APIRoute):
        def get_route_handler(self) -> Any:
            original = super().get_route_handler()
            log.append(f"build {self.path}")

            async def handler(request: Request) -> Response:
                log.append(f"before {request.url.path}")
                try:
                    response: Response = await original(request)
                except HTTPException as error:
                    log.append(f"saw {error.detail}")
                    raise
                response.headers["x-timed"] = "1"
                return response

            return handler

    class Tagged(Timed):
        x_tag = "t"

    app = FastAPI()
    app.router.route_class = Timed
    router = APIRouter(route_class=Tagged, prefix="/r")

    @router.post("/x")
    def x(item: Item) -> Item:
        if item.a == 9:
            raise HTTPException(400, "nine")
        return item

    @app.get("/y")
    def y() -> int:
        return 1

    router.add_api_route("/z", y, route_class_override=APIRoute)
    app.include_router(router)
    app.include_router(router, prefix="/again")
    bodies = [{"a": 1}, {"a": 9}, {"a": "x"}]
    found = [ask(app, "POST", p, json=b) for p in ("/r/x", "/again/r/x") for b in bodies]
    found += gets(app, "/y", "/r/z", "/again/r/z")
    return [found, sorted(set(log)), [type(r).__name__ for r in router.routes], document(app)]


@probes
def middleware() -> Any:
    log: list[str] = []

    class Pure:
        def __init__(self, app: Any, name: str = "pure") -> None:
            self.app, self.name = app, name

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            log.append(f"{self.name} {scope['type']}")
            await self.app(scope, receive, send)
            log.append(f"{self.name} end")

    def dep() -> Any:
        log.append("dep in")
        yield
        log.append("dep out")

    app = FastAPI(middleware=[Middleware(Pure, name="first"), Middleware(Pure, name="second")])
    app.add_middleware(Pure, name="added")

    @app.middleware("http")
    async def function(request: Request, call_next: Any) -> Any:
        log.append("function in")
        if request.url.path == "/short":
            return PlainTextResponse("short")
        response = await call_next(request)
        response.headers["x-m"] = "1"
        log.append("function out")
        return response

    @app.exception_handler(KeyError)
    def key(request: Request, error: KeyError) -> JSONResponse:
        log.append("key handler")
        return JSONResponse("key", 400)

    @app.get("/{x}", dependencies=[Depends(dep)])
    def endpoint(x: str) -> str:
        log.append("endpoint")
        if x == "key":
            raise KeyError("k")
        if x == "value":
            raise ValueError("v")
        return x

    found = gets(app, "/a", "/short", "/key", "/value", "/a/b")
    stack, names = app.middleware_stack, []
    while stack is not None:
        names.append(type(stack).__name__.removeprefix("Quick"))
        stack = getattr(stack, "app", None)
    late = outcome(lambda: app.add_middleware(Pure))
    return [found, log, names, late, [repr(m) for m in app.user_middleware][:0]]


@probes
def starlette_middleware() -> Any:
    app = FastAPI()
    app.add_middleware(
        CORSMiddleware, allow_origins=["http://a"], allow_credentials=True, max_age=5
    )
    app.add_middleware(GZipMiddleware, minimum_size=10)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["testserver", "*.ok"])
    app.get("/")(lambda: "x" * 50)
    other = FastAPI()
    other.add_middleware(HTTPSRedirectMiddleware)
    headers = [
        {},
        {"origin": "http://a"},
        {"origin": "http://b"},
        {"host": "bad"},
        {"host": "x.ok"},
    ]
    found = [ask(app, "GET", "/", headers=h) for h in headers]
    preflight = {"origin": "http://a", "access-control-request-method": "POST"}
    return [found, ask(app, "OPTIONS", "/", headers=preflight), ask(other, "GET", "/x?y=1")]


@probes
def lifespans() -> Any:
    log: list[str] = []

    def make(name: str, state: Any = None, fail: str = "") -> Any:
        @contextlib.asynccontextmanager
        async def lifespan(app: Any) -> AsyncIterator[Any]:
            log.append(f"{name} start {type(app).__name__}")
            if fail == "start":
                raise RuntimeError(name)
            yield state
            log.append(f"{name} stop")
            if fail == "stop":
                raise RuntimeError(name)

        return lifespan

    found = []
    for app_life, router_life in (
        (make("app", {"a": 1, "both": "app"}), make("router", {"b": 2, "both": "router"})),
        (None, make("router", {"b": 2})),
        (make("app"), None),
        (make("app", {"a": 1}, "start"), make("router")),
        (make("app", {"a": 1}), make("router", None, "start")),
        (make("app", {"a": 1}), make("router", None, "stop")),
    ):
        app = FastAPI(lifespan=app_life)
        deep = APIRouter(lifespan=make("deep", {"deep": 1}))
        router = APIRouter(lifespan=router_life)
        router.include_router(deep)
        app.include_router(router, prefix="/p")
        sub = FastAPI(lifespan=make("mounted", {"m": 1}))
        app.mount("/sub", sub)

        @app.get("/")
        @sub.get("/")
        def state(request: Request) -> Any:
            return {k: v for k, v in sorted(request.state._state.items())}

        def run() -> Any:
            with TestClient(app) as client:
                return [client.get("/").text, client.get("/sub/").text]

        found.append([outcome(run)[0], list(log)])
        log.clear()
    return found


@probes
def event_handlers() -> Any:
    log: list[str] = []

    def on(name: str) -> Any:
        return lambda: log.append(name)

    async def on_async() -> None:
        log.append("async")

    router = APIRouter(on_startup=[on("router start")], on_shutdown=[on("router stop")])
    app = FastAPI(on_startup=[on("start"), on_async], on_shutdown=[on("stop")])
    app.include_router(router)
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        app.on_event("startup")(on("event start"))
        app.on_event("shutdown")(on_async)
        router.on_event("startup")(on("late router start"))
        if hasattr(app, "add_event_handler"):
            app.add_event_handler("startup", on("added"))
        if hasattr(app.router, "add_event_handler"):
            app.router.add_event_handler("shutdown", on("added router"))
    with TestClient(app):
        log.append("running")
    return [log, hasattr(app, "add_event_handler"), hasattr(app.router, "startup")]


@probes
def frontend() -> Any:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        root = FilePath(folder)
        for name, text in {
            "index.html": "<index>",
            "404.html": "<404>",
            "a.txt": "a",
            "sub/index.html": "<sub>",
            "sub/x.js": "x",
            "about.html": "<about>",
        }.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text(text)
        html = {"accept": "text/html,application/xhtml+xml"}
        paths = [
            "/",
            "/a.txt",
            "/sub",
            "/sub/",
            "/sub/x.js",
            "/about",
            "/about.html",
            "/nope",
            "/nope.js",
        ]
        paths += ["/api", "/api/", "/api/x", "/../secret", "/%2e%2e/x", "/.hidden", "/deep/nope"]
        for options in (
            {},
            {"fallback": None},
            {"fallback": "index.html"},
            {"fallback": "404.html"},
            {"check_dir": False},
        ):
            for at in ("/", "/front"):
                app = FastAPI()
                app.frontend(at, directory=folder, **options)
                app.get("/api")(lambda: "api")
                app.post("/a.txt")(lambda: "posted")
                router = APIRouter(prefix="/r")
                router.frontend("/site", directory=folder, **options)
                app.include_router(router)
                answers = gets(app, *paths) + gets(app, *paths, headers=html)
                answers += gets(
                    app, "/front", "/front/", "/front/nope", "/r/site/", "/r/site/a.txt"
                )
                answers += [ask(app, m, "/a.txt") for m in ("HEAD", "POST", "PUT", "OPTIONS")]
                for answer in answers:
                    answer[1] = [h for h in answer[1] if not h.startswith(("etag", "last-mod"))]
                found += [answers, document(app)]
        os.unlink(root / "404.html")
        app = FastAPI()
        app.frontend("/", directory=folder)
        found.append([a[::2] for a in gets(app, *paths, headers=html)])
        missing = outcome(lambda: FastAPI().frontend("/", directory=folder, fallback="404.html"))
        found.append(str(missing).replace(folder, "FOLDER"))
        app = FastAPI()
        app.mount("/static", StaticFiles(directory=folder, html=True))
        found.append(
            [a[::2] for a in gets(app, "/static/", "/static/a.txt", "/static/none", "/static")]
        )
    return found


@probes
def limits() -> Any:
    def build(app_limit: Any, router_limit: Any, include: Any, route_limit: Any) -> FastAPI:
        app = FastAPI(max_body_size=app_limit)
        router = APIRouter(max_body_size=router_limit)

        @router.post("/json", max_body_size=route_limit)
        def json_body(item: Annotated[Any, Body()]) -> Any:
            return item

        @router.post("/raw", max_body_size=route_limit)
        async def raw(request: Request) -> Any:
            return len(await request.body())

        @router.post("/none", max_body_size=route_limit)
        def none() -> Any:
            return "none"

        @router.post("/form", max_body_size=route_limit)
        def form(a: Annotated[str, Form()]) -> Any:
            return a

        app.include_router(router, prefix="/r", max_body_size=include)
        return app

    def chunks() -> Any:
        yield b'"0123'
        yield b'456789"'

    found = []
    cases = [(None,) * 4, (10, None, None, None), (None, 10, None, None), (None, None, 10, None)]
    cases += [
        (None, None, None, 10),
        (5, 20, None, None),
        (20, 5, None, None),
        (0, None, None, None),
    ]
    cases += [(5, 6, 7, 20), (5, 20, 7, None), (12, None, None, None), (11, None, None, None)]
    for case in cases:
        app = build(*case)
        for path in ("/r/json", "/r/raw", "/r/none", "/nope"):
            kind = {"content-type": "application/json"}
            found.append(ask(app, "POST", path, content=b'"0123456789"', headers=kind))
            found.append(ask(app, "POST", path, content=chunks(), headers=kind))
            found.append(ask(app, "POST", path, content=b"", headers=kind))
        found.append(ask(app, "POST", "/r/form", data={"a": "x" * 20}))
    return found


@probes
def limits_with_others() -> Any:
    found = []
    for level in ("app", "route"):
        app = FastAPI(max_body_size=5 if level == "app" else None)
        app.add_middleware(CORSMiddleware, allow_origins=["*"])

        @app.exception_handler(413)
        def own(request: Request, error: Any) -> Any:
            return JSONResponse({"own": str(error.detail)}, 413)

        log: list[str] = []

        def dep() -> Any:
            log.append("in")
            try:
                yield
            except BaseException as error:
                log.append(type(error).__name__)
                raise

        @app.post("/a", max_body_size=5 if level == "route" else None, dependencies=[Depends(dep)])
        async def a(request: Request) -> Any:
            return (await request.body()).decode()

        for content in (b"0123456789", (c for c in (b"0123", b"456789")), b"01234"):
            headers = {"origin": "http://x"}
            found.append([ask(app, "POST", "/a", content=content, headers=headers), list(log)])
        found.append(ask(app, "POST", "/a", content=b"1", headers={"content-length": "x"}))
    return found


@probes
def form_limits() -> Any:
    found = []
    for app_limits, router_limits, route_limits in (
        (None, None, None),
        ({"max_fields": 1}, None, None),
        ({"max_fields": 1}, {"max_fields": 2}, None),
        ({"max_fields": 1}, {"max_files": 1}, {"max_fields": 3}),
        ({"max_part_size": 3}, None, None),
        ({"max_part_size": 2048}, None, {"max_files": 0}),
    ):
        app = FastAPI(form_limits=app_limits)
        router = APIRouter(form_limits=router_limits)

        @router.post("/form", form_limits=route_limits)
        async def form(
            request: Request,
            a: Annotated[list[str], Form()] = [],
            f: Annotated[list[UploadFile], File()] = [],
        ) -> Any:
            return [a, [x.filename for x in f]]

        @router.post("/manual", form_limits=route_limits)
        async def manual(request: Request) -> Any:
            return len(await request.form())

        app.include_router(router)
        for path in ("/form", "/manual"):
            for options in (
                {"data": {"a": ["1", "2"]}},
                {"data": {"a": "x" * 5000}},
                {
                    "data": {"a": ["1", "2"]},
                    "files": [("f", ("n", b"1" * 5000)), ("f", ("m", b"2"))],
                },
                {"data": {"a": ["1" * 3000]}, "files": {"f": ("n", b"1")}},
            ):
                found.append(ask(app, "POST", path, **options))
    return found


@probes
def websockets() -> Any:
    app = FastAPI()
    router = APIRouter(prefix="/r")

    @router.websocket("/echo/{x:int}", name="echo")
    async def echo(websocket: WebSocket, x: int, h: Annotated[str | None, Header()] = None) -> None:
        await websocket.accept(subprotocol="p" if h else None, headers=[(b"x-a", b"b")])
        await websocket.send_json(
            [x, h, websocket.scope["path"], websocket.url_for("echo", x=2).path]
        )
        async for text in websocket.iter_text():
            await websocket.send_text(text.upper())

    @app.websocket("/closed")
    async def closed(websocket: WebSocket) -> None:
        await websocket.close(4000, "early")

    @app.websocket("/ws_error")
    async def ws_error(websocket: WebSocket) -> None:
        from fastapi import WebSocketException

        raise WebSocketException(1008, "policy")

    @app.websocket("/late_error")
    async def late_error(websocket: WebSocket) -> None:
        from fastapi import WebSocketException

        await websocket.accept()
        raise WebSocketException(1009)

    @app.websocket("/query")
    async def query(
        websocket: WebSocket, q: int, item: Annotated[Item | None, Depends(lambda: None)]
    ) -> None:
        await websocket.accept()
        await websocket.send_text(str(q))

    @app.exception_handler(ZeroDivisionError)
    async def zero(websocket: WebSocket, error: Exception) -> None:
        await websocket.close(4001, "zero")

    @app.websocket("/zero")
    async def divides(websocket: WebSocket) -> None:
        await websocket.accept()
        raise ZeroDivisionError

    app.include_router(router, prefix="/v")
    app.router.routes.append(WebSocketRoute("/plain", closed))
    app.mount("/m", Mount("/", routes=[APIWebSocketRoute("/in", closed)]))

    def talk(path: str, *texts: str, **options: Any) -> Any:
        def run() -> Any:
            got: list[Any] = []
            with TestClient(app).websocket_connect(path, **options) as session:
                got.append([session.accepted_subprotocol, repr(session.extra_headers)])
                try:
                    for text in texts:
                        got.append(session.receive_text())
                        session.send_text(text)
                    got.append(session.receive_text())
                except Exception as error:
                    got.append(
                        [
                            type(error).__name__,
                            getattr(error, "code", 0),
                            getattr(error, "reason", 0),
                        ]
                    )
            return got

        try:
            return run()
        except Exception as error:
            return [
                type(error).__name__,
                getattr(error, "code", 0),
                getattr(error, "reason", 0),
                str(error),
            ]

    return [
        talk("/v/r/echo/1", "a", "b"),
        talk("/v/r/echo/1", headers={"h": "x"}, subprotocols=["p", "q"]),
        talk("/v/r/echo/x"),
        talk("/closed"),
        talk("/ws_error"),
        talk("/late_error"),
        talk("/query?q=1"),
        talk("/query?q=x"),
        talk("/query"),
        talk("/zero"),
        talk("/plain"),
        talk("/m/in"),
        talk("/none"),
        ask(app, "GET", "/closed"),
        ask(app, "GET", "/v/r/echo/1"),
    ]


@probes
def openapi_function() -> Any:
    app = FastAPI(title="T")
    app.post("/x/{y}", tags=["t"])(lambda y, item=Body(): 1)
    import json

    made = [
        get_openapi(title="A", version="1", routes=app.routes),
        get_openapi(
            title="A",
            version="1",
            openapi_version="3.0.2",
            summary="s",
            description="d",
            routes=app.routes,
            webhooks=app.routes,
            tags=[{"name": "t"}],
            servers=[{"url": "/"}],
            terms_of_service="t",
            contact={"name": "c"},
            license_info={"name": "l"},
            separate_input_output_schemas=False,
            external_docs={"url": "http://x"},
        ),
        get_openapi(title="A", version="1", routes=[]),
    ]
    return [json.dumps(m) for m in made]


@probes
def test_client() -> Any:
    from fastapi.testclient import TestClient as Own

    app = FastAPI()

    @app.api_route("/{x}", methods=["GET", "POST"])
    async def show(request: Request, x: str) -> Any:
        skip = ("user-agent", "accept-encoding")
        headers = [[k, v] for k, v in request.headers.items() if k not in skip]
        client = request.client
        return [x, headers, str(request.url), [client.host, client.port] if client else None]

    found: list[Any] = [Own.__name__, Own is TestClient]
    client = Own(app, base_url="https://h:1/base", headers={"x-a": "1"}, cookies={"c": "d"})
    found += [client.get("/a").json(), client.post("b", json={}).json()]
    client = Own(app, client=("c", 5), root_path="/r")
    found.append(client.get("/a", params={"q": ["1", "2"]}).json())
    found.append(Own(app, backend_options={}, follow_redirects=False).get("/a").json())
    return found


def _call(app: Any, scope: dict[str, Any], *messages: Any) -> Any:
    """One ASGI call by hand."""
    sent: list[Any] = []
    waiting = list(messages)

    async def receive() -> Any:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    base = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
    base |= {"asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "root_path": ""}
    try:
        asyncio.run(app(base | scope, receive, send))
    except BaseException as error:
        sent.append([type(error).__name__, str(error)])
    return sent


@probes
def asgi_calls() -> Any:
    app = FastAPI()

    @app.post("/json")
    def json_body(item: Item) -> Any:
        return item

    @app.get("/")
    def root(request: Request) -> Any:
        return sorted(k for k in request.scope if k != "router")

    kind = [(b"content-type", b"application/json")]
    body = {"type": "http.request", "body": b'{"a":', "more_body": True}
    rest = {"type": "http.request", "body": b"1}", "more_body": False}
    post = {"method": "POST", "path": "/json", "headers": kind}
    return [
        _call(app, {}),
        _call(app, {"path": "/nope"}),
        _call(app, post, body, rest),
        _call(app, post, body),
        _call(app, post),
        _call(app, {"method": "PATCH"}),
        _call(
            app, {"type": "lifespan"}, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}
        ),
        _call(app, {"type": "websocket"}, {"type": "websocket.connect"}),
        _call(app, {"path": "", "root_path": "/x"}),
        _call(app, {"path": "/x/", "root_path": "/x"}),
        _call(app, {"query_string": b"\xff=%", "headers": [(b"x", b"\xe9")]}),
        _call(app, {"type": "unknown"}),
    ]
