"""Small routes of every shape that a server may run without the Python executor."""

from typing import Annotated, Any

from fastapi import Body, Cookie, FastAPI, Header, Query, Request
from pydantic import BaseModel, Field

app = FastAPI()


class Address(BaseModel):
    street: str
    number: int | None = None


class Person(BaseModel):
    name: str = Field(min_length=1)
    age: Annotated[int, Field(ge=0, le=150)] = 0
    addresses: list[Address] = []
    extra: dict[str, Any] = {}


class Tree(BaseModel):
    left: "Tree | None" = None
    value: float = 0


@app.get("/http")
async def http(request: Request) -> Any:
    scope = request.scope
    return [scope["http_version"], scope["method"], scope["scheme"], request.headers.get("host")]


@app.get("/")
async def root():
    return {"hello": "world"}


@app.get("/def/{a}/{b}")
def two(a: int, b: str, q: float = 0.5, flag: bool | None = None):
    return {"a": a, "b": b, "q": q, "flag": flag}


@app.get("/async/{a}/{b}")
async def two_async(a: int, b: str, q: float = 0.5, flag: bool | None = None):
    return {"a": a, "b": b, "q": q, "flag": flag}


@app.get("/places/{a}")
async def places(
    a: float,
    token: Annotated[str | None, Header()] = None,
    lang: Annotated[str, Cookie()] = "en",
    tags: Annotated[list[str] | None, Query()] = None,
):
    return [a, token, lang, tags]


@app.post("/person")
def person(person: Person):
    return person


@app.post("/person/{n}")
async def person_with(n: int, person: Person, q: str | None = None) -> Person:
    person.age = n
    return person


@app.put("/people")
async def people(people: list[Person]) -> list[Person]:
    return people


@app.post("/tree")
async def tree(tree: Tree) -> Tree:
    return tree


@app.post("/any")
async def anything(value: Annotated[Any, Body()]):
    return value


@app.post("/number")
def number(value: Annotated[float, Body()]) -> float:
    return value


@app.get("/numbers")
async def numbers():
    return [
        0.1,
        1e-5,
        1e-4,
        123456789012345680.0,
        1e15,
        1e16,
        1.5e300,
        5e-324,
        2**63,
        -(2**63) - 1,
        10**40,
        -0.0,
    ]


@app.get("/texts")
async def texts():
    return ["", '"\\/', "\x00\x1f\x7f\x80\x9f", "\u2028\u2029", "é€😀", "<script>", "\t\n\r\b\f"]


@app.get("/nested/{depth}")
def nested(depth: int):
    found: Any = depth
    for _ in range(depth):
        found = [found]
    return found


@app.get("/keys")
async def keys():
    return {"b": 1, "a": {"é": None, "": [True, False]}, 3: "x", None: 0, 1.5: 2, True: 3}


@app.delete("/deleted/{n}", status_code=202)
def deleted(n: int):
    return n
