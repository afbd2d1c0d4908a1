"""Mounted and included applications, root_path, URLs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypedDict

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.middleware.wsgi import WSGIMiddleware
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.routing import APIRoute
from starlette.routing import Host, Mount, Route

app = FastAPI(title="Main")
sub = FastAPI(title="Sub", root_path_in_servers=True)
deep = FastAPI()


def where(request: Request) -> Any:
    return {
        "path": request.scope["path"],
        "root_path": request.scope["root_path"],
        "url": str(request.url),
        "base_url": str(request.base_url),
        "params": request.path_params,
        "app": request.app.title,
    }


@app.get("/where/{name}")
async def main_where(name: str, request: Request) -> Any:
    return where(request)


@sub.get("/where/{name}")
async def sub_where(name: str, request: Request) -> Any:
    return [where(request), str(request.url_for("sub_where", name="x"))]


@sub.get("/")
def sub_root() -> Any:
    return "sub root"


@sub.exception_handler(KeyError)
async def on_key(request: Request, exc: KeyError) -> Response:
    return PlainTextResponse("sub key", 418)


@sub.get("/key")
async def sub_key() -> Any:
    raise KeyError("k")


@sub.get("/value")
async def sub_value() -> Any:
    raise ValueError("v")


@sub.get("/slash/")
async def sub_slash() -> Any:
    return "slash"


@deep.get("/where")
async def deep_where(request: Request) -> Any:
    return where(request)


sub.mount("/deep/{level}", deep)
app.mount("/sub", sub, name="sub")


@app.get("/sub/after")
async def after() -> Any:
    return "hidden by the mount"


@app.get("/urls")
async def urls(request: Request) -> Any:
    return [
        str(request.url_for("main_where", name="a b")),
        str(request.url_for("sub", path="/x")),
        app.url_path_for("routed", owner="o", n="3"),
    ]


async def plain(request: Request) -> Response:
    return JSONResponse({"path": request.url.path, "params": dict(request.path_params)})


app.add_route("/starlette/{n:int}", plain, methods=["GET"])
app.router.routes.append(Route("/starlette/raw", plain))
app.router.routes.append(Mount("/mounted", routes=[Route("/inner/{x}", plain, name="inner")]))
app.router.routes.append(Host("{name}.host.example", app=Route("/", plain)))


def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    size = len(environ["wsgi.input"].read())
    start_response("203 Odd", [("X-Wsgi", "1"), ("Content-Type", "text/plain")])
    text = f"{environ['REQUEST_METHOD']} {environ['SCRIPT_NAME']} {environ['PATH_INFO']} {size}"
    return [text.encode(), b"!"]


app.mount("/wsgi", WSGIMiddleware(wsgi))


# --- routers ---


class Timed(APIRoute):
    def get_route_handler(self) -> Any:
        original = super().get_route_handler()

        async def handler(request: Request) -> Response:
            response: Response = await original(request)
            response.headers["X-Route"] = self.path
            return response

        return handler


async def needs_owner(owner: str) -> str:
    if owner == "nobody":
        raise HTTPException(403, "no owner")
    return owner


inner = APIRouter(prefix="/inner", route_class=Timed)
outer = APIRouter(prefix="/outer/{owner}", dependencies=[Depends(needs_owner)])


@inner.get("/{n}")
async def routed(n: int, request: Request) -> Any:
    return [n, request.path_params]


@outer.get("")
async def outer_root(owner: Annotated[str, Depends(needs_owner)]) -> Any:
    return owner


outer.include_router(inner)
app.include_router(outer)
app.include_router(outer, prefix="/again")


@outer.get("/late")
def late() -> Any:
    return "late"


# --- odd templates ---


async def echo(request: Request) -> Any:
    return request.path_params


async def text(x: str) -> Any:
    return x


def templates(*paths: str) -> FastAPI:
    found = FastAPI()
    for path in paths:
        found.get(path, name=path)(text if "{x}" in path else echo)
    return found


NATIVE = (
    "/dots.v1+x/{name}.tar.{kind}",
    "/a{x}b{y}c",
    "/a{x}",
    "/ünï/{name}",
    "/space here/{x}",
    "/v{n:int}/{x}",
    "/{x:uuid}",
    "/{rest:path}/end",
    "/percent%20/{x}",
    "/{rest:path}",
)
odd = templates("/alias/{item-id}", "/braces/{{x}}", "/{näme}", *NATIVE)
native = templates(*NATIVE)


# --- root_path ---

rooted = FastAPI(root_path="/proxy", servers=[{"url": "https://api.example"}])


@rooted.get("/where")
async def rooted_where(request: Request) -> Any:
    return where(request)


rooted.mount("/sub", sub)


# --- lifespan ---


class State(TypedDict):
    number: int
    names: list[str]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[State]:
    app.state.started = True
    yield {"number": 1, "names": ["app"]}


@asynccontextmanager
async def router_lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
    yield {"number": 2, "router": "r"}


living = FastAPI(lifespan=lifespan)
living_router = APIRouter(lifespan=router_lifespan)


@living_router.get("/state")
async def state(request: Request) -> Any:
    request.state.names.append("seen")
    request.state.number += 1
    return {
        "started": request.app.state.started,
        "number": request.state.number,
        "router": request.state.router,
        "names": len(request.state.names) > 1,
    }


@living_router.get("/def-state")
def state_in_thread(request: Request) -> Any:
    return request.state.number


living.include_router(living_router)

evented = FastAPI()
evented.state.events = []


@evented.on_event("startup")
async def startup() -> None:
    evented.state.events.append("startup")


@evented.get("/")
async def see_events() -> Any:
    return evented.state.events
