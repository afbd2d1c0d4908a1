"""Query strings and JSON are read and written as Starlette and the json module do."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse
from turboapi import FastAPI
from turboapi._wire import QueryValues, dump_json, load_json, parse_query
from turboapi.testclient import TestClient


def outcome(function: Callable[[Any], Any], argument: Any) -> Any:
    """What a function returns or raises, comparable."""
    try:
        return repr(function(argument))
    except Exception as exc:
        return type(exc), str(exc), getattr(exc, "pos", None), getattr(exc, "doc", None)


def mixed(parts: list[bytes], count: int, length: int) -> list[bytes]:
    chosen = random.Random(7)
    return [
        b"".join(chosen.choice(parts) for _ in range(chosen.randrange(length)))
        for _ in range(count)
    ]


def test_queries() -> None:
    parts = [
        b"a",
        b"b",
        b"=",
        b"&",
        b"%",
        b"+",
        b"2",
        b"F",
        b";",
        b"\xe9",
        b"\x00",
        b"%41",
        b"%C3%A9",
    ]
    for query in mixed([*parts, b"%ff", b"#"], 30_000, 12):
        expected, found = QueryParams(query), QueryValues(query)
        assert parse_query(query) == found.multi_items() == expected.multi_items(), query
        assert dict(found) == dict(expected), query
        assert found.getlist("a") == expected.getlist("a"), query


def test_json_that_comes() -> None:
    parts = [
        b"{",
        b"}",
        b"[",
        b"]",
        b'"a"',
        b":",
        b",",
        b"1",
        b"NaN",
        b" ",
        b"\x00",
        b"\xff",
        b"null",
    ]
    parts += [b"\xed\xa0\x80", b"\xef\xbb\xbf", b"-", b"1e999", b'"\\ud800"']
    contents = [*mixed(parts, 30_000, 9), b'{"a":[1,{"b":null}]}', b"{\x00}\x00", b"[" * 100_000]
    for content in contents:
        assert outcome(load_json, content) == outcome(json.loads, content), content


def test_a_replaced_parser_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json, "loads", lambda content: "replaced")
    assert load_json(b"{}") == "replaced"


class Number(int):
    pass


CYCLE: list[Any] = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    "value",
    [
        {"a": 1, "b": [1.5, 1e16, -0.0, True, None, 'é\u2028"\\\x00']},
        [], "x", 1, None, float("nan"), float("inf"), {"n": float("-inf")},
        {1: 2, None: 3, False: 4, 1.5: 6}, {(1,): 2}, (1, 2), object(), {"k": [object()]},
        Number(3), "\ud800", CYCLE, 10**5000,
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_json_that_goes(value: Any) -> None:
    assert outcome(dump_json, value) == outcome(lambda each: JSONResponse(each).body, value)


def test_nan_in_a_rejected_body_is_null_in_the_answer() -> None:
    app = FastAPI()

    @app.post("/")
    def endpoint(numbers: list[int]) -> None: ...

    @app.post("/keys")
    def keys(value: dict[str, int]) -> None: ...

    client = TestClient(app)
    headers = {"content-type": "application/json"}
    answer = client.post("/", content=b"[1, NaN, -Infinity]", headers=headers)
    assert answer.status_code == 422
    assert [each["input"] for each in answer.json()["detail"]] == [None, None]
    answer = client.post("/keys", content=b'{"a": [NaN, {"b": Infinity}]}', headers=headers)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["input"] == [None, {"b": None}]
