"""`jsonable_encoder` on every kind of value, with its filters."""

from __future__ import annotations

import datetime
import re
from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, SecretStr
from turboapi.encoders import decimal_encoder, isoformat, jsonable_encoder


class Colour(Enum):
    RED = "red"


class Pet(BaseModel):
    name: str = Field(alias="petName")
    age: int | None = None
    tags: list[str] = ["new"]


@dataclass
class Point:
    x: int
    y: Decimal


class OnlyVars:
    def __init__(self) -> None:
        self.a = 1
        self.when = datetime.date(2024, 2, 29)


class OnlyIteration:
    __slots__ = ()

    def __iter__(self) -> Any:
        return iter([("k", 1)])


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (None, None),
        (True, True),
        ("text", "text"),
        (1.5, 1.5),
        (b"bytes", "bytes"),
        (Colour.RED, "red"),
        (Decimal("3"), 3),
        (Decimal("3.0"), 3.0),
        (Decimal("1E+2"), 100),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (datetime.datetime(2024, 1, 2, 3, 4, 5), "2024-01-02T03:04:05"),
        (datetime.date(2024, 1, 2), "2024-01-02"),
        (datetime.time(3, 4), "03:04:00"),
        (datetime.timedelta(minutes=1, milliseconds=500), 60.5),
        (IPv4Address("127.0.0.1"), "127.0.0.1"),
        (PurePosixPath("/a/b"), "/a/b"),
        (re.compile("a+"), "a+"),
        (SecretStr("hidden"), "**********"),
        ([1, (2, {3})], [1, [2, [3]]]),
        (deque([1, 2]), [1, 2]),
        (frozenset({1}), [1]),
        ((each for each in (1, Decimal("2"))), [1, 2]),
        ({"a": Colour.RED, Colour.RED: 1, 2: None}, {"a": "red", "red": 1, 2: None}),
        (Point(1, Decimal("2")), {"x": 1, "y": 2}),
        (OnlyVars(), {"a": 1, "when": "2024-02-29"}),
        (OnlyIteration(), {"k": 1}),
    ],
)
def test_values(value: Any, encoded: Any) -> None:
    result = jsonable_encoder(value)
    assert result == encoded
    assert type(result) is type(encoded)


def test_a_value_without_any_form_is_an_error() -> None:
    with pytest.raises(ValueError, match="not iterable"):
        jsonable_encoder(object())


def test_models_are_written_by_alias_unless_told_otherwise() -> None:
    pet = Pet(petName="Rex")
    assert jsonable_encoder(pet) == {"petName": "Rex", "age": None, "tags": ["new"]}
    assert jsonable_encoder(pet, by_alias=False) == {"name": "Rex", "age": None, "tags": ["new"]}


def test_filters_of_models() -> None:
    pet = Pet(petName="Rex", age=None)
    assert jsonable_encoder(pet, exclude_unset=True) == {"petName": "Rex", "age": None}
    assert jsonable_encoder(pet, exclude_none=True) == {"petName": "Rex", "tags": ["new"]}
    assert jsonable_encoder(pet, exclude_defaults=True) == {"petName": "Rex"}
    assert jsonable_encoder(pet, include={"name"}) == {"petName": "Rex"}
    assert jsonable_encoder(pet, exclude={"name", "tags"}) == {"age": None}
    assert jsonable_encoder([pet], exclude_unset=True) == [{"petName": "Rex", "age": None}]


def test_filters_of_dicts() -> None:
    value = {"a": 1, "b": None, "c": {"b": None}}
    assert jsonable_encoder(value, exclude_none=True) == {"a": 1, "c": {}}
    assert jsonable_encoder(value, include={"a"}) == {"a": 1}
    assert jsonable_encoder(value, exclude={"c"}) == {"a": 1, "b": None}


def test_names_of_sqlalchemy_are_left_out_when_safe() -> None:
    value = {"_sa_instance_state": 1, "a": 2}
    assert jsonable_encoder(value) == {"a": 2}
    assert jsonable_encoder(value, sqlalchemy_safe=False) == value


def test_custom_encoders_come_first_and_reach_subclasses() -> None:
    class Name(str):
        pass

    table: dict[Any, Any] = {str: str.upper}
    assert jsonable_encoder({"a": ["b", Name("c")]}, custom_encoder=table) == {"A": ["B", "C"]}
    assert jsonable_encoder(Colour.RED, custom_encoder={Colour: lambda each: each.name}) == "RED"


def test_the_named_helpers() -> None:
    assert isoformat(datetime.date(2024, 1, 2)) == "2024-01-02"
    assert (decimal_encoder(Decimal("1.0")), decimal_encoder(Decimal("7"))) == (1.0, 7)
    assert str(decimal_encoder(Decimal("NaN"))) == "nan"
