"""Mounts, routers, root_path, lifespan."""

from ..model import Differs, Table, ask

t = Table("mounts")
odd = Table("mounts:odd")
native = Table("mounts:native")
rooted = Table("mounts:rooted")
living = Table("mounts:living")
evented = Table("mounts:evented")
TABLES = [t, odd, native, rooted, living, evented]

for path in (
    "/where/a%20b?x=1",
    "/sub/where/b",
    "/sub/",
    "/sub",
    "/sub/key",
    "/sub/value",
    "/sub/slash",
    "/sub/nowhere",
    "/sub/after",
    "/sub/deep/3/where",
    "/sub/deep/3/nowhere",
    "/urls",
    "/starlette/3",
    "/starlette/x",
    "/starlette/raw",
    "/mounted/inner/x%2Fy",
    "/mounted/inner/x",
    "/mounted",
    "/wsgi/a%20b?c",
    "/wsgi",
    "/outer/me/inner/3",
    "/outer/nobody/inner/3",
    "/outer/me/inner/x",
    "/outer/me",
    "/outer/me/",
    "/again/outer/me/inner/4",
    "/outer/me/late",
    "/again/outer/nobody/late",
    "/openapi.json",
    "/sub/openapi.json",
    "/SUB/",
    "/where/%E2%82%AC",
    "/%77here/x",
    "//where/x",
    "/sub//where/b",
    "/where/a%0Ab",
    "/where/%7Bx%7D",
    "/where/a%5Cb",
    "/where/[x]",
    "/where/~!$&'()*+,;=:@",
    "/where/x?q=a/b?c",
    "/where/%c3%28",
):
    t.get(path, no_testclient="the client quotes brackets" if "[" in path else "")
t.post("/wsgi/x", data=b"12345", name="WSGI with a body")
t.send("HEAD", "/starlette/3")
t.send("POST", "/starlette/3")
t.send("OPTIONS", "/sub/where/x")
t.send("POST", "/outer/nobody")
t.get("/", {"host": "a.host.example"}, name="a host of its own")
t.get("/where/x", {"host": "example.org:8443"}, name="another host")
t.get(
    "/where/x",
    {"x-forwarded-host": "f.example", "x-forwarded-proto": "https"},
    name="forwarding without trust",
    differs=Differs(
        "proxies that the command line trusts",
        ("fastapi",),
        body=(
            b'{"path":"/where/x","root_path":"","url":"https://testserver/where/x",'
            b'"base_url":"https://testserver/","params":{"name":"x"},"app":"Main"}'
        ),
    ),
)

for path in (
    "/alias/%7Bitem-id%7D",
    "/alias/5",
    "/braces/%7Bx%7D",
    "/braces/x",
    "/dots.v1+x/a.b.tar.gz",
    "/dotsXv1+x/a.tar.gz",
    "/a1b2c",
    "/abbbc",
    "/abcbc",
    "/a1",
    "/ab",
    "/v3/x",
    "/vx/3",
    "/12345678123456781234567812345678",
    "/a/b/end",
    "/end",
    "/x/end/",
    "/percent%20/x",
    "/%7Bn%C3%A4me%7D",
    "/x%0A",
    "/a%2Fb",
    "/%C3%BCn%C3%AF/x",
    "/space%20here/y",
    "/",
    "/any/thing//at%20all/",
    "/openapi.json",
):
    odd.get(path)
    native.get(path)
for table in (odd, native):
    table.get("/percent%2520/x", no_testclient="the client decodes it twice")
for path in (
    "/where",
    "/proxy/where",
    "/sub/where/x",
    "/proxy/sub/where/x",
    "/proxy",
    "/openapi.json",
    "/proxy/openapi.json",
    "/proxy/proxy/where",
):
    rooted.get(path)
living.add("state", ask("GET", "/state"), ask("GET", "/state"))
living.get("/def-state")
evented.get("/")
