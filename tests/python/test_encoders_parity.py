"""`jsonable_encoder` answers as FastAPI 0.165.0's does."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import ipaddress
import pathlib
import re
import threading
import uuid
from typing import Any

import pytest
from pydantic import BaseModel, Field, SecretStr
from turboapi import encoders
from turboapi.encoders import decimal_encoder, jsonable_encoder


class Model(BaseModel):
    a: int = 1
    b: str | None = None


class Aliased(BaseModel):
    foo: int = Field(1, alias="Foo")


@dataclasses.dataclass
class Data:
    a: int = 1
    model: Model = dataclasses.field(default_factory=Model)
    _sa_state: int = 5


class Colour(enum.Enum):
    RED = "red"
    PAIR = (1, 2)


class Plain:
    def __init__(self) -> None:
        self.x = 1
        self._sa_instance = 2


class Slotted:
    __slots__ = ("a",)


class Word(str):
    pass


UTC = datetime.UTC


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"abc", "abc"),
        (datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC), "2020-01-02T03:04:05+00:00"),
        (datetime.date(2020, 1, 2), "2020-01-02"),
        (datetime.time(1, 2), "01:02:00"),
        (datetime.timedelta(days=1, seconds=2), 86402.0),
        (decimal.Decimal("1.5"), 1.5),
        (decimal.Decimal(7), 7),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (pathlib.PurePosixPath("/a/b"), "/a/b"),
        (re.compile("x+"), "x+"),
        (ipaddress.ip_address("::1"), "::1"),
        (SecretStr("secret"), "**********"),
        (Colour.RED, "red"),
        (Colour.PAIR, (1, 2)),  # an enum's value is not encoded further
        (Word("q"), "q"),
        (frozenset([1]), [1]),
        (collections.deque([1, None]), [1, None]),
        ((i for i in (1, Model())), [1, {"a": 1, "b": None}]),
        (
            {1: {"x": Model()}, None: 2, Colour.RED: 3},
            {1: {"x": {"a": 1, "b": None}}, None: 2, "red": 3},
        ),
        ({"a": 1, "_sa_x": 2}, {"a": 1}),
        (Data(), {"a": 1, "model": {"a": 1, "b": None}}),
        (Plain(), {"x": 1}),
        (Aliased(), {"Foo": 1}),
    ],
)
def test_values(value: Any, expected: Any) -> None:
    encoded = jsonable_encoder(value)
    assert encoded == expected
    assert type(encoded) is type(expected) or isinstance(value, str)


def test_filters_are_pydantics_at_every_level() -> None:
    value = {"m": Model(), "n": None, "l": [Model(b="x")]}
    assert jsonable_encoder(value, exclude_none=True) == {"m": {"a": 1}, "l": [{"a": 1, "b": "x"}]}
    assert jsonable_encoder(value, exclude_unset=True) == {"m": {}, "n": None, "l": [{"b": "x"}]}
    assert jsonable_encoder(value, exclude_defaults=True) == {"m": {}, "n": None, "l": [{"b": "x"}]}
    assert jsonable_encoder(value, include={"l"}) == {"l": [{"a": 1, "b": "x"}]}
    assert jsonable_encoder(value, exclude={"m", "l"}) == {"n": None}
    assert jsonable_encoder([Model()], include=["a"]) == [{"a": 1}]  # type: ignore[arg-type]
    assert jsonable_encoder(Model(), include={"a"}) == {"a": 1}
    assert jsonable_encoder(Aliased(), by_alias=False) == {"foo": 1}


def test_second_pass_over_models_drops_what_pydantic_keeps() -> None:
    class Holder(BaseModel):
        d: dict[str, Any] = {"x": None, "_sa_y": 1}

    assert jsonable_encoder(Holder()) == {"d": {"x": None}}
    assert jsonable_encoder(Holder(), exclude_none=True) == {"d": {}}
    assert jsonable_encoder(Holder(), sqlalchemy_safe=False) == {"d": {"x": None, "_sa_y": 1}}


def test_custom_encoders_come_first_and_match_subclasses() -> None:
    custom = {datetime.date: lambda o: "day", str: lambda o: o.upper()}
    moment = datetime.datetime(2020, 1, 1, tzinfo=UTC)
    assert jsonable_encoder({"k": [moment, "v"]}, custom_encoder=custom) == {"K": ["day", "V"]}
    assert jsonable_encoder(Word("w"), custom_encoder=custom) == "W"


def test_added_and_replaced_table_entries_count() -> None:
    class Mine:
        pass

    table = encoders.ENCODERS_BY_TYPE
    before = table[datetime.date]
    table[Mine] = lambda o: "mine"
    table[datetime.date] = lambda o: "date"
    try:
        assert jsonable_encoder([Mine(), {"d": datetime.date(2020, 1, 1)}]) == [
            "mine",
            {"d": "date"},
        ]
    finally:
        del table[Mine]
        table[datetime.date] = before


def test_errors() -> None:
    with pytest.raises(ValueError, match="not iterable"):
        jsonable_encoder(Slotted())
    with pytest.raises(TypeError, match="unhashable"):
        jsonable_encoder({(1, 2): 3})
    with pytest.raises(AssertionError):
        jsonable_encoder(Data)
    with pytest.raises(AttributeError):
        encoders.no_such_name  # noqa: B018


@pytest.mark.parametrize(
    ("text", "expected"), [("1", 1), ("1.0", 1.0), ("1e5", 100000), ("Infinity", float("inf"))]
)
def test_decimal(text: str, expected: float) -> None:
    encoded = decimal_encoder(decimal.Decimal(text))
    assert encoded == expected
    assert type(encoded) is type(expected)


def test_tables_are_made_once_by_many_threads() -> None:
    for name in ("ENCODERS_BY_TYPE", "encoders_by_class_tuples"):
        vars(encoders).pop(name, None)
    barrier = threading.Barrier(8)
    seen: list[int] = []

    def look() -> None:
        barrier.wait()
        seen.append(id(encoders.ENCODERS_BY_TYPE))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
    assert len(set(seen)) == 1
