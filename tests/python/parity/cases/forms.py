"""Forms and uploads."""

from ..model import BOUNDARY, Part, Table, encode_multipart

t = Table("forms")
limited = Table("forms:limited")
TABLES = [t, limited]
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"

t.post("/login", form="username=a&password=b", name="login")
t.post("/login", form="username=&password=b", name="empty field")
t.post("/login", form="username=a", name="missing field")
t.post("/login", name="no body")
t.post("/login", form="", name="empty form")
t.post("/login", json={"username": "a", "password": "b"}, name="JSON for a form")
t.post(
    "/login", form="username=a&username=c&password=%C3%A9+%2B%26", name="escapes and a second value"
)
t.post("/login", form="username=%ff&password=%zz%", name="odd escapes")
t.post("/login", form="username=a;password=b", name="semicolon")
t.post("/login", form="&&username=a&=&password", name="empty pairs")
t.post("/login", form="username=é&password=b", name="UTF-8 that is not escaped")
t.post(
    "/login",
    data=b"username=\xe9&password=\xff",
    content_type="application/x-www-form-urlencoded",
    name="Latin-1 that is not escaped",
)
t.post("/login", data=b"username=a&password=b", content_type="text/plain", name="form as text")
t.post("/login", data=b"username=a&password=b", name="form without its type")
t.post(
    "/login",
    form="username=a&password=b",
    content_type="application/x-www-form-urlencoded; charset=utf-8",
    name="charset",
)
t.post(
    "/login",
    data=(b"username=a&pass", b"word=b"),
    chunked=True,
    content_type="application/x-www-form-urlencoded",
    name="chunked",
)
t.post("/login", multipart=[Part("username", b"a"), Part("password", b"b")], name="multipart")
t.post(
    "/login",
    multipart=[Part("username", b"a", "f.txt"), Part("password", b"b")],
    name="file for a field",
)
t.post("/login", form="username=" + "x" * 100_000 + "&password=b", name="long field")
t.post("/login", form="&".join(f"f{i}=1" for i in range(1001)), name="1,001 fields")
t.post("/def", form="name=a&n=3", name="def form")
t.post("/def", form="n=x", name="def form with errors")
t.post("/optional", form="n=2", name="optional")
t.post("/optional", name="optional, no body")
t.post("/optional", form="a=&n=", name="optional, empty")
t.post("/optional", form="n=0", name="optional, too small")
t.post("/list", form="tags=a&tags=b&n=1&n=2", name="lists")
t.post("/list", form="n=x", name="lists with errors")
t.post("/list", form="tags=", name="empty member")
t.post("/alias", form="the+value=ab", name="alias")
t.post("/alias", form="the%20value=a", name="alias, too short")
t.post("/alias", form="value=ab", name="alias missing")
t.post("/model", form="name=a&tags=1&tags=2", name="model")
t.post("/model", form="name=&age=&nick=", name="model, empty")
t.post("/model", form="age=x", name="model, errors")
t.post("/strict", form="name=a&more=1&more=2", name="forbid")
t.post("/open", form="name=a&more=1&more=2&x=", name="allow")
t.post("/optional-model", form="", name="optional model")
t.post("/optional-model", form="age=3", name="optional model, error")
t.post("/two-models", form="name=a&age=4&n=5&more=6", name="two models")
t.post("/two-models", form="age=b", name="two models, errors")
t.post("/pet", form="kind=cat&lives=9", name="cat")
t.post("/pet", form="kind=dog", name="dog, error")
t.post("/pet", form="kind=cow", name="cow")

