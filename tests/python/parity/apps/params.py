"""Parameters of the path, the query, headers and cookies."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Cookie, FastAPI, Header, Path, Query, Request
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator

app = FastAPI()


class Color(str, Enum):
    red = "red"
    green = "green"


class Size(int, Enum):
    small = 1
    big = 2


# --- path ---


@app.get("/path/str/{value}")
async def path_str(value: str) -> Any:
    return {"value": value}


@app.get("/path/plain/{value}")
def path_plain(value):
    return {"value": value}


@app.get("/path/int/{value}")
async def path_int(value: int) -> Any:
    return {"value": value}


@app.get("/path/float/{value}")
async def path_float(value: float) -> Any:
    return {"value": value}


@app.get("/path/bool/{value}")
async def path_bool(value: bool) -> Any:
    return {"value": value}


@app.get("/path/uuid/{value}")
async def path_uuid(value: UUID) -> Any:
    return {"value": value}


@app.get("/path/date/{value}")
async def path_date(value: date) -> Any:
    return {"value": value}


@app.get("/path/color/{value}")
async def path_color(value: Color) -> Any:
    return {"value": value, "is": value is Color.red}


@app.get("/path/conv/int/{value:int}")
async def conv_int(value: int) -> Any:
    return {"value": value}


@app.get("/path/conv/float/{value:float}")
async def conv_float(value: float) -> Any:
    return {"value": value}


@app.get("/path/conv/uuid/{value:uuid}")
async def conv_uuid(value: UUID) -> Any:
    return {"value": value}


@app.get("/path/conv/path/{value:path}")
async def conv_path(value: str) -> Any:
    return {"value": value}


@app.get("/path/bounds/{value}")
async def path_bounds(value: Annotated[int, Path(gt=1, le=10, multiple_of=2)]) -> Any:
    return {"value": value}


@app.get("/path/text/{value}")
async def path_text(
    value: Annotated[str, Path(min_length=2, max_length=4, pattern="^[a-z]+$")],
) -> Any:
    return {"value": value}


@app.get("/path/two/{first}/x/{second}")
async def path_two(first: int, second: float, flag: bool = False) -> Any:
    return [first, second, flag]


@app.get("/path/file/{name}.json")
async def path_suffix(name: str) -> Any:
    return {"name": name}


# --- query ---


@app.get("/query/required")
async def query_required(q: str) -> Any:
    return {"q": q}


@app.get("/query/optional")
async def query_optional(q: str | None = None) -> Any:
    return {"q": q}


@app.get("/query/default")
async def query_default(q: str = "none", n: int = 3) -> Any:
    return {"q": q, "n": n}


@app.get("/query/int")
async def query_int(n: int) -> Any:
    return {"n": n}


@app.get("/query/float")
async def query_float(n: float) -> Any:
    return {"n": str(n)}


@app.get("/query/bool")
async def query_bool(b: bool) -> Any:
    return {"b": b}


@app.get("/query/list")
async def query_list(n: Annotated[list[int], Query()]) -> Any:
    return {"n": n}


@app.get("/query/strings")
async def query_strings(s: Annotated[list[str], Query()] = ["a", "b"]) -> Any:
    return {"s": s}


@app.get("/query/set")
async def query_set(n: Annotated[set[int] | None, Query()] = None) -> Any:
    return {"n": None if n is None else sorted(n)}


@app.get("/query/tuple")
async def query_tuple(t: Annotated[tuple[int, str], Query()]) -> Any:
    return {"t": t}


@app.get("/query/alias")
async def query_alias(value: Annotated[str, Query(alias="item-query")]) -> Any:
    return {"value": value}


@app.get("/query/choices")
async def query_choices(
    value: Annotated[str, Query(validation_alias=AliasChoices("first", "second"))],
) -> Any:
    return {"value": value}


@app.get("/query/limits")
async def query_limits(
    text: Annotated[str, Query(min_length=2, max_length=3, pattern="^[a-z]*$")] = "ab",
    number: Annotated[int, Query(ge=0, lt=5)] = 0,
    part: Annotated[Decimal, Query(max_digits=4, decimal_places=2)] = Decimal("1.5"),
) -> Any:
    return {"text": text, "number": number, "part": part}


@app.get("/query/types")
async def query_types(
    when: datetime | None = None,
    day: date | None = None,
    at: time | None = None,
    took: timedelta | None = None,
    id: UUID | None = None,
    color: Color | None = None,
    size: Size | None = None,
    kind: Literal["a", "b"] | None = None,
    number: int | str | None = None,
    raw: bytes | None = None,
) -> Any:
    return {
        "when": when,
        "day": day,
        "at": at,
        "took": took,
        "id": id,
        "color": color,
        "size": size,
        "kind": kind,
        "number": number,
        "raw": raw,
    }


@app.get("/query/strict")
async def query_strict(n: Annotated[int, Query(strict=True)]) -> Any:
    return {"n": n}


@app.get("/query/bad-default")
async def query_bad_default(n: int = "no number") -> Any:
    return {"n": n}


@app.get("/query/checked-default")
async def query_checked_default(
    n: Annotated[int, Query(validate_default=True)] = "no number",
) -> Any:
    return {"n": n}


@app.get("/query/factory")
async def query_factory(
    items: Annotated[list[str], Query(default_factory=lambda: ["made"])],
) -> Any:
    items.append("seen")
    return items


@app.get("/query/several")
async def query_several(a: int, b: int, c: int = 1) -> Any:
    return [a, b, c]


@app.get("/query/raw")
async def query_raw(request: Request) -> Any:
    return {
        "pairs": request.query_params.multi_items(),
        "string": request.scope["query_string"].decode("latin-1"),
    }


class Filter(BaseModel):
    limit: int = Field(100, gt=0, le=100)
    offset: int = 0
    order_by: Literal["created", "updated"] = "created"
    tags: list[str] = []


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    limit: int = 10
    name: str | None = None


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str


class Aliased(BaseModel):
    item_name: str = Field(alias="item-name")
    other: int = Field(7, validation_alias="other-number")


class Page(BaseModel):
    page: int = 1

    @field_validator("page")
    @classmethod
    def check(cls, value: int) -> int:
        if value > 50:
            raise ValueError("too far")
        return value


@app.get("/model/query")
async def model_query(filter: Annotated[Filter, Query()]) -> Any:
    return {"model": filter, "set": sorted(filter.model_fields_set)}


@app.get("/model/strict")
async def model_strict(filter: Annotated[Strict, Query()]) -> Any:
    return filter


@app.get("/model/open")
async def model_open(filter: Annotated[Open, Query()]) -> Any:
    return filter


@app.get("/model/alias")
async def model_alias(filter: Annotated[Aliased, Query()]) -> Any:
    return filter


@app.get("/model/two")
async def model_two(
    filter: Annotated[Filter, Query()], page: Annotated[Page, Query()], extra: int = 0
) -> Any:
    return [filter, page, extra]


@app.get("/model/optional")
async def model_optional(filter: Annotated[Open | None, Query()] = None) -> Any:
    return {"filter": filter}


@app.get("/model/optional-two")
async def model_optional_two(
    filter: Annotated[Filter | None, Query()] = None, page: Annotated[Page | None, Query()] = None
) -> Any:
    return [filter, page]


# --- headers ---


@app.get("/header/one")
async def header_one(x_token: Annotated[str, Header()]) -> Any:
    return {"x_token": x_token}


@app.get("/header/optional")
async def header_optional(user_agent: Annotated[str | None, Header()] = None) -> Any:
    return {"user_agent": user_agent}


@app.get("/header/int")
async def header_int(x_count: Annotated[int, Header(ge=1)] = 1) -> Any:
    return {"x_count": x_count}


@app.get("/header/list")
async def header_list(x_tag: Annotated[list[str] | None, Header()] = None) -> Any:
    return {"x_tag": x_tag}


@app.get("/header/underscore")
async def header_underscore(
    strange_header: Annotated[str | None, Header(convert_underscores=False)] = None,
) -> Any:
    return {"strange_header": strange_header}


@app.get("/header/alias")
async def header_alias(value: Annotated[str, Header(alias="X-Other-Name")]) -> Any:
    return {"value": value}


@app.get("/header/raw")
async def header_raw(request: Request) -> Any:
    return [
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw
    ]


class Common(BaseModel):
    host: str
    save_data: bool
    if_modified_since: str | None = None
    x_tag: list[str] = []


class StrictHeaders(BaseModel):
    model_config = ConfigDict(extra="forbid")
    host: str
    x_id: int = 1


@app.get("/model/header")
async def model_header(headers: Annotated[Common, Header()]) -> Any:
    return {"model": headers, "set": sorted(headers.model_fields_set)}


@app.get("/model/header-strict")
async def model_header_strict(headers: Annotated[StrictHeaders, Header()]) -> Any:
    return headers


# --- cookies ---


@app.get("/cookie/one")
async def cookie_one(session: Annotated[str | None, Cookie()] = None) -> Any:
    return {"session": session}


@app.get("/cookie/required")
async def cookie_required(session: Annotated[int, Cookie(gt=3)]) -> Any:
    return {"session": session}


@app.get("/cookie/alias")
async def cookie_alias(value: Annotated[str, Cookie(alias="my-cookie")] = "none") -> Any:
    return {"value": value}


class Cookies(BaseModel):
    model_config = ConfigDict(extra="forbid")
    session_id: str
    tracker: int | None = None


@app.get("/model/cookie")
async def model_cookie(cookies: Annotated[Cookies, Cookie()]) -> Any:
    return cookies


@app.get("/cookie/raw")
async def cookie_raw(request: Request) -> Any:
    return request.cookies


# --- all of them ---


@app.get("/all/{item_id}")
async def everything(
    item_id: int,
    q: int,
    x_token: Annotated[int, Header()],
    session: Annotated[int, Cookie()],
    request: Request,
) -> Any:
    return [item_id, q, x_token, session, request.method]


@app.get("/def/{item_id}")
def in_thread(item_id: int, q: float | None = None, flag: bool = True) -> Any:
    return [item_id, q, flag]


router = APIRouter(prefix="/router/{owner}")


@router.get("/items/{item_id}")
async def routed(owner: str, item_id: int, q: str = "") -> Any:
    return [owner, item_id, q]


app.include_router(router, prefix="/v1")
