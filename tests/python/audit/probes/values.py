"""What each kind of parameter makes of what clients send."""

import datetime
import decimal
import enum
import json
import uuid
from typing import Annotated, Any, Literal

from fastapi import Body, Cookie, FastAPI, File, Form, Header, Path, Query, UploadFile
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Json,
    field_validator,
    model_validator,
)

from audit.tools import Probes, ask

probes = Probes()


class Colour(str, enum.Enum):
    red = "r"


class Sub(BaseModel):
    a: int
    b: list[str] = []


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    n: int = Field(alias="N", ge=0)
    s: str | None = None


class Checked(BaseModel):
    a: int = 0
    b: int = 0

    @field_validator("a")
    @classmethod
    def positive(cls, value: int) -> int:
        if value < 0:
            raise ValueError("negative")
        return value

    @model_validator(mode="after")
    def ordered(self) -> "Checked":
        assert self.a <= self.b or not self.b, "not in order"
        return self


def _fails(value: Any) -> Any:
    raise ValueError("never")


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


_TYPES: dict[str, Any] = {
    "int": int,
    "float": float,
    "bool": bool,
    "str": str,
    "bytes": bytes,
    "optional": int | None,
    "union": int | str,
    "date": datetime.date,
    "datetime": datetime.datetime,
    "timedelta": datetime.timedelta,
    "decimal": decimal.Decimal,
    "uuid": uuid.UUID,
    "enum": Colour,
    "literal": Literal["a", "1"],
    "list": list[int],
    "list_str": list[str],
    "set": set[int],
    "tuple": tuple[int, str],
    "list_none": list[int] | None,
    "any": Any,
    "json": Json[list[int]],
    "constrained": Annotated[int, Field(gt=1, le=5)],
    "pattern": Annotated[str, Field(pattern="^a+$", max_length=3)],
    "before": Annotated[str, BeforeValidator(_upper)],
    "fails": Annotated[str, AfterValidator(_fails)],
}
_TEXTS = ["", "1", "1.5", "x", "true", "on", "a", "aaaa", "r", "2020-01-02", "2020-01-02T03:04:05Z"]
_TEXTS += ["PT3S", "[1,2]", "null", "é", " 1 ", "1_000", "99999999999999999999", "nan", "inf", "-1"]
_TEXTS += [
    "12345678-1234-5678-1234-567812345678",
    "1&v=2",
    "1;2",
    "%ff",
    "%00",
    "+1",
    "%2B1",
    "%zz",
]


def _show(value: Any) -> Any:
    return repr(value)


def _endpoint(annotation: Any, *defaults: Any) -> Any:
    if defaults:

        def endpoint(v=None):  # type: ignore[no-untyped-def]
            return _show(v)

        endpoint.__defaults__ = defaults
    else:

        def endpoint(v):  # type: ignore[no-untyped-def]
            return _show(v)

    endpoint.__annotations__ = {"v": annotation}
    return endpoint


def _short(answers: list[list[Any]]) -> list[Any]:
    return [[status, body] for status, _, body in answers]


