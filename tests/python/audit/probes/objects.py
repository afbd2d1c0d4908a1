"""Public objects by themselves: repr, equality, hashes, copies, pickles; errors and warnings."""

import copy
import inspect
import pickle
from enum import Enum
from typing import Annotated, Any, Generator

import fastapi
from fastapi import (
    APIRouter,
    BackgroundTasks,
    Body,
    Cookie,
    Depends,
    FastAPI,
    File,
    Form,
    Header,
    HTTPException,
    Path,
    Query,
    Request,
    Response,
    Security,
    UploadFile,
    WebSocketException,
    params,
    status,
)
from fastapi.concurrency import contextmanager_in_threadpool
from fastapi.datastructures import Default, DefaultPlaceholder
from fastapi.dependencies.utils import get_dependant
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import (
    DependencyScopeError,
    FastAPIError,
    RequestValidationError,
    ResponseValidationError,
    ValidationException,
    WebSocketRequestValidationError,
)
from fastapi.responses import ORJSONResponse, PlainTextResponse, UJSONResponse
from fastapi.routing import APIRoute, APIWebSocketRoute
from fastapi.security import (
    APIKeyHeader,
    HTTPBasic,
    HTTPBasicCredentials,
    HTTPBearer,
    OAuth2PasswordBearer,
    OAuth2PasswordRequestForm,
    OAuth2PasswordRequestFormStrict,
    SecurityScopes,
)
from fastapi.security.utils import get_authorization_scheme_param
from fastapi.sse import EventSourceResponse, ServerSentEvent, format_sse_event
from fastapi.utils import (
    deep_dict_update,
    generate_operation_id_for_path,
    generate_unique_id,
    get_path_param_names,
    get_value_or_default,
    is_body_allowed_for_status_code,
)
from pydantic import BaseModel

from audit.tools import Probes, outcome

probes = Probes()

_MARKERS = {f.__name__: f for f in (Path, Query, Header, Cookie, Body, Form, File)}


def _dependency() -> int:
    return 1


def facts(value: Any) -> list[Any]:
    return [repr(value), str(value), type(value).__name__]


for _name, _marker in _MARKERS.items():

    def _marks(name: str, marker: Any) -> None:
        @probes.named(f"marker_{name}")
        def probe() -> Any:
            variants: list[dict[str, Any]] = [
                {},
                {"default": ...},
                {"default": None} if name != "Path" else {},
                {"default": "teststr"} if name != "Path" else {},
                {"default": 1, "alias": "a"} if name != "Path" else {},
                {"default": []} if name != "Path" else {},
                {"gt": 1, "le": 2, "title": "T", "description": "D"},
                {"min_length": 1, "pattern": "x"},
                {"examples": [1], "deprecated": True, "include_in_schema": False},
                {"regex": "x"},
                {"example": "x"},
                {"default_factory": list},
                {"pattern": "a", "regex": "b"},
                {"json_schema_extra": {"a": 1}},
                {"validation_alias": "v", "serialization_alias": "s"},
                {"unknown": 1},
                {"strict": True, "multiple_of": 2, "allow_inf_nan": False},
                {"max_digits": 3, "decimal_places": 1},
                {"union_mode": "left_to_right", "fail_fast": True, "validate_default": True},
                {"discriminator": "kind"},
                {"openapi_examples": {"a": {"value": 1}}},
                {"default": 1, "default_factory": int} if name != "Path" else {},
                {"embed": True} if name == "Body" else {},
                {"media_type": "x/y"} if name in ("Body", "Form", "File") else {},
                {"convert_underscores": False} if name == "Header" else {},
            ]
            return [outcome(lambda o=o: repr(marker(**o))) for o in variants]

        @probes.named(f"marker_class_{name}")
        def of_class() -> Any:
            cls = getattr(params, name)
            one = cls()
            slots = [
                (n, repr(getattr(one, n, "-")))
                for n in ("in_", "media_type", "embed", "example", "openapi_examples", "default")
                + ("include_in_schema", "deprecated", "annotation", "alias", "alias_priority")
                + ("validation_alias", "serialization_alias", "json_schema_extra", "title")
                + ("convert_underscores", "examples", "metadata", "discriminator")
            ]
            attributes = repr(sorted(getattr(cls(title="x", gt=1), "_attributes_set", {})))
            return [
                slots,
                attributes,
                cls() == cls(),
                repr(copy.copy(one)),
                repr(copy.deepcopy(one)),
            ]

    _marks(_name, _marker)


