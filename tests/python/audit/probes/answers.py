"""What is made of the values that handlers return, raise or yield."""

import dataclasses
import datetime
import decimal
import enum
import math
import uuid
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Generator,
    Iterable,
    Iterator,
)
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.responses import (
    EventSourceResponse,
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    StreamingResponse,
)
from fastapi.sse import ServerSentEvent
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    SecretStr,
    computed_field,
    field_serializer,
    model_serializer,
)
from starlette.testclient import TestClient
from typing_extensions import TypedDict

from audit.tools import Probes, ask, document, outcome

probes = Probes()
T = TypeVar("T")


class Sub(BaseModel):
    a: int = 1
    b: str | None = None


class Secret(Sub):
    password: str = "p"


class Outer(BaseModel):
    sub: Sub = Sub()
    subs: list[Sub] = []
    by: dict[str, Sub] = {}
    n: int | None = None


class Aliased(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    one: int = Field(1, alias="One")
    two: int = Field(2, serialization_alias="Two")


class Computed(BaseModel):
    w: int = 2

    @computed_field(alias="Area")
    @property
    def area(self) -> int:
        return self.w**2


class Serialized(BaseModel):
    when: datetime.datetime = datetime.datetime(2020, 1, 2)
    x: int = 1

    @field_serializer("x")
    def show(self, value: int) -> str:
        return f"<{value}>"


class Whole(BaseModel):
    x: int = 1

    @model_serializer
    def show(self) -> dict[str, int]:
        return {"whole": self.x}


class Extra(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int = 1


class FromObject(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    a: int


class Page(BaseModel, Generic[T]):
    items: list[T]


@dataclasses.dataclass
class Data:
    x: int = 1
    y: list["Data"] = dataclasses.field(default_factory=list)
    secret: str = "s"


@dataclasses.dataclass
class DataOut:
    x: int


class Typed(TypedDict, total=False):
    a: int


class Pair(NamedTuple):
    a: int
    b: str


class Colour(enum.Enum):
    red = "r"


class Plain:
    def __init__(self) -> None:
        self.a = 5
        self.b = "attr"


_VALUES: dict[str, Any] = {
    "none": None,
    "int": 1,
    "str": "é\u2028<",
    "float": 1.5,
    "inf": math.inf,
    "list": [1, None, "x"],
    "dict": {"a": 1, "b": "x", "z": 2},
    "dict_bad": {"a": "no"},
    "dict_nested": {"sub": {"a": 2, "z": 1}, "subs": [{"a": 3}], "by": {"k": {}}, "n": None},
    "keys": {1: "a", None: "b", Colour.red: "c", 2.5: "d"},
    "sub": Sub(),
    "sub_set": Sub(a=1, b=None),
    "sub_value": Sub(a=3, b="x"),
    "secret": Secret(a=2),
    "secrets": [Secret(), Secret(a=5)],
    "outer": Outer(sub=Secret(), subs=[Secret(a=4)], by={"k": Secret()}),
    "aliased": Aliased(),
    "computed": Computed(),
    "serialized": Serialized(),
    "whole": Whole(),
    "extra": Extra(a=2, q=3),
    "plain": Plain(),
    "data": Data(y=[Data(2)]),
    "pair": Pair(1, "x"),
    "tuple": (1, "x"),
    "set": {1},
    "enum": Colour.red,
    "uuid": uuid.UUID(int=5),
    "datetime": datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC),
    "timedelta": datetime.timedelta(minutes=1.5),
    "decimal": [decimal.Decimal("1.0"), decimal.Decimal("1"), decimal.Decimal("1E3")],
    "bytes": b"abc",
    "secretstr": SecretStr("x"),
    "generator": "GENERATOR",
    "page": Page[Sub](items=[Secret()]),
    "root": RootModel[list[int]]([1]),
    "object": object(),
    "class": int,
}
_MODELS: dict[str, Any] = {
    "nothing": ...,
    "disabled": None,
    "any": Any,
    "sub": Sub,
    "optional": Sub | None,
    "list": list[Sub],
    "outer": Outer,
    "aliased": Aliased,
    "computed": Computed,
    "serialized": Serialized,
    "whole": Whole,
    "extra": Extra,
    "object": FromObject,
    "union": Sub | int | str,
    "union_models": Secret | Sub,
    "dict": dict[str, Any],
    "int": int,
    "str": str,
    "data": DataOut,
    "data_same": Data,
    "typed": Typed,
    "pair": Pair,
    "page": Page[Sub],
    "root": RootModel[list[int]],
    "tuple": tuple[int, str],
    "annotated": Annotated[int, Field(gt=0)],
    "bytes": bytes,
}
for _name, _model in _MODELS.items():

    def _of_model(name: str, model: Any) -> None:
        def app_of(value: Any, asynchronous: bool) -> FastAPI:
            app = FastAPI()
            options = {} if model is ... else {"response_model": model}

            def given() -> Any:
                return (n for n in (1, 2)) if value == "GENERATOR" else value

            async def given_async() -> Any:
                return given()

            app.get("/", **options)(given_async if asynchronous else given)
            return app

        @probes.named(f"model_{name}")
        def probe() -> Any:
            found = {}
            for key, value in _VALUES.items():
                answers = [ask(app_of(value, kind), "GET", "/") for kind in (True, False)]
                answer = answers[0] if answers[0] == answers[1] else answers
                found[key] = [answer[0], answer[2]] if isinstance(answer[0], int) else answer
            return found

    _of_model(_name, _model)

_FILTERS: list[dict[str, Any]] = [
    {},
    {"response_model_exclude_unset": True},
    {"response_model_exclude_defaults": True},
    {"response_model_exclude_none": True},
    {"response_model_by_alias": False},
    {"response_model_include": {"a", "sub", "one", "w", "x"}},
    {"response_model_include": ["a", "n"]},
    {"response_model_exclude": {"a", "sub", "one", "w", "x"}},
    {"response_model_exclude": {"sub": {"a"}, "subs": {0: {"b"}}, "by": {"k": {"a"}}}},
    {"response_model_include": {"sub": {"a"}, "subs": {"__all__": {"b"}}}},
    {"response_model_exclude": {"sub": True, "subs": {"__all__": ...}}},
    {"response_model_include": {"sub": ..., "n": True}, "response_model_exclude_none": True},
    {"response_model_include": set()},
    {"response_model_exclude": set()},
]


def _filters(name: str, model: Any) -> None:
    @probes.named(f"filters_{name}")
    def probe() -> Any:
        found = []
        for options in _FILTERS:
            app = FastAPI()
            values = [
                v for k, v in _VALUES.items() if k in (name, "dict_nested", "outer", "sub_set")
            ]
            values += [Sub(a=1), Outer(n=None, sub=Sub(a=1)), {"a": 1}, [Sub(a=1)], {}]
            for at, value in enumerate(values):

                def make(value: Any) -> Any:
                    return lambda: value

                extra = {} if model is ... else {"response_model": model}
                app.get(f"/{at}", **extra, **options)(make(value))
            found.append([ask(app, "GET", f"/{at}")[::2] for at in range(len(values))])
            found.append(outcome(document, app))
        return found

    del probe


for _name, _model in _MODELS.items():
    if _name in (
        "nothing",
        "disabled",
        "sub",
        "outer",
        "aliased",
        "computed",
        "data_same",
        "list",
        "any",
    ):
        _filters(_name, _model)


# --- status codes, classes ------------------------------------------------------------------------


@probes
def status_codes() -> Any:
    found = []
    for status in (100, 101, 199, 200, 201, 204, 205, 206, 304, 307, 404, 422, 499, 500, 599):
        for options in ({}, {"response_class": Response}, {"response_class": PlainTextResponse}):
            app = FastAPI()

            def endpoint():  # type: ignore[no-untyped-def]
                return None if options.get("response_class") is None else ""

            def value(response: Response):  # type: ignore[no-untyped-def]
                response.headers["x-a"] = "b"
                return {"a": 1}

            def injected(response: Response):  # type: ignore[no-untyped-def]
                response.status_code = status

            app.get("/none", status_code=status, **options)(endpoint)
            app.get("/value", status_code=status)(value)
            app.get("/injected", **options)(injected if not options else endpoint)
            if status >= 200:
                found.append([ask(app, m, p) for m, p in (("GET", "/none"), ("GET", "/value"))])
                found.append(ask(app, "GET", "/injected"))
            found.append(document(app))
    return found


@probes
def response_classes() -> Any:
    class Own(JSONResponse):
        media_type = "application/x-own"

        def render(self, content: Any) -> bytes:
            return f"own:{content!r}".encode()

    class NoType(Response):
        media_type = None

    found = []
    for kind in (
        Own,
        NoType,
        HTMLResponse,
        PlainTextResponse,
        JSONResponse,
        Response,
        RedirectResponse,
    ):
        for options in (
            {},
            {"status_code": 201},
            {"response_model": Sub},
            {"response_model": None},
        ):
            app = FastAPI(default_response_class=kind)
            router = APIRouter()

            def text():  # type: ignore[no-untyped-def]
                return "text"

            def model():  # type: ignore[no-untyped-def]
                return Secret()

            app.get("/default")(text)
            app.get("/class", response_class=kind, **options)(text)
            app.get("/model", response_class=kind, **options)(model)
            router.get("/router", **options)(text)
            app.include_router(router, default_response_class=HTMLResponse)
            paths = ("/default", "/class", "/model", "/router")
            found.append([ask(app, "GET", path) for path in paths])
            found.append(document(app))
    return found


@probes
def own_responses() -> Any:
    app = FastAPI()
    values = {
        "json": lambda: JSONResponse({"a": "é"}, 202, {"x-a": "1"}),
        "html": lambda: HTMLResponse("<p>"),
        "redirect": lambda: RedirectResponse("/a b?c=é"),
        "redirect_status": lambda: RedirectResponse("/x", 303),
        "empty": lambda: Response(status_code=204),
        "bytes": lambda: Response(b"\xff", media_type="image/png"),
        "stream": lambda: StreamingResponse(iter(["a", b"b"]), media_type="text/x"),
        "file": lambda: FileResponse(
            __file__.replace("answers.py", "__init__.py"), filename="ü.py"
        ),
        "no_file": lambda: FileResponse("/nonexistent"),
        "nan": lambda: JSONResponse(math.nan),
    }
    for name, value in values.items():
        app.get(f"/{name}", response_model=None)(value)
        app.get(f"/{name}/model", response_model=Sub, status_code=201)(value)
    answers = [ask(app, "GET", f"/{n}{tail}") for n in values for tail in ("", "/model")]
    for answer in answers:
        answer[1] = [h for h in answer[1] if not h.startswith(("etag", "last-modified"))]
    return answers


@probes
def handlers_of_exceptions() -> Any:
    class Base(Exception):
        pass

    class Derived(Base):
        pass

    class OwnHTTP(HTTPException):
        pass

    def raising(error: Any) -> Any:
        def endpoint() -> Any:
            raise error

        return endpoint

    errors = {
        "base": Base("b"),
        "derived": Derived("d"),
        "value": ValueError("v"),
        "http": HTTPException(404, "x", {"X-A": "b"}),
        "http_dict": HTTPException(418, {"a": [1]}),
        "http_none": HTTPException(400),
        "http_204": HTTPException(204),
        "http_304": HTTPException(304, "x"),
        "http_500": HTTPException(500, "five"),
        "own": OwnHTTP(410, "own"),
        "validation": RequestValidationError(
            [{"type": "t", "loc": ("a",), "msg": "m", "input": 1}]
        ),
        "response": ResponseValidationError([{"type": "t", "loc": ("a",), "msg": "m", "input": 1}]),
        "key": KeyError("k"),
        "group": ExceptionGroup("g", [ValueError(1)]),
    }
    from starlette.exceptions import HTTPException as StarletteHTTPException

    async def show(request: Request, error: Any) -> JSONResponse:
        return JSONResponse([type(error).__name__, str(error), request.url.path], 299)

    def show_sync(request: Request, error: Any) -> PlainTextResponse:
        return PlainTextResponse(f"sync {type(error).__name__}", 298)

    def fails(request: Request, error: Any) -> Any:
        raise RuntimeError("handler") from error

    sets: list[dict[Any, Any]] = [
        {},
        {Base: show},
        {Base: show, Derived: show_sync},
        {Exception: show},
        {500: show_sync},
        {404: show, HTTPException: show_sync},
        {StarletteHTTPException: show},
        {HTTPException: show},
        {RequestValidationError: show, ValueError: show_sync},
        {422: show, 500: show, 405: show_sync},
        {Base: fails, 404: fails},
        {ResponseValidationError: show, ExceptionGroup: show},
    ]
    found = []
    for handlers in sets:
        app = FastAPI(exception_handlers=handlers)
        for name, error in errors.items():
            app.get(f"/{name}")(raising(error))
        app.get("/int/{x}", response_model=int)(lambda x: x)
        found.append([ask(app, "GET", f"/{name}") for name in [*errors, "nope", "int/a"]])
        found.append(ask(app, "POST", "/base"))
    late = FastAPI()
    late.get("/base")(raising(Base("x")))
    late.add_exception_handler(Base, show)
    late.exception_handler(404)(show_sync)
    found.append([ask(late, "GET", "/base"), ask(late, "GET", "/z")])
    debug = FastAPI(debug=True)
    debug.get("/base")(raising(HTTPException(400, "d")))
    found.append(ask(debug, "GET", "/base"))
    return found


# --- streams --------------------------------------------------------------------------------------


def _stream(name: str, annotation: Any, *values: Any, **options: Any) -> None:
    @probes.named(f"stream_{name}")
    def probe() -> Any:
        def build(asynchronous: bool) -> FastAPI:
            app = FastAPI()

            def sync():  # type: ignore[no-untyped-def]
                for value in values:
                    if isinstance(value, Exception):
                        raise value
                    yield value

            async def agen():  # type: ignore[no-untyped-def]
                for value in values:
                    if isinstance(value, Exception):
                        raise value
                    yield value

            if annotation is not ...:
                sync.__annotations__ = {"return": annotation[0]}
                agen.__annotations__ = {"return": annotation[1]}
            app.post("/", **options)(agen if asynchronous else sync)
            return app

        found: list[Any] = []
        for kind in (True, False):
            try:
                app = build(kind)
            except Exception as error:
                found.append([type(error).__name__, str(error)])
                continue
            found += [ask(app, "POST", "/"), document(app)]
            try:
                found.append(TestClient(app).post("/").text)
            except Exception as error:
                found.append([type(error).__name__, str(error)])
        return found


def _both(item: Any) -> list[Any]:
    return [Iterable[item], AsyncIterable[item]]


_stream("bare", ..., 1, "x", None, Sub())
_stream("bare_annotation", [Iterable, AsyncIterable], {"a": 1})
_stream("models", _both(Sub), Secret(), {"a": 2}, Sub(a=3))
_stream("iterators", [Iterator[Sub], AsyncIterator[Sub]], Sub())
_stream("generators", [Generator[Sub, None, None], AsyncGenerator[Sub, None]], Sub())
_stream("bad", _both(Sub), Sub(), {"a": "x"})
_stream("first_bad", _both(Sub), {"a": "x"})
_stream("none", _both(Sub))
_stream("any", _both(Any), math.nan, [math.inf], b"x", Colour.red)
_stream("floats", _both(float), math.nan, 1.0)
_stream("bytes", _both(bytes), b"a", b"b")
_stream("strings", _both(str), "a\nb", "é")
_stream("union", _both(Sub | int), 1, Sub())
_stream("raises", _both(int), 1, ValueError("v"))
_stream("raises_first", _both(int), HTTPException(400, "x"), 1)
_stream("raises_first_value", ..., ValueError("x"))
_stream("status", _both(int), 1, status_code=202)
_stream("no_body", ..., 1, status_code=204)
_stream("exclude", _both(Sub), Sub(a=5), response_model_exclude_none=True)
_stream("include", _both(Sub), Sub(a=5), Sub(b="x"), response_model_include={"b"})
_stream("alias", _both(Aliased), Aliased(), response_model_by_alias=False)
_stream("model_option", ..., Secret(), response_model=Sub)
_stream("plain_class", _both(str), "a", "b", response_class=PlainTextResponse)
_stream("streaming_class", _both(str), "a", "b", response_class=StreamingResponse)
_stream("streaming_bytes", ..., b"a", memoryview(b"b"), response_class=StreamingResponse)
_stream("json_class", _both(int), 1, response_class=JSONResponse)


class OwnStream(StreamingResponse):
    media_type = "text/x-own"


_stream("own_class", _both(bytes), b"a", response_class=OwnStream)
_EVENTS: list[Any] = [
    ServerSentEvent(data={"a": "é"}),
    ServerSentEvent(data="text\nmore"),
    ServerSentEvent(raw_data="raw\nmore", event="e", id="5", retry=10, comment="c"),
    ServerSentEvent(comment="only\ntwo"),
    ServerSentEvent(data=None),
    ServerSentEvent(raw_data=""),
    ServerSentEvent(),
    ServerSentEvent(data=Secret(), event=""),
    ServerSentEvent(data=[math.nan, Colour.red]),
]
_stream("events", ..., *_EVENTS, response_class=EventSourceResponse)
_stream("events_typed", _both(ServerSentEvent), *_EVENTS, response_class=EventSourceResponse)
_stream("events_models", _both(Sub), Secret(), {"a": 3}, response_class=EventSourceResponse)
_stream(
    "events_values", ..., 1, "x\ny", None, [1], b"b", math.inf, response_class=EventSourceResponse
)
_stream("events_bad", _both(Sub), {"a": "x"}, response_class=EventSourceResponse)
_stream("events_status", ..., 1, response_class=EventSourceResponse, status_code=201)


@probes
def streams_with_dependencies() -> Any:
    from fastapi import Depends

    log: list[str] = []

    async def dep(response: Response) -> AsyncGenerator[int, None]:
        response.headers["x-dep"] = "1"
        log.append("in")
        yield 1
        log.append("out")

    app = FastAPI()

    @app.get("/{kind}")
    async def lines(
        kind: int, response: Response, d: Annotated[int, Depends(dep)]
    ) -> AsyncIterable[int]:
        response.headers["x-own"] = "2"
        response.status_code = 203
        log.append("start")
        yield kind
        log.append("end")

    @app.get("/e/{kind}", response_class=EventSourceResponse)
    def events(kind: int, d: Annotated[int, Depends(dep, scope="function")]) -> Iterable[int]:
        log.append("start")
        yield kind
        log.append("end")

    return [ask(app, "GET", "/1"), ask(app, "GET", "/x"), ask(app, "GET", "/e/5"), log]


# --- jsonable_encoder -----------------------------------------------------------------------------


@probes
def encoder() -> Any:
    options: list[dict[str, Any]] = [
        {},
        {"exclude_none": True},
        {"exclude_unset": True},
        {"exclude_defaults": True},
        {"by_alias": False},
        {"include": {"a", "sub"}},
        {"exclude": {"a", "sub"}},
        {"include": ["a"]},
        {"exclude": {"sub": {"a"}}},
        {"custom_encoder": {int: lambda v: f"i{v}", Sub: lambda v: "SUB", str: str.upper}},
        {"sqlalchemy_safe": False},
    ]

    class Dictable:
        def __init__(self) -> None:
            self.x = 1

        def __iter__(self) -> Any:
            return iter([("k", 1)])

    class Alchemy:
        def __init__(self) -> None:
            self._sa_instance_state = 1
            self.a = 2

    class Slots:
        __slots__ = ("a",)

    values = {
        **_VALUES,
        "sa": {"_sa_x": 1, "a": 2},
        "alchemy": Alchemy(),
        "dictable": Dictable(),
        "slots": Slots(),
        "nested": {"sub": Sub(), "a": [Sub(), (1, {2})], "n": None},
        "nan": math.nan,
        "frozen": frozenset([1]),
        "model_class": Sub,
        "function": len,
        "complex": 1j,
        "cyclic": None,
    }
    return {k: [outcome(jsonable_encoder, v, **o)[0] for o in options] for k, v in values.items()}
