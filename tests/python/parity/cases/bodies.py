"""JSON bodies."""

import json

from ..model import Differs, Table

t = Table("bodies")
loose = Table("bodies:loose")
TABLES = [t, loose]
ITEM = {"name": "Foo", "price": 42.5}
FOO = json.dumps(ITEM).encode()
JSON = "application/json"

t.post("/item", json=ITEM, name="item")
t.post(
    "/item", json={**ITEM, "tax": 1, "tags": ["a", "é"], "image": {"url": "u"}}, name="whole item"
)
t.post("/item", json={"price": "x", "image": {"name": 3}}, name="item with errors")
t.post("/item", json={}, name="empty item")
t.post("/item", json=[], name="a list for an item")
t.post("/item", json=None, name="null for an item")
t.post("/item", json="text", name="text for an item")
t.post("/item", json=3, name="number for an item")
t.post("/item", name="no body")
t.post("/item", data=b"", name="empty body")
t.post("/item", data=b"", content_type=JSON, name="empty body of JSON")
t.post("/item", data=FOO, name="no content type")
t.post("/item", data=FOO, content_type="text/plain", name="text/plain")
t.post("/item", data=FOO, content_type="application/vnd.api+json", name="suffix +json")
t.post("/item", data=FOO, content_type="application/json; charset=latin-1", name="a charset")
t.post("/item", data=FOO, content_type="APPLICATION/JSON", name="upper-case type")
t.post("/item", data=FOO, content_type="application/geo+json-seq", name="almost +json")
t.post("/item", data=FOO, content_type="json", name="no type at all")
t.post("/item", data=FOO, content_type="", name="empty content type")
t.post("/item", data=FOO, content_type="application/x-www-form-urlencoded", name="JSON as a form")
t.post(
    "/item",
    [("content-type", "text/plain"), ("content-type", JSON)],
    data=FOO,
    name="two content types",
)
loose.post("/item", data=FOO, name="no content type")
loose.post("/item", data=FOO, content_type="text/plain", name="text/plain")
t.post("/item", data=(FOO[:5], FOO[5:]), content_type=JSON, chunked=True, name="chunked item")
t.post("/item", data=(), content_type=JSON, chunked=True, name="chunked, no chunk")
t.post(
    "/item?x=%00", [("expect", "100-continue")], data=FOO, content_type=JSON, name="100-continue"
)

BROKEN = {
    "no end": b'{"name": "a"',
    "no quotes": b"{name: 1}",
    "single quotes": b"{'name': 1}",
    "comma at the end": b'{"name": "a",}',
    "comma in a list": b"[1,]",
    "two values": b'{"name": "a"} {}',
    "only spaces": b"   ",
    "a word": b"nope",
    "control character": b'{"name": "a\x01"}',
    "line feed in text": b'{"name": "a\n"}',
    "bad escape": b'{"name": "\\x41"}',
    "short escape": b'{"name": "\\u00"}',
    "number with a zero": b'{"name": 01}',
    "plus": b'{"price": +1}',
    "no fraction": b'{"price": 1.}',
    "comment": b'{"name": "a" /* c */}',
    "not UTF-8": b'{"name": "\xff"}',
    "cut UTF-8": b'{"name": "\xc3',
    "overlong UTF-8": b'{"name": "\xc0\x80"}',
    "NUL": b"\x00",
    "colon": b'{"a" 1}',
    "non-ASCII before an error": '{"é": "€"'.encode(),
    "UTF-8 surrogate": b'{"name": "\xed\xa0\x80", "price": 1}',
}
for name, data in BROKEN.items():
    t.post("/item", data=data, content_type=JSON, name=f"broken: {name}")
