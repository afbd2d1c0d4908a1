"""OpenAPI documents of many small applications."""

import dataclasses
import datetime
import decimal
import enum
import ipaddress
import pathlib
import uuid
from collections.abc import AsyncIterable, Iterable, Sequence
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

from fastapi import (
    APIRouter,
    Body,
    Cookie,
    Depends,
    FastAPI,
    File,
    Form,
    Header,
    Path,
    Query,
    Response,
    Security,
    UploadFile,
)
from fastapi.responses import (
    EventSourceResponse,
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    StreamingResponse,
)
from fastapi.security import (
    APIKeyCookie,
    APIKeyHeader,
    APIKeyQuery,
    HTTPBasic,
    HTTPBearer,
    HTTPDigest,
    OAuth2,
    OAuth2AuthorizationCodeBearer,
    OAuth2PasswordBearer,
    OAuth2PasswordRequestForm,
    OAuth2PasswordRequestFormStrict,
    OpenIdConnect,
    SecurityScopes,
)
from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    HttpUrl,
    Json,
    RootModel,
    SecretStr,
    Tag,
    computed_field,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass
from typing_extensions import TypedDict

from audit.tools import Probes, document, outcome

probes = Probes()
T = TypeVar("T")


class Colour(str, enum.Enum):
    """A colour."""

    red = "r"
    green = "g"


class Number(enum.IntEnum):
    one = 1
    two = 2


class Sub(BaseModel):
    a: int
    b: str | None = None


class Item(BaseModel):
    """An item.

    More of it.\f hidden
    """

    name: str = Field(title="The name", min_length=1, examples=["x"])
    price: float = Field(gt=0, description="Money")
    tags: set[str] = set()
    sub: Sub | None = None
    colour: Colour = Colour.red


class Computed(BaseModel):
    width: int

    @computed_field
    @property
    def area(self) -> int:
        return self.width**2


class Node(BaseModel):
    value: int = 0
    children: list["Node"] = []


