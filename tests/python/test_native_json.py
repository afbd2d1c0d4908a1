"""The data plane's JSON reader and writer against Python's json module."""

from __future__ import annotations

import gc
import json
import math
import random
import struct
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
from turboapi import _native
from turboapi.encoders import jsonable_encoder

read = _native._dataplane.json_read
write = _native._dataplane.json_write


def loads(data: bytes) -> Any:
    """What json.loads gives, or its exception's class."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as exc:
        return type(exc)


def dumps(value: Any) -> bytes:
    """What FastAPI answers with for an un-annotated endpoint."""
    return json.dumps(
        jsonable_encoder(value), ensure_ascii=False, allow_nan=False, separators=(",", ":")
    ).encode("utf-8")


def same(a: Any, b: Any) -> bool:
    """Equality that tells 1 from 1.0 and True, 0.0 from -0.0, and the order of members."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b)
    return bool(a == b)


# --- reading -----------------------------------------------------------------------------------

PLAIN = [
    b"{}",
    b"[]",
    b'""',
    b"0",
    b"-0",
    b"-1",
    b"10",
    b"true",
    b"false",
    b"null",
    b" \t\r\n[1 , 2\n]\r ",
    b'{"a":1,"b":{"c":[]},"a":2}',
    b'{"":"", "\\u0061":"b"}',
    b'"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u00e9\\u20AC\\ud83d\\uDE00"',
    '"é€😀"'.encode(),
    '{"ключ":"значение"}'.encode(),
    b"999999999999999999",
    b"9223372036854775807",
    b"-9223372036854775809",
    b"123456789012345678901234567890",
    b"1.5",
    b"-0.0",
    b"0.1",
    b"9.99",
    b"123456789.123456",
    b"0.1234567890123456789",
    b"1e5",
    b"1E+5",
    b"1e-5",
    b"1e400",
    b"2.2250738585072014e-308",
    b"9007199254740993.0",
    b"1." + b"0" * 400,
    b'{"' + b"k" * 31 + b'":1,"' + b"k" * 32 + b'":2}',
    b"[" * 199 + b"]" * 199,
]


@pytest.mark.parametrize("data", PLAIN, ids=range(len(PLAIN)))
def test_plain_json_reads_as_json_loads_reads_it(data: bytes) -> None:
    assert same(read(data), json.loads(data))


LEFT_TO_PYTHON = [
    b"",
    b" ",
    b"{",
    b"[1,]",
    b"[,1]",
    b"{,}",
    b'{"a":1,}',
    b'{"a" 1}',
    b"{1:2}",
    b"01",
    b"1.",
    b".5",
    b"+1",
    b"-",
    b"1e",
    b"1 2",
    b"tru",
    b"nulll",
    b'"a',
    b'"\\x"',
    b'"\\u12"',
    b'"\\u12g4"',
    b'"\n"',
    b'"\x00"',
    b"\xef\xbb\xbf1",
    "[1]".encode("utf-16"),
    b"NaN",
    b"[Infinity]",
    b"-Infinity",
    b'"\\ud800"',
    b'"\\udc00"',
    b'"\\ud800\\u0041"',
    b'"\xed\xa0\x80"',
    b'"\xff"',
    b'{"\xff":1}',
    b"1" * 5000,
    b"[" * 201 + b"]" * 201,
    b"[" * 100000,
]


@pytest.mark.parametrize("data", LEFT_TO_PYTHON, ids=range(len(LEFT_TO_PYTHON)))
def test_malformed_and_unusual_json_is_left_to_python(data: bytes) -> None:
    assert read(data) is NotImplemented


def test_conformance_suite_is_read_as_json_loads_reads_it(conformance: Path) -> None:
    files = sorted((conformance / "json").glob("*/*.json"))
    accepted = 0
    for file in files:
        data = file.read_bytes()
        value = read(data)
        if value is not NotImplemented:
            accepted += 1
            assert same(value, loads(data)), file.name
        else:
            assert not file.name.startswith("y_") or "surrogate" in file.name.lower(), file.name
    assert accepted > 90


