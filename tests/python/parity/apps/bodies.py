"""JSON bodies and what comes in their place."""

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Body, FastAPI, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

app = FastAPI()


class Image(BaseModel):
    url: str
    name: str | None = None


class Item(BaseModel):
    name: str
    price: float
    tax: float | None = None
    tags: list[str] = []
    image: Image | None = None


class User(BaseModel):
    username: str
    full_name: str | None = None


@app.post("/item")
async def post_item(item: Item) -> Item:
    return item


@app.put("/item/{item_id}")
async def put_item(item_id: int, item: Item, q: str | None = None) -> Any:
    return {"item_id": item_id, "q": q, **item.model_dump()}


@app.post("/def-item")
def post_item_in_thread(item: Item) -> Item:
    return item


@app.post("/two")
async def two(item: Item, user: User, importance: Annotated[int, Body(gt=0)] = 1) -> Any:
    return [item, user, importance]


@app.post("/embed")
async def embed(item: Annotated[Item, Body(embed=True)]) -> Any:
    return item


@app.post("/optional")
async def optional(item: Item | None = None) -> Any:
    return {"item": item}


@app.post("/default")
async def default(item: Annotated[Item, Body()] = Item(name="d", price=1)) -> Any:
    return {"item": item}


@app.post("/optional-two")
async def optional_two(item: Item | None = None, user: User | None = None) -> Any:
    return {"item": item, "user": user}


@app.post("/any")
async def anything(value: Annotated[Any, Body()]) -> Any:
    return {"type": type(value).__name__, "value": value if type(value) is not bytes else None}


@app.post("/any-default")
async def anything_else(value: Annotated[Any, Body()] = "default") -> Any:
    return {"value": value}


@app.post("/dict")
async def dictionary(value: dict[str, Any]) -> Any:
    return value


@app.post("/int-keys")
async def int_keys(value: dict[int, float]) -> Any:
    return value


@app.post("/list")
async def listed(items: list[Item]) -> Any:
    return items


@app.post("/ints")
async def ints(values: Annotated[list[int], Body(min_length=1, max_length=3)]) -> Any:
    return values


@app.post("/int")
async def integer(value: Annotated[int, Body()]) -> Any:
    return value


@app.post("/text")
async def text(value: Annotated[str, Body()]) -> Any:
    return value


@app.post("/bytes")
async def octets(value: Annotated[bytes, Body()]) -> Any:
    return {"size": len(value)}


class Color(Enum):
    red = "r"
    blue = 2


class Everything(BaseModel):
    number: int = 0
    real: float = 0
    flag: bool = False
    text: Annotated[str, Field(min_length=1, max_length=5, pattern="^[a-zA-Z\u00e9]*$")] = "x"
    when: datetime | None = None
    day: date | None = None
    id: UUID | None = None
    exact: Decimal | None = None
    color: Color = Color.red
    kind: Literal["a", 1, True] = "a"
    pair: tuple[int, str] = (0, "")
    many: tuple[int, ...] = ()
    names: set[str] = set()
    one_of: int | str | None = None
    mapping: dict[str, int] = {}
    nothing: None = None
    small: Annotated[int, Field(ge=0, lt=10, multiple_of=2)] = 0
    nested: list[dict[str, list[int]]] = []


@app.post("/everything")
async def everything(value: Everything) -> Any:
    return value


class Forbidding(BaseModel):
    model_config = ConfigDict(extra="forbid")
    a: int


class Allowing(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int


class Aliased(BaseModel):
    item_id: int = Field(alias="itemId")
    other: str = Field("o", validation_alias="in", serialization_alias="out")


class Checked(BaseModel):
    a: int
    b: int = 0

    @field_validator("a")
    @classmethod
    def small(cls, value: int) -> int:
        if value > 10:
            raise ValueError("a is too large")
        return value

    @model_validator(mode="after")
    def ordered(self) -> "Checked":
        assert self.a <= self.b, "a is over b"
        return self


class Node(BaseModel):
    value: int
    children: list["Node"] = []


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    a: int
    b: float = 0.0


@app.post("/forbid")
async def forbid(value: Forbidding) -> Any:
    return value


@app.post("/allow")
async def allow(value: Allowing) -> Any:
    return value


@app.post("/alias")
async def alias(value: Aliased) -> Aliased:
    return value


@app.post("/checked")
async def checked(value: Checked) -> Any:
    return value


@app.post("/node")
async def node(value: Node) -> Node:
    return value


@app.post("/pet")
async def pet(value: Annotated[Cat | Dog, Field(discriminator="kind")]) -> Any:
    return value


@app.post("/union")
async def union(value: Item | User) -> Any:
    return {"is": type(value).__name__}


@app.post("/strict")
async def strict(value: Strict) -> Any:
    return value


@app.post("/raw")
async def raw(request: Request) -> Response:
    return Response(await request.body(), media_type="application/octet-stream")


@app.post("/size")
async def size(request: Request) -> Any:
    parts = [len(part) async for part in request.stream()]
    return {"size": sum(parts)}


@app.post("/json")
async def parsed(request: Request) -> Any:
    return await request.json()


@app.post("/unread")
async def unread() -> Any:
    return "not read"


@app.get("/get")
async def get_with_body(item: Item) -> Any:
    return item


@app.delete("/delete", status_code=204)
async def delete(ids: Annotated[list[int], Body()]) -> None:
    return None


@app.patch("/patch")
async def patch(item: Item, fields: Annotated[list[str], Query()] = []) -> Any:
    return item.model_dump(exclude_unset=True, include=set(fields) or None)


loose = FastAPI(strict_content_type=False)


@loose.post("/item")
async def loose_item(item: Item) -> Item:
    return item
