"""The applications of compare_inprocess.py; one source, run on either framework.

Usage: `python inprocess_app.py FRAMEWORK`, FRAMEWORK being `fastapi` or `turboapi`. A worker: it
reads one JSON command a line from stdin and answers each with one JSON line on stdout.

    {"do": "describe"}                           -> {"framework": ..., "version": ...}
    {"do": "answer", "case": NAME}               -> {"status": ..., "content_type": ..., "body": ..}
    {"do": "time", "case": NAME, "requests": N}  -> {"us": microseconds per request}
    {"do": "startup", "routes": N}               -> {"startup_us": ..., "first_us": ...}

The application is called through ASGI, in this process, without a socket: what is timed is the
framework's own work and the endpoint's. Times are CPU time of this process, all threads together,
so that other work on the machine does not count.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

FRAMEWORK = importlib.import_module(sys.argv[1])
APIRouter, Depends, FastAPI = FRAMEWORK.APIRouter, FRAMEWORK.Depends, FRAMEWORK.FastAPI

INCLUDED_ROUTES = 200

Message = MutableMapping[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]


class Item(BaseModel):
    name: str
    price: float
    quantity: int = 1


class Resource:
    value = 7


async def open_resource() -> AsyncIterator[Resource]:
    yield Resource()


def build_cases() -> Any:
    """The application all cases but the included routes are asked from."""
    app = FastAPI()

    @app.get("/hello")
    async def hello():
        return {"message": "Hello World"}

    @app.get("/items/{item_id}")
    async def read_item(item_id: int, q: str, limit: int = 10):
        return {"item_id": item_id, "q": q, "limit": limit}

    @app.post("/items")
    async def create_item(item: Item) -> Item:
        return item

    @app.get("/def")
    def sync_hello():
        return {"message": "Hello World"}

    @app.get("/def-model")
    def sync_model() -> Item:
        return Item(name="Widget", price=9.5)

    @app.get("/yield")
    async def use_resource(resource: Resource = Depends(open_resource)):
        return {"value": resource.value}

    return app


def build_included() -> Any:
    """One router of many routes, included in an application under a prefix."""
    router = APIRouter()
    for number in range(INCLUDED_ROUTES):
        router.add_api_route(f"/route{number}", make_endpoint(number), methods=["GET"])
    app = FastAPI()
    app.include_router(router, prefix="/v1")
    return app


def make_endpoint(number: int) -> Callable[[], Awaitable[dict[str, int]]]:
    async def endpoint():
        return {"route": number}

    return endpoint


def make_models(count: int) -> list[type[BaseModel]]:
    return [type(f"Model{number}", (Item,), {"__module__": __name__}) for number in range(count)]


def build_model_routes(models: list[type[BaseModel]]) -> Any:
    """One included route for each model, which takes and returns it."""
    router = APIRouter()
    for number, model in enumerate(models):
        router.add_api_route(f"/model{number}", make_model_endpoint(model), methods=["POST"])
    app = FastAPI()
    app.include_router(router)
    return app


def make_model_endpoint(model: type[BaseModel]) -> Callable[..., Awaitable[BaseModel]]:
    async def endpoint(item):
        return item

    endpoint.__annotations__ = {"item": model, "return": model}
    return endpoint


@dataclass(frozen=True, slots=True)
class Case:
    """A request, and the application it is sent to."""

    app: Application
    method: str
    path: str
    query: bytes = b""
    body: bytes = b""

    def scope(self) -> dict[str, Any]:
        """A fresh ASGI scope, as a server makes one for each request."""
        headers = [(b"host", b"127.0.0.1:8000"), (b"user-agent", b"benchmark")]
        if self.body:
            headers += [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(self.body)).encode()),
            ]
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": "http",
            "path": self.path,
            "raw_path": self.path.encode(),
            "query_string": self.query,
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
            "state": {},
        }


JSON_BODY = b'{"name":"Widget","price":9.5,"quantity":3}'


async def empty(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """The smallest application: its time is that of the measuring itself."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def make_cases() -> dict[str, Case]:
    app, included = build_cases(), build_included()
    return {
        "empty": Case(empty, "GET", "/"),
        "hello": Case(app, "GET", "/hello"),
        "path_query": Case(app, "GET", "/items/42", query=b"q=abc&limit=5"),
        "post_model": Case(app, "POST", "/items", body=JSON_BODY),
        "def": Case(app, "GET", "/def"),
        "def_model": Case(app, "GET", "/def-model"),
        "yield": Case(app, "GET", "/yield"),
        "last_included": Case(included, "GET", f"/v1/route{INCLUDED_ROUTES - 1}"),
    }