@probes
def parameter_base() -> Any:
    return [
        outcome(lambda: repr(params.Param("x"))),
        [(m.name, m.value) for m in params.ParamTypes],
        issubclass(params.Form, params.Body),
        issubclass(params.File, params.Form),
        outcome(lambda: params.Path(default=1)),
        outcome(lambda: Path(1)),
        outcome(lambda: Path(default=...) and 1),
        str(params.ParamTypes.query),
    ]


@probes
def depends() -> Any:
    one, two = Depends(_dependency), Depends(_dependency)
    limited = Depends(_dependency, max_concurrency=2)
    secure = Security(_dependency, scopes=["a"])
    return [
        facts(one),
        facts(Depends()),
        facts(Depends(use_cache=False, scope="request")),
        facts(limited),
        facts(secure),
        facts(Security()),
        one == two,
        hash(one) == hash(two),
        one == limited,
        limited == Depends(_dependency, max_concurrency=2),
        limited == copy.copy(limited),
        limited == copy.deepcopy(limited),
        secure == Security(_dependency, scopes=["a"]),
        secure == Security(_dependency, scopes=("a",)),
        one == secure,
        outcome(lambda: hash(secure)),
        len({one, two, limited}),
        outcome(lambda: setattr(one, "use_cache", False)),
        isinstance(secure, params.Depends),
        [
            outcome(lambda v=v: repr(Depends(_dependency, max_concurrency=v)))
            for v in (0, -1, 1.5, True)
        ],
        outcome(lambda: repr(params.Security(_dependency, scopes=None, max_concurrency=1))),
        outcome(lambda: repr(Security(_dependency, max_concurrency=1))),
        outcome(lambda: repr(Depends(_dependency, scope="wrong"))),
        pickle.loads(pickle.dumps(Depends(len))) == Depends(len),
        repr(copy.replace(one, use_cache=False)) if hasattr(copy, "replace") else None,
        [(f.name, f.kw_only) for f in params.Depends.__dataclass_fields__.values()],
    ]


@probes
def exceptions() -> Any:
    endpoint = {"function": "f", "file": "x.py", "line": 3, "path": "GET /x"}
    errors = [{"type": "missing", "loc": ("query", "q"), "msg": "Field required", "input": None}]
    context = dict(endpoint_ctx=endpoint)
    values = [
        HTTPException(404),
        HTTPException(404, "gone", {"a": "b"}),
        HTTPException(418, {"a": [1]}),
        HTTPException(499),
        HTTPException(status_code=204, detail=None),
        WebSocketException(1008),
        WebSocketException(1008, "why"),
        RequestValidationError(errors),
        RequestValidationError(errors, body={"a": 1}, **context),
        RequestValidationError([], **context),
        RequestValidationError(errors * 2, endpoint_ctx={"path": "GET /y"}),
        RequestValidationError(errors, endpoint_ctx={"function": "f", "file": "x.py"}),
        RequestValidationError(errors, endpoint_ctx={"line": 1, "file": "x.py", "function": "f"}),
        ResponseValidationError(errors, body=[1], **context),
        WebSocketRequestValidationError(errors, **context),
        ValidationException(errors),
        FastAPIError("x"),
        DependencyScopeError("y"),
    ]
    shown = [[*facts(v), v.args, {k: repr(x) for k, x in sorted(vars(v).items())}] for v in values]
    trees = [
        [b.__name__ for b in c.__mro__]
        for c in vars(fastapi.exceptions).values()
        if inspect.isclass(c) and issubclass(c, BaseException)
    ]
    pickled = [outcome(lambda v=v: facts(pickle.loads(pickle.dumps(v)))) for v in values]
    copied = [outcome(lambda v=v: facts(copy.copy(v))) for v in values]
    return [shown, sorted(trees), pickled, copied, [v.errors() for v in values[7:16]]]


@probes
def defaults() -> Any:
    a = Default(1)
    return [
        facts(a),
        a == Default(1),
        Default(1) == Default(2),
        bool(Default(None)),
        bool(a),
        a.value,
        outcome(lambda: hash(a)),
        isinstance(a, DefaultPlaceholder),
        outcome(lambda: repr(get_value_or_default(Default(1), Default(2), 3, Default(4)))),
        repr(get_value_or_default(Default(1), Default(2))),
        get_value_or_default(5),
    ]


