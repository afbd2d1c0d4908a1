"""Parameters."""

from ..model import Differs, Table, ask

t = Table("params")
TABLES = [t]
BY_CLIENT = "the client writes this target in another way"
BYTES = "the client sends header values in UTF-8"

for value in ("abc", "%20", "a%2Fb", "%C3%A9t%C3%A9", "a+b", "%25", "a%3Fb", "a;b=c", "a:b@c", "."):
    t.get(f"/path/str/{value}", no_testclient=BY_CLIENT if value == "." else "")
t.get("/path/str/%ff", name="path that is not UTF-8")
t.get("/path/str/", name="empty segment")
t.get("/path/str/a/b", name="one segment too many")
t.get("/path/str//", name="two slashes")
t.get("/path/str/" + "x" * 3000, name="long parameter")
t.get("/path/plain/17", name="no annotation")
for value in (
    "1",
    "-1",
    "007",
    "1.0",
    "1.5",
    "one",
    "",
    "1_000",
    "%201",
    "+1",
    "9" * 30,
    "1e3",
    "0x1",
    "%D9%A3",
):
    t.get(f"/path/int/{value}")
t.get("/path/int/" + "9" * 5000, name="more digits than Python reads")
for value in ("1", "1.5", "-0", "1e400", "nan", "inf", "x", "1_0", ".5"):
    t.get(f"/path/float/{value}")
for value in ("true", "TRUE", "1", "0", "yes", "off", "t", "maybe", "2"):
    t.get(f"/path/bool/{value}")
t.get("/path/uuid/12345678-1234-5678-1234-567812345678")
t.get("/path/uuid/12345678123456781234567812345678")
t.get("/path/uuid/%7B12345678-1234-5678-1234-567812345678%7D")
t.get("/path/uuid/1234")
t.get("/path/date/2026-01-31")
t.get("/path/date/2026-02-31")
t.get("/path/date/0")
t.get("/path/color/red")
t.get("/path/color/blue")
for value in ("3", "-3", "x", "03", "3.0", "99999999999999999999"):
    t.get(f"/path/conv/int/{value}")
for value in ("3", "3.25", "3.", ".5", "-1.0", "1e3"):
    t.get(f"/path/conv/float/{value}")
t.get("/path/conv/uuid/12345678-1234-5678-1234-567812345678")
t.get("/path/conv/uuid/12345678-1234-5678-1234-56781234567X")
for value in ("a", "a/b/c", "", "/a", "a//b", "a/b/", "%2F", "a%20b/%C3%A9"):
    t.get(f"/path/conv/path/{value}")
for value in ("2", "1", "3", "12"):
    t.get(f"/path/bounds/{value}")
for value in ("ab", "a", "abcde", "AB"):
    t.get(f"/path/text/{value}")
t.get("/path/two/1/x/2.5?flag=on")
t.get("/path/two/a/x/b?flag=c", name="three errors in order")
t.get("/path/file/name.json")
t.get("/path/file/a.b.json")
t.get("/path/file/.json")
t.get("/path/file/name.xml")

for query in (
    "?q=a",
    "?q=",
    "?q",
    "",
    "?",
    "?q=a&q=b",
    "?Q=a",
    "?q=%ff",
    "?q=%2",
    "?q=a+b%2Bc",
    "?q=a;p=b",
    "?q=%00",
    "?q=%E2%82%AC",
    "?&&q=a&",
    "?q=a=b",
    "?=a",
    "?%71=a",
    "?q=a%26b",
    "?q=%C3",
):
    t.get(f"/query/required{query}")
t.get(
    b"/query/required?q=\xc3\xa9",
    name="bytes above ASCII in a query",
    no_testclient=BY_CLIENT,
    differs=Differs(
        "bytes above ASCII",
        ("fastapi",),
        status=400,
        body=b"Invalid HTTP request received.",
        all_headers=((b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"30")),
    ),
)
t.get("/query/optional")
t.get("/query/optional?q=", name="optional, empty")
t.get("/query/default?n=x")
t.get("/query/default?n=4&q=b")
for value in (
    "1",
    "",
    "1.0",
    "1.5",
    " 1 ".replace(" ", "%20"),
    "1_0",
    "-",
    "+1",
    "9" * 25,
    "true",
    "%2B1",
    "null",
):
    t.get(f"/query/int?n={value}")
