"""The answers of a small application, byte for byte as FastAPI 0.165.0 gives them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Annotated, Any

import pytest
from pydantic import BaseModel
from turboapi import (
    Body,
    Cookie,
    FastAPI,
    File,
    Form,
    Header,
    Query,
    Response,
    TurboAPI,
    UploadFile,
)
from turboapi.testclient import TestClient

JSON = {"content-type": "application/json"}


class Item(BaseModel):
    name: str
    price: float
    quantity: int = 1


def make_app() -> TurboAPI:
    app = TurboAPI()

    @app.get("/")
    def hello() -> Any:
        return {"message": "Hello World"}

    @app.get("/items/{item_id}")
    def get_item(item_id: int, q: str | None = None):
        return {"item_id": item_id, "name": "Widget", "q": q}

    @app.post("/items")
    def create_item(item: Item):
        return {"item": item.model_dump(), "created": True}

    @app.get("/async")
    async def slow():
        await asyncio.sleep(0.01)
        return {"ok": True}

    @app.post("/two")
    def two(item: Item, count: Annotated[int, Body()], note: Annotated[str | None, Body()] = None):
        return [item.name, count, note]

    @app.get("/everywhere")
    def everywhere(
        tags: Annotated[list[int], Query()] = [],  # noqa: B006
        x_token: Annotated[str, Header()] = "none",
        session: Annotated[str | None, Cookie()] = None,
        flag: bool = False,
    ):
        return [tags, x_token, session, flag]

    @app.post("/form")
    async def form(
        text: Annotated[str, Form()],
        file: UploadFile | None = None,
        raw: Annotated[bytes | None, File()] = None,
    ):
        return [text, file and file.filename, raw and len(raw)]

    @app.get("/typed")
    def typed() -> Item:
        return {"name": "ä", "price": float("inf"), "secret": 1}  # type: ignore[return-value]

    @app.get("/empty", status_code=204)
    def empty():
        return None

    @app.get("/injected", status_code=201)
    def injected(response: Response):
        response.headers["x-extra"] = "1"
        response.status_code = 418
        return "tea"

    return app


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(make_app(), raise_server_exceptions=False)


def missing(*loc: str) -> dict[str, Any]:
    return {"type": "missing", "loc": list(loc), "msg": "Field required", "input": None}


def test_both_names_are_one_class():
    assert FastAPI is TurboAPI


def test_importing_the_package_loads_no_native_code():
    code = (
        "import sys, turboapi, turboapi.routing\n"
        "bad = {'turboapi._native', 'turboapi.server'} & sys.modules.keys()\n"
        "assert not bad, bad\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/", b'{"message":"Hello World"}'),
        ("/items/3?q=a", b'{"item_id":3,"name":"Widget","q":"a"}'),
        ("/items/3", b'{"item_id":3,"name":"Widget","q":null}'),
        ("/items/3?q=1&q=2", b'{"item_id":3,"name":"Widget","q":"2"}'),
        ("/async", b'{"ok":true}'),
        ("/everywhere?tags=1&tags=2&flag=on", b'[[1,2],"none",null,true]'),
        ("/typed", '{"name":"ä","price":null,"quantity":1}'.encode()),
    ],
)
def test_good_requests(client: TestClient, path: str, body: bytes):
    response = client.get(path)
    assert (response.status_code, response.content) == (200, body)
    assert response.headers["content-type"] == "application/json"


def test_headers_and_cookies_are_read(client: TestClient):
    headers = {"x-token": "t", "cookie": "session=1; session=2"}
    assert client.get("/everywhere", headers=headers).json() == [[], "t", "2", False]


def test_wrong_parameter(client: TestClient):
    response = client.get("/items/abc")
    assert response.status_code == 422
    assert response.content == (
        b'{"detail":[{"type":"int_parsing","loc":["path","item_id"],"msg":"Input should be a valid '
        b'integer, unable to parse string as an integer","input":"abc"}]}'
    )


def test_unknown_path_and_method(client: TestClient):
    response = client.get("/nope")
    assert (response.status_code, response.content) == (404, b'{"detail":"Not Found"}')
    response = client.delete("/items/1")
    assert (response.status_code, response.content) == (405, b'{"detail":"Method Not Allowed"}')
    assert response.headers["allow"] == "GET"
    assert client.head("/").status_code == 405


def test_slash_redirect(client: TestClient):
    response = client.get("/items/3/?q=a", follow_redirects=False)
    assert response.status_code == 307
    assert response.headers["location"] == "http://testserver/items/3?q=a"


@pytest.mark.parametrize(
    ("content", "headers", "status", "detail"),
    [
        (b"", JSON, 422, [missing("body")]),
        (
            b"null",
            JSON,
            422,
            [
                {
                    "type": "model_attributes_type",
                    "loc": ["body"],
                    "msg": "Input should be a valid dictionary or object to extract fields from",
                    "input": None,
                }
            ],
        ),
        (
            b"{",
            JSON,
            422,
            [
                {
                    "type": "json_invalid",
                    "loc": ["body", 1],
                    "msg": "JSON decode error",
                    "input": {},
                    "ctx": {"error": "Expecting property name enclosed in double quotes"},
                }
            ],
        ),
        (b"\xff", JSON, 400, "There was an error parsing the body"),
        (b"[" * 100_000, JSON, 400, "There was an error parsing the body"),
        (b"1" * 5000, JSON, 400, "There was an error parsing the body"),
        (
            b'{"name":"a"}',
            JSON,
            422,
            [{**missing("body", "price"), "input": {"name": "a"}}],
        ),
        (
            b'{"name":"a","price":1}',
            {"content-type": "text/plain"},
            422,
            [
                {
                    "type": "model_attributes_type",
                    "loc": ["body"],
                    "msg": "Input should be a valid dictionary or object to extract fields from",
                    "input": '{"name":"a","price":1}',
                }
            ],
        ),
    ],
)
def test_bad_bodies(client: TestClient, content, headers, status, detail):
    response = client.post("/items", content=content, headers=headers)
    assert (response.status_code, response.json()) == (status, {"detail": detail})


@pytest.mark.parametrize(
    "content",
    [
        b'{"name":"a","price":1}',
        b'\xef\xbb\xbf{"name":"a","price":1}',
        '{"name":"a","price":1}'.encode("utf-16"),
        b' \n{"name":"b","name":"a","price":"1"} ',
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "application/x+json; charset=utf-8"])
def test_good_bodies(client: TestClient, content: bytes, content_type: str):
    response = client.post("/items", content=content, headers={"content-type": content_type})
    expected = b'{"item":{"name":"a","price":1.0,"quantity":1},"created":true}'
    assert (response.status_code, response.content) == (200, expected)


def test_several_body_parameters(client: TestClient):
    item = {"name": "a", "price": 1}
    assert client.post("/two", json={"item": item, "count": 2}).json() == ["a", 2, None]
    response = client.post("/two", json={"item": {"name": "a"}, "count": "x"})
    assert [error["loc"] for error in response.json()["detail"]] == [
        ["body", "item", "price"],
        ["body", "count"],
    ]
    response = client.post("/two", json=[1])
    assert response.json() == {
        "detail": [missing("body", "item"), missing("body", "count"), missing("body", "note")]
    }


def test_forms(client: TestClient):
    response = client.post("/form", data={"text": "a"}, files={"file": ("n", b"1"), "raw": b"22"})
    assert response.json() == ["a", "n", 2]
    response = client.post("/form", data={"text": ""})
    assert response.json() == {"detail": [missing("body", "text")]}
    response = client.post("/form", data={"text": "a", "file": "no file"})
    assert response.status_code == 422
    response = client.post("/form", content=b"a=1", headers={"content-type": "multipart/form-data"})
    assert (response.status_code, response.json()) == (
        400,
        {"detail": "Missing boundary in multipart."},
    )


def test_status_without_body(client: TestClient):
    response = client.get("/empty")
    assert (response.status_code, response.content) == (204, b"")
    assert "content-length" not in response.headers
    assert response.headers["content-type"] == "application/json"


def test_injected_response(client: TestClient):
    response = client.get("/injected")
    assert (response.status_code, response.content) == (418, b'"tea"')
    assert response.headers["x-extra"] == "1"


def test_exception_of_an_endpoint_is_raised_to_the_server():
    app = TurboAPI()

    @app.get("/")
    def broken():
        raise RuntimeError("secret")

    response = TestClient(app, raise_server_exceptions=False).get("/")
    assert (response.status_code, response.text) == (500, "Internal Server Error")
    with pytest.raises(RuntimeError, match="secret"):
        TestClient(app).get("/")


def test_unknown_options_are_type_errors():
    app = TurboAPI()
    with pytest.raises(TypeError, match="unexpected keyword argument 'nope'"):
        app.get("/", nope=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'nope'"):
        Query(nope=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        TurboAPI(openapi_prefix="/x")  # type: ignore[call-arg]