def _of_type(name: str, annotation: Any) -> None:
    @probes.named(f"query_{name}")
    def query() -> Any:
        app = FastAPI()
        app.get("/r")(_endpoint(Annotated[annotation, Query()]))
        app.get("/o")(_endpoint(Annotated[annotation, Query()], None))
        app.get("/d")(_endpoint(Annotated[annotation, Query(validate_default=True)], "1"))
        asks = ["/r", "/o", "/d", "/r?v", "/o?v", "/r?w=1", "/o?V=1"]
        asks += [f"/r?v={text}" for text in _TEXTS] + ["/o?v=", "/o?v=1&v=", "/d?v=2&v=3"]
        return _short([ask(app, "GET", path) for path in asks])

    @probes.named(f"header_{name}")
    def header() -> Any:
        app = FastAPI()
        app.get("/r")(_endpoint(Annotated[annotation, Header()]))
        app.get("/o")(_endpoint(Annotated[annotation, Header()], None))
        sent: list[Any] = [[], [("v", "1"), ("v", "2")], [("V", "")]]
        sent += [[("v", text)] for text in _TEXTS if text.isascii()]
        return _short([ask(app, "GET", path, headers=h) for path in ("/r", "/o") for h in sent])

    @probes.named(f"cookie_{name}")
    def cookie() -> Any:
        app = FastAPI()
        app.get("/r")(_endpoint(Annotated[annotation, Cookie()]))
        app.get("/o")(_endpoint(Annotated[annotation, Cookie()], None))
        sent = [
            "",
            "v=",
            "v=1",
            "v=1; v=2",
            "v=x",
            'v="q"',
            "v=[1]",
            "v",
            "w=1",
            " v = 1 ",
            "v=a=b",
        ]
        return _short(
            [ask(app, "GET", path, headers={"cookie": h}) for path in ("/r", "/o") for h in sent]
        )

    @probes.named(f"path_{name}")
    def path() -> Any:
        app = FastAPI()
        try:
            app.get("/{v}")(_endpoint(Annotated[annotation, Path()]))
        except (AssertionError, TypeError) as error:
            return [type(error).__name__, str(error)]
        texts = [t for t in _TEXTS if "&" not in t] + ["a/b", "a%2Fb", "%20", "a?b", "a%3Fb"]
        return _short([ask(app, "GET", f"/{text}") for text in texts])

    @probes.named(f"form_{name}")
    def form() -> Any:
        app = FastAPI()
        app.post("/r")(_endpoint(Annotated[annotation, Form()]))
        app.post("/o")(_endpoint(Annotated[annotation, Form()], None))
        kind = {"content-type": "application/x-www-form-urlencoded"}
        bodies = [
            "",
            "v",
            "v=",
            "v=1",
            "v=1&v=2",
            "v=x",
            "w=1",
            "v=&v=1",
            "v=[1]",
            "v=%ff",
            "v=a+b",
        ]
        return _short(
            [
                ask(app, "POST", path, content=body, headers=kind)
                for path in ("/r", "/o")
                for body in bodies
            ]
        )

    @probes.named(f"body_{name}")
    def body() -> Any:
        app = FastAPI()
        app.post("/r")(_endpoint(Annotated[annotation, Body()]))
        app.post("/o")(_endpoint(Annotated[annotation, Body()], None))
        app.post("/e")(_endpoint(Annotated[annotation, Body(embed=True)]))
        kind = {"content-type": "application/json"}
        texts = ["", "1", '"x"', "null", "[1]", '{"v":1}', '{"v":null}', "{}", "true", "1.0", '"1"']
        texts += ['"2020-01-02"', "{", "[1,]", "1 2", '{"v":[1,"x"]}', '"\\ud800"']
        return _short(
            [
                ask(app, "POST", path, content=text, headers=kind)
                for path in ("/r", "/o", "/e")
                for text in texts
            ]
        )


for _name, _annotation in _TYPES.items():
    _of_type(_name, _annotation)

_BODIES = [
    b"",
    b"{}",
    b"null",
    b"[]",
    b'{"a":1}',
    b'{"a":"1","b":["x"],"z":1}',
    b'{"a":1,"a":2}',
    b'{"a":1.0,"b":null}',
    b'{"N":1,"s":null}',
    b'{"N":"1"}',
    b'{"n":1}',
    b'{"N":-1,"q":{}}',
    b'{"a":-1,"b":1}',
    b'{"a":2,"b":1}',
    b'\xef\xbb\xbf{"a":1}',
    '{"a":1}'.encode("utf-16"),
    '{"a":1}'.encode("utf-32"),
    b'{"a":1',
    b'{"a":1}}',
    b"{a:1}",
    b"{'a':1}",
    b'{"b":["\\ud800"],"a":1}',
    b'{"b":["\\u0000"],"a":1}',
    b'{"a":"\xff"}',
    b'{"a":' + b"1" * 5000 + b"}",
    b'{"a":' + b"1" * 30 + b"}",
    b"[" * 2000,
    b' \n{"a" : 1 }\t',
    b'{"item":{"a":1},"sub":{"N":1}}',
    b'{"item":{"a":"x"},"sub":{}}',
    b'{"item":null,"sub":1}',
    b'[{"a":1},{"a":"x"}]',
    b'"text"',
    b"5",
    b"true",
]
_TYPES_OF_BODY = [
    None,
    "application/json",
    "application/json; charset=utf-8",
    "APPLICATION/JSON",
    "application/vnd.api+json",
    "application/xjson",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "application/json, text/plain",
    "",
    "nonsense",
]


