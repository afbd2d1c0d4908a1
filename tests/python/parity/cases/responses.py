"""Responses."""

from ..model import Differs, Table

t = Table("responses")
TABLES = [t]
LATIN = "the client reads header values as UTF-8"

for path in (
    "plain", "html", "redirect", "redirect-302", "redirect-object", "response", "response-empty", "response-text",
    "json", "json-nan", "custom", "custom-model", "cookies", "headers", "own-length", "own-date",
    "no-content", "not-modified", "reset", "status-enum", "model", "model-dict", "model-subclass",
    "model-subclass-list", "model-invalid", "model-none", "model-union", "no-model", "un-annotated", "unset",
    "unset-dict", "defaults", "nones", "include", "exclude", "aliased", "not-aliased", "attributes", "dataclass",
    "dataclass-plain", "typed-dict", "int", "infinite", "infinite-plain", "encode", "encode-surrogate",
    "encode-impossible", "encode-model", "stream", "stream-sync", "stream-length", "stream-none", "stream-large",
    "stream-broken", "large", "default-class", "default-class-json", "openapi.json",
):
    t.get(f"/{path}")
t.get("/latin-header", no_testclient=LATIN)
for kind in ("int", "str", "none", "float", "list", "bool", "absent"):
    t.get(f"/scalars/{kind}")
for code in (200, 201, 202, 203, 204, 205, 206, 304, 400, 401, 404, 418, 422, 451, 499, 500, 503, 599):
    t.get(f"/status/{code}")
t.post("/created", json={"name": "n"}, name="created")
for path in ("plain", "model", "stream", "no-content", "response"):
    t.send("HEAD", f"/{path}")
t.send("HEAD", "/headed")
t.get("/headed")
for method in ("GET", "HEAD", "OPTIONS", "PURGE", "POST"):
    t.send(method, "/methods")
t.send("OPTIONS", "/options")
t.send("OPTIONS", "/plain")
t.send("TRACE", "/trace")
t.get("/trace")
