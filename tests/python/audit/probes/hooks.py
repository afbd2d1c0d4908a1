"""What libraries do to applications: subclasses, replaced functions, changed routes, direct calls."""

import asyncio
import functools
import importlib
import inspect
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Annotated, Any

import fastapi
from fastapi import (
    APIRouter,
    BackgroundTasks,
    Body,
    Cookie,
    Depends,
    FastAPI,
    Form,
    Header,
    HTTPException,
    Query,
    Request,
    Security,
    UploadFile,
    params,
)
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import (
    analyze_param,
    get_dependant,
    get_flat_params,
    get_parameterless_sub_dependant,
    get_typed_annotation,
    get_typed_return_annotation,
    get_typed_signature,
    request_body_to_args,
    request_params_to_args,
    solve_dependencies,
)
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.models import SecurityBase as SecurityBaseModel
from fastapi.openapi.utils import get_fields_from_routes, get_openapi_path
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.routing import APIRoute, get_request_handler, run_endpoint_function, serialize_response
from fastapi.security import HTTPBearer
from fastapi.security.base import SecurityBase
from fastapi.utils import create_model_field
from pydantic import BaseModel
from starlette.datastructures import QueryParams
from starlette.routing import Route

from audit.tools import Probes, ask, document, gets, outcome

probes = Probes()
routing = importlib.import_module(f"{fastapi.__name__}.routing")


class Item(BaseModel):
    a: int
    b: str | None = None


def _request(path: str = "/", query: bytes = b"", headers: list[Any] | None = None) -> Request:
    scope = {"type": "http", "method": "POST", "path": path, "query_string": query}
    scope |= {"headers": headers or [], "path_params": {}, "fastapi_inner_astack": AsyncExitStack()}
    scope |= {"fastapi_function_astack": AsyncExitStack()}
    return Request(scope)


@probes
def replaced_functions() -> Any:
    found: list[Any] = []

    def spy(name: str) -> Callable[[], None]:
        original = getattr(routing, name)

        @functools.wraps(original)
        async def replacement(*args: Any, **kwargs: Any) -> Any:
            found.append([name, len(args), sorted(kwargs)])
            return await original(*args, **kwargs)

        @functools.wraps(original)
        def sync_replacement(*args: Any, **kwargs: Any) -> Any:
            found.append([name, len(args), sorted(kwargs)])
            return original(*args, **kwargs)

        wanted = replacement if inspect.iscoroutinefunction(original) else sync_replacement
        setattr(routing, name, wanted)
        return lambda: setattr(routing, name, original)

    names = (
        "get_request_handler",
        "solve_dependencies",
        "run_endpoint_function",
        "serialize_response",
    )
    undo = [spy(name) for name in names]
    try:
        app = FastAPI()
        router = APIRouter()

        @router.post("/x")
        def x(item: Item, q: Annotated[int, Depends(lambda: 1)]) -> Item:
            return item

        @app.get("/y")
        async def y() -> int:
            return 1

        app.include_router(router)
        answers = [ask(app, "POST", "/x", json={"a": 1}), ask(app, "GET", "/y")]
    finally:
        for each in undo:
            each()
    answers.append(ask(app, "GET", "/y"))
    return [answers, sorted(found)]


@probes
def replaced_after_start() -> Any:
    app = FastAPI()

    @app.get("/")
    async def root() -> dict[str, int]:
        return {"a": 1}

    before = ask(app, "GET", "/")
    original, seen = routing.run_endpoint_function, []

    async def replacement(*, dependant: Any, values: Any, is_coroutine: bool) -> Any:
        seen.append([type(dependant).__name__, values, is_coroutine])
        return await original(dependant=dependant, values=values, is_coroutine=is_coroutine)

    routing.run_endpoint_function = replacement
    try:
        during = ask(app, "GET", "/")
    finally:
        routing.run_endpoint_function = original
    return [before, during, seen]


