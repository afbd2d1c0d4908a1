"""Middleware."""

import base64
import json

import itsdangerous

from ..model import Table

plain = Table("middleware")
cors = Table("middleware:cors")
cors_all = Table("middleware:cors_all")
gzip = Table("middleware:gzip")
trusted = Table("middleware:trusted")
https = Table("middleware:https")
base = Table("middleware:base")
raw = Table("middleware:raw")
sessions = Table("middleware:sessions")
several = Table("middleware:several")
bare = Table("middleware:bare")
TABLES = [plain, cors, cors_all, gzip, trusted, https, base, raw, sessions, several, bare]

# What every application has.
for t in (plain, cors_all, gzip, trusted, base, raw, several):
    for path in (
        "/",
        "/def?n=2",
        "/a%0Ab%0A%0Ac",
        "/def?n=x",
        "/stream",
        "/http",
        "/raise",
        "/nowhere",
        "/tasks",
        "/state",
    ):
        t.get(path)
    t.post("/item", json={"name": "a"}, name="item")
    t.post("/item", json={}, name="bad item")
    t.post("/echo", data=b"x" * 1000, name="echo")
    t.send("HEAD", "/")
    t.send("PUT", "/item")


def preflight(
    method: str, origin: str = "https://a.example", headers: str | None = None, **more: str
) -> dict:
    fields = {"origin": origin, "access-control-request-method": method, **more}
    if headers is not None:
        fields["access-control-request-headers"] = headers
    return fields


for t in (cors, cors_all):
    for origin in (
        "https://a.example",
        "https://x.c.example",
        "https://evil.example",
        "null",
        "https://A.example",
        "",
    ):
        t.get("/", {"origin": origin}, name=f"from {origin!r}")
    t.get("/", {"origin": "https://b.example", "cookie": "a=1"}, name="with a cookie")
    t.get("/", name="no origin")
    t.get("/raise", {"origin": "https://a.example"}, name="500 with an origin")
    t.get("/http", {"origin": "https://a.example"}, name="403 with an origin")
    t.get("/nowhere", {"origin": "https://a.example"}, name="404 with an origin")
    t.post("/item", {"origin": "https://a.example"}, json={}, name="422 with an origin")
    t.send("OPTIONS", "/item", preflight("POST"), name="preflight")
    t.send("OPTIONS", "/item", preflight("DELETE"), name="preflight for another method")
    t.send(
        "OPTIONS",
        "/item",
        preflight("POST", "https://evil.example"),
        name="preflight from elsewhere",
    )
    t.send(
        "OPTIONS",
        "/item",
        preflight("POST", headers="x-one, X-TWO,content-type"),
        name="preflight with headers",
    )
    t.send(
        "OPTIONS", "/item", preflight("PUT", "null", "x-three"), name="preflight with every fault"
    )
    t.send("OPTIONS", "/nowhere", preflight("GET"), name="preflight for nothing")
    t.send("OPTIONS", "/item", {"origin": "https://a.example"}, name="OPTIONS that is no preflight")
    t.send(
        "OPTIONS",
        "/item",
        preflight("GET", **{"access-control-request-private-network": "true"}),
        name="preflight for a private network",
    )

GZIP = {"accept-encoding": "gzip, deflate"}
for path in ("/", "/large", "/stream", "/events", "/encoded", "/raise"):
    gzip.get(path, GZIP, name=f"{path} compressed")
gzip.get("/large", {"accept-encoding": "br"}, name="large, not accepted")
gzip.get("/large", {"accept-encoding": "gzip;q=0"}, name="large, refused")
gzip.get("/large", name="large, nothing said")
gzip.send("HEAD", "/large", GZIP, name="HEAD compressed")
gzip.post("/echo", GZIP, data=b"x" * 200_000, name="echo compressed")

for host in (
    "example.com",
    "EXAMPLE.com",
    "a.example.com",
    "example.com:8000",
    "evil.com",
    "example.com.evil.com",
    "xexample.com",
    "127.0.0.1",
    "[::1]:80",
    "www.example.com.",
):
    trusted.get("/", {"host": host}, name=f"host {host}")
for target in ("/", "/a%20b?x=%C3%A9&y", "/item"):
    https.get(target)
https.get("/", {"host": "example.com:8000"}, name="redirect with a port")
https.post("/item", json={"name": "a"}, name="redirect of a POST")

base.get("/state", {"x-seen": "yes"}, name="state from the middleware")
base.get("/", {"x-stop": "1"}, name="stopped")
base.post("/echo", {"x-read": "1"}, data=b"abc" * 1000, name="body read on the way")
base.post("/item", {"x-read": "1"}, json={"name": "n"}, name="item read on the way")
raw.get("/large", GZIP, name="raw and gzip")
several.get("/large", {**GZIP, "origin": "https://a.example", "x-seen": "1"}, name="all of them")
several.get("/large", {**GZIP, "host": "evil.com"}, name="all, wrong host")
several.send("OPTIONS", "/", preflight("GET"), name="all, preflight")


def session(data: dict, secret: str = "secret") -> str:
    """The cookie that holds ``data``, as signed at the epoch: the sessions here do not age."""
    signer = itsdangerous.TimestampSigner(secret)
    signer.get_timestamp = lambda: 0
    return "session=" + signer.sign(base64.b64encode(json.dumps(data).encode())).decode()


sessions.get("/peek")
sessions.get("/peek", {"cookie": session({"user": "é"})}, name="session")
sessions.get("/user", {"cookie": session({"user": "u"})}, name="session in a dependency")
sessions.get("/peek", {"cookie": session({"user": "u"}, "other")}, name="forged session")
sessions.get("/peek", {"cookie": "session=garbage"}, name="no session at all")
sessions.get("/forget", {"cookie": session({"user": "u"})}, name="session cleared")

bare.get("/a%2Fb?x")
bare.post("/", data=b"x" * 500, name="body")
bare.post("/", data=(b"a", b"bc"), chunked=True, name="chunked body")
bare.get("/parts")
bare.get("/cut")
bare.get("/fail", no_testclient="the client says something else when there is no answer")
bare.send("HEAD", "/")