def random_value(rng: random.Random, depth: int = 4) -> Any:
    kind = rng.randrange(9 if depth else 7)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind == 1:
        return rng.randint(-(10 ** rng.randrange(1, 25)), 10 ** rng.randrange(1, 25))
    if kind == 2:
        return rng.uniform(-1, 1) * 10.0 ** rng.randrange(-20, 25)
    if kind == 3:
        return float(rng.randrange(-(2**53), 2**53)) / 10 ** rng.randrange(8)
    if kind == 4:
        return "".join(
            chr(rng.choice([rng.randrange(128), rng.randrange(0xD800)]))
            for _ in range(rng.randrange(20))
        )
    if kind == 5:
        return chr(rng.randrange(0x10000, 0x110000)) + "\ue000\uffff" * rng.randrange(2)
    if kind == 6:
        return "plain text " * rng.randrange(4)
    if kind == 7:
        return [random_value(rng, depth - 1) for _ in range(rng.randrange(5))]
    return {
        str(random_value(rng, 0))[:40]: random_value(rng, depth - 1)
        for _ in range(rng.randrange(5))
    }


def test_random_values_survive_both_ways() -> None:
    rng = random.Random(20)
    for _ in range(3000):
        value = random_value(rng)
        written = write(value)
        assert written == dumps(value)
        spaced = json.dumps(value, ensure_ascii=rng.random() < 0.5, indent=rng.choice([None, 1]))
        assert same(read(spaced.encode("utf-8", "surrogatepass")), json.loads(spaced))


def test_damaged_json_is_never_accepted_with_another_meaning() -> None:
    rng = random.Random(7)
    seeds = [json.dumps(random_value(rng)).encode() for _ in range(60)] + PLAIN
    for _ in range(20000):
        data = bytearray(rng.choice(seeds)[:200])
        for _ in range(rng.randrange(1, 4)):
            if data:
                data[rng.randrange(len(data))] = rng.choice(
                    b'"\\{}[],:0123456789.eE+-tfn \xc3\xa9\x00\xff'
                )
        value = read(bytes(data))
        if value is not NotImplemented:
            assert same(value, loads(bytes(data))), bytes(data)


# --- writing -----------------------------------------------------------------------------------

WRITABLE: list[Any] = [
    {"message": "Hello World"},
    {"a": None, "b": True, "c": False, "_sa_instance": 1, "_s": 2, "_sé": 3, "_saé": 4},
    {1: "int", 1.5: "float", None: "none", -(10**30): "big"},
    {2: 1, False: 0, True: 1},
    [1, -1, 2**63 - 1, -(2**63), 2**63, 10**100],
    [0.0, -0.0, 1.0, 1e15, 1e16, 123456789012345.0, 0.1, 1e-7, 5e-324, 1.7976931348623157e308],
    ("tuple", ["list", ("nested",)]),
    'quote " backslash \\ slash / controls \x00\x01\x1f\x7f\n\r\t\b\f',
    "é€😀\u2028\ue000\uffff\x80\xff",
    "",
    [],
    {},
    (),
    [[[[]]]],
    "x" * 100000,
    ['"' * 7, "\\" * 8, "\n" * 9, "a" * 7 + '"', "a" * 8 + "é"],
]


@pytest.mark.parametrize("value", WRITABLE, ids=range(len(WRITABLE)))
def test_plain_data_is_written_with_fastapis_bytes(value: Any) -> None:
    assert write(value) == dumps(value)


class Text(str):
    pass


class Number(int):
    pass


NOT_PLAIN: list[Any] = [
    float("nan"),
    [math.inf],
    {"a": -math.inf},
    {math.nan: 1},
    "\ud800",
    {"\udfff": 1},
    b"bytes",
    {1, 2},
    OrderedDict(a=1),
    Text("a"),
    {Text("a"): 1},
    Number(1),
    object(),
    {(1, 2): 3},
    1j,
    10**5000,
]


@pytest.mark.parametrize("value", NOT_PLAIN, ids=range(len(NOT_PLAIN)))
def test_anything_else_is_left_to_python(value: Any) -> None:
    assert write(value) is NotImplemented
    assert write([{"deep": [value]}]) is NotImplemented


def test_nesting_is_bounded() -> None:
    value: list[Any] = []
    for _ in range(199):
        value = [value]
    assert write(value) == b"[" * 200 + b"]" * 200
    assert write([value]) is NotImplemented
    value = []
    value.append(value)
    assert write(value) is NotImplemented


# --- references --------------------------------------------------------------------------------


def test_reading_and_writing_keep_no_references() -> None:
    data = json.dumps(
        {"name": ["x", 1.25, 10**30, {"é": None}], "n" * 40: "\n", "deep": [[[{}]]]}
    ).encode()

    def work() -> None:
        for _ in range(2000):
            write(read(data))
            read(data[:-3])
            read(b'{"a":[1,{"b":"\\ud800"}]}')
            write({"a": [object()]})

    work()
    gc.collect()
    before = sys.getallocatedblocks()
    work()
    gc.collect()
    assert sys.getallocatedblocks() - before < 200