@probes
def subclasses() -> Any:
    class App(FastAPI):
        def openapi(self) -> dict[str, Any]:
            schema = super().openapi()
            schema["info"]["x-own"] = 1
            return schema

        def setup(self) -> None:
            super().setup()
            self.add_api_route("/setup", lambda: "setup", include_in_schema=False)

        def build_middleware_stack(self) -> Any:
            inner = super().build_middleware_stack()

            async def stack(scope: Any, receive: Any, send: Any) -> None:
                scope["own"] = "stack"
                await inner(scope, receive, send)

            return stack

    class Router(APIRouter):
        def add_api_route(self, path: str, endpoint: Any, **options: Any) -> None:
            options["tags"] = [*(options.get("tags") or []), "router"]
            super().add_api_route(path + "/own", endpoint, **options)

        def api_route(self, path: str, *args: Any, **options: Any) -> Any:
            return super().api_route(path + "/deco", *args, **options)

    class OwnQuery(params.Query):
        pass

    class OwnDepends(params.Depends):
        pass

    class OwnError(HTTPException):
        def __init__(self) -> None:
            super().__init__(418, {"own": True}, {"x-own": "1"})

    class OwnSecurity(SecurityBase):
        def __init__(self) -> None:
            self.model = SecurityBaseModel(type="http", description="own")
            self.scheme_name = "Own"

        async def __call__(self, request: Request) -> str:
            return request.headers.get("x-own", "none")

    class OwnBearer(HTTPBearer):
        async def __call__(self, request: Request) -> Any:
            found = await super().__call__(request)
            return [found.credentials] if found else None

        def make_not_authenticated_error(self) -> HTTPException:
            return HTTPException(499, "who?")

    app = App()
    router = Router(prefix="/r")

    @router.get("/x")
    def x(
        request: Request,
        q: Annotated[int, OwnQuery(ge=1)] = 1,
        d: Annotated[str, OwnDepends(lambda: "dep")] = "",
        s: Annotated[str, Security(OwnSecurity())] = "",
    ) -> Any:
        return [request.scope["own"], q, d, s, type(request.app).__name__]

    @router.get("/b")
    def b(t: Annotated[Any, Depends(OwnBearer())]) -> Any:
        return t

    @app.get("/e")
    def e() -> Any:
        raise OwnError

    app.include_router(router)
    paths = ["/setup", "/r/x/own", "/r/x/deco/own", "/r/x/deco/own?q=0", "/e", "/r/b/deco/own"]
    return [gets(app, *paths), document(app), gets(app, "/openapi.json")]


@probes
def changed_routes() -> Any:
    app = FastAPI(docs_url=None, redoc_url=None)
    router = APIRouter()

    for path in ("/a", "/b", "/c"):
        app.get(path, name=path[1:])(lambda: "app")
        router.get(path, name="r" + path[1:])(lambda: "router")
    app.include_router(router, prefix="/r")
    found = [gets(app, "/a", "/b", "/c", "/r/a", "/r/b")]
    for route in app.routes:
        if isinstance(route, APIRoute):
            route.operation_id = f"own_{route.name}"
    found.append(document(app))
    app.router.routes = [r for r in app.router.routes if getattr(r, "path", "") != "/b"]
    found.append(gets(app, "/a", "/b", "/c", "/r/a"))
    app.router.routes.insert(0, Route("/a", lambda request: PlainTextResponse("first")))
    found.append(gets(app, "/a"))
    app.router.routes.append(APIRoute("/direct", lambda: "direct", methods=["GET"], tags=["d"]))
    app.routes.append(APIRoute("/direct2", lambda: "direct2"))
    found.append(gets(app, "/direct", "/direct2"))
    app.openapi_schema = None
    found.append(document(app))
    return found


@probes
def changed_attributes_of_routes() -> Any:
    found = []
    for change in (
        {"status_code": 202},
        {"response_class": PlainTextResponse},
        {"tags": ["late"]},
        {"include_in_schema": False},
        {"summary": "late"},
        {"deprecated": True},
        {"responses": {404: {"description": "late"}}},
        {"description": "late"},
        {"operation_id": "late"},
        {"openapi_extra": {"x-late": 1}},
    ):
        app = FastAPI()
        router = APIRouter()
        app.get("/a")(lambda: "a")
        router.get("/b")(lambda: "b")
        app.include_router(router)
        for route in (app.routes[-2], router.routes[0]):
            for name, value in change.items():
                setattr(route, name, value)
        found.append([document(app), gets(app, "/a")])
    return found


@probes
def replaced_endpoint_of_a_view() -> Any:
    """As libraries for class-based views do it: the signature of a method is replaced, then registered."""
    router = APIRouter()

    class View:
        def __init__(self, q: int = 1) -> None:
            self.q = q

        @router.get("/v")
        def get(self, r: str = "r") -> Any:
            return [self.q, r]

    function = View.get
    signature = inspect.signature(function)
    first, *rest = signature.parameters.values()
    first = first.replace(default=Depends(View))
    rest = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in rest]
    function.__signature__ = signature.replace(parameters=[first, *rest])  # type: ignore[attr-defined]
    route = router.routes[0]
    router.routes.remove(route)
    again = APIRouter()
    again.add_api_route(route.path, route.endpoint, methods=route.methods)
    app = FastAPI()
    app.include_router(again)
    return [document(app), gets(app, "/v", "/v?q=5&r=x", "/v?q=x")]