class Aliased(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    first: int = Field(alias="firstOne")
    second: int = Field(validation_alias="secondIn", serialization_alias="secondOut", default=2)


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    good: bool = True


class Page(BaseModel, Generic[T]):
    items: list[T]
    total: int = 0


@dataclasses.dataclass
class Data:
    x: int
    y: list[str] = dataclasses.field(default_factory=list)


@pydantic_dataclass
class PydanticData:
    x: int
    d: Data | None = None


class Typed(TypedDict, total=False):
    a: int
    b: list[str]


class Pair(NamedTuple):
    a: int
    b: str = "x"


class Forbidden(BaseModel):
    model_config = ConfigDict(extra="forbid", title="Another title", json_schema_extra={"x-y": 1})
    a: int


class Defaults(BaseModel):
    when: datetime.datetime = datetime.datetime(2020, 1, 2)
    day: datetime.date | None = None
    gap: datetime.timedelta = datetime.timedelta(seconds=90)
    money: decimal.Decimal = decimal.Decimal("1.5")
    key: uuid.UUID | None = None
    blob: bytes = b"x"
    path: pathlib.Path = pathlib.Path("/tmp")
    ip: ipaddress.IPv4Address | None = None
    secret: SecretStr = SecretStr("s")
    url: HttpUrl | None = None
    raw: Json[list[int]] | None = None
    anything: Any = None
    mapping: dict[str, list[int]] = {}
    pair: tuple[int, str] = (1, "a")
    many: tuple[int, ...] = ()
    either: int | str = 1
    frozen: frozenset[int] = frozenset()


def each(name: str) -> Any:
    """Registers a function that fills an application."""

    def add(fill: Any) -> Any:
        def probe() -> str:
            app = FastAPI()
            result = fill(app)
            return document(result if isinstance(result, FastAPI) else app)

        probes.named(name)(probe)
        return fill

    return add


def simple(name: str, *, method: str = "get", path: str = "/x", **options: Any) -> Any:
    """Registers a document with the one operation that is decorated."""

    def add(endpoint: Any) -> Any:
        @each(name)
        def fill(app: FastAPI) -> None:
            app.api_route(path, methods=[method.upper()], **options)(endpoint)

        return endpoint

    return add


# --- parameters ---------------------------------------------------------------------------------

_scalars: dict[str, Any] = {
    "int": int,
    "float": float,
    "bool": bool,
    "str": str,
    "bytes": bytes,
    "optional": int | None,
    "union": int | str,
    "date": datetime.date,
    "datetime": datetime.datetime,
    "time": datetime.time,
    "timedelta": datetime.timedelta,
    "decimal": decimal.Decimal,
    "uuid": uuid.UUID,
    "enum": Colour,
    "intenum": Number,
    "literal": Literal["a", 1],
    "list": list[int],
    "set": set[str],
    "frozenset": frozenset[int],
    "tuple": tuple[int, str],
    "tuples": tuple[int, ...],
    "sequence": Sequence[str],
    "list_none": list[int] | None,
    "list_optional": list[int | None],
    "any": Any,
    "ip": ipaddress.IPv4Address,
    "url": HttpUrl,
    "secret": SecretStr,
    "path": pathlib.Path,
    "json": Json[list[int]],
    "constrained": Annotated[int, Field(gt=1, le=5)],
    "pattern": Annotated[str, Field(pattern="^a$", max_length=3)],
}


def _typed(annotation: Any, default: Any) -> Any:
    if default is ...:

        def endpoint(value):  # type: ignore[no-untyped-def]
            return 1
    else:

        def endpoint(value=default):  # type: ignore[no-untyped-def]
            return 1

    endpoint.__annotations__ = {"value": annotation}
    return endpoint


def _type_probe(where: str, key: str, annotation: Any, marker: Any) -> None:
    def probe() -> Any:
        def build() -> str:
            app = FastAPI()
            app.post("/r/{value}" if where == "path" else "/r")(
                _typed(Annotated[annotation, marker()], ...)
            )
            if where != "path":
                app.post("/o")(_typed(Annotated[annotation, marker()], None))
            return document(app)

        return outcome(build)

    probes.named(f"as_{where}_{key}")(probe)


_markers = {"query": Query, "path": Path, "header": Header, "cookie": Cookie, "body": Body}
for _where, _marker in {**_markers, "form": Form, "file": File}.items():
    for _key, _annotation in _scalars.items():
        _type_probe(_where, _key, _annotation, _marker)
for _where, _marker in {"query": Query, "header": Header, "body": Body, "form": Form}.items():
    for _model in (
        Item,
        Sub,
        Aliased,
        Forbidden,
        Defaults,
        Node,
        Computed,
        Data,
        PydanticData,
        Typed,
    ):
        _type_probe(_where, _model.__name__, _model, _marker)
        _type_probe(_where, f"opt_{_model.__name__}", _model | None, _marker)
        _type_probe(_where, f"list_{_model.__name__}", list[_model], _marker)


@simple("query_options")
def query_options(
    a: Annotated[int, Query(ge=1, lt=9, multiple_of=2, title="T", description="D")],
    b: Annotated[str, Query(min_length=1, max_length=3, pattern="x", alias="b-b", deprecated=True)],
    c: Annotated[str, Query(examples=["1", "2"])] = "x",
    d: Annotated[str, Query(openapi_examples={"n": {"summary": "s", "value": "v"}})] = "y",
    e: Annotated[int, Query(include_in_schema=False)] = 1,
    f: Annotated[str, Query(json_schema_extra={"x-f": [1]})] = "",
    g: Annotated[int | None, Query()] = None,
    h: Annotated[str, Query(alias="hh", validation_alias="vv", serialization_alias="ss")] = "",
    i: Annotated[float, Query(allow_inf_nan=False, strict=True)] = 1.5,
    j: Annotated[decimal.Decimal, Query(max_digits=3, decimal_places=1)] = decimal.Decimal(1),
    k: Annotated[int | str, Query(union_mode="left_to_right")] = 1,
    l: Annotated[list[int], Query(fail_fast=True)] = [],
    m: Annotated[str, Query(validation_alias=AliasChoices("m1", "m2"))] = "",
) -> None: ...


@simple("header_options")
def header_options(
    user_agent: Annotated[str | None, Header()] = None,
    x_token: Annotated[list[str] | None, Header(description="many")] = None,
    strange_header: Annotated[str, Header(convert_underscores=False)] = "",
    other: Annotated[str, Header(alias="X-Other")] = "",
    session: Annotated[str | None, Cookie(alias="sess-ion")] = None,
) -> None: ...


@simple("path_options", path="/{a}/{b:path}/{c:int}/{d:uuid}/{e:float}/{f:str}")
def path_options(
    a: Annotated[int, Path(title="A", ge=0)],
    b: str,
    c: int,
    d: uuid.UUID,
    e: float,
    f: Annotated[str, Path(alias="f", examples=["q"])],
) -> None: ...


@simple("old_style_defaults")
def old_style(
    a: int = Query(..., ge=1), b: str = Query("x", max_length=4), c=Header(None), d=1
): ...


@simple("untyped", path="/{p}")
def untyped(p, q, r=None, s="x", *, t=1.5): ...


# --- bodies -------------------------------------------------------------------------------------


@simple("body_one", method="post")
def body_one(item: Item) -> Item: ...


@simple("body_two", method="post")
def body_two(item: Item, sub: Sub, q: int = 1) -> list[Item]: ...


@simple("body_embed", method="post")
def body_embed(item: Annotated[Item, Body(embed=True, description="D", title="T")]) -> None: ...


@simple("body_single_scalar", method="post")
def body_scalar(value: Annotated[int, Body(gt=1, examples=[3])]) -> int: ...


@simple("body_optional", method="put")
def body_optional(item: Item | None = None) -> Item | None: ...


@simple("body_optional_many", method="put")
def body_optional_many(item: Item | None = None, n: Annotated[int, Body()] = 1): ...


@simple("body_media_type", method="post")
def body_media_type(item: Annotated[Item, Body(media_type="application/vnd.x+json")]): ...


@simple("body_examples", method="post")
def body_examples(
    item: Annotated[
        Item,
        Body(
            examples=[{"name": "n", "price": 1}],
            openapi_examples={"one": {"summary": "S", "description": "D", "value": {"name": "z"}}},
        ),
    ],
): ...


@simple("body_union", method="post")
def body_union(pet: Cat | Dog) -> Cat | Dog: ...


@simple("body_discriminated", method="post")
def body_discriminated(pet: Annotated[Cat | Dog, Field(discriminator="kind")]): ...


@simple("body_discriminated_body", method="post")
def body_discriminated_body(pet: Annotated[Cat | Dog, Body(discriminator="kind")]): ...


def _kind(value: Any) -> str:
    return "cat"


@simple("body_callable_discriminator", method="post")
def body_callable(
    pet: Annotated[Annotated[Cat, Tag("cat")] | Annotated[Dog, Tag("dog")], Discriminator(_kind)],
): ...


@simple("body_list", method="post")
def body_list(items: list[Item], other: dict[int, Sub]) -> dict[str, Item]: ...


@simple("body_generic", method="post")
def body_generic(page: Page[Item]) -> Page[Sub]: ...


@simple("body_root", method="post")
def body_root(page: RootModel[list[int]]) -> RootModel[dict[str, Sub]]: ...


@simple("body_any", method="post")
def body_any(value: Annotated[Any, Body()], other: Annotated[dict, Body()]) -> Any: ...


@simple("body_bytes", method="post")
def body_bytes(value: Annotated[bytes, Body(media_type="application/octet-stream")]): ...


@simple("body_get")
def body_get(item: Annotated[Item, Body()]): ...


@simple("body_delete", method="delete")
def body_delete(item: Item): ...


@simple("body_tuple", method="post")
def body_tuple(value: Annotated[tuple[int, Sub], Body()], pair: Pair) -> Pair: ...


@simple("form_fields", method="post")
def form_fields(
    a: Annotated[str, Form(min_length=1)], b: Annotated[list[int] | None, Form()] = None
): ...


@simple("form_model", method="post")
def form_model(data: Annotated[Forbidden, Form()]): ...


@simple("form_models", method="post")
def form_models(data: Annotated[Sub, Form()], more: Annotated[Forbidden, Form()]): ...


@simple("form_models_scalar", method="post")
def form_models_scalar(data: Annotated[Sub, Form()], extra: Annotated[int, Form()] = 1): ...


@simple("form_model_optional", method="post")
def form_model_optional(data: Annotated[Sub | None, Form()] = None): ...


@simple("form_models_optional", method="post")
def form_models_optional(
    data: Annotated[Sub | None, Form()] = None, more: Annotated[Forbidden | None, Form()] = None
): ...


@simple("form_union", method="post")
def form_union(data: Annotated[Cat | Dog, Form(discriminator="kind")]): ...


@simple("form_media", method="post")
def form_media(a: Annotated[str, Form(media_type="multipart/form-data")], b: str = Form("")): ...


@simple("files", method="post")
def files(
    a: UploadFile,
    b: Annotated[bytes, File(description="d")],
    c: Annotated[list[UploadFile], File()],
    d: list[bytes] | None = File(None),
    e: UploadFile | None = None,
    f: Annotated[str, Form()] = "",
): ...


@simple("file_one", method="post")
def file_one(a: UploadFile): ...


@simple("file_optional_one", method="post")
def file_optional_one(a: UploadFile | None = None): ...


@simple("file_and_model", method="post")
def file_and_model(a: UploadFile, data: Annotated[Sub, Form()]): ...


@simple("parameter_models", method="post")
def parameter_models(
    q: Annotated[Sub, Query()], h: Annotated[Forbidden, Header()], c: Annotated[Aliased, Cookie()]
): ...


@simple("parameter_models_several")
def parameter_models_several(
    q: Annotated[Sub, Query()],
    r: Annotated[Aliased | None, Query()] = None,
    s: Annotated[int, Query()] = 1,
): ...


@simple("parameter_model_hidden")
def parameter_model_hidden(q: Annotated[Sub, Query(include_in_schema=False)]): ...


# --- responses ----------------------------------------------------------------------------------

for _name, _annotation in {
    "none": None,
    "int": int,
    "list": list[Sub],
    "dict": dict[str, int],
    "any": Any,
    "optional": Sub | None,
    "data": Data,
    "pydantic_data": PydanticData,
    "typed": Typed,
    "pair": Pair,
    "enum": Colour,
    "literal": Literal["a"],
    "bytes": bytes,
    "computed": Computed,
    "node": Node,
    "defaults": Defaults,
    "aliased": Aliased,
    "generic": Page[Page[int]],
    "union": Cat | Dog | int,
    "response": Response,
    "json": JSONResponse,
    "html": HTMLResponse,
    "plain": PlainTextResponse,
    "file": FileResponse,
    "stream": StreamingResponse,
    "redirect": RedirectResponse,
    "iterable": Iterable[Sub],
    "async": AsyncIterable[Sub],
}.items():

    def _returns(annotation: Any, name: str) -> None:
        def probe() -> Any:
            def endpoint(): ...

            endpoint.__annotations__ = {"return": annotation}

            def build() -> str:
                app = FastAPI()
                app.get("/annotation")(endpoint)
                app.get("/model", response_model=annotation)(lambda: None)
                return document(app)

            return outcome(build)

        probes.named(f"returns_{name}")(probe)

    _returns(_annotation, _name)

for _class in (
    Response,
    JSONResponse,
    HTMLResponse,
    PlainTextResponse,
    FileResponse,
    StreamingResponse,
    RedirectResponse,
    EventSourceResponse,
):

    def _classes(kind: Any) -> None:
        @each(f"response_class_{kind.__name__}")
        def fill(app: FastAPI) -> None:
            @app.get("/a", response_class=kind)
            def a(): ...

            @app.get("/b", response_class=kind, response_model=Sub)
            def b(): ...

            @app.get("/c", response_class=kind, status_code=404)
            async def c() -> Sub: ...

            @app.get("/d", response_class=kind)
            async def d() -> AsyncIterable[Sub]:
                yield Sub(a=1)

            @app.get("/e", response_class=kind)
            def e() -> Iterable[int]:
                yield 1

    _classes(_class)


@each("streams")
def streams(app: FastAPI) -> None:
    @app.get("/lines")
    async def lines() -> AsyncIterable[Item]:
        yield Item(name="a", price=1)

    @app.get("/plain")
    def plain():
        yield 1

    @app.post("/events", response_class=EventSourceResponse, responses={200: {"description": "E"}})
    async def events(item: Item) -> AsyncIterable[Sub]:
        yield Sub(a=1)


@each("responses_option")
def responses_option(app: FastAPI) -> None:
    @app.get(
        "/a",
        responses={
            404: {"model": Sub, "description": "Gone"},
            "4XX": {"model": list[Item]},
            "default": {"model": Node},
            201: {"content": {"text/x": {"example": "y"}}, "description": "Made"},
            302: {"headers": {"Location": {"schema": {"type": "string"}}}},
            "500": {},
        },
    )
    def a(q: int) -> Sub: ...

    @app.get("/b", responses={422: {"description": "Mine"}})
    def b(q: int): ...

    @app.get("/c", responses={200: {"model": Item, "description": "over"}}, response_model=Sub)
    def c(): ...

    @app.get("/d", status_code=204)
    def d() -> None: ...

    @app.get("/e", status_code=204, responses={204: {"description": "Nothing"}})
    def e(): ...

    @app.get("/f", response_description="Fine", status_code=202, responses={"5XX": {"model": Sub}})
    def f(): ...

    @app.get("/h", responses={"2XX": {"model": Sub}})
    def h(): ...

    @app.get("/g", responses={200: {"content": {"image/png": {}}}}, response_class=FileResponse)
    def g(): ...


@each("operation_options")
def operation_options(app: FastAPI) -> None:
    @app.get(
        "/a",
        tags=["x", Colour.red],
        summary="S",
        description="D\f no",
        deprecated=True,
        operation_id="op",
        name="named",
        openapi_extra={"x-a": {"b": 1}, "responses": {"418": {"description": "t"}}, "tags": ["y"]},
    )
    def a():
        """Doc"""

    @app.get("/hidden", include_in_schema=False)
    def hidden(): ...

    @app.put("/b", openapi_extra={"requestBody": {"content": {"text/x": {}}, "required": True}})
    def some_long_name__here(request: Item):
        """First line

        Second.
            indented
        """

    @app.api_route("/c/{x}", methods=["DELETE"])
    def c(x): ...

    @app.head("/d")
    @app.options("/d")
    @app.patch("/d")
    @app.trace("/d")
    def d(): ...

    app.add_api_route("/e", lambda: 1, methods=["get"])


@each("duplicate_operations")
def duplicate(app: FastAPI) -> None:
    @app.get("/a")
    def a(): ...

    @app.get("/a", operation_id="a_a_get")
    def b(): ...

    @app.get("/b", operation_id="a_a_get")
    def c(): ...


@each("application_options")
def application_options(app: FastAPI) -> FastAPI:
    return FastAPI(
        title="T",
        summary="S",
        description="D",
        version="9",
        terms_of_service="http://t",
        contact={"name": "n", "url": "http://c", "email": "a@b.cd", "x": 1},
        license_info={"name": "MIT", "identifier": "MIT", "url": "http://l"},
        openapi_tags=[{"name": "t", "description": "d", "externalDocs": {"url": "http://e"}}],
        servers=[{"url": "/v", "description": "d", "variables": {"a": {"default": "1"}}}],
        openapi_external_docs={"description": "d", "url": "http://x"},
        responses={400: {"model": Sub}},
        deprecated=True,
        default_response_class=PlainTextResponse,
    )


@each("application_options_used")
def application_options_used(app: FastAPI) -> FastAPI:
    app = FastAPI(
        responses={400: {"model": Sub}},
        deprecated=True,
        default_response_class=PlainTextResponse,
        dependencies=[Depends(_query)],
        generate_unique_id_function=lambda route: f"id-{route.name}-{sorted(route.methods)}",
        root_path="/root",
    )
    router = APIRouter(prefix="/r", tags=["r"], responses={401: {"model": Item}})

    @router.get("/a", deprecated=False, tags=["a"])
    def a(): ...

    @router.get("/b", response_class=HTMLResponse, generate_unique_id_function=lambda r: "own")
    def b(): ...

    @app.get("/c")
    def c(): ...

    app.include_router(router, prefix="/p", tags=["i"], deprecated=None, responses={402: {}})
    app.include_router(router, prefix="/q", include_in_schema=False)
    app.include_router(router, prefix="/s", generate_unique_id_function=lambda r: f"s-{r.name}")
    return app


def _query(limit: int = 10, x_key: Annotated[str | None, Header()] = None) -> int:
    return limit


def _nested(depth: Annotated[int, Depends(_query)], limit: int = 5, item: Item | None = None): ...


@simple("dependencies", method="post", dependencies=[Depends(_query), Depends(_nested)])
def dependencies(a: Annotated[Any, Depends(_nested)], limit: str = "s", sub: Sub | None = None): ...


class _Commons:
    def __init__(self, skip: int = 0, q: str | None = None) -> None: ...


@simple("dependency_class")
def dependency_class(c: Annotated[_Commons, Depends()], d: _Commons = Depends(_Commons)): ...


# --- security -----------------------------------------------------------------------------------

_schemes: dict[str, Any] = {
    "key_query": APIKeyQuery(name="k", description="d"),
    "key_header": APIKeyHeader(name="X-K", scheme_name="Own"),
    "key_cookie": APIKeyCookie(name="c", auto_error=False),
    "basic": HTTPBasic(realm="r", description="b"),
    "bearer": HTTPBearer(bearerFormat="JWT", description="b"),
    "digest": HTTPDigest(scheme_name="D"),
    "password": OAuth2PasswordBearer("token", scopes={"a": "A", "b": "B"}, refreshUrl="/r"),
    "code": OAuth2AuthorizationCodeBearer("auth", "token", refreshUrl="r", scopes={"s": "S"}),
    "oauth2": OAuth2(flows={"implicit": {"authorizationUrl": "/i", "scopes": {"x": "X"}}}),
    "openid": OpenIdConnect(openIdConnectUrl="/.well-known", description="o"),
}
for _name, _scheme in _schemes.items():

    def _secured(name: str, scheme: Any) -> None:
        @each(f"security_{name}")
        def fill(app: FastAPI) -> None:
            @app.get("/d")
            def d(token: Annotated[Any, Depends(scheme)]): ...

            @app.get("/s")
            def s(token: Annotated[Any, Security(scheme, scopes=["a", "b"])]): ...

            def user(scopes: SecurityScopes, token: Annotated[Any, Security(scheme)]): ...

            @app.get("/n", dependencies=[Security(user, scopes=["x"]), Depends(scheme)])
            def n(u: Annotated[Any, Security(user, scopes=["y", "x"])]): ...

    _secured(_name, _scheme)


@each("security_many")
def security_many(app: FastAPI) -> None:
    def both(
        a: Annotated[str, Depends(_schemes["key_query"])],
        b: Annotated[str, Security(_schemes["password"], scopes=["b"])],
    ): ...

    router = APIRouter(dependencies=[Security(both, scopes=["router"])])

    @router.get("/a")
    def a(c: Annotated[Any, Security(both, scopes=["own"])]): ...

    app.include_router(router, dependencies=[Depends(_schemes["bearer"])])


@simple("password_form", method="post")
def password_form(form: Annotated[OAuth2PasswordRequestForm, Depends()]): ...


@simple("password_form_strict", method="post")
def password_form_strict(form: Annotated[OAuth2PasswordRequestFormStrict, Depends()]): ...


# --- routers, callbacks, webhooks -----------------------------------------------------------------


@each("callbacks")
def callbacks(app: FastAPI) -> FastAPI:
    back = APIRouter()

    @back.post("{$callback_url}/x/{$request.body#/id}", response_model=Sub)
    def called(item: Item, q: int = 1): ...

    @back.put("/second", callbacks=back.routes[:1])
    def second(): ...

    app = FastAPI(callbacks=back.routes[:1])
    router = APIRouter(callbacks=back.routes[1:])

    @router.post("/a", callbacks=back.routes)
    def a(callback_url: HttpUrl): ...

    app.include_router(router, callbacks=back.routes[:1])
    return app


@each("webhooks")
def webhooks(app: FastAPI) -> None:
    @app.webhooks.post("new-item", tags=["w"])
    def new_item(item: Item) -> Sub:
        """Told when."""

    @app.webhooks.get("other", dependencies=[Depends(_schemes["basic"])])
    def other(q: int): ...

    hooks = APIRouter()

    @hooks.put("third")
    def third(): ...

    app.webhooks.include_router(hooks)


@each("nested_routers")
def nested_routers(app: FastAPI) -> None:
    a = APIRouter(prefix="/a", tags=["a"], dependencies=[Depends(_query)], deprecated=True)
    b = APIRouter(prefix="/b/{y}", tags=["b"], responses={404: {"model": Sub}})
    c = APIRouter(include_in_schema=False)

    @b.get("")
    def root(y: int): ...

    @b.get("/x/")
    def x(y: str) -> Item: ...

    @c.get("/hidden")
    def hidden(): ...

    @a.api_route("/multi", methods=["PUT"])
    def multi(): ...

    a.include_router(b, prefix="/in", tags=["in"])
    a.include_router(c)
    app.include_router(a, prefix="/{z}")
    app.include_router(b)

    @a.get("/late")
    def late(): ...


@each("same_model_names")
def same_names(app: FastAPI) -> None:
    def make(n: int) -> Any:
        model = type(
            "Same", (BaseModel,), {"__annotations__": {f"a{n}": int}, "__module__": f"m{n}"}
        )
        return model

    def a(): ...

    a.__annotations__.update({"x": make(1)})

    def endpoint(x, y): ...

    endpoint.__annotations__.update({"x": make(1), "y": make(2), "return": make(3)})
    app.post("/a")(endpoint)


@each("separate_off")
def separate_off(app: FastAPI) -> FastAPI:
    app = FastAPI(separate_input_output_schemas=False)

    @app.post("/a")
    def a(
        item: Item, c: Computed, n: Node, d: Defaults, p: Page[Computed], q: PydanticData
    ) -> list[Item | Computed | Node | Defaults | Page[Computed] | PydanticData]: ...

    return app


@each("separate_on")
def separate_on(app: FastAPI) -> None:
    @app.post("/a")
    def a(
        item: Item, c: Computed, n: Node, d: Defaults, p: Page[Computed], q: PydanticData
    ) -> list[Item | Computed | Node | Defaults | Page[Computed] | PydanticData]: ...


@each("mounted")
def mounted(app: FastAPI) -> None:
    sub = FastAPI(title="sub")

    @sub.get("/x")
    def x(): ...

    app.mount("/sub", sub)
    app.add_route("/plain", lambda request: Response())
    app.router.add_websocket_route("/pws", lambda ws: None)

    @app.websocket("/ws")
    async def ws(websocket: Any): ...


@each("unique_ids")
def unique_ids(app: FastAPI) -> FastAPI:
    app = FastAPI(generate_unique_id_function=lambda route: f"app_{route.name}")
    inner = APIRouter(generate_unique_id_function=lambda route: f"inner_{route.name}")
    plain = APIRouter()

    for router in (inner, plain):

        @router.post("/a/" + str(id(router) == id(inner)), callbacks=None)
        def a(item: Item, sub: Sub): ...

        @router.post(
            "/b/" + str(id(router) == id(inner)),
            generate_unique_id_function=lambda route: f"own_{route.path_format}",
        )
        def b(item: Item, sub: Sub): ...

    app.include_router(inner)
    app.include_router(plain)
    app.include_router(
        plain, prefix="/z", generate_unique_id_function=lambda route: f"inc_{route.name}"
    )
    return app