@probes
def helpers() -> Any:
    mine: dict[str, Any] = {"a": {"b": 1, "l": [1]}, "c": 2}
    deep_dict_update(mine, {"a": {"d": 3, "l": [2]}, "c": {"e": 1}})

    def named(item_id: int): ...

    route = APIRoute("/items/{item_id}/x-y", named, methods=["POST"])
    many = APIRoute("/z", named, methods=["POST"], name="nn")
    return [
        mine,
        generate_unique_id(route),
        generate_unique_id(many),
        outcome(lambda: generate_operation_id_for_path(name="n", path="/a/{b}", method="GET")),
        sorted(get_path_param_names("/{a}/x/{b:path}/{c-d}/{}")),
        [
            [str(c), outcome(lambda c=c: is_body_allowed_for_status_code(c))]
            for c in (
                None,
                100,
                199,
                200,
                204,
                205,
                304,
                404,
                "default",
                "2XX",
                "1XX",
                "204",
                "4xx",
            )
        ],
        [
            get_authorization_scheme_param(t)
            for t in (None, "", "Bearer", "Bearer a b", "a  b", " x")
        ],
    ]


@probes
def security_objects() -> Any:
    scopes = SecurityScopes(["a", "b"])
    scheme = OAuth2PasswordBearer("token", scopes={"a": "A"})
    form = OAuth2PasswordRequestForm(username="u", password="p", scope="a b  c")
    strict = OAuth2PasswordRequestFormStrict(
        grant_type="password", username="u", password="p", scope=""
    )
    return [
        [scopes.scopes, scopes.scope_str, SecurityScopes().scopes, SecurityScopes().scope_str],
        [
            sorted(vars(scheme)),
            scheme.model.model_dump(by_alias=True, mode="json"),
            scheme.scheme_name,
        ],
        [sorted(vars(form)), form.scopes, form.grant_type, form.client_id, strict.scopes],
        repr(HTTPBasicCredentials(username="u", password="p")),
        outcome(lambda: facts(HTTPBearer().make_not_authenticated_error())),
        outcome(lambda: HTTPBasic(realm='a"b').make_authenticate_headers()),
        outcome(lambda: HTTPBasic().make_authenticate_headers()),
        outcome(lambda: vars(APIKeyHeader(name="X").make_not_authenticated_error())),
        outcome(lambda: vars(scheme.make_not_authenticated_error())),
        outcome(lambda: OAuth2PasswordRequestForm(username="u")),
    ]


@probes
def events() -> Any:
    made = [
        {},
        {"data": {"a": 1}},
        {"raw_data": "x\ny"},
        {"data": 1, "raw_data": "x"},
        {"event": "e", "id": "1", "retry": 5, "comment": "c\nd"},
        {"event": "a\nb"},
        {"id": "a\0b"},
        {"id": "a\rb"},
        {"retry": -1},
        {"retry": "x"},
        {"data": None},
        {"unknown": 1},
    ]
    texts = [
        dict(data_str="a\nb\r\nc"),
        dict(event="e"),
        dict(id="1", retry=3, comment="x\ny"),
        dict(),
        dict(data_str=""),
        dict(data_str="a\rb"),
        dict(comment=""),
    ]
    return [
        [outcome(lambda o=o: repr(ServerSentEvent(**o))) for o in made],
        [outcome(lambda o=o: format_sse_event(**o)) for o in texts],
        ServerSentEvent.model_json_schema().keys(),
        [EventSourceResponse.media_type, EventSourceResponse([]).status_code],
        EventSourceResponse([]).raw_headers,
    ]


@probes
def upload_file() -> Any:
    import io

    from starlette.datastructures import Headers

    file = UploadFile(
        io.BytesIO(b"abc"), size=3, filename="f.txt", headers=Headers({"content-type": "t/x"})
    )

    async def use() -> Any:
        first = await file.read(2)
        await file.seek(0)
        await file.write(b"z")
        await file.seek(0)
        rest = await file.read()
        await file.close()
        return [first, rest, file.size, file.filename, file.content_type]

    class Model(BaseModel):
        file: UploadFile

    return [
        repr(file),
        outcome(use),
        outcome(lambda: Model(file="x")),
        outcome(lambda: Model.model_json_schema()),
        outcome(lambda: type(Model(file=file).file).__name__),
    ]


