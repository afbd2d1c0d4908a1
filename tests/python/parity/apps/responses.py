"""Response classes, models, encodings and status codes."""

import dataclasses
from collections import deque
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from ipaddress import IPv4Address, IPv6Network
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from uuid import UUID

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    StreamingResponse,
)
from pydantic import BaseModel, ConfigDict, Field, SecretStr, computed_field, field_serializer
from typing_extensions import TypedDict

app = FastAPI()


class Item(BaseModel):
    name: str
    price: float = 1.5
    tags: list[str] = []
    note: str | None = None


class Secret(Item):
    password: str = "hidden"


# --- classes ---


@app.get("/plain", response_class=PlainTextResponse)
async def plain() -> str:
    return "pläin €"


@app.get("/html", response_class=HTMLResponse)
def html() -> str:
    return "<p>\u00e9</p>"


@app.get("/redirect", response_class=RedirectResponse)
async def redirect() -> str:
    return "/somewhere?x=é&y=a b"


@app.get("/redirect-302", response_class=RedirectResponse, status_code=302)
async def redirect_302() -> str:
    return "https://example.com/"


@app.get("/redirect-object")
async def redirect_object() -> RedirectResponse:
    return RedirectResponse("/x", status_code=303, headers={"X-Extra": "1"})


@app.get("/response")
async def response() -> Response:
    return Response(b"\x00\xff", 201, {"X-A": "1", "content-type": "application/x"})


@app.get("/response-empty")
async def empty() -> Response:
    return Response()


@app.get("/response-text")
async def text() -> Response:
    return Response("t", media_type="text/csv")


@app.get("/json")
async def json_response() -> JSONResponse:
    return JSONResponse({"é": [1, 2.0, None, True, "\u2028", 1e100]}, headers={"X-B": "2"})


@app.get("/json-nan")
async def json_nan() -> JSONResponse:
    return JSONResponse({"x": float("nan")})


class Custom(JSONResponse):
    media_type = "application/vnd.custom+json"

    def render(self, content: Any) -> bytes:
        return b">" + super().render(content)


@app.get("/custom", response_class=Custom)
async def custom() -> Any:
    return {"a": 1}


@app.get("/custom-model", response_class=Custom, response_model=Item)
async def custom_model() -> Any:
    return {"name": "a", "more": 2}


@app.get("/latin-header")
async def latin_header() -> Response:
    return Response("x", headers={"X-Name": "caf\u00e9"})


@app.get("/cookies")
async def cookies(response: Response) -> Any:
    response.set_cookie("a", "1", max_age=60, path="/p", domain="example.com", secure=True)
    response.set_cookie("b", 'x y;"', httponly=True, samesite="strict")
    response.delete_cookie("c")
    return "cookies"


@app.get("/headers")
async def headers(response: Response) -> Any:
    response.headers["Cache-Control"] = "no-store"
    response.headers.append("Link", "</a>; rel=a")
    response.headers.append("Link", "</b>; rel=b")
    response.headers["Content-Language"] = "de"
    return None


@app.get("/own-length")
async def own_length() -> Response:
    return Response(b"abc", headers={"content-length": "3", "x-after": "1"})


@app.get("/own-date")
async def own_date() -> Response:
    return Response(b"abc", headers={"etag": '"x"', "vary": "accept"})


# --- status ---


@app.get("/status/{code}")
async def status(code: int, response: Response) -> Any:
    response.status_code = code
    return {"code": code}


@app.post("/created", status_code=201)
async def created(item: Item) -> Item:
    return item


@app.get("/no-content", status_code=204)
async def no_content() -> None:
    return None


@app.get("/not-modified", status_code=304)
async def not_modified():
    return {"ignored": True}


@app.get("/reset", status_code=205)
def reset() -> None:
    return None


@app.get("/status-enum", status_code=IntEnum("Status", {"HIDDEN": 299}).HIDDEN)
async def status_enum() -> Any:
    return "x"


@app.head("/headed")
async def head() -> Any:
    return {"seen": "by nobody"}


@app.api_route("/methods", methods=["GET", "HEAD", "OPTIONS", "PURGE"], include_in_schema=False)
async def methods(request: Request) -> Any:
    return request.method


@app.options("/options")
async def options() -> Any:
    return "options"


@app.trace("/trace")
async def trace() -> Any:
    return "trace"


# --- models ---


@app.get("/model")
async def model() -> Item:
    return Item(name="a", tags=["x"])


@app.get("/model-dict")
async def model_dict() -> Item:
    return {"name": "a", "password": "p"}  # type: ignore[return-value]


@app.get("/model-subclass", response_model=Item)
async def subclass() -> Any:
    return Secret(name="s")


