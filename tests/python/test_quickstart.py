"""The application of the README, on a socket: everything that FastAPI fixes is compared to the byte."""

from __future__ import annotations

import importlib.util
import logging
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Client
from turboapi import TurboAPI
from turboapi.server import Server

ROOT = Path(__file__).resolve().parents[2]
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TurboAPI]:
    """The example's application; its handler library lies in the current directory, as in the example."""
    folder = tmp_path_factory.mktemp("quickstart")
    compiler = shutil.which("cc")
    assert compiler is not None, "a C compiler is wanted: install the package gcc (Debian)"
    subprocess.run(
        [
            *(compiler, "-shared", "-fPIC", "-I", ROOT / "include", "-o", folder / "libhandler.so"),
            ROOT / "bindings" / "c-examples" / "handler.c",
        ],
        check=True,
    )
    path = ROOT / "bindings" / "python" / "examples" / "quickstart.py"
    spec = importlib.util.spec_from_file_location("quickstart", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["quickstart"] = module
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        spec.loader.exec_module(module)
        yield module.app
    del sys.modules["quickstart"]


@pytest.fixture(scope="module")
def server(quickstart: TurboAPI) -> Iterator[Server]:
    with Server(quickstart, port=0) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    client = Client(server.port)
    yield client
    client.connection.close()


ANSWERS: list[tuple[str, str, dict[str, str], bytes | None, int, bytes]] = [
    ("GET", "/", {}, None, 200, b'{"message":"Hello World"}'),
    ("GET", "/items/7", {}, None, 200, b'{"item_id":7,"name":"Widget","q":null}'),
    ("GET", "/items/7?q=a%20b", {}, None, 200, b'{"item_id":7,"name":"Widget","q":"a b"}'),
    ("GET", "/items/-3?q=", {}, None, 200, b'{"item_id":-3,"name":"Widget","q":""}'),
    (
        "GET",
        "/items/5?q=%C3%A9%F0%9F%98%80",
        {},
        None,
        200,
        '{"item_id":5,"name":"Widget","q":"é😀"}'.encode(),
    ),
    (
        "GET",
        "/items/abc",
        {},
        None,
        422,
        b'{"detail":[{"type":"int_parsing","loc":["path","item_id"],"msg":"Input should be a valid '
        b'integer, unable to parse string as an integer","input":"abc"}]}',
    ),
    ("GET", "/nope", {}, None, 404, b'{"detail":"Not Found"}'),
    ("DELETE", "/items/1", {}, None, 405, b'{"detail":"Method Not Allowed"}'),
    ("HEAD", "/", {}, None, 405, b""),
    (
        "POST",
        "/items",
        JSON,
        b'{"name":"Pen","price":1.5}',
        200,
        b'{"item":{"name":"Pen","price":1.5,"quantity":1},"created":true}',
    ),
    (
        "POST",
        "/items",
        JSON,
        '{"name":"é","price":2,"quantity":3,"more":[]}'.encode(),
        200,
        '{"item":{"name":"é","price":2.0,"quantity":3},"created":true}'.encode(),
    ),
    (
        "POST",
        "/items",
        JSON,
        b'{"name":"Pen"}',
        422,
        b'{"detail":[{"type":"missing","loc":["body","price"],"msg":"Field required",'
        b'"input":{"name":"Pen"}}]}',
    ),
    (
        "POST",
        "/items",
        JSON,
        b'{"name":1,"price":"x","quantity":1.5}',
        422,
        b'{"detail":[{"type":"string_type","loc":["body","name"],"msg":"Input should be a valid '
        b'string","input":1},{"type":"float_parsing","loc":["body","price"],"msg":"Input should be '
        b'a valid number, unable to parse string as a number","input":"x"},{"type":'
        b'"int_from_float","loc":["body","quantity"],"msg":"Input should be a valid integer, got a '
        b'number with a fractional part","input":1.5}]}',
    ),
    (
        "POST",
        "/items",
        JSON,
        b"",
        422,
        b'{"detail":[{"type":"missing","loc":["body"],"msg":"Field required","input":null}]}',
    ),
    (
        "POST",
        "/items",
        JSON,
        b'{"name":',
        422,
        b'{"detail":[{"type":"json_invalid","loc":["body",8],"msg":"JSON decode error","input":{},'
        b'"ctx":{"error":"Expecting value"}}]}',
    ),
    ("GET", "/async", {}, None, 200, b'{"ok":true}'),
    ("GET", "/health", {}, None, 200, b'{"status":"ok"}'),
    ("GET", "/fast", {}, None, 200, b'{"message":"Hello from C"}'),
]


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status", "expected"),
    ANSWERS,
    ids=[f"{number}-{case[0]}-{case[1]}" for number, case in enumerate(ANSWERS)],
)
def test_answers(
    client: Client,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes | None,
    status: int,
    expected: bytes,
) -> None:
    answer = client.request(method, path, headers=headers, body=body)
    assert (answer.status, answer.body) == (status, expected)
    assert answer.header("content-type") == "application/json"
    length = len(expected) if method != "HEAD" else len(b'{"detail":"Method Not Allowed"}')
    assert answer.header("content-length") == str(length)
    names = {name for name, _ in answer.headers}
    assert names - {"allow", "x-handler"} == {"content-type", "content-length", "date", "server"}


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/items/1", "GET"),
        ("GET", "/items", "POST"),
        ("POST", "/", "GET"),
        ("PUT", "/async", "GET"),
    ],
)
def test_a_wrong_method_names_the_right_one(
    client: Client, method: str, path: str, allow: str
) -> None:
    answer = client.request(method, path)
    assert (answer.status, answer.body) == (405, b'{"detail":"Method Not Allowed"}')
    assert answer.header("allow") == allow


def test_the_documentation_is_served(client: Client, quickstart: TurboAPI) -> None:
    assert client.get("/openapi.json").json() == quickstart.openapi()
    assert client.get("/docs").header("content-type") == "text/html; charset=utf-8"
    assert client.get("/docs").status == client.get("/redoc").status == 200


def test_a_slash_too_many_is_redirected(client: Client) -> None:
    answer = client.get("/items/7/?q=x")
    assert answer.status == 307
    assert answer.header("location") == f"http://127.0.0.1:{client.connection.port}/items/7?q=x"


def test_an_exception_is_500_and_its_traceback_is_in_the_log_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = TurboAPI()

    @app.get("/crash")
    def crash() -> Any:
        raise ValueError("not for the client")

    @app.get("/")
    def hello() -> Any:
        return {"message": "Hello World"}

    with caplog.at_level(logging.ERROR), Server(app, port=0) as server:
        client = Client(server.port)
        answer = client.get("/crash")
        after = client.get("/")
        client.connection.close()
    assert (answer.status, answer.body) == (500, b"Internal Server Error")
    assert answer.header("content-type") == "text/plain; charset=utf-8"
    assert after.status == 200
    (record,) = caplog.records
    assert record.exc_info is not None and record.exc_info[2] is not None
    assert "not for the client" in caplog.text and "in crash" in caplog.text