@probes
def handler_by_hand() -> Any:
    dependant = get_dependant(path="/", call=lambda item=Body(), q=1: [item, q])
    field = create_model_field(name="x", type_=Any, mode="serialization")
    handler = get_request_handler(dependant, response_field=field, status_code=203)
    return [
        inspect.iscoroutinefunction(handler),
        list(inspect.signature(get_request_handler).parameters),
    ]


@probes
def direct_calls() -> Any:
    def dep(h: Annotated[str | None, Header()] = None) -> str | None:
        return h

    def endpoint(
        p: int,
        q: int,
        item: Annotated[Item, Body()],
        d: Annotated[Any, Depends(dep)],
        r: list[int] = Query([]),
        c: Annotated[str, Cookie()] = "c",
    ): ...

    found: list[Any] = []
    dependant = get_dependant(path="/{p}", call=endpoint)
    found.append([f.name for f in get_flat_params(dependant)])
    values, errors = request_params_to_args(dependant.query_params, QueryParams("q=x&r=1&r=2"))
    found.append([repr(values), repr(errors)])
    values, errors = request_params_to_args(dependant.query_params, QueryParams("q=1"))
    found.append([repr(values), repr(errors)])
    values, errors = request_params_to_args(dependant.cookie_params, {"c": "x"})
    found.append([repr(values), repr(errors)])
    values, errors = request_params_to_args(dependant.path_params, {"p": "5"})
    found.append([repr(values), repr(errors)])

    async def body(received: Any, embed: bool) -> Any:
        values, errors = await request_body_to_args(
            body_fields=dependant.body_params, received_body=received, embed_body_fields=embed
        )
        return [repr(values), repr(errors)]

    for received, embed in (
        ({"a": 1}, False),
        ({"item": {"a": "x"}}, True),
        (None, True),
        ([], True),
    ):
        found.append(outcome(body, received, embed))

    async def solve(**options: Any) -> Any:
        request = _request(query=b"q=7", headers=[(b"h", b"head")])
        async with AsyncExitStack() as stack:
            solved = await solve_dependencies(
                request=request,
                dependant=dependant,
                async_exit_stack=stack,
                embed_body_fields=False,
                **options,
            )
        names = ("values", "errors", "background_tasks", "dependency_cache")
        return [repr(getattr(solved, name)) for name in names[:3]]

    found.append(outcome(solve, body={"a": 1}))
    found.append(outcome(solve))
    return found


@probes
def small_helpers() -> Any:
    def typed(a: "int", b: "list[Item]" = [], *, c: Annotated["int", Query()] = 1) -> "Item": ...
    def untyped(a, b=1): ...  # type: ignore[no-untyped-def]

    details = analyze_param(param_name="q", annotation=int, value=1, path_param_names=set())
    details_path = analyze_param(
        param_name="q", annotation=int, value=inspect.Parameter.empty, path_param_names={"q"}
    )
    details_dep = analyze_param(
        param_name="q",
        annotation=Annotated[int, Depends(len)],
        value=inspect.Parameter.empty,
        path_param_names=set(),
    )
    shown = [
        [
            repr(d.type_annotation),
            type(d.depends).__name__,
            type(d.field.field_info).__name__ if d.field else None,
        ]
        for d in (details, details_path, details_dep)
    ]
    sub = get_parameterless_sub_dependant(depends=Depends(lambda q=1: 1), path="/x")
    app = FastAPI()
    app.post("/x/{p}")(lambda p, q: 1)
    path = (
        get_openapi_path(
            route=app.routes[-1],
            operation_ids=set(),
            model_name_map={},
            field_mapping={},
            separate_input_output_schemas=True,
        )
        if False
        else None
    )
    return [
        str(get_typed_signature(typed)),
        str(get_typed_signature(untyped)),
        repr(get_typed_return_annotation(typed)),
        repr(get_typed_return_annotation(untyped)),
        repr(get_typed_annotation("int", globals())),
        shown,
        [f.name for f in sub.query_params],
        [f.name for f in get_fields_from_routes(app.routes)],
        path,
        type(Dependant()).__name__,
    ]