@probes
def old_responses() -> Any:
    return [
        outcome(lambda: FastAPI(default_response_class=UJSONResponse) and 1),
        outcome(lambda: FastAPI(default_response_class=ORJSONResponse) and 1),
        ORJSONResponse.__mro__[1].__name__,
    ]


@probes
def dependants() -> Any:
    def endpoint(
        item: int,
        request: Request,
        tasks: BackgroundTasks,
        response: Response,
        scopes: SecurityScopes,
        x: Annotated[int, Header()] = 1,
        d: Annotated[int, Depends(_dependency)] = 2,
    ): ...

    found = get_dependant(path="/{item}", call=endpoint)
    names = (
        [f for f in found.__slots__ if not f.startswith("_")] if hasattr(found, "__slots__") else []
    )
    return [
        sorted(n for n in names),
        {
            n: repr(getattr(found, n))
            for n in names
            if n.endswith("_name") or n in ("scope", "path")
        },
        [f.name for f in found.path_params + found.query_params + found.header_params],
        [repr(found.is_gen_callable), repr(found.is_coroutine_callable), repr(found.computed_scope)]
        if hasattr(found, "is_gen_callable")
        else None,
        [d.call.__name__ for d in found.dependencies],
    ]


# --- errors and warnings of declarations ----------------------------------------------------------


class Sub(BaseModel):
    a: int


class Kind(Enum):
    a = 1


class NotAType:
    pass


def _declare(function: Any, path: str = "/x", method: str = "post", **options: Any) -> Any:
    app = FastAPI()
    return outcome(lambda: getattr(app, method)(path, **options)(function) is function)


@probes
def declaration_errors() -> Any:
    def unknown(x: NotAType): ...
    def returns_unknown() -> NotAType: ...
    def returns_union() -> Response | dict: ...
    def returns_optional() -> Response | None: ...
    def path_default(x: int = 1): ...
    def path_marker(x: Annotated[int, Query()]): ...
    def path_header(x: Annotated[int, Header()]): ...
    def two_markers(q: Annotated[int, Query(), Path()]): ...
    def marker_and_default(q: Annotated[int, Query(1)]): ...
    def depends_twice(q: Annotated[int, Depends(_dependency)] = Depends(_dependency)): ...
    def depends_and_query(q: Annotated[int, Depends(_dependency), Query()]): ...
    def annotated_and_default(q: Annotated[int, Query()] = Query()): ...
    def depends_annotated_default(q: Annotated[int, Query()] = Depends(_dependency)): ...
    def list_of_models(q: Annotated[list[Sub], Query()]): ...
    def dict_query(q: Annotated[dict[str, int], Query()]): ...
    def dict_header(q: Annotated[dict, Header()]): ...
    def bad_form(q: Annotated[Sub, Form()], b: Annotated[Sub, Body()]): ...
    def file_and_body(f: UploadFile, b: Annotated[int, Body()]): ...
    def no_type(q: Annotated[None, Query()]): ...
    def request_marker(q: Annotated[Request, Query()]): ...
    def response_depends(q: Annotated[Response, Depends(_dependency)]): ...
    def tasks_default(q: BackgroundTasks = None): ...
    def var(*args, **kwargs): ...
    def path_model(x: Annotated[Sub, Path()]): ...
    def path_list(x: Annotated[list[int], Path()]): ...
    def depends_none(q: Annotated[Any, Depends(None)]): ...
    def depends_str(q: Annotated[Any, Depends("x")]): ...
    def depends_no_type(q=Depends()): ...
    def forward(q: "Missing"): ...  # noqa: F821
    def query_default_factory(q: Annotated[list[int], Query(default_factory=list)] = [1]): ...
    def cookie_list(q: Annotated[list[str], Cookie()]): ...

    functions = [v for k, v in locals().items() if inspect.isfunction(v)]
    found = {f.__name__: [_declare(f), _declare(f, "/{x}")] for f in functions}

    def plain() -> dict: ...

    found["options"] = [
        _declare(plain, status_code=204),
        _declare(plain, status_code=304, response_model=None),
        _declare(plain, status_code=204, response_model=Sub),
        _declare(plain, response_model=NotAType),
        _declare(plain, responses={200: "x"}),
        _declare(plain, responses={204: {"model": Sub}}),
        _declare(plain, responses={"x": {"model": Sub}}),
        _declare(plain, path="x"),
        _declare(plain, path=""),
        _declare(plain, path="/{a}/{a}"),
        _declare(plain, path="/{a:nope}"),
        _declare(plain, max_body_size=-1),
        _declare(plain, max_body_size=True),
        _declare(plain, max_body_size="1"),
        _declare(plain, form_limits={"max_fields": -1}),
        _declare(plain, form_limits={"nope": 1}),
        _declare(plain, form_limits={"max_fields": "1"}),
        _declare(plain, callbacks=[1]),
        _declare(plain, dependencies=[_dependency]),
        _declare(plain, dependencies=[Depends()]),
        _declare(plain, dependencies=[Depends(None)]),
        _declare(plain, tags="abc"),
        _declare(plain, status_code="x"),
        _declare(plain, response_class=None),
    ]
    return found