def _bodies(name: str, *annotations: Any, defaults: tuple[Any, ...] = (), **options: Any) -> None:
    def build() -> FastAPI:
        app = FastAPI(**options)
        if len(annotations) == 1:
            app.post("/")(_endpoint(annotations[0], *defaults))
        else:

            def two(item, sub):  # type: ignore[no-untyped-def]
                return [_show(item), _show(sub)]

            two.__annotations__ = {"item": annotations[0], "sub": annotations[1]}
            two.__defaults__ = defaults or None
            app.post("/")(two)
        return app

    @probes.named(f"bodies_{name}")
    def bodies() -> Any:
        kind = {"content-type": "application/json"}
        return _short([ask(build(), "POST", "/", content=body, headers=kind) for body in _BODIES])

    @probes.named(f"types_{name}")
    def types() -> Any:
        app = build()
        found = []
        for kind in _TYPES_OF_BODY:
            headers = {} if kind is None else {"content-type": kind}
            for body in (b"", b'{"a":1,"N":1}', b"\xff"):
                found.append(ask(app, "POST", "/", content=body, headers=headers))
        return _short(found)


_bodies("model", Sub)
_bodies("model_loose", Sub, strict_content_type=False)
_bodies("optional", Sub | None, defaults=(None,))
_bodies("nullable", Sub | None)
_bodies("defaulted", Sub, defaults=(Sub(a=9),))
_bodies("strict", Strict)
_bodies("checked", Checked)
_bodies("list", list[Sub])
_bodies("dict", dict[str, int])
_bodies("bare_dict", dict)
_bodies("any", Annotated[Any, Body()])
_bodies("bytes", Annotated[bytes, Body()])
_bodies("str", Annotated[str, Body()])
_bodies("union", Sub | Strict)
_bodies("two", Sub, Strict)
_bodies("two_optional", Sub | None, Strict | None, defaults=(None, None))
_bodies("embedded", Annotated[Sub, Body(embed=True)])
_bodies("other_type", Annotated[Sub, Body(media_type="application/xml")])
_bodies("json_string", Annotated[Json[Any], Body()])


# --- names ----------------------------------------------------------------------------------------


@probes
def aliases() -> Any:
    app = FastAPI()

    @app.get("/{p-q}")
    def endpoint(
        p: Annotated[str, Path(alias="p-q")],
        a: Annotated[int, Query(alias="A")] = 0,
        b: Annotated[int, Query(validation_alias="B")] = 0,
        c: Annotated[int, Query(serialization_alias="C")] = 0,
        d: Annotated[int, Query(validation_alias=AliasChoices("d1", "d2"))] = 0,
        e: Annotated[int, Query(), Field(alias="E")] = 0,
        f_g: Annotated[int, Header()] = 0,
        h_i: Annotated[int, Header(convert_underscores=False)] = 0,
        j_k: Annotated[int, Header(alias="j_k")] = 0,
        l_m: Annotated[int, Header(validation_alias=AliasChoices("l1", "l_2"))] = 0,
        n_o: Annotated[int, Cookie()] = 0,
    ) -> list[Any]:
        return [p, a, b, c, d, e, f_g, h_i, j_k, l_m, n_o]

    queries = [
        "",
        "A=1&B=2&c=3&C=4&d1=5&E=6",
        "a=1&b=2&d2=7&d1=8&e=9",
        "d=1",
        "A=x&B=x&c=x&d2=x&E=x",
    ]
    headers = [
        {},
        {"f-g": "1", "h_i": "2", "j_k": "3", "l1": "4", "cookie": "n_o=5"},
        {"f_g": "1", "h-i": "2", "j-k": "3", "l-2": "4", "cookie": "n-o=5"},
        {"f-g": "x", "h_i": "x", "j_k": "x", "l_2": "x", "cookie": "n_o=x"},
    ]
    return [[ask(app, "GET", f"/z?{q}", headers=h)[::2] for q in queries] for h in headers]