ODD = {
    "BOM": b"\xef\xbb\xbf" + FOO,
    "UTF-16": json.dumps(ITEM).encode("utf-16"),
    "UTF-16 little": json.dumps(ITEM).encode("utf-16-le"),
    "UTF-16 big": json.dumps(ITEM).encode("utf-16-be"),
    "UTF-32": json.dumps(ITEM).encode("utf-32"),
    "white space around": b" \r\n\t" + FOO + b"\n ",
    "duplicate keys": b'{"name": "a", "price": 1, "name": "b"}',
    "price 1e400": b'{"name": "a", "price": 1e400}',
    "price NaN": b'{"name": "a", "price": NaN}',
    "price Infinity": b'{"name": "a", "price": -Infinity}',
    "price huge integer": b'{"name": "a", "price": ' + b"9" * 400 + b"}",
    "price too many digits": b'{"name": "a", "price": ' + b"9" * 5000 + b"}",
    "lone surrogate": b'{"name": "\\ud800", "price": 1}',
    "pair": b'{"name": "\\ud83d\\ude00", "price": 1}',
    "escapes": b'{"name": "\\u0041\\n\\/\\b\\"\\u0000", "price": 1}',
    "extra field": b'{"name": "a", "price": 1, "more": [1, {"x": null}]}',
    "price as text": b'{"name": "a", "price": " 1.5 "}',
    "price as bool": b'{"name": "a", "price": true}',
    "price -0": b'{"name": "a", "price": -0}',
    "price -0.0": b'{"name": "a", "price": -0.0}',
    "price exact": b'{"name": "a", "price": 0.1000000000000000055511151231257827}',
    "price 1E5": b'{"name": "a", "price": 1E5}',
    "price small": b'{"name": "a", "price": 5e-324}',
    "price integer": b'{"name": "a", "price": 123456789012345678}',
    "escaped key": b'{"n\\u0061me": "a", "price": 1}',
}
for name, data in ODD.items():
    t.post("/item", data=data, content_type=JSON, name=f"odd: {name}")
t.post("/def-item", json=ITEM, name="def item")
t.post("/def-item", json={"name": 1}, name="def item with errors")
t.send("PUT", "/item/3?q=a", json=ITEM, name="put")
t.send("PUT", "/item/x", json={"name": 1}, name="put with errors")
t.send("PUT", "/item/x", data=b"{", content_type=JSON, name="broken JSON before anything else")

t.post("/two", json={"item": ITEM, "user": {"username": "u"}, "importance": 5}, name="two")
t.post("/two", json={"item": ITEM, "user": {}, "importance": 0}, name="two with errors")
t.post("/two", json={}, name="two, nothing there")
t.post("/two", json=[], name="two, a list")
t.post("/two", json=None, name="two, null")
t.post("/two", name="two, no body")
t.post("/embed", json={"item": ITEM}, name="embed")
t.post("/embed", json=ITEM, name="embed, not embedded")
t.post("/optional", name="optional, no body")
t.post("/optional", json=None, name="optional, null")
t.post("/optional", json={}, name="optional, empty")
t.post("/default", name="default, no body")
t.post("/default", json=None, name="default, null")
t.post("/optional-two", name="optional two, no body")
t.post("/optional-two", json={"user": None, "item": ITEM}, name="optional two, null")
for value in (None, 1, 1.5, "a", [1], {"a": 1}, True):
    t.post("/any", json=value, name=f"any {json.dumps(value)}")
t.post("/any", data=b"plain", content_type="text/plain", name="any, text")
t.post("/any", name="any, no body")
t.post("/any", data=b"[" * 900 + b"]" * 900, content_type=JSON, name="deep")
t.post("/any", data=b"[" * 200_000 + b"]" * 200_000, content_type=JSON, name="too deep")
t.post("/any-default", name="any with a default, no body")
t.post("/any-default", json=None, name="any with a default, null")
t.post("/dict", json={"a": [1.0, 1e22, 1e-7, 1e16, 12345678.9, None], "é": "\u2028"}, name="dict")
t.post("/dict", json=[["a", 1]], name="dict, a list")
t.post("/dict", data=b'{"a": NaN}', content_type=JSON, name="dict with NaN")
t.post("/dict", data=b'{"a": 1e999}', content_type=JSON, name="dict with infinity")
t.post(
    "/dict", data=b'{"a": ' + b"8" * 4000 + b"}", content_type=JSON, name="dict with 4,000 digits"
)
t.post("/dict", data=b'{"a": "\\udc00"}', content_type=JSON, name="dict with a surrogate")
t.post("/int-keys", json={"1": 1, "2": 2.5}, name="int keys")
t.post("/int-keys", json={"x": 1, "2": "y"}, name="int keys, errors")
t.post("/list", json=[ITEM, ITEM], name="list")
t.post("/list", json=[ITEM, {"name": 1}, 3], name="list with errors")
t.post("/list", json=ITEM, name="list, an object")
for value in ([1, "2"], [], [1, 2, 3, 4], [1.0], [1.5], ["a", None], [True], [2**70]):
    t.post("/ints", json=value, name=f"ints {json.dumps(value)}")
for value in (1, "1", 1.0, 1.5, True, None, "x", 10**30, -(2**63), 1e300):
    t.post("/int", json=value, name=f"int {json.dumps(value)}")
for value in ("a", "", 1, None, "\U0001f600", "\x7f<>&'\u2029"):
    t.post("/text", json=value, name=f"text {json.dumps(value)}")
t.post("/bytes", json="é", name="bytes")
t.post("/bytes", data=b"\xff\xfe", content_type="application/octet-stream", name="bytes, raw")