for value in ("1", "1e5", "nan", "-inf", "Infinity", "1e999", "x", "1_0.5", "0x1p3"):
    t.get(f"/query/float?n={value}")
for value in ("on", "No", "Y", "f", "10", "", "oN"):
    t.get(f"/query/bool?b={value}")
t.get("/query/list?n=1&n=2&n=1")
t.get("/query/list?n=1&n=b&n=c")
t.get("/query/list", name="no list")
t.get("/query/list?n=", name="an empty member")
t.get("/query/strings")
t.get("/query/strings?s=&s=x")
t.get("/query/set?n=3&n=1&n=3")
t.get("/query/set")
t.get("/query/tuple?t=1&t=b")
t.get("/query/tuple?t=1")
t.get("/query/tuple?t=1&t=2&t=3")
t.get("/query/alias?item-query=a")
t.get("/query/alias?value=a")
t.get("/query/choices?first=a&second=b")
t.get("/query/choices?second=b")
t.get("/query/choices", name="neither choice")
t.get("/query/limits?text=abcd&number=5&part=1.234")
t.get("/query/limits?text=A&number=-1&part=12345")
t.get("/query/limits?part=1.50")
t.get(
    "/query/types?when=2026-01-02T03:04:05Z&day=2026-01-02&at=03:04&took=P1DT2S&color=red&size=2&kind=a&number=5&raw=%ff"
)
t.get("/query/types?when=x&day=x&at=x&took=x&id=x&color=x&size=x&kind=x")
t.get("/query/types?when=1600000000&day=1600000000&took=90.5&number=a&size=small")
t.get("/query/strict?n=1")
t.get("/query/bad-default")
t.get("/query/checked-default")
t.add("default_factory is called each time", *[ask("GET", "/query/factory")] * 2)
t.get("/query/several?b=x")
t.get("/query/several?a=1&b=2&c=")
t.get("/query/raw?a=1&a=2&b=%20&c&=d&e=%C3%A9&%zz=1")
t.get("/query/raw?" + "&".join(f"k{i}=v{i}" for i in range(300)), name="many pairs")

t.get("/model/query")
t.get("/model/query?limit=0&order_by=x&tags=a&tags=b")
t.get("/model/query?limit=5&tags=a&tags=b&other=1")
t.get("/model/query?limit=x&offset=y")
t.get("/model/strict?limit=1&z=2&y=3&y=4")
t.get("/model/strict?name=")
t.get("/model/open?name=a&z=1&z=2&y=")
t.get("/model/open?z=1")
t.get("/model/alias?item-name=a&other-number=8")
t.get("/model/alias?item_name=a&other=8")
t.get("/model/two?limit=3&page=2&extra=9")
t.get("/model/two?limit=300&page=51&extra=x")
t.get("/model/optional")
t.get("/model/optional?any=1")
t.get("/model/optional?name=x&y=1")
t.get("/model/optional-two?page=3")
t.get("/model/optional-two?page=99&limit=1")

