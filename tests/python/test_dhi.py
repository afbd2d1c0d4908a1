"""Models of the package dhi as parameters, bodies and responses, beside pydantic's own."""

from __future__ import annotations

import datetime
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

import pydantic
import pytest
from turboapi import Body, Depends, Query, TurboAPI
from turboapi.encoders import jsonable_encoder
from turboapi.exceptions import FastAPIError, ResponseValidationError
from turboapi.testclient import LiveTestClient, TestClient

dhi = pytest.importorskip("dhi", reason="dhi has no wheel for this interpreter", minversion="1.7")

MakeClient = Callable[..., TestClient]


@pytest.fixture(params=[TestClient, LiveTestClient], ids=["in-process", "live"])
def client_of(request: pytest.FixtureRequest) -> MakeClient:
    return request.param


class Part(dhi.BaseModel):
    size: Annotated[int, dhi.Field(ge=1)]
    label: str | None = None


class Item(dhi.BaseModel):
    """Something for sale."""

    name: str = dhi.Field(min_length=1, max_length=5)
    price: Annotated[float, dhi.Field(gt=0, description="in euros")]
    count: dhi.PositiveInt = 1
    parts: list[Part] = []
    main: Part | None = None


class PydanticPart(pydantic.BaseModel):
    size: Annotated[int, pydantic.Field(ge=1)]
    label: str | None = None


class PydanticItem(pydantic.BaseModel):
    """Something for sale."""

    name: str = pydantic.Field(min_length=1, max_length=5)
    price: Annotated[float, pydantic.Field(gt=0, description="in euros")]
    count: pydantic.PositiveInt = 1
    parts: list[PydanticPart] = []
    main: PydanticPart | None = None


def app_with(item: Any, part: Any) -> TurboAPI:
    """The same application for either kind of model."""
    app = TurboAPI()

    def one(item: Any) -> Any:
        return item

    def many(items: Any) -> Any:
        return list(items.values())

    def plain(item: Any) -> Any:
        return {"item": item, "type": type(item).__name__.removeprefix("Pydantic")}

    def with_embedded(first: Any, second: Any = None) -> Any:
        return [first, second]

    def query(part: Any) -> Any:
        return part

    one.__annotations__ = {"item": item, "return": item}
    many.__annotations__ = {"items": dict[str, item], "return": list[item]}
    plain.__annotations__ = {"item": item}
    with_embedded.__annotations__ = {"first": item, "second": Annotated[part | None, Body()]}
    query.__annotations__ = {"part": Annotated[part, Query()]}
    app.post("/one")(one)
    app.post("/unset", response_model_exclude_unset=True)(one)
    app.post("/none", response_model_exclude_none=True, response_model_include={"name", "main"})(
        one
    )
    app.post("/many")(many)
    app.post("/plain")(plain)
    app.post("/embedded")(with_embedded)
    app.get("/query")(query)
    return app


GOOD = {"name": "a", "price": 2}
BODIES: list[Any] = [
    GOOD,
    {"name": "a", "price": "2.5", "count": "3", "parts": [{"size": 1}], "main": {"size": "2"}},
    {"name": "a", "price": 2, "unknown": 1, "main": None},
    {},
    {"name": "", "price": 0, "count": -1},
    {"name": "toolong", "price": "x", "parts": [{"size": 0}, {}, 5], "main": {"size": None}},
    {"name": 1, "price": True, "count": 1.5, "parts": {}},
    [],
    None,
    "text",
]


@pytest.mark.parametrize("path", ["/one", "/unset", "/none", "/plain"])
def test_it_answers_as_pydantic_s_models_do(client_of: MakeClient, path: str) -> None:
    """Every status, header and byte, also of every 422."""
    ours, theirs = client_of(app_with(Item, Part)), client_of(app_with(PydanticItem, PydanticPart))
    statuses = set()
    for body in BODIES:
        got, wanted = ours.post(path, json=body), theirs.post(path, json=body)
        assert (got.status_code, got.text) == (wanted.status_code, wanted.text), body
        statuses.add(got.status_code)
    assert statuses == {200, 422}


