"""Responses.

Routes with several methods are in no OpenAPI document: FastAPI takes the operation's name from a
set of them, whose order changes from process to process.
"""

from ..model import Differs, Header, Table

t = Table("responses")
edge = Table("responses:edge")
TABLES = [t, edge]
LATIN = "the client reads header values as UTF-8"

for path in (
    "plain",
    "html",
    "redirect",
    "redirect-302",
    "redirect-object",
    "response",
    "response-empty",
    "response-text",
    "json",
    "json-nan",
    "custom",
    "custom-model",
    "cookies",
    "headers",
    "own-length",
    "own-date",
    "no-content",
    "not-modified",
    "status-enum",
    "model",
    "model-dict",
    "model-subclass",
    "model-subclass-list",
    "model-invalid",
    "model-none",
    "model-union",
    "no-model",
    "un-annotated",
    "unset",
    "unset-dict",
    "defaults",
    "nones",
    "include",
    "exclude",
    "aliased",
    "not-aliased",
    "attributes",
    "dataclass",
    "dataclass-plain",
    "typed-dict",
    "int",
    "infinite",
    "infinite-plain",
    "encode",
    "encode-surrogate",
    "encode-impossible",
    "encode-model",
    "stream",
    "stream-sync",
    "stream-length",
    "stream-none",
    "stream-large",
    "stream-broken",
    "large",
    "default-class",
    "default-class-json",
    "openapi.json",
):
    t.get(f"/{path}")
t.get("/latin-header", no_testclient=LATIN)
for kind in ("int", "str", "none", "float", "list", "bool", "absent"):
    t.get(f"/scalars/{kind}")
for code in (200, 201, 202, 203, 204, 206, 304, 400, 401, 404, 418, 422, 451, 499, 500, 503, 599):
    t.get(f"/status/{code}")
EMPTY = Differs("status 205", ("live",), headers={b"content-length": b"0"})
CUT = Differs("status 205", ("fastapi",), complete=False)
for path in ("/status/205", "/reset"):
    t.get(path, differs=(EMPTY, CUT))
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

OWN = "what the application sends is wrong; a server must make the best of it"
ROW = "responses that are not quite HTTP"
LENGTH, JSON = b"content-length", (b"content-type", b"application/json")
REFUSED = Differs(
    ROW,
    ("live",),
    status=500,
    all_headers=((LENGTH, b"21"), (b"content-type", b"text/plain; charset=utf-8")),
    body=b"Internal Server Error",
)


# FastAPI on uvicorn says nothing at all.
CLOSED = Differs(ROW, ("fastapi",), status=0, all_headers=(), body=b"", complete=False)


def sent(*headers: Header, body: bytes = b"body", complete: bool = True) -> Differs:
    """FastAPI on uvicorn sends what the application gave it."""
    return Differs(ROW, ("fastapi",), status=200, all_headers=headers, body=body, complete=complete)


DIFFERENCES = {
    "header with no name": (REFUSED, sent((LENGTH, b"4"), (b"", b"v"))),
    "def-header with no name": (
        REFUSED,
        sent((LENGTH, b"6"), JSON, (b"", b"v"), body=b'"body"'),
    ),
    "body with 205": (
        Differs("status 205", ("live",), all_headers=((LENGTH, b"0"),), body=b""),
        Differs("status 205", ("fastapi",), all_headers=((LENGTH, b"4"),), body=b"body"),
    ),
    "body with 600": (REFUSED, CLOSED),
    "body with 999": (REFUSED, CLOSED),
    "length 5": (
        Differs(ROW, ("live",), status=200, body=b"", complete=False),
        sent((LENGTH, b"5"), complete=False),
    ),
    "length -1": (REFUSED, sent((LENGTH, b"-1"), body=b"")),
    "length +4": (REFUSED, sent((LENGTH, b"+4"))),
    "two lengths": (REFUSED, sent((LENGTH, b"4"), (LENGTH, b"4"))),
    "length x": (REFUSED, CLOSED),
}
for bad in ("line feed", "crlf", "nul", "control", "blank in the name", "colon in the name"):
    for kind in ("header", "def-header"):
        DIFFERENCES[f"{kind} with {bad}"] = (REFUSED, CLOSED)


def wrong(path: str, name: str) -> None:
    edge.get(path, name=name, servers_only=OWN, differs=DIFFERENCES.get(name, ()))


for name in (
    "line feed",
    "crlf",
    "nul",
    "control",
    "tab",
    "empty",
    "blanks",
    "latin",
    "long",
    "no name",
    "blank in the name",
    "colon in the name",
    "connection",
    "chunked",
    "date",
    "server",
    "upgrade",
    "trailer",
    "keep-alive",
):
    for kind in ("header", "def-header"):
        path = f"/{kind}/{name.replace(' ', '%20')}"
        wrong(path, f"{kind} with {name}")
edge.get("/many-headers")
for code in (200, 204, 205, 304, 404, 600, 999):
    wrong(f"/body/{code}", f"body with {code}")
for length in ("4", "3", "5", "0", "x", "-1", "04", "+4"):
    wrong(f"/length/{length}", f"length {length}")
for length in ("4", "3", "5"):
    wrong(f"/stream-length/{length}", f"stream of length {length}")
wrong("/lengths", "two lengths")
wrong("/twice", "answered twice")
wrong("/text-body", "body of text")
edge.get("/memory")