class Exchange:
    """The server's half of one ASGI request: hands the body in, collects what comes out."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        if self._body is None:
            return {"type": "http.disconnect"}
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        self.sent.append(message)


async def request(case: Case) -> list[Message]:
    exchange = Exchange(case.body)
    await case.app(case.scope(), exchange.receive, exchange.send)
    return exchange.sent


async def describe_answer(case: Case) -> dict[str, Any]:
    start, *parts = await request(case)
    headers = dict(start["headers"])
    return {
        "status": start["status"],
        "content_type": headers.get(b"content-type", b"").decode(),
        "body": b"".join(part.get("body", b"") for part in parts).decode(),
    }


async def time_requests(case: Case, requests: int) -> float:
    """Microseconds per request over a run of requests, one after the other."""
    started = time.process_time()
    for _ in range(requests):
        await request(case)
    return (time.process_time() - started) / requests * 1e6


async def time_startup(routes: int) -> dict[str, float]:
    """Registering routes up to the end of the lifespan start-up, then the first request, which goes
    to the last route. The models exist before: making them is pydantic's work."""
    models = make_models(routes)
    started = time.process_time()
    app = build_model_routes(models)
    async with Lifespan(app):
        ready = time.process_time()
        case = Case(app, "POST", f"/model{routes - 1}", body=JSON_BODY)
        start, *_ = await request(case)
        ended = time.process_time()
    if start["status"] != 200:
        raise RuntimeError(f"first request was answered {start['status']}")
    return {"startup_us": (ready - started) * 1e6, "first_us": (ended - ready) * 1e6}


class Lifespan:
    """Runs the application's lifespan around a block, as a server does."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._outbox: asyncio.Queue[Message] = asyncio.Queue()

    async def __aenter__(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        self._task = asyncio.ensure_future(self._app(scope, self._inbox.get, self._outbox.put))
        await self._exchange("startup")

    async def __aexit__(self, *_: object) -> None:
        await self._exchange("shutdown")
        await self._task

    async def _exchange(self, phase: str) -> None:
        await self._inbox.put({"type": f"lifespan.{phase}"})
        answered = asyncio.ensure_future(self._outbox.get())
        await asyncio.wait({answered, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if not answered.done():
            answered.cancel()
            self._task.result()  # Raises what ended the application.
            raise RuntimeError(f"the application ended without an answer to {phase}")
        answer = answered.result()
        if answer["type"] != f"lifespan.{phase}.complete":
            raise RuntimeError(f"lifespan answered {answer}")


async def obey(cases: dict[str, Case], command: dict[str, Any]) -> dict[str, Any]:
    match command["do"]:
        case "describe":
            return {"framework": FRAMEWORK.__name__, "version": FRAMEWORK.__version__}
        case "answer":
            return await describe_answer(cases[command["case"]])
        case "time":
            return {"us": await time_requests(cases[command["case"]], command["requests"])}
        case "startup":
            return await time_startup(command["routes"])
    raise ValueError(f"unknown command {command}")


async def work() -> None:
    """Obeys commands until stdin ends. Nothing else runs meanwhile, so reading may block."""
    cases = make_cases()
    async with Lifespan(cases["hello"].app), Lifespan(cases["last_included"].app):
        for line in sys.stdin:
            print(json.dumps(await obey(cases, json.loads(line))), flush=True)


if __name__ == "__main__":
    asyncio.run(work())