def test_lists_dicts_and_embedded_bodies(client_of: MakeClient) -> None:
    ours, theirs = client_of(app_with(Item, Part)), client_of(app_with(PydanticItem, PydanticPart))
    for path, body in [
        ("/many", {"x": GOOD, "y": BODIES[1]}),
        ("/many", {"x": GOOD, "y": {"name": ""}}),
        ("/embedded", {"first": GOOD, "second": {"size": 1}}),
        ("/embedded", {"first": GOOD}),
        ("/embedded", {"first": {}, "second": {"size": 0}}),
    ]:
        got, wanted = ours.post(path, json=body), theirs.post(path, json=body)
        assert (got.status_code, got.text) == (wanted.status_code, wanted.text), (path, body)


@pytest.mark.parametrize("query", ["size=2&label=x", "size=0", "", "size=a"])
def test_parameter_models(client_of: MakeClient, query: str) -> None:
    ours, theirs = client_of(app_with(Item, Part)), client_of(app_with(PydanticItem, PydanticPart))
    got, wanted = ours.get(f"/query?{query}"), theirs.get(f"/query?{query}")
    assert (got.status_code, got.text) == (wanted.status_code, wanted.text)


def test_the_document_is_that_of_pydantic_s_models() -> None:
    def documented(item: Any, part: Any) -> Any:
        text = str(app_with(item, part).openapi())
        return text.replace("PydanticItem", "Item").replace("PydanticPart", "Part")

    assert documented(Item, Part) == documented(PydanticItem, PydanticPart)


def test_endpoints_get_dhi_s_own_objects(client_of: MakeClient) -> None:
    app = TurboAPI()
    got: list[Any] = []

    @app.post("/")
    def endpoint(item: Item) -> None:
        got.append(item)

    client_of(app).post("/", json={"name": "a", "price": 2, "parts": [{"size": 1}]})
    (item,) = got
    assert (type(item), type(item.parts[0])) == (Item, Part)
    assert item.model_fields_set == {"name", "price", "parts"}
    assert item.model_dump()["count"] == 1


def test_the_known_fault_of_dhi_does_not_show(client_of: MakeClient) -> None:
    """dhi itself accepts the empty name, and makes a missing one the declaration object."""
    assert Item(name="", price=1.0).name == ""
    assert type(Item(price=1.0).name).__name__ == "FieldInfo"
    client = client_of(app_with(Item, Part))
    assert client.post("/one", json={"name": "", "price": 1}).json()["detail"][0] == {
        "type": "string_too_short",
        "loc": ["body", "name"],
        "msg": "String should have at least 1 character",
        "input": "",
        "ctx": {"min_length": 1},
    }
    assert client.post("/one", json={"price": 1}).json()["detail"][0]["type"] == "missing"


def test_plain_routes_run_natively() -> None:
    reasons = {e.path: e.plan.reason for e in app_with(Item, Part).native_routes() if e.plan}
    assert reasons["/one"] is None
    assert reasons["/plain"] is None


# --- responses -----------------------------------------------------------------------------------


def test_a_response_model_filters_and_checks(client_of: MakeClient) -> None:
    class More(Part):
        hidden: str = "secret"

    app = TurboAPI()
    app.get("/more", response_model=Part)(lambda: More(size=1))
    app.get("/dict", response_model=Part)(lambda: {"size": 2, "hidden": "x"})
    app.get("/list", response_model=list[Part])(lambda: [Part(size=3), {"size": 4}])
    app.get("/wrong", response_model=Part)(lambda: {"size": 0})
    client = client_of(app)
    assert client.get("/more").json() == {"size": 1, "label": None}
    assert client.get("/dict").json() == {"size": 2, "label": None}
    assert [part["size"] for part in client.get("/list").json()] == [3, 4]
    with pytest.raises(ResponseValidationError):
        client.get("/wrong")


