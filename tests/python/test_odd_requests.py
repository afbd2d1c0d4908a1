"""What servers, clients and applications seldom do, and what then must not go wrong."""

# mypy: disable-error-code="no-untyped-def"
# Endpoints have no return type where it would make a response model.

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from pydantic import BaseModel
from turboapi import Body, Depends, FastAPI, Request
from turboapi._plan import compile_graph
from turboapi.dependencies.utils import get_dependant
from turboapi.encoders import jsonable_encoder
from turboapi.exceptions import FastAPIError
from turboapi.responses import EventSourceResponse
from turboapi.routing import APIRoute, APIRouter
from turboapi.testclient import TestClient

JSON = (b"content-type", b"application/json")


class Item(BaseModel):
    name: str


def scope_of(path: str, method: str = "GET", headers: Any = ()) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"testserver"), *headers],
        "client": ("testclient", 1),
        "server": ("testserver", 80),
    }


async def ask(app: Any, scope: dict[str, Any], *received: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages that an application sends; after what is ``received`` the client is gone."""
    waiting = list(received)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


# --- bodies ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [[JSON], []])
def test_a_body_that_comes_as_a_bytearray_is_read_as_bytes(headers: Any) -> None:
    app = FastAPI()

    @app.post("/")
    async def kinds(request: Request, content: Annotated[Any, Body()]) -> list[str]:
        return [type(await request.body()).__name__, type(content).__name__]

    @app.post("/item")
    async def item(content: Item) -> Item:
        return content

    message = {"type": "http.request", "body": bytearray(b'{"name": "a"}')}
    sent = asyncio.run(ask(app, scope_of("/", "POST", headers), message))
    assert sent[1]["body"] == (b'["bytes","dict"]' if headers else b'["bytes","bytes"]')
    sent = asyncio.run(ask(app, scope_of("/item", "POST", headers), message))
    assert sent[0]["status"] == (200 if headers else 422)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_data_may_be_nested_about_as_deeply_as_json_can_be_read(opening: str) -> None:
    """FastAPI takes one frame a level, so that of 1,000 some 960 are left for data."""
    app = FastAPI()

    @app.post("/echo")
    async def echo(value: Annotated[Any, Body()]):
        return value

    @app.post("/items")
    async def create(item: Item) -> Item:
        return item

    depth = 900
    closing = {"[": "]", '{"a":': "}"}[opening]
    content = (opening * depth + "[]" + closing * depth).encode()
    answers: list[dict[str, Any]] = []

    def run() -> None:
        for path in ("/echo", "/items"):
            message = {"type": "http.request", "body": content}
            answers.extend(asyncio.run(ask(app, scope_of(path, "POST", [JSON]), message)))

    thread = threading.Thread(target=run)  # Its stack is empty, that of a test is not.
    thread.start()
    thread.join()
    assert [each["status"] for each in answers[::2]] == [200, 422]
    assert answers[1]["body"] == content


def test_options_of_the_encoder_hold_at_every_level() -> None:
    data = {"a": [{"b": None, "_sa_x": 1, 2: (None, {"c": None})}], "_sa_y": 1}
    assert jsonable_encoder(data) == {"a": [{"b": None, 2: [None, {"c": None}]}]}
    assert jsonable_encoder(data, exclude_none=True) == {"a": [{2: [None, {}]}]}
    assert jsonable_encoder(data, sqlalchemy_safe=False)["a"][0]["_sa_x"] == 1


# --- dependencies -----------------------------------------------------------------------------------


def test_an_override_that_equals_the_one_before_takes_effect() -> None:
    @dataclasses.dataclass
    class Fake:
        name: str
        detail: str = dataclasses.field(compare=False)

        def __call__(self) -> str:
            return self.detail

    def declared() -> str:
        return "declared"

    app = FastAPI()

    @app.get("/")
    async def read(value: str = Depends(declared)) -> str:
        return value

    client = TestClient(app)
    for detail in ("one", "two"):
        app.dependency_overrides = {declared: Fake("same", detail)}
        assert client.get("/").json() == detail


def test_overrides_may_change_in_another_thread_while_a_graph_is_compiled() -> None:
    class Changing(dict[Any, Any]):
        """Loses an entry as soon as somebody has seen it."""

        def __contains__(self, key: object) -> bool:
            found = super().__contains__(key)
            self.clear()
            return found

    def declared() -> str:
        return "declared"

    def endpoint(value: str = Depends(declared)) -> str:
        return value

    dependant = get_dependant(path="/", call=endpoint)
    graph = compile_graph(dependant, False, Changing({declared: lambda: "replaced"}))
    assert graph.steps[0].call() == "replaced"


def test_a_handler_that_returns_nothing_is_not_blamed_on_a_dependency() -> None:
    class Silent(APIRoute):
        def get_route_handler(self) -> Any:
            async def handler(request: Request) -> None:
                return None

            return handler

    app = FastAPI()
    router = APIRouter(route_class=Silent)
    router.get("/")(lambda: None)
    app.include_router(router)
    with pytest.raises(TypeError, match="NoneType"):
        TestClient(app).get("/")


def test_a_dependency_that_swallows_the_exception_is_blamed() -> None:
    async def swallow() -> AsyncIterator[None]:
        try:  # noqa: SIM105  (as people write it)
            yield
        except KeyError:
            pass

    app = FastAPI()

    @app.get("/", dependencies=[Depends(swallow, scope="function")])
    async def fail() -> None:
        raise KeyError

    with pytest.raises(FastAPIError, match="Response not awaited"):
        TestClient(app).get("/")


# --- streams ----------------------------------------------------------------------------------------


def test_a_client_that_leaves_at_once_is_no_failure_of_an_event_stream() -> None:
    app = FastAPI()
    ended: list[str] = []

    @app.get("/", response_class=EventSourceResponse)
    async def events() -> AsyncIterator[Item]:
        try:
            for name in "abcdef":
                yield Item(name=name)
        finally:
            ended.append("events")

    sent = asyncio.run(ask(app, scope_of("/")))
    assert sent[0]["status"] == 200
    assert ended == ["events"]