@probes
def model_aliases() -> Any:
    class Model(BaseModel):
        model_config = ConfigDict(extra="allow")
        x_a: int = 0
        b: int = Field(0, alias="B-b")
        c: list[int] = Field([], validation_alias=AliasChoices("c1", "c2"))
        d: str = Field("", validation_alias="dd", serialization_alias="de")

    class ByName(Model):
        model_config = ConfigDict(populate_by_name=True)

    class OnlyName(Model):
        model_config = ConfigDict(validate_by_alias=False, validate_by_name=True)

    class Forbid(Model):
        model_config = ConfigDict(extra="forbid", loc_by_alias=False)

    found = []
    for model in (Model, ByName, OnlyName, Forbid):
        app = FastAPI()
        for path, marker in (("/q", Query()), ("/h", Header()), ("/c", Cookie()), ("/f", Form())):
            app.post(path)(_endpoint(Annotated[model, marker]))
        pairs = ["x_a=1&B-b=2&c1=3&c1=4&dd=5", "x-a=1&b=2&c2=3&d=6&z=1&z=2", "x_a=q&B-b=q&b=q&c2=q"]
        for text in pairs:
            items = [tuple(pair.split("=")) for pair in text.split("&")]
            found.append(ask(app, "POST", f"/q?{text}")[::2])
            found.append(ask(app, "POST", "/h", headers=items)[::2])
            cookies = {"cookie": text.replace("&", "; ")}
            found.append(ask(app, "POST", "/c", headers=cookies)[::2])
            kind = {"content-type": "application/x-www-form-urlencoded"}
            found.append(ask(app, "POST", "/f", content=text, headers=kind)[::2])
    return found


# --- files ----------------------------------------------------------------------------------------

_FILES: list[Any] = [
    None,
    {"f": ("n.txt", b"abc", "text/x")},
    {"f": ("", b"")},
    {"f": ("", b"x")},
    {"f": ("e.txt", b"")},
    [("f", ("1", b"a")), ("f", ("2", b"b"))],
    {"g": ("n", b"abc")},
    {"f": (None, b"plain")},
    {"f": ("ü.txt", b"\xff\x00")},
]
_FILE_TYPES: dict[str, Any] = {
    "bytes": bytes,
    "upload": UploadFile,
    "optional_bytes": bytes | None,
    "optional_upload": UploadFile | None,
    "list_bytes": list[bytes],
    "list_upload": list[UploadFile],
    "optional_list": list[UploadFile] | None,
    "tuple": tuple[bytes, ...],
}
for _name, _annotation in _FILE_TYPES.items():

    def _file(name: str, annotation: Any) -> None:
        @probes.named(f"file_{name}")
        def probe() -> Any:
            def one(value: Any) -> Any:
                if isinstance(value, (list, tuple)):
                    return [one(each) for each in value]
                if hasattr(value, "filename"):
                    value.file.seek(0)
                    return [value.filename, value.size, value.content_type, repr(value.file.read())]
                return repr(value)

            def show(f):  # type: ignore[no-untyped-def]
                return one(f)

            def optional(f=None):  # type: ignore[no-untyped-def]
                return one(f)

            app = FastAPI()
            show.__annotations__ = optional.__annotations__ = {"f": Annotated[annotation, File()]}
            app.post("/r")(show)
            app.post("/o")(optional)
            found = [
                ask(app, "POST", p, files=files)[::2] for p in ("/r", "/o") for files in _FILES
            ]
            found.append(ask(app, "POST", "/r", data={"f": "text"})[::2])
            found.append(ask(app, "POST", "/r", json={"f": "text"})[::2])
            return found

    _file(_name, _annotation)