t.post("/everything", json={}, name="everything: defaults")
t.post(
    "/everything",
    json={
        "number": 5,
        "real": 2,
        "flag": "yes",
        "text": "ab\u00e9",
        "when": "2026-01-02T03:04:05.678+02:00",
        "day": "2026-01-02",
        "id": "12345678123456781234567812345678",
        "exact": "1.10",
        "color": 2,
        "kind": 1,
        "pair": [1, "a"],
        "many": [1, 2],
        "names": ["a"],
        "one_of": "7",
        "mapping": {"a": 1},
        "nothing": None,
        "small": 8,
        "nested": [{"a": [1]}, {}],
    },
    name="everything: values",
)
t.post(
    "/everything",
    json={
        "number": "x",
        "real": "y",
        "flag": 2,
        "text": "abcdef",
        "when": "x",
        "day": "2026-13-01",
        "id": "1",
        "exact": "z",
        "color": 3,
        "kind": "b",
        "pair": [1],
        "many": ["a"],
        "names": [1],
        "one_of": [],
        "mapping": {"a": "b"},
        "nothing": 0,
        "small": 11,
        "nested": [{"a": ["x", None]}, 1],
    },
    name="everything: errors",
)
t.post(
    "/everything",
    json={"number": 1.5, "small": 3, "text": "", "kind": True, "many": 1, "names": {}},
    name="everything: more errors",
)
t.post(
    "/everything",
    json={
        "when": 1600000000,
        "day": "2026-01-02T00:00:00",
        "exact": 1.1,
        "flag": 1,
        "number": "12",
    },
    name="everything: conversions",
)
t.post("/everything", json={"when": "2026-01-02 03:04", "exact": "NaN"}, name="everything: rare")
t.post("/forbid", json={"a": 1, "b": 2, "c": 3}, name="forbid")
t.post("/allow", json={"a": 1, "b": [None], "c": {"d": 1.0}}, name="allow")
t.post("/alias", json={"itemId": 1, "in": "x"}, name="alias")
t.post("/alias", json={"item_id": 1}, name="alias missing")
t.post("/checked", json={"a": 1, "b": 2}, name="checked")
t.post("/checked", json={"a": 11}, name="checked: value error")
t.post("/checked", json={"a": 3}, name="checked: assertion")
t.post(
    "/node",
    json={"value": 1, "children": [{"value": 2}, {"value": 3, "children": []}]},
    name="node",
)
t.post(
    "/node",
    json={"value": 1, "children": [{"value": "x", "children": [{}]}]},
    name="node with errors",
)
t.post("/pet", json={"kind": "cat", "lives": 9}, name="cat")
t.post("/pet", json={"kind": "dog"}, name="dog without a name")
t.post("/pet", json={"kind": "cow"}, name="no such pet")
t.post("/pet", json={"lives": 1}, name="pet without a kind")
t.post("/union", json={"username": "u"}, name="union")
t.post("/union", json={"name": 1}, name="union, errors")
t.post("/strict", json={"a": 1, "b": 2}, name="strict")
t.post("/strict", json={"a": "1", "b": "2"}, name="strict, errors")
t.post(
    "/item",
    data=b'{"name": NaN, "price": "x"}',
    content_type=JSON,
    name="NaN in a rejected body",
    differs=Differs(
        "NaN or an infinity",
        ("fastapi",),
        status=500,
        body=b"Internal Server Error",
        headers={b"content-type": b"text/plain; charset=utf-8"},
    ),
)

t.post("/raw", data=bytes(range(256)), name="raw octets")
t.post("/raw", data=b"x" * 3_000_000, name="3 MB there and back")
t.post("/raw", data=tuple(b"y" * 70_000 for _ in range(20)), chunked=True, name="20 large chunks")
t.post("/size", data=b"z" * 1_000_000, name="streamed body")
t.post("/size", name="streamed, no body")
t.post("/json", data=b"[1, 2.50]", name="request.json()")
t.post("/json", data=b"[", name="request.json() of broken JSON")
t.post("/unread", data=b"x" * 200, name="unread body")
t.post("/unread", data=(b"x" * 200,), chunked=True, name="unread chunked body")
t.send("GET", "/get", json=ITEM, name="GET with a body")
t.send("GET", "/get", name="GET without its body")
t.send("DELETE", "/delete", json=[1, 2], name="DELETE with a body, 204")
t.send("DELETE", "/delete", json=["x"], name="DELETE with a bad body")
t.send("PATCH", "/patch?fields=name&fields=tags", json=ITEM, name="PATCH")
t.get("/openapi.json")