@probes
def scope_errors() -> Any:
    def inner() -> Generator[int, None, None]:
        yield 1

    def outer(a: Annotated[int, Depends(inner, scope="function")]) -> Generator[int, None, None]:
        yield a

    def plain(a: Annotated[int, Depends(inner, scope="function")]) -> int:
        return a

    def bad(x: Annotated[int, Depends(outer, scope="request")]): ...
    def implicit(x: Annotated[int, Depends(outer)]): ...
    def fine(x: Annotated[int, Depends(outer, scope="function")]): ...
    def not_a_generator(x: Annotated[int, Depends(plain, scope="request")]): ...

    return [_declare(f) for f in (bad, implicit, fine, not_a_generator)]


@probes
def router_errors() -> Any:
    router = APIRouter()

    @router.get("")
    def empty(): ...

    app = FastAPI()
    built = [
        outcome(lambda: APIRouter(prefix="x")),
        outcome(lambda: APIRouter(prefix="/x/")),
        outcome(lambda: APIRouter(prefix="/")),
        outcome(lambda: app.include_router(router)),
        outcome(lambda: app.include_router(router, prefix="x")),
        outcome(lambda: app.include_router(router, prefix="/x/")),
        outcome(lambda: router.include_router(router)),
        outcome(lambda: app.include_router(app.router)),
        outcome(lambda: app.include_router(app)),
        outcome(lambda: app.include_router("x")),
        outcome(lambda: APIRouter(on_startup=[lambda: 1]) and 1),
        outcome(lambda: FastAPI(on_startup=[lambda: 1]) and 1),
        outcome(lambda: FastAPI(root_path="/x").root_path),
        outcome(lambda: FastAPI(openapi_prefix="/x")),
        outcome(lambda: FastAPI(anything=1)),
        outcome(lambda: FastAPI(title="", openapi_url="/o") and 1),
        outcome(lambda: FastAPI(title="T", version="", openapi_url="/o") and 1),
        outcome(lambda: FastAPI(title="", openapi_url=None) and 1),
        outcome(lambda: FastAPI(telemetry={"tracing": False, "nope": 1}) and 1),
        outcome(lambda: FastAPI(max_body_size=-1)),
        outcome(lambda: FastAPI(form_limits={"max_files": 1.5})),
        outcome(lambda: APIRouter(max_body_size=False)),
        outcome(lambda: APIRouter(form_limits={"a": 1})),
        outcome(lambda: app.include_router(APIRouter(), max_body_size=-1)),
        outcome(lambda: app.include_router(APIRouter(), form_limits={"a": 1})),
        outcome(lambda: app.frontend("/", directory="/nonexistent-x")),
        outcome(lambda: app.frontend("x", directory="/tmp")),
        outcome(lambda: app.frontend("/", directory="/tmp", fallback="nope")),
        outcome(lambda: app.frontend("/", directory="/tmp", check_dir="nope")),
        outcome(lambda: APIRouter(routes=[1])),
        outcome(lambda: app.mount("x", app)),
        outcome(lambda: app.websocket("/w", unknown=1)),
    ]
    return built