@probes
def mixed_forms() -> Any:
    app = FastAPI()

    class More(BaseModel):
        c: int
        d: list[int] = []
        e: str | None = None

    @app.post("/a")
    def a(f: UploadFile, g: Annotated[bytes, File(alias="f")], s: Annotated[str, Form()] = "d"):
        return [f.filename, g.decode(), s]

    @app.post("/b")
    def b(m: Annotated[Sub, Form()], n: Annotated[More, Form()], s: Annotated[int, Form()] = 0):
        return [_show(m), _show(n), s]

    @app.post("/c")
    def c(m: Annotated[Sub | None, Form()] = None, n: Annotated[More | None, Form()] = None):
        return [_show(m), _show(n)]

    @app.post("/d")
    def d(m: Annotated[Strict | Sub, Form()]):
        return _show(m)

    bodies: list[dict[str, Any]] = [
        {},
        {"data": {"a": "1", "c": "2", "d": ["3", "4"], "e": ""}},
        {"data": {"a": "x", "c": "x", "d": "x", "s": "x"}},
        {"data": {"a": "1"}},
        {"data": {"N": "1"}},
        {"data": {"e": "1"}},
        {"files": {"f": ("n", b"abc")}, "data": {"s": ""}},
        {"files": {"a": ("n", b"1"), "c": (None, b"2")}},
        {
            "content": b"--x\r\nbroken",
            "headers": {"content-type": "multipart/form-data; boundary=x"},
        },
        {"content": b"a=1", "headers": {"content-type": "multipart/form-data"}},
        {"content": b"a=1&c=2", "headers": {"content-type": "text/plain"}},
        {
            "content": b"a=1&c=2",
            "headers": {"content-type": "application/x-www-form-urlencoded; charset=latin-1"},
        },
    ]
    return [
        [ask(app, "POST", path, **body)[::2] for body in bodies]
        for path in ("/a", "/b", "/c", "/d")
    ]


@probes
def defaults_are_fresh() -> Any:
    app = FastAPI()
    calls: list[int] = []

    def factory() -> list[int]:
        calls.append(1)
        return [len(calls)]

    @app.get("/")
    def endpoint(
        a: Annotated[list[int], Query()] = [],
        b: Annotated[list[int], Query(default_factory=factory)] = ...,  # type: ignore[assignment]
        c: Annotated[Any, Query()] = "untouched",
        d: Annotated[int, Query()] = "no int",  # type: ignore[assignment]
        e: Annotated[int, Query(validate_default=True)] = "no int",  # type: ignore[assignment]
    ):
        a.append(1)
        b.append(1)
        return [a, b, c, d, e]

    @app.get("/ok")
    def fine(
        a: Annotated[list[int], Query()] = [],
        b: Annotated[list[int] | None, Query(default_factory=factory)] = ...,  # type: ignore[assignment]
        d: Annotated[int, Query()] = "no int",  # type: ignore[assignment]
    ):
        a.append(1)
        return [a, b, d]

    return [ask(app, "GET", path)[::2] for path in ("/", "/ok", "/ok", "/ok?a=5")]


@probes
def errors_in_order() -> Any:
    app = FastAPI()

    def dep(dq: int, dh: Annotated[int, Header()]) -> int:
        return 1

    from fastapi import Depends

    @app.post("/{p}")
    def endpoint(
        body: Sub,
        c: Annotated[int, Cookie()],
        h: Annotated[int, Header()],
        q: int,
        p: int,
        d: Annotated[int, Depends(dep)],
        other: Annotated[int, Body()],
    ): ...

    return [
        ask(app, "POST", "/x")[::2],
        ask(app, "POST", "/x", json={"body": 1, "other": "y"})[::2],
    ]


@probes
def json_of_errors() -> Any:
    app = FastAPI()

    @app.post("/")
    def endpoint(
        a: Annotated[decimal.Decimal, Body(gt=decimal.Decimal("1.5"))], b: Colour, c: Checked
    ): ...

    texts = [
        '{"a":1,"c":{"a":-1}}',
        '{"a":"é","c":{"a":5,"b":1}}',
        json.dumps({"a": "\u2028", "c": 1}),
    ]
    return [
        ask(app, "POST", "/?b=x", content=t, headers={"content-type": "application/json"})
        for t in texts
    ]
