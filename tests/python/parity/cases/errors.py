"""Errors."""

from ..model import Table

t = Table("errors")
handled = Table("errors:handled")
caught = Table("errors:caught")
no_redirect = Table("errors:no_redirect")
TABLES = [t, handled, caught, no_redirect]

for detail in ("text", "none", "dict", "list", "empty", "zero", "unicode", "model"):
    t.get(f"/http/404/{detail}")
for code in (204, 301, 304, 400, 401, 418, 499, 500, 503, 599):
    t.get(f"/http/{code}/text")
t.get("/http/499/none")
t.get("/http/x/text")
t.get("/def-http")
for code in (204, 404, 405, 500):
    t.get(f"/starlette/{code}")
for path in (
    "/unencodable",
    "/raise/value",
    "/raise/key",
    "/raise/exit",
    "/raise/none",
    "/def-raise",
    "/bad-model",
    "/no-json",
    "/",
    "/nowhere",
    "/no%0Awhere/",
    "/users/a%0Ab",
    "/users/me%0A",
    "/only-get%0A/",
    "/only-post",
    "/slash",
    "/slash/",
    "/slash?a=b&c=%20",
    "/slash/x",
    "/slash/%C3%A9",
    "/only-get/",
    "/only-get/?x=%ff",
    "/slash//",
    "//slash",
    "/shadow/me",
    "/shadow/x",
    "/users/me",
    "/users/megan",
    "/users/m",
    "/users/",
    "/Users/me",
    "/%75sers/me",
    "/users%2Fme",
    "/users/../users/me",
    "/users/./me",
    "/only-get%20",
    "/only-get;x",
    "/only-get%3Fa",
    "/only-get//",
):
    t.get(path, no_testclient="the client resolves dots" if "/." in path else "")
for method in ("POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"):
    t.send(method, "/only-get")
    t.send(method, "/twice")
    t.send(method, "/shadow/me")
t.send("POST", "/slash")
t.send("POST", "/slash", {"host": "other.example:8080"}, name="redirect to another host")
t.send("OPTIONS", "/nowhere")
t.send("POST", "/nowhere", data=b"x" * 10, name="POST to nowhere")

for path in (
    "/unicorn",
    "/pony",
    "/http/404",
    "/http/409",
    "/http/410",
    "/http/x",
    "/bad-model",
    "/raise",
    "/nowhere",
):
    handled.get(path)
handled.send("PUT", "/unicorn")
handled.post("/item", json={"name": 1}, name="item")
handled.post("/item?n=x", name="item, no body")
handled.post("/item", data=b"{", content_type="application/json", name="item, broken JSON")
handled.post("/item", data=b"\xff", content_type="application/json", name="item, no UTF-8")
handled.post("/item", data=b"text", content_type="text/plain", name="item, text")
handled.post("/item/default", json={}, name="item, the default handler")

for path in ("/raise", "/def-raise", "/http", "/bad-model", "/nowhere"):
    caught.get(path)
for table in (handled, caught, no_redirect):
    table.get("/line%0Afeed")
    table.get("/line%0Afeed%0A/")
caught.post("/raise")
no_redirect.get("/slash")
no_redirect.get("/slash/")
