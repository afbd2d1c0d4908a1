"""Limits of bodies."""

from ..model import Table

t = Table("limits")
handled = Table("limits:handled")
TABLES = [t, handled]
JSON = "application/json"
ORIGIN = {"origin": "https://a.example"}

for path in (
    "/item",
    "/def-item",
    "/raw",
    "/unread",
    "/refused",
    "/more",
    "/less",
    "/nothing",
    "/router/raw",
    "/wide/router/raw",
    "/nowhere",
):
    for size in (0, 10, 11, 100, 101, 201, 301):
        data = b'"' + b"x" * (size - 2) + b'"' if size else b""
        t.post(path, ORIGIN, data=data, content_type=JSON, name=f"{path}, {size} octets")
        if size in (101, 301):
            t.post(
                path,
                ORIGIN,
                data=(data[:50], data[50:]),
                content_type=JSON,
                chunked=True,
                name=f"{path}, {size} octets in chunks",
            )
t.send("GET", "/item", ORIGIN, data=b"x" * 101, name="405 with too much")
t.post(
    "/item", data=b'{"name": "' + b"x" * 88 + b'"}', content_type=JSON, name="an item of 100 octets"
)
handled.post("/raw", data=b"x" * 11, name="announced")
handled.post("/raw", data=(b"x" * 11,), chunked=True, name="in chunks")