t.get("/header/one", {"X-Token": "abc"}, name="header")
t.get("/header/one", name="header is missing")
t.get("/header/one", [("x-token", "a"), ("x-token", "b")], name="header twice")
t.get("/header/one", {"x-token": ""}, name="empty header")
t.get(
    "/header/one",
    {"x-token": "  a b  "},
    name="header in white space",
    no_testclient="the client does not strip it",
    differs=Differs("white space behind", ("fastapi",), body=b'{"x_token":"a b  "}'),
)
t.get("/header/one", {"x-token": "caf\xe9"}, name="Latin-1 header", no_testclient=BYTES)
t.get("/header/one", [(b"x-token", "caf\xe9".encode())], name="UTF-8 header", no_testclient=BYTES)
t.get("/header/one", {"x_token": "a"}, name="header with an underscore")
t.get("/header/optional", {"User-Agent": "me/1.0 (x; y)"}, name="user agent")
t.get("/header/optional", name="no user agent")
t.get("/header/int", {"x-count": "2"}, name="header int")
t.get("/header/int", {"x-count": "0"}, name="header int too small")
t.get("/header/int", {"x-count": "x"}, name="header no int")
t.get("/header/list", [("x-tag", "a"), ("X-Tag", "b"), ("x-tag", "c, d")], name="header list")
t.get("/header/list", name="no header list")
t.get("/header/underscore", {"strange_header": "a"}, name="underscores kept")
t.get("/header/underscore", {"strange-header": "a"}, name="underscores kept, dash sent")
t.get("/header/alias", {"x-other-name": "a"}, name="header alias")
t.get("/header/alias", name="header alias missing")
t.get(
    "/header/raw",
    [("X-B", "2"), ("x-a", "1"), ("X-B", "3"), ("accept", "*/*")],
    name="raw headers in order",
)
t.get("/header/raw", [(f"x-{i}", "v") for i in range(80)], name="80 headers")
t.get("/model/header", {"save-data": "true", "x-tag": "a"}, name="header model")
t.get("/model/header", {"save_data": "true"}, name="header model, underscore sent")
t.get("/model/header", {"save-data": "x"}, name="header model, error")
t.get("/model/header-strict", {"x-id": "1", "x-more": "2"}, name="header model, extra")
t.get("/model/header-strict", {"x-id": "a"}, name="header model, bad value")

t.get("/cookie/one", {"Cookie": "session=abc; other=1"}, name="cookie")
t.get("/cookie/one", name="no cookie")
t.get("/cookie/one", {"cookie": "session=a; session=b"}, name="cookie twice")
t.get("/cookie/one", {"cookie": 'session="a b"'}, name="quoted cookie")
t.get("/cookie/one", {"cookie": "session"}, name="cookie without a value")
t.get("/cookie/one", {"cookie": "session=a%20b"}, name="cookie with an escape")
t.get("/cookie/one", [("cookie", "a=1"), ("cookie", "session=2")], name="two cookie headers")
t.get("/cookie/required", {"cookie": "session=4"}, name="cookie int")
t.get("/cookie/required", {"cookie": "session=x"}, name="cookie no int")
t.get("/cookie/required", name="cookie missing")
t.get("/cookie/alias", {"cookie": "my-cookie=1"}, name="cookie alias")
t.get("/model/cookie", {"cookie": "session_id=a; tracker=3"}, name="cookie model")
t.get("/model/cookie", {"cookie": "session_id=a; tracker=x; more=1"}, name="cookie model, errors")
t.get("/cookie/raw", {"cookie": "a=1;b=2; c = 3 ;=4;d;a=5"}, name="odd cookies")

t.get("/all/1?q=2", {"x-token": "3", "cookie": "session=4"}, name="every place")
t.get("/all/a?q=b", {"x-token": "c", "cookie": "session=d"}, name="an error in every place")
t.get("/all/a", name="errors and missing ones")
t.get("/def/5?q=1.5&flag=no")
t.get("/def/x?q=y&flag=z")
t.get("/v1/router/me/items/5?q=a")
t.get("/v1/router/me/items/a")
for method in ("HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"):
    t.send(method, "/query/optional")
t.get("/nowhere")
t.get("/query/optional/", name="slash at the end")
t.get("/v1/router/me/items/5/?q=a", name="slash at the end of a routed path")
t.get("/openapi.json")
PAGES = "`/docs`, `/redoc`"
for page, digest in (
    ("/docs", "4b371b4917c2044c46a0fb0df5a36061a21d9c3740d59607a3a2c356a4508230"),
    ("/redoc", "2cce82dcede2370bbdb7bae5325f74eb17ea89905027fe4010b2c48022be489d"),
    ("/docs/oauth2-redirect", "f45d60bb9f054b1712b3f9e60547eb9e1d523afd6472a4137b89eb503b37f058"),
):
    t.get(page, differs=Differs(PAGES, ("fastapi",), digest=digest))
