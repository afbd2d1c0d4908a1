"""Middleware, one application for each."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request, Response
from fastapi.middleware import Middleware
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.middleware.httpsredirect import HTTPSRedirectMiddleware
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import BaseModel
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Next = Callable[[Request], Awaitable[Response]]


class Item(BaseModel):
    name: str


def build(*middleware: Middleware, **options: Any) -> FastAPI:
    """An application with a route of each kind behind the middleware."""
    app = FastAPI(middleware=list(middleware), **options)

    @app.get("/")
    async def root() -> Any:
        return {"hello": "world"}

    @app.get("/def")
    def in_thread(n: int = 1) -> Any:
        return n

    @app.get("/large")
    async def large() -> Any:
        return ["text"] * 2000

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(iter([b"x" * 600, b"y" * 600]), media_type="text/plain")

    @app.get("/events")
    async def events() -> StreamingResponse:
        return StreamingResponse(iter([b"data: 1\n\n"] * 100), media_type="text/event-stream")

    @app.get("/encoded")
    async def encoded() -> Response:
        return Response(b"z" * 2000, headers={"Content-Encoding": "zz", "Vary": "Accept"})

    @app.post("/item")
    async def item(item: Item) -> Item:
        return item

    @app.post("/echo")
    async def echo(request: Request) -> Response:
        return Response(await request.body())

    @app.get("/http")
    async def http() -> Any:
        raise HTTPException(403, "no")

    @app.get("/raise")
    async def fail() -> Any:
        raise ValueError("v")

    @app.get("/state")
    async def state(request: Request) -> Any:
        return getattr(request.state, "seen", None)

    @app.get("/tasks")
    async def tasks(tasks: BackgroundTasks) -> Any:
        tasks.add_task(lambda: None)
        return "tasks"

    return app


cors = build(
    Middleware(
        CORSMiddleware,
        allow_origins=["https://a.example", "https://b.example"],
        allow_origin_regex=r"https://.*\.c\.example",
        allow_methods=["GET", "POST"],
        allow_headers=["X-One", "x-two"],
        expose_headers=["X-Exposed", "X-Too"],
        allow_credentials=True,
        max_age=60,
    )
)
cors_all = build(
    Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])
)
gzip = build(Middleware(GZipMiddleware, minimum_size=500, compresslevel=5))
trusted = build(
    Middleware(TrustedHostMiddleware, allowed_hosts=["example.com", "*.example.com", "testserver"])
)
https = build(Middleware(HTTPSRedirectMiddleware))


class Headers(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: Next) -> Response:
        request.state.seen = request.headers.get("x-seen", "nothing")
        if request.headers.get("x-stop"):
            return PlainTextResponse("stopped", 403)
        response = await call_next(request)
        response.headers["X-Base"] = f"{request.method} {response.status_code}"
        return response


base = build(Middleware(Headers))


@base.middleware("http")
async def outermost(request: Request, call_next: Next) -> Response:
    if "x-read" in request.headers:
        size = len(await request.body())
    else:
        size = -1
    try:
        response = await call_next(request)
    except ValueError as exc:
        return PlainTextResponse(f"caught {exc}", 500)
    response.headers["X-Size"] = str(size)
    return response


class Raw:
    """Changes the path it routes by, and adds headers as bytes."""

    def __init__(self, app: ASGIApp, name: str) -> None:
        self.app = app
        self.name = name.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"X-Raw", self.name)]
            await send(message)

        await self.app(scope, receive, add)


raw = build(Middleware(Raw, name="first"))
raw.add_middleware(Raw, name="second")
raw.add_middleware(GZipMiddleware)

sessions = build(Middleware(SessionMiddleware, secret_key="secret", max_age=None, https_only=True))


@sessions.get("/peek")
async def peek(request: Request) -> Any:
    return request.session


@sessions.get("/forget")
async def forget(request: Request) -> Any:
    request.session.clear()
    return "forgotten"


async def session_user(request: Request) -> AsyncIterator[Any]:
    yield request.session.get("user")


@sessions.get("/user")
async def user(user: Any = Depends(session_user)) -> Any:
    return user


several = build(
    Middleware(TrustedHostMiddleware, allowed_hosts=["testserver"]),
    Middleware(CORSMiddleware, allow_origins=["https://a.example"]),
    Middleware(GZipMiddleware, minimum_size=10),
    Middleware(Headers),
)


class Bare:
    """An ASGI application by itself."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for moment in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{moment}.complete"})
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if scope["path"] == "/fail":
            raise RuntimeError("before the answer")
        headers = [(b"X-Mixed-Case", b"Value"), (b"x-path", scope["raw_path"])]
        await send({"type": "http.response.start", "status": 299, "headers": headers})
        if scope["path"] == "/cut":
            await send({"type": "http.response.body", "body": b"part", "more_body": True})
            raise RuntimeError("in the middle of it")
        if scope["path"] == "/parts":
            for part in (b"one", b"", b"two"):
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body"})
            return
        await send({"type": "http.response.body", "body": b"%d octets" % len(body)})


bare = Bare()
app = build()