FILE = Part("file", b"content of the file", "a.txt", "text/plain")
t.post("/bytes", multipart=[FILE], name="bytes")
t.post("/bytes", form="file=text", name="text for bytes")
t.post("/bytes", multipart=[Part("file", b"text")], name="field for bytes")
t.post("/bytes", name="no bytes")
t.post("/bytes", multipart=[Part("file", b"", "")], name="empty input")
t.post("/bytes", multipart=[Part("file", b"", "empty.txt")], name="empty file")
t.post("/upload", multipart=[FILE], name="upload")
t.post("/upload", multipart=[Part("file", b"x", "b.bin")], name="upload without a type")
t.post("/upload", multipart=[Part("file", b"x", "\u00e9\u20ac.txt", "text/x")], name="UTF-8 name")
t.post("/upload", multipart=[Part("file", b"x", 'q\\"uote.txt', "text/x")], name="quoted name")
t.post(
    "/upload",
    multipart=[Part("file", b"x", "C:\\\\dir\\\\f.txt", "text/x")],
    name="backslashes in the name",
)
t.post(
    "/upload",
    multipart=[Part("file", b"x", "a.txt", "text/x", ("X-Custom: 1",))],
    name="header of a part",
)
t.post("/upload", multipart=[Part("file", b"text")], name="field for an upload")
t.post("/upload", multipart=[], name="no upload")
t.post("/upload", multipart=[FILE, Part("file", b"second", "b.txt")], name="two uploads for one")
t.post(
    "/upload",
    multipart=[Part("file", b"z" * 2_000_000, "big.bin", "application/x")],
    name="upload of 2 MB",
)
t.post(
    "/upload",
    multipart=[Part("file", b"\r\n--parity-boundar\r\n--" * 50, "tricky")],
    name="almost boundaries",
)
body = encode_multipart([FILE])
t.post(
    "/upload",
    data=tuple(body[i : i + 7] for i in range(0, len(body), 7)),
    content_type=MULTIPART,
    chunked=True,
    name="upload in pieces",
)
t.post("/upload", data=body[:-10], content_type=MULTIPART, name="cut upload")
t.post("/upload", data=body, content_type="multipart/form-data", name="no boundary")
t.post(
    "/upload",
    data=body,
    content_type="multipart/form-data; boundary=other",
    name="another boundary",
)
t.post("/upload", data=body + b"epilogue", content_type=MULTIPART, name="epilogue")
t.post("/upload", data=b"preamble\r\n" + body, content_type=MULTIPART, name="preamble")
t.post(
    "/upload",
    data=body,
    content_type=f'multipart/form-data; boundary="{BOUNDARY}"',
    name="quoted boundary",
)
t.post("/upload", data=b"", content_type=MULTIPART, name="nothing")
t.post(
    "/upload",
    data=body.replace(b"form-data;", b"attachment;"),
    content_type=MULTIPART,
    name="attachment",
)
t.post(
    "/upload",
    data=body.replace(b'name="file"; ', b""),
    content_type=MULTIPART,
    name="part without a name",
)
t.post(
    "/upload",
    data=body.replace(b"Content-Disposition", b"X"),
    content_type=MULTIPART,
    name="no disposition",
)
t.post("/upload", data=body.replace(b"\r\n", b"\n"), content_type=MULTIPART, name="bare line feeds")
t.post("/def-upload", multipart=[FILE], name="def upload")
t.post("/optional-upload", name="optional upload, no body")
t.post("/optional-upload", multipart=[Part("file", b"", "")], name="optional upload, empty input")
t.post("/optional-upload", multipart=[FILE], name="optional upload")
t.post(
    "/uploads",
    multipart=[Part("files", b"1", "1.txt"), Part("files", b"22", "2.txt", "a/b")],
    name="uploads",
)
t.post(
    "/uploads",
    multipart=[Part("files", b"", ""), Part("files", b"22", "2.txt")],
    name="uploads, one empty",
)
t.post("/uploads", multipart=[], name="uploads, none")
t.post(
    "/many-bytes", multipart=[Part("files", b"x" * i, f"{i}") for i in range(30)], name="30 files"
)
t.post("/mixed", multipart=[FILE, Part("upload", b"u", "u.txt"), Part("token", b"t")], name="mixed")
t.post("/mixed", multipart=[Part("token", b"t")], name="mixed, missing files")
t.post("/both", multipart=[FILE], name="one file for two")
t.post(
    "/raw",
    multipart=[Part("a", b"1"), FILE, Part("a", b"\xff\xfe"), Part("", b"x")],
    name="raw form",
)
t.post("/raw", form="a=1&a=2&b", name="raw urlencoded")
t.post("/raw", data=b"{}", content_type="application/json", name="raw form of JSON")
t.post("/raw", multipart=[Part("big", b"x" * 1_100_000)], name="raw, part too large")
t.get("/openapi.json")

limited.post("/fields", form="a=1&b=2", name="at the limit")
limited.post("/fields", form="a=1&b=2&c=3", name="too many fields")
limited.post("/fields", multipart=[Part("a", b"1")] * 3, name="too many parts")
limited.post("/fields", form="a=" + "x" * 65, name="field too long")
limited.post("/fields", multipart=[Part("a", b"x" * 65)], name="part too long")
limited.post(
    "/files",
    multipart=[Part("files", b"x" * 99, f"{i}") for i in range(2)],
    name="files at the limit",
)
limited.post(
    "/files", multipart=[Part("files", b"", f"{i}") for i in range(3)], name="too many files"
)
limited.post("/manual", form="a=1&b=2&c=3", name="manual form")