def test_an_object_is_sent_without_being_validated_again(client_of: MakeClient) -> None:
    app = TurboAPI()

    @app.get("/")
    def endpoint() -> Part:
        return Part.model_construct(size=0)

    assert client_of(app).get("/").json() == {"size": 0, "label": None}


def test_the_encoder_knows_them() -> None:
    item = Item(name="a", price=2.0, parts=[{"size": 1}])
    assert jsonable_encoder({"items": [item]}, exclude_none=True) == {
        "items": [{"name": "a", "price": 2.0, "count": 1, "parts": [{"size": 1}]}]
    }
    assert jsonable_encoder(item, include={"name"}, exclude_unset=True) == {"name": "a"}


# --- more of what models can have ----------------------------------------------------------------


class Everything(dhi.BaseModel):
    model_config = dhi.ConfigDict(extra="forbid")
    code: Annotated[str, dhi.Field(pattern="[a-z]+$", alias="theCode")]
    mail: dhi.EmailStr = "a@b.co"
    when: datetime.datetime | None = None
    key: UUID | None = None
    clean: Annotated[str, dhi.StripWhitespace(), dhi.ToUpper()] = ""
    strict: dhi.StrictInt = 0
    tags: Annotated[list[Annotated[str, dhi.MinLength(2)]], dhi.UniqueItems()] = []
    secret: dhi.SecretStr | None = None
    made: Annotated[list[int], dhi.Field(default_factory=lambda: [1])]
    part: Part = Part(size=7)

    @dhi.computed_field(alias="codeTwice")
    @property
    def code_twice(self) -> str:
        return self.code * 2


def everything(client_of: MakeClient) -> TestClient:
    app = TurboAPI()

    @app.post("/")
    def endpoint(value: Everything) -> Everything:
        assert type(value) is Everything
        return value

    return client_of(app)


def test_kinds_of_fields(client_of: MakeClient) -> None:
    client = everything(client_of)
    assert client.post("/", json={"theCode": "ab", "clean": " x ", "secret": "s"}).json() == {
        "theCode": "ab", "mail": "a@b.co", "when": None, "key": None, "clean": "X", "strict": 0,
        "tags": [], "secret": "**********", "made": [1], "part": {"size": 7, "label": None},
        "codeTwice": "abab",
    }  # fmt: skip
    sent = {"theCode": "a", "when": "2026-01-02T03:04:05Z", "key": "0" * 32, "tags": ["aa", "bb"]}
    received = client.post("/", json=sent).json()
    assert received["when"] == "2026-01-02T03:04:05Z"
    assert received["key"] == "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("theCode", "1", "string_pattern_mismatch"),
        ("mail", "nobody", "value_error"),
        ("when", "soon", "datetime_from_date_parsing"),
        ("key", "x", "uuid_parsing"),
        ("strict", "1", "int_type"),
        ("tags", ["aa", "aa"], "value_error"),
        ("tags", ["aa", "b"], "string_too_short"),
        ("unknown", 1, "extra_forbidden"),
    ],
)
def test_constraints_hold(client_of: MakeClient, field: str, value: Any, kind: str) -> None:
    response = everything(client_of).post("/", json={"theCode": "a", field: value})
    assert response.status_code == 422
    (error,) = response.json()["detail"]
    assert error["type"] == kind
    assert error["loc"][:2] == ["body", field]


class Tree(dhi.BaseModel):
    name: str = dhi.Field(min_length=1)
    children: list[Tree] = []


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what it means is not there yet

    class Left(dhi.BaseModel):
        right: Right | None = None


class Right(dhi.BaseModel):
    left: Left | None = None
    number: Annotated[int, dhi.Gt(0)] = 1


Left.model_rebuild(force=True)


