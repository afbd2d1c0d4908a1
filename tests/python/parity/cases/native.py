"""The requests that matter most to a server: plain ones, in number."""

import json

from ..model import Differs, Table

t = Table("native")
TABLES = [t]
JSON = "application/json"
NO_VERSION = "the client has one version of HTTP"

t.get("/http")
t.get("/http", version="1.0", name="HTTP/1.0", no_testclient=NO_VERSION)
t.get(
    "/http",
    {"connection": "keep-alive"},
    version="1.0",
    name="HTTP/1.0 kept",
    no_testclient=NO_VERSION,
)
t.get("/http", {"connection": "close"}, name="closed")
t.get("http://testserver/http?x=1", name="a URL as target", no_testclient="the client sends paths")
t.get("/http", {"host": "TESTSERVER:80"}, name="host in capitals")
t.get("/http", {"host": "[::1]:8000"}, name="IPv6 host")

for kind in ("def", "async"):
    for target in (
        "1/x",
        "-5/%C3%A9?q=1e3&flag=1",
        "x/y?q=z&flag=2",
        "1/x?q=&flag=",
        "1/x?q=1&q=2",
        "01/x?flag=TRUE",
        "1/x?unknown=1",
        "9223372036854775808/x",
        "1/a%20b?q=.5&flag=off",
        "1/x?q=%31",
        "1.0/x",
        "1/x?q=1_0",
        "%31/x",
        "1/x?q=inf",
        "1/+?q=+1",
        "1/x?flag",
        "1/%F0%9F%98%80",
        "1/x?q=1;flag=1",
        "1/%00",
        "1e2/x",
    ):
        if "%00" in target:
            t.get(
                f"/{kind}/{target}",
                differs=Differs(
                    "messages that are not quite",
                    ("live",),
                    status=400,
                    body=b'{"detail":"Bad Request"}',
                ),
            )
            continue
        t.get(f"/{kind}/{target}")
t.get("/places/1.5?tags=a&tags=b", {"token": "t", "cookie": "lang=de"}, name="places")
t.get("/places/x?tags=a", {"cookie": "a=1; lang = fr ; b"}, name="places, error")
t.get("/places/1", {"cookie": 'lang="a\\"b\\054"'}, name="places, quoted")
t.get("/places/1?tags", [("token", ""), ("token", "second")], name="places, empty")
for path in (
    "/",
    "/numbers",
    "/texts",
    "/keys",
    "/nested/0",
    "/nested/100",
    "/nested/-1",
    "/nested/x",
    "/openapi.json",
):
    t.get(path)

PEOPLE = {
    "one": {"name": "a"},
    "whole": {
        "name": "é",
        "age": 5,
        "addresses": [{"street": "s", "number": None}, {"street": "t", "number": 3}],
        "extra": {"x": [1, 2.0, {"y": None}], "": True},
    },
    "empty name": {"name": ""},
    "too old": {"name": "a", "age": 151},
    "age as text": {"name": "a", "age": "7"},
    "age as float": {"name": "a", "age": 7.0},
    "age as fraction": {"name": "a", "age": 7.5},
    "age as bool": {"name": "a", "age": True},
    "age null": {"name": "a", "age": None},
    "age huge": {"name": "a", "age": 10**30},
    "age as huge text": {"name": "a", "age": "9" * 30},
    "name as number": {"name": 3},
    "bad addresses": {"name": "a", "addresses": [{"number": "x"}, [], {"street": None}]},
    "addresses as object": {"name": "a", "addresses": {}},
    "extra as list": {"name": "a", "extra": []},
    "unknown": {"name": "a", "unknown": {"deep": [[[]]]}},
    "nothing": {},
}
for name, value in PEOPLE.items():
    t.post("/person", json=value, name=f"person: {name}")
    t.post("/person/3?q=x", json=value, name=f"person with number: {name}")