@probes
def serialize() -> Any:
    field = create_model_field(name="r", type_=Item, mode="serialization")
    lists = create_model_field(name="r", type_=list[Item], mode="serialization")

    async def call(**options: Any) -> Any:
        return await serialize_response(**options)

    return [
        outcome(call, field=field, response_content={"a": 1, "z": 2}),
        outcome(call, field=field, response_content={"a": 1}, exclude_unset=True),
        outcome(
            call, field=field, response_content={"a": 1}, is_coroutine=False, exclude_none=True
        ),
        outcome(call, field=lists, response_content=[Item(a=1)], include={"a"}),
        outcome(call, response_content={"x": {1}}),
        outcome(call, field=field, response_content={"a": "x"})[0][0],
        [
            field.name,
            field.alias,
            field.required if hasattr(field, "required") else None,
            repr(field.default),
        ],
        repr(field.field_info),
        repr(field.type_ if hasattr(field, "type_") else None),
        outcome(lambda: field.validate({"a": "1"}, {}, loc=("x",))),
        outcome(lambda: field.validate({"a": "q"}, {}, loc=("x",))),
        outcome(lambda: field.serialize(Item(a=1), mode="json", exclude_none=True)),
        outcome(lambda: field.get_default()),
        outcome(lambda: create_model_field(name="bad", type_=object() if False else Callable)),  # type: ignore
    ]


@probes
def endpoint_functions() -> Any:
    async def coroutine(a: int) -> int:
        return a

    def plain(a: int) -> int:
        return a + 1

    async def run(function: Any, is_coroutine: bool) -> Any:
        dependant = get_dependant(path="/", call=function)
        return await run_endpoint_function(
            dependant=dependant, values={"a": 1}, is_coroutine=is_coroutine
        )

    return [outcome(run, coroutine, True), outcome(run, plain, False)]


@probes
def requests_seen_by_handlers() -> Any:
    app = FastAPI()
    seen: list[Any] = []

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        body = await request.body()
        seen.append([body.decode(), repr(error.body)])
        return JSONResponse(jsonable_encoder({"errors": error.errors(), "body": error.body}), 400)

    @app.post("/json")
    async def json_body(request: Request, item: Item) -> Any:
        return [(await request.body()).decode(), await request.json()]

    @app.post("/form")
    async def form(request: Request, a: Annotated[int, Form()], f: UploadFile | None = None) -> Any:
        data = await request.form()
        return [sorted(data), f and f.filename]

    return [
        ask(app, "POST", "/json", json={"a": 1}),
        ask(app, "POST", "/json", json={"a": "x"}),
        ask(app, "POST", "/json", content="{"),
        ask(app, "POST", "/form", data={"a": 1, "z": 2}),
        ask(app, "POST", "/form", files={"f": ("n", b"x")}, data={"a": "1"}),
        ask(app, "POST", "/form", data={"a": "x"}),
        seen,
    ]


@probes
def scope_keys() -> Any:
    app = FastAPI()
    router = APIRouter(prefix="/r")

    @router.get("/{x}")
    def endpoint(request: Request, tasks: BackgroundTasks) -> Any:
        scope = request.scope
        own = scope.get("fastapi", {})
        context = own.get("effective_route_context") if isinstance(own, dict) else None
        return [
            sorted(key for key in scope if isinstance(key, str) and key != "fastapi"),
            sorted(own) if isinstance(own, dict) else None,
            getattr(context, "path", None),
            getattr(scope["route"], "path", None),
            scope["endpoint"].__name__,
            type(scope["app"]).__name__,
            type(scope["router"]).__name__,
            request.url_for("endpoint", x=3).path,
        ]

    app.include_router(router, prefix="/v")
    app.get("/own/{x}")(endpoint)
    return [answer[::2] for answer in gets(app, "/v/r/1", "/own/1")]


@probes
def private_names() -> Any:
    found = {}
    for module, names in {
        "dependencies.utils": "_read_file_bytes get_dependant request_params_to_args request_body_to_args",
        "_form_limits": "_FormLimits",
        "_compat": "PYDANTIC_VERSION_MINOR_TUPLE ModelField Undefined",
        "routing": "_effective_route_context_var _operation _run_sync_endpoint _route_selected "
        "_validation_failed _PING_INTERVAL _IncludedRouter",
        "telemetry._asgi": "NativeTelemetry ExceptionTelemetryMiddleware",
        "telemetry._runtime": "_owned _configured _shutdown _export_endpoint _registration_provider "
        "_configure_from_environment lifespan",
        "concurrency": "_DependencyConcurrency",
    }.items():
        loaded = importlib.import_module(f"{fastapi.__name__}.{module}")
        found[module] = [[n, type(getattr(loaded, n, None)).__name__] for n in names.split()]
    limited = Depends(len, max_concurrency=2)

    async def semaphore() -> Any:
        return type(limited._concurrency.get_semaphore()).__name__

    found["semaphore"] = [asyncio.run(semaphore())]
    found["telemetry"] = [type(FastAPI()._telemetry).__name__]
    return found
