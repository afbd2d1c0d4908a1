"""Annotations that are text, aliases of types, and other ways to say one thing."""

from __future__ import annotations

import functools
import typing
from collections.abc import AsyncIterable, Callable, Generator, Mapping
from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Generic,
    Literal,
    NewType,
    Optional,
    TypeVar,
    Union,
)

import typing_extensions
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
    Path,
    Query,
    Request,
    Response,
    Security,
    UploadFile,
)
from fastapi.security import HTTPBearer, OAuth2PasswordRequestForm, SecurityScopes
from pydantic import BaseModel, ConfigDict, Field, create_model

from audit.tools import Probes, ask, document, outcome

if TYPE_CHECKING:
    from decimal import Decimal

probes = Probes()
T = TypeVar("T")
UserId = NewType("UserId", int)
Limit = Annotated[int, Query(ge=0, le=9)]
Text = typing_extensions.TypeAliasType("Text", Annotated[str, Field(min_length=2)])
Ids = typing_extensions.TypeAliasType("Ids", list[int])
Session = typing_extensions.TypeAliasType("Session", "Annotated[str, Depends(session)]")


def session() -> str:
    return "session"


class Item(BaseModel):
    a: int
    other: Optional[Item] = None
    later: Later | None = None


class Later(BaseModel):
    b: Literal["x", "y"] = "x"


class Box(BaseModel, Generic[T]):
    content: T
    many: list[T] = []


class Params(BaseModel):
    limit: Limit = 3
    ids: Ids = []


@dataclass
class Data:
    x: int
    item: Later | None = None


def _one(name: str, path: str = "/x", method: str = "post", **options: Any) -> Any:
    def add(endpoint: Any) -> Any:
        @probes.named(name)
        def probe() -> Any:
            app = FastAPI()
            try:
                app.api_route(path, methods=[method.upper()], **options)(endpoint)
                text = document(app)
            except Exception as error:
                return [type(error).__name__, str(error)]
            target = path.format(p="5")
            asks = [
                {},
                {"json": {"a": 1}},
                {"params": {"q": "1", "limit": "20", "ids": ["1", "2"]}},
            ]
            asks += [{"json": {"a": "x"}, "params": {"q": "x"}, "headers": {"x-h": "1", "h": "2"}}]
            asks += [
                {"json": {"content": {"a": 1}, "many": []}},
                {"data": {"f": "1", "limit": "1"}},
            ]
            asks += [
                {"json": 5},
                {"json": "a"},
                {"json": [1]},
                {"headers": {"authorization": "Bearer t"}},
            ]
            return [text, [ask(app, method, target, **each) for each in asks]]

        return endpoint

    return add


@_one("model")
def model(item: Item) -> Item:
    return item


@_one("optional_old")
def optional_old(q: Optional[int] = None, item: Optional[Item] = None) -> Optional[Item]:
    return item


@_one("union_old")
def union_old(q: Union[int, str, None] = None, item: Union[Item, Later, None] = None) -> Any:
    return [q, item]


@_one("new_type", "/{p}", "get")
def new_type(p: UserId, q: UserId = UserId(1)) -> UserId:
    return p


@_one("alias_of_marker", method="get")
def alias_of_marker(limit: Limit, other: Limit = 4) -> list[int]:
    return [limit, other]


@_one("alias_type", method="get")
def alias_type(q: Text = "ab", ids: Annotated[Ids, Query()] = [], s: Session = "") -> Any:
    return [q, ids, s]


@_one("alias_type_body")
def alias_type_body(ids: Ids, s: Session) -> Ids:
    return ids


@_one("generic")
def generic(box: Box[Item]) -> Box[Later]:
    return {"content": {"b": "y"}}


@_one("generic_plain")
def generic_plain(box: Box) -> Box[Any]:
    return box


@_one("data")
def data(d: Data, q: int = 1) -> Data:
    return d


@_one("request_only")
async def request_only(request: Request, response: Response, tasks: BackgroundTasks) -> str:
    return (await request.body()).decode()