@probes
def attributes_of_an_application() -> Any:
    app = FastAPI(title="T", tags_metadata=None) if False else FastAPI(title="T")
    names = (
        "title summary description version terms_of_service contact license_info openapi_url "
        "openapi_tags servers root_path root_path_in_servers docs_url redoc_url openapi_version "
        "swagger_ui_oauth2_redirect_url swagger_ui_init_oauth swagger_ui_parameters debug "
        "separate_input_output_schemas openapi_external_docs openapi_schema dependency_overrides "
        "user_middleware middleware_stack extra max_body_size form_limits strict_content_type"
    ).split()
    router = app.router
    own = (
        "prefix tags dependencies deprecated include_in_schema responses callbacks "
        "redirect_slashes on_startup on_shutdown default_response_class route_class "
        "generate_unique_id_function strict_content_type max_body_size form_limits"
    ).split()
    return [
        {n: repr(getattr(app, n, "<none>")) for n in names},
        {n: repr(getattr(router, n, "<none>")).replace("_route.", "routing.") for n in own},
        sorted(key.__name__ for key in app.exception_handlers),
        [
            [r.path, r.name, sorted(r.methods), type(r).__name__, r.include_in_schema]
            for r in app.routes
        ],
        sorted(k for k in vars(app) if not k.startswith("_")),
        sorted(k for k in vars(router) if not k.startswith("_") and k != "routes"),
    ]


@probes
def attributes_of_a_route() -> Any:
    app = FastAPI()
    router = APIRouter(prefix="/p", tags=["r"])

    @router.post("/{x}", status_code=201, response_model_exclude={"a"}, summary="S")
    async def endpoint(x: int, item: Sub, q: str = "") -> Sub:
        """Doc"""

    @app.websocket("/ws/{y}")
    async def ws(websocket: fastapi.WebSocket, y: int): ...

    app.include_router(router, prefix="/v")
    route, socket = router.routes[0], app.routes[-2]
    names = sorted(n for n in {*vars(route), "path_regex"} if n[0] != "_" and n != "cache")
    plain = (bool, int, str, list, dict, set, type(None))
    return [
        names,
        {n: repr(getattr(route, n)) for n in names if isinstance(getattr(route, n), plain)},
        facts(route)[0],
        sorted(n for n in vars(socket) if not n.startswith("_")),
        type(socket).__name__,
        outcome(lambda: str(app.url_path_for("endpoint", x=3))),
        outcome(lambda: str(app.url_path_for("ws", y=3))),
        outcome(lambda: str(app.url_path_for("nope"))),
        outcome(lambda: str(router.url_path_for("endpoint", x=3))),
        route == APIRoute("/p/{x}", endpoint, methods=["POST"]),
        route.body_field.name if route.body_field else None,
        repr(route.response_field),
    ]


@probes
def contexts() -> Any:
    from fastapi.routing import RouteContext, iter_route_contexts

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    inner, outer = APIRouter(prefix="/i", tags=["i"]), APIRouter(prefix="/o", tags=["o"])

    @inner.get("/{x}", name="named")
    def endpoint(x: int): ...

    @inner.websocket("/w")
    async def ws(websocket: fastapi.WebSocket): ...

    inner.mount("/m", FastAPI())
    outer.include_router(inner, tags=["inc"])
    app.include_router(outer, prefix="/v")
    app.get("/last")(endpoint)
    found = list(iter_route_contexts(app.routes))
    names = ("path", "path_format", "name", "methods", "tags", "endpoint", "include_in_schema")
    names += ("operation_id", "unique_id", "deprecated", "summary", "status_code", "description")
    return [
        [type(c).__name__, type(c.route).__name__, *(repr(getattr(c, n, "<none>")) for n in names)]
        for c in found
    ] + [isinstance(found[0], RouteContext)]


@probes
def modules() -> Any:
    import importlib

    names = "applications background concurrency datastructures encoders exceptions logger params"
    names += " openapi.models openapi.utils security.http middleware.cors dependencies.models"
    loaded = [importlib.import_module(f"{fastapi.__name__}.{n}").__name__ for n in names.split()]
    return [
        loaded,
        fastapi.__version__.count("."),
        status.HTTP_404_NOT_FOUND,
        status.WS_1008_POLICY_VIOLATION,
        fastapi.status.HTTP_422_UNPROCESSABLE_ENTITY
        if hasattr(status, "HTTP_422_UNPROCESSABLE_ENTITY")
        else None,
        fastapi.logger.logger.name,
        repr(fastapi.types.IncEx),
        PlainTextResponse("x").body,
        inspect.iscoroutinefunction(contextmanager_in_threadpool),
        jsonable_encoder({"a": Kind.a}),
        APIWebSocketRoute("/w", lambda websocket: None).path,
    ]