def test_models_that_contain_themselves(client_of: MakeClient) -> None:
    app = TurboAPI()

    @app.post("/tree")
    def tree(value: Tree) -> Tree:
        return value

    @app.post("/left")
    def left(value: Left) -> Left:
        return value

    client = client_of(app)
    nested = {"name": "a", "children": [{"name": "b", "children": [{"name": "c", "children": []}]}]}
    assert client.post("/tree", json=nested).json() == nested
    nested["children"][0]["children"][0]["name"] = ""  # type: ignore[index]
    (error,) = client.post("/tree", json=nested).json()["detail"]
    assert error["loc"] == ["body", "children", 0, "children", 0, "name"]
    (error,) = client.post("/left", json={"right": {"left": {"right": {"number": 0}}}}).json()[
        "detail"
    ]
    assert error["loc"] == ["body", "right", "left", "right", "number"]


class Span(dhi.BaseModel):
    start: int
    end: int
    name: str = "span"

    @dhi.model_validator(mode="before")
    @classmethod
    def accept_pair(cls, data: Any) -> Any:
        if "pair" in data:
            return {"start": data["pair"][0], "end": data["pair"][1]}
        return data

    @dhi.field_validator("name")
    @classmethod
    def no_spaces(cls, value: str) -> str:
        if " " in value:
            raise ValueError("no spaces")
        return value + "!"

    @dhi.model_validator(mode="after")
    def in_order(self) -> Any:
        if self.start > self.end:
            raise ValueError("must be in order")
        return self


def test_the_models_own_validators_run_once(client_of: MakeClient) -> None:
    app = TurboAPI()

    @app.post("/")
    def endpoint(spans: list[Span]) -> Any:
        return [(span.start, span.end, span.name) for span in spans]

    client = client_of(app)
    sent = [{"start": 1, "end": 2, "name": "a"}, {"pair": [3, 4]}]
    assert client.post("/", json=sent).json() == [[1, 2, "a!"], [3, 4, "span"]]
    sent = [{"start": 1, "end": 2, "name": "a b"}, {"start": 2, "end": 1}]
    assert client.post("/", json=sent[:1]).json()["detail"] == [
        {
            "type": "value_error",
            "loc": ["body", 0, "name"],
            "msg": "Value error, no spaces",
            "input": "a b",
            "ctx": {"error": {}},
        }
    ]
    assert client.post("/", json=sent[1:]).json()["detail"] == [
        {
            "type": "value_error",
            "loc": ["body", 0],
            "msg": "Value error, must be in order",
            "input": {"start": 2, "end": 1},
            "ctx": {"error": {}},
        }
    ]


def test_a_model_as_a_dependency_s_class_is_left_alone(client_of: MakeClient) -> None:
    app = TurboAPI()

    def part() -> Part:
        return Part(size=3)

    @app.get("/")
    def endpoint(value: Part = Depends(part)) -> Any:
        return [type(value).__name__, value.size]

    assert client_of(app).get("/").json() == ["Part", 3]


# --- what cannot work ----------------------------------------------------------------------------


def test_a_version_that_is_too_old_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fresh(dhi.BaseModel):
        x: int = 1

    monkeypatch.setattr(dhi, "__version__", "1.6.9")
    with pytest.raises(FastAPIError, match=r"dhi 1\.6\.9, which is too old: .*turboapi\[dhi\]"):
        TurboAPI().get("/", response_model=Fresh)(lambda: None)


def test_fields_that_dhi_lost_are_named() -> None:
    with pytest.warns(UserWarning, match="could not resolve"):

        class Lost(dhi.BaseModel):
            x: int
            other: NowhereDefined  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(FastAPIError, match="annotations of other in Lost"):
        TurboAPI().get("/", response_model=Lost)(lambda: None)


def test_nothing_of_it_is_loaded_without_dhi() -> None:
    code = (
        "import sys, turboapi, pydantic\n"
        "class M(pydantic.BaseModel):\n    x: int\n"
        "app = turboapi.TurboAPI()\n"
        "@app.post('/')\ndef f(m: M) -> M: return m\n"
        "app.openapi()\n"
        "print('dhi' in sys.modules, 'turboapi._dhi_twins' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