@app.get("/model-subclass-list", response_model=list[Item])
def subclass_list() -> Any:
    return [Secret(name="s"), {"name": "d", "password": "p"}]


@app.get("/model-invalid", response_model=Item)
async def invalid() -> Any:
    return {"price": "x"}


@app.get("/model-none", response_model=Item | None)
async def none() -> Any:
    return None


@app.get("/model-union", response_model=Item | dict[str, int])
async def union() -> Any:
    return {"a": 1}


@app.get("/no-model", response_model=None)
async def no_model() -> Item:
    return Secret(name="leaks")


@app.get("/un-annotated")
async def unannotated():
    return Secret(name="leaks")


@app.get("/unset", response_model=Item, response_model_exclude_unset=True)
async def unset() -> Any:
    return Item(name="a", price=1.5)


@app.get("/unset-dict", response_model=Item, response_model_exclude_unset=True)
async def unset_dict() -> Any:
    return {"name": "a", "note": None}


@app.get("/defaults", response_model=Item, response_model_exclude_defaults=True)
async def defaults() -> Any:
    return Item(name="a", price=1.5, tags=["t"])


@app.get("/nones", response_model=list[Item], response_model_exclude_none=True)
async def nones() -> Any:
    return [Item(name="a"), Item(name="b", note="n")]


@app.get("/include", response_model=Item, response_model_include={"name", "tags"})
async def include() -> Any:
    return Item(name="a")


@app.get("/exclude", response_model=Item, response_model_exclude={"price"})
async def exclude() -> Any:
    return Item(name="a")