t.post("/person/x", json={"name": ""}, name="person, errors in two places")
t.post("/person/x", data=b"{", content_type=JSON, name="person, broken")
t.post("/person/200", json={"name": "a"}, name="person, set past its limit")
t.post(
    "/person",
    data='{"name": "é", "name": "ü", "age": 1}'.encode(),
    content_type=JSON,
    name="person twice named",
)
t.post(
    "/person",
    data=b'{"name":"\\ud83d\\ude00\\n\\u00e9"}',
    content_type=JSON,
    name="person with escapes",
)
t.post(
    "/person",
    data=b'{"name":"a","extra":{"n":NaN,"i":-Infinity}}',
    content_type=JSON,
    name="person with NaN",
)
t.post(
    "/person",
    data=b'{"name":"a","extra":{"n":1e999}}',
    content_type=JSON,
    name="person with overflow",
)
t.post(
    "/person/1",
    data=b'{"name":"a","extra":{"n":1e999}}',
    content_type=JSON,
    name="Person with overflow",
)
t.post(
    "/person",
    data=b'{"name":"a","extra":{"s":"\\udc80"}}',
    content_type=JSON,
    name="person with a surrogate",
)
t.post(
    "/person/1",
    data=b'{"name":"a","extra":{"s":"\\udc80"}}',
    content_type=JSON,
    name="Person with a surrogate",
)
t.send("PUT", "/people", json=[{"name": f"n{i}", "age": i} for i in range(100)], name="100 people")
t.send(
    "PUT", "/people", json=[{"name": f"n{i}", "age": i * 10} for i in range(100)], name="84 errors"
)
t.send("PUT", "/people", json=[], name="no people")
t.post("/tree", json={"left": {"left": {"left": None, "value": 1}, "value": 2.5}}, name="tree")
t.post("/tree", json={"left": {"left": {"left": 3}}}, name="tree, error deep down")


def nested(levels: int) -> bytes:
    return b'{"left":' * levels + b"null" + b"}" * levels


def too_deep(levels: int, at: int) -> bytes:
    """What pydantic says when it gives up on ``nested(levels)``."""
    places = b",".join([b'"body"', *[b'"left"'] * at])
    return (
        b'{"detail":[{"type":"recursion_depth_exceeded","loc":[%s],'
        b'"msg":"Recursion error - maximum validation depth exceeded","input":%s}]}'
    ) % (places, nested(levels - at))


t.post("/tree", data=nested(150), content_type=JSON, name="tree of 150")
t.post(
    "/tree",
    data=nested(300),
    content_type=JSON,
    name="tree of 300",
    differs=Differs("a recursive model", ("fastapi",), body=too_deep(300, 254)),
)
for text in (
    "0",
    "-0",
    "-0.0",
    "1.0",
    "1e5",
    "1E+2",
    "0.1",
    "1e-7",
    "123456789012345678901234567890",
    "1e400",
    "-1e400",
    "NaN",
    "5e-324",
    "1e-400",
    "0.30000000000000004",
    "9007199254740993",
    "18446744073709551616",
    "-9223372036854775809",
):
    t.post("/any", data=text.encode(), content_type=JSON, name=f"any {text}")
    t.post("/number", data=text.encode(), content_type=JSON, name=f"number {text}")
for text in (
    '"\\u0000"',
    '"\\/"',
    '"é"',
    '""',
    '" "',
    "[[],{}]",
    '{"a":{"a":{"a":1}}}',
    '{"":""}',
    "[1,2,]",
    "tru",
    "nul",
    "[}",
    '"a',
    '"\t"',
    "01",
    "-",
    "1.",
    ".5",
    "1e",
    "+1",
    "\ufeff1",
    '{"a":1,"a":2}',
    "[1 2]",
    '{"a"}',
    "\u00a01",
    "1\x00",
    "/",
    '{"a":1}x',
    "'a'",
    "Infinity",
    "-NaN",
    "[NaN]",
    "True",
    '"\\uD83D"',
    '"\\uD83D\\uDE00"',
    '"\\u12"',
    '"\\q"',
):
    t.post("/any", data=text.encode(), content_type=JSON, name=f"any {json.dumps(text)}")
t.send("DELETE", "/deleted/3")
t.send("DELETE", "/deleted/x")
for method in ("HEAD", "OPTIONS", "PATCH", "POST"):
    t.send(method, "/")
    t.send(method, "/def/1/x")
t.send("QUERY", "/")
t.send("PROPFIND", "/")