@_one("form_of_security")
def form_of_security(form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> str:
    return form.username


@_one("security")
def security(
    t: Annotated[Any, Security(HTTPBearer(), scopes=["a"])], scopes: SecurityScopes
) -> Any:
    return [t, scopes.scopes]


@_one("upload")
async def upload(f: UploadFile | None = None, g: Annotated[bytes | None, File()] = None) -> Any:
    return [f and f.filename, g and len(g)]


@_one("form")
def form(f: Annotated[int, Form()], limit: Annotated[Limit, Form()] = 1) -> list[int]:
    return [f, limit]


@_one("params_model", method="get")
def params_model(p: Annotated[Params, Query()]) -> Params:
    return p


@_one("header_model", method="get")
def header_model(p: Annotated[Params, Header()], c: Annotated[str | None, Cookie()] = None) -> Any:
    return p


@_one("mapping")
def mapping(m: Mapping[str, int], q: typing.List[int] = Query([])) -> typing.Dict[str, int]:
    return dict(m)


@_one("callable_default", method="get")
def callable_default(q: Any = Query(default_factory=lambda: "made")) -> Any:
    return q


@_one("nested_annotated", method="get")
def nested_annotated(
    q: Annotated[Annotated[int, Field(ge=1)], Query(description="outer")] = 1,
    r: Annotated[list[Annotated[int, Field(le=5)]], Query()] = [],
    s: Annotated[Annotated[str, Query(alias="q")], Query(alias="limit")] = "",
) -> Any:
    return [q, r, s]


@_one("last_marker_wins", method="get")
def last_marker(q: Annotated[int, Query(ge=5), Query(le=3)] = 1) -> int:
    return q


@_one("type_checking_only", method="get")
def type_checking_only(q: Decimal = 1) -> Any:
    return q


@_one("type_checking_return", method="get")
def type_checking_return(q: int = 1) -> Decimal:
    return q


@_one("literal_text", method="get")
def literal_text(q: Literal["1", "x"] = "x") -> Literal["1", "x"]:
    return q


@_one("stream", method="get")
async def stream(q: int = 1) -> AsyncIterable[Later]:
    yield Later()


@_one("generator", method="get")
def generator(q: int = 1) -> Generator[Later, None, None]:
    yield Later()


@_one("path_and_body", "/{p}")
def path_and_body(p: Annotated[int, Path()], item: Annotated[Item, Body(embed=True)]) -> Any:
    return p


def _decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return ["wrapped", function(*args, **kwargs)]

    return wrapper


@_one("wrapped")
@_decorated
def wrapped(item: Item, q: int = 1) -> list[Any]:
    return [item, q]


@_one("signature_changed", method="get")
def signature_changed(*args: Any, **kwargs: Any) -> Any:
    return [list(args), kwargs]


class View:
    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def method(self, q: int, item: Item | None = None) -> Any:
        return [self.prefix, q, item]

    async def __call__(self, q: int = 2) -> Any:
        return [self.prefix, q]

    @classmethod
    def of_class(cls, q: str = "") -> str:
        return cls.__name__ + q


_one("bound_method")(View("v").method)
_one("class_method")(View.of_class)
_one("partial_method")(functools.partial(View("v").method, q=7))
_one("partial_function")(functools.partial(path_and_body, 3))


@probes
def instance_as_endpoint() -> Any:
    return outcome(lambda: FastAPI().get("/", name="i")(View("x")) and 1)


@_one("session_alias", method="get")
def session_alias(
    s: Annotated[str, Depends(session)], t: "Annotated[str, Depends(session)]"
) -> Any:
    return [s, t]


@probes
def local_types() -> Any:
    class Local(BaseModel):
        a: int = 1

    app = FastAPI()

    def build() -> Any:
        @app.post("/")
        def endpoint(item: Local) -> Local:
            return item

        return [document(app), ask(app, "POST", "/", json={})]

    return outcome(build)[0][0]  # the text names one of the two fields


@probes
def dynamic_models() -> Any:
    made = create_model("Made", a=(int, 1), b=(str | None, None))
    frozen = create_model("Frozen", __config__=ConfigDict(frozen=True), a=(int, ...))
    app = FastAPI()

    def endpoint(m, f):  # type: ignore[no-untyped-def]
        return [m, f]

    endpoint.__annotations__ = {"m": made, "f": frozen, "return": list[made | frozen]}
    app.post("/")(endpoint)
    return [document(app), ask(app, "POST", "/", json={"m": {}, "f": {"a": 2}})]


@probes
def errors_with_context() -> Any:
    from fastapi.exceptions import RequestValidationError, ResponseValidationError
    from fastapi.responses import PlainTextResponse

    app = FastAPI()
    router = APIRouter(prefix="/r")

    @app.exception_handler(RequestValidationError)
    async def request_error(request: Request, error: RequestValidationError) -> PlainTextResponse:
        context = {k: v for k, v in vars(error).items() if k.startswith("endpoint")}
        text = str(error).replace(__file__ if "__file__" in globals() else "", "FILE")
        return PlainTextResponse(
            repr([text.count("\n"), error.body, error.errors(), sorted(context)])
        )

    @app.exception_handler(ResponseValidationError)
    async def response_error(request: Request, error: ResponseValidationError) -> PlainTextResponse:
        return PlainTextResponse(repr([error.body, error.errors(), str(error).split("\n")[0]]))

    @router.post("/items/{x}")
    def endpoint(x: int, item: Item) -> int:
        return "no"  # type: ignore[return-value]

    app.include_router(router, prefix="/v")
    sub = FastAPI()
    sub.include_router(router)
    app.mount("/sub", sub)
    asks = [
        ("/v/r/items/x", {"a": 1}),
        ("/v/r/items/1", [1]),
        ("/v/r/items/1", {"a": 1}),
        ("/sub/r/items/x", 1),
    ]
    return [ask(app, "POST", path, json=body) for path, body in asks]


@probes
def text_of_errors() -> Any:
    from fastapi.exceptions import RequestValidationError

    seen: list[str] = []
    app = FastAPI()
    router = APIRouter(prefix="/r")

    @app.exception_handler(RequestValidationError)
    def handler(request: Request, error: RequestValidationError) -> Response:
        seen.append(str(error))
        return Response(status_code=400)

    @router.get("/{x}")
    @functools.wraps(session)
    def endpoint(x: int) -> int:
        return x

    def plain(x: int) -> int:
        return x

    router.get("/p/{x}")(plain)
    app.get("/lambda/{x}")(lambda x, q: 1)
    app.include_router(router, prefix="/v")
    for path in ("/v/r/x", "/v/r/p/x", "/lambda/1"):
        ask(app, "GET", path)
    import re

    return [re.sub(r'File "[^"]*", line \d+', "FILE", text) for text in seen]