class Aliased(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    item_name: str = Field(alias="itemName")

    @computed_field
    @property
    def length(self) -> int:
        return len(self.item_name)

    @field_serializer("item_name")
    def upper(self, value: str) -> str:
        return value.upper()


@app.get("/aliased")
async def aliased() -> Aliased:
    return Aliased(item_name="abc")


@app.get("/not-aliased", response_model=Aliased, response_model_by_alias=False)
async def not_aliased() -> Any:
    return {"itemName": "abc"}


class FromAttributes:
    name = "attr"
    price = 3


@app.get("/attributes", response_model=Item)
async def attributes() -> Any:
    return FromAttributes()


@dataclasses.dataclass
class Point:
    x: int
    y: float = 0.5


class Movie(TypedDict):
    title: str


class Pair(NamedTuple):
    first: int
    second: str


@app.get("/dataclass")
async def dataclass() -> Point:
    return Point(1)


@app.get("/dataclass-plain")
async def dataclass_plain():
    return [Point(1), {"p": Point(2, 3)}]


@app.get("/typed-dict")
async def typed_dict() -> Movie:
    return {"title": "t"}


@app.get("/scalars/{kind}")
async def scalars(kind: str) -> Any:
    return {"int": 3, "str": "s", "none": None, "float": 1.0, "list": [1], "bool": True}[kind]


@app.get("/int", response_model=int)
async def integer() -> Any:
    return "42"


@app.get("/infinite", response_model=float)
async def infinite() -> Any:
    return float("inf")


@app.get("/infinite-plain")
async def infinite_plain():
    return [float("inf")]


# --- jsonable_encoder ---


class Color(Enum):
    red = "r"


class Holder:
    def __init__(self) -> None:
        self.a = 1
        self._b = 2


@app.get("/encode")
async def encode():
    return {
        "datetime": datetime(2026, 1, 2, 3, 4, 5, 678, UTC),
        "naive": datetime(2026, 1, 2),
        "date": date(2026, 1, 2),
        "time": time(1, 2, 3),
        "delta": timedelta(days=1, milliseconds=5),
        "decimal": [Decimal("2.0"), Decimal("1.10"), Decimal("1E+3")],
        "uuid": UUID(int=5),
        "enum": Color.red,
        "bytes": b"text",
        "set": {1},
        "frozenset": frozenset({"a"}),
        "deque": deque([1, 2]),
        "tuple": (1, "b"),
        "pair": Pair(1, "x"),
        "generator": (n for n in range(3)),
        "ip": IPv4Address("127.0.0.1"),
        "network": IPv6Network("::/8"),
        "path": [Path("/a/b"), PurePosixPath("c")],
        "secret": SecretStr("s"),
        "holder": Holder(),
        "model": Secret(name="m"),
        "keys": {1: "a", 2.5: "b", None: "d"},
        "url": "é\u2028\x00\U0001f600",
        "big": 2**70,
        "floats": [0.1, 1e16, 1e-7, 1.0, -0.0, 123456789.123],
    }


@app.get("/encode-surrogate")
async def surrogate():
    return "\ud800"


@app.get("/encode-impossible")
async def impossible():
    return {"x": object.__new__(int.__class__)}


class Everything(BaseModel):
    when: datetime = datetime(2026, 1, 2, tzinfo=UTC)
    delta: timedelta = timedelta(seconds=90, microseconds=5)
    exact: Decimal = Decimal("1.10")
    data: bytes = b"abc"
    floats: list[float] = [1.0, 1e16, 1e22, 1e-7, float("inf"), 0.1]
    keys: dict[int, str] = {1: "a"}
    text: str = "é\u2028\x00\x7f</script>"
    color: Color = Color.red
    some: Any = {"x": (1, {2})}


@app.get("/encode-model")
async def encode_model() -> Everything:
    return Everything()


# --- streams ---


@app.get("/stream")
async def stream() -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        for n in range(5):
            yield b"%d," % n

    return StreamingResponse(parts(), media_type="text/plain")


@app.get("/stream-sync")
def stream_sync() -> StreamingResponse:
    def parts() -> Iterator[str]:
        yield "é"
        yield ""
        yield "end"

    return StreamingResponse(parts(), 206, {"X-S": "1"})


@app.get("/stream-length")
async def stream_length() -> StreamingResponse:
    return StreamingResponse(iter([b"abc", b"def"]), headers={"content-length": "6"})


@app.get("/stream-none")
async def stream_none() -> StreamingResponse:
    return StreamingResponse(iter([]))


@app.get("/stream-large")
async def stream_large() -> StreamingResponse:
    return StreamingResponse(iter([b"x" * 100_000] * 10))


@app.get("/stream-broken")
async def stream_broken() -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"begun"
        raise RuntimeError("in the middle")

    return StreamingResponse(parts())


@app.get("/large")
async def large() -> Any:
    return ["x" * 1000] * 2000


router = APIRouter(default_response_class=PlainTextResponse)


@router.get("/default-class")
async def default_class() -> Any:
    return "text"


@router.get("/default-class-json", response_class=JSONResponse)
async def default_class_json() -> Any:
    return "text"


app.include_router(router)


# --- what an application should not do ---

edge = FastAPI()

HEADERS: dict[str, tuple[bytes, bytes]] = {
    "line feed": (b"x-a", b"a\nx-b: c"),
    "crlf": (b"x-a", b"a\r\nx-b: c"),
    "nul": (b"x-a", b"a\x00b"),
    "control": (b"x-a", b"a\x01b"),
    "tab": (b"x-a", b"a\tb"),
    "empty": (b"x-a", b""),
    "blanks": (b"x-a", b"  a  "),
    "latin": (b"x-a", b"caf\xe9"),
    "long": (b"x-a", b"v" * 20_000),
    "no name": (b"", b"v"),
    "blank in the name": (b"x a", b"v"),
    "colon in the name": (b"x:a", b"v"),
    "connection": (b"connection", b"x-a"),
    "chunked": (b"transfer-encoding", b"chunked"),
    "date": (b"date", b"Thu, 01 Jan 1970 00:00:00 GMT"),
    "server": (b"server", b"mine"),
    "upgrade": (b"upgrade", b"h2c"),
    "trailer": (b"trailer", b"x-t"),
    "keep-alive": (b"keep-alive", b"timeout=5"),
}


@edge.get("/header/{name}")
async def edge_header(name: str) -> Response:
    response = Response(b"body")
    response.raw_headers.append(HEADERS[name])
    return response


@edge.get("/def-header/{name}")
def edge_header_in_thread(name: str, response: Response) -> Any:
    response.raw_headers.append(HEADERS[name])
    return "body"


@edge.get("/many-headers")
async def many_headers() -> Response:
    return Response(b"", headers={f"x-{n}": "v" * 50 for n in range(300)})


@edge.get("/body/{status}")
async def body_with_status(status: int) -> Response:
    return Response(b"body", status)


@edge.get("/length/{length}")
async def wrong_length(length: str) -> Response:
    return Response(b"body", headers={"content-length": length})


@edge.get("/stream-length/{length}")
async def wrong_stream_length(length: int) -> StreamingResponse:
    return StreamingResponse(iter([b"bo", b"dy"]), headers={"content-length": str(length)})


@edge.get("/lengths")
async def two_lengths() -> Response:
    response = Response(b"body")
    response.raw_headers.append((b"content-length", b"4"))
    return response


@edge.get("/twice")
async def answered_twice(request: Request) -> Response:
    class Twice(Response):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await super().__call__(scope, receive, send)
            await super().__call__(scope, receive, send)

    return Twice(b"body")


@edge.get("/text-body")
async def text_body() -> Response:
    class Text(Response):
        def render(self, content: Any) -> Any:
            return content

    return Text("no bytes")


@edge.get("/memory")
async def memory() -> Response:
    return Response(memoryview(b"memory"))
