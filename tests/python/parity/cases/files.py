"""Files. Every file was last changed at 1,700,000,000 (14 November 2023)."""

from ..model import Differs, Table

t = Table("files")
frontend = Table("files:frontend")
TABLES = [t, frontend]
SAME = "Tue, 14 Nov 2023 22:13:20 GMT"
BEFORE = "Tue, 14 Nov 2023 22:13:19 GMT"
NO_DOTS = "the client resolves dots"

for target in ("/file", "/file-class", "/download", "/inline", "/absent", "/urls"):
    t.get(target)
    t.send("HEAD", target)
for text in (
    "bytes=0-9",
    "bytes=10-",
    "bytes=-7",
    "bytes=0-0,5-9",
    "bytes=5-2",
    "bytes=99999-",
    "bytes=0-99999",
    "bytes=x",
    "items=0-1",
    "bytes=",
    "bytes=0-3,2-8",
    "bytes=-0",
    "bytes=1-2,-3,8000-",
    "BYTES=0-1",
    "bytes= 0-1 , 4-5",
    "bytes=0-1,",
):
    t.get("/file", {"range": text}, name=f"range {text}")
    t.get("/static/text.txt", {"range": text}, name=f"static range {text}")
t.send("HEAD", "/file", {"range": "bytes=0-4"}, name="HEAD with a range")
t.get("/file", {"range": "bytes=0-4", "if-range": SAME}, name="if-range, same date")
t.get("/file", {"range": "bytes=0-4", "if-range": BEFORE}, name="if-range, older date")
t.get("/file", {"range": "bytes=0-4", "if-range": '"other"'}, name="if-range, other tag")

for target in (
    "text.txt",
    "",
    "sub",
    "sub/",
    "absent",
    "plain",
    "caf%C3%A9%20bar.txt",
    "assets/app.js",
    "sub/index.html",
    "%2e%2e/apps/files.py",
    "..%2fapps%2ffiles.py",
    "text.txt/",
    "assets%2Fapp.js",
    "//text.txt",
    "x" * 300,
):
    t.get(
        f"/static/{target}",
        name=f"static {target[:30]}",
        no_testclient=NO_DOTS if "%2e" in target else "",
    )
    t.get(
        f"/html/{target}",
        name=f"html {target[:30]}",
        no_testclient=NO_DOTS if "%2e" in target else "",
    )
t.get(
    "/static/%00",
    name="NUL",
    differs=Differs(
        "messages that are not quite",
        ("live",),
        status=400,
        body=b'{"detail":"Bad Request"}',
    ),
)
t.get("/static/../files", name="dots", no_testclient=NO_DOTS)
t.get("/html")
t.get("/static")
t.send("HEAD", "/static/text.txt")
t.send("POST", "/static/text.txt")
for name, headers in {
    "same date": {"if-modified-since": SAME},
    "older date": {"if-modified-since": BEFORE},
    "no date": {"if-modified-since": "yesterday"},
    "any tag": {"if-none-match": "*"},
    "other tag": {"if-none-match": '"other"'},
    "other tag, same date": {"if-none-match": '"other"', "if-modified-since": SAME},
}.items():
    t.get("/static/text.txt", headers, name=name)

for target in (
    "/",
    "/text.txt",
    "/api/items",
    "/api/none",
    "/nowhere",
    "/no%0Awhere",
    "/%0A",
    "/sub",
    "/sub/",
    "/assets/app.js",
    "/app",
    "/app/",
    "/app/some/page",
    "/app/missing.js",
    "/none/x",
    "/none/text.txt",
    "/none/",
):
    frontend.get(target, name=f"frontend {target}")
    frontend.get(target, {"accept": "text/html"}, name=f"frontend {target} for a browser")
frontend.get(
    "/app/some/page", {"accept": "text/html", "sec-fetch-mode": "navigate"}, name="navigation"
)
frontend.get("/app/some/page", {"accept": "*/*", "sec-fetch-mode": "cors"}, name="fetch")
for method in ("HEAD", "POST", "PUT", "OPTIONS"):
    frontend.send(method, "/text.txt")
    frontend.send(method, "/nowhere")
    frontend.send(method, "/app/x", {"accept": "text/html"}, name=f"{method} of a page")
frontend.get("/api/items/")
frontend.get("/text.txt", {"if-modified-since": SAME}, name="frontend, same date")
frontend.get("/text.txt", {"range": "bytes=0-3"}, name="frontend range")
