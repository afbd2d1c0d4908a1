"""Dependencies: order, scopes, caching, overrides, errors, and what happens after the answer."""

from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from typing import Annotated, Any

import anyio
from fastapi import (
    APIRouter,
    BackgroundTasks,
    Depends,
    FastAPI,
    Header,
    HTTPException,
    Query,
    Request,
    Response,
    Security,
)
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.security import SecurityScopes

events: list[str] = []
app = FastAPI()


@app.get("/events/{count}")
async def read_events(count: int) -> list[str]:
    """Waits for so many events: some come after an answer has been sent."""
    while len(events) < count:
        await anyio.sleep(0.001)
    found = events[:]
    events.clear()
    return found


# --- values ---


def common(q: str | None = None, limit: int = 10) -> dict[str, Any]:
    return {"q": q, "limit": limit}


Common = Annotated[dict[str, Any], Depends(common)]


@app.get("/common")
async def use_common(common: Common) -> Any:
    return common


@app.get("/def-common")
def use_common_in_thread(common: Common) -> Any:
    return common


class Pager:
    def __init__(self, page: int = 1, size: Annotated[int, Query(le=50)] = 10) -> None:
        self.page, self.size = page, size


@app.get("/class")
async def use_class(pager: Annotated[Pager, Depends()]) -> Any:
    return [pager.page, pager.size]


class Checker:
    def __init__(self, word: str) -> None:
        self.word = word

    def __call__(self, q: str = "") -> bool:
        return self.word in q

    async def check(self, q: str = "") -> str:
        return f"{self.word}:{q}"


checker = Checker("bar")


@app.get("/instance")
async def use_instance(
    found: Annotated[bool, Depends(checker)], text: Annotated[str, Depends(checker.check)]
) -> Any:
    return [found, text]


async def outer(common: Common, x_name: Annotated[str, Header()] = "nobody") -> str:
    return f"{x_name}/{common['limit']}"


@app.get("/nested")
async def nested(value: Annotated[str, Depends(outer)], common: Common, own: int = 0) -> Any:
    return [value, common, own]


@app.get("/errors/{n}")
async def errors(
    n: int, value: Annotated[str, Depends(outer)], common: Common, own: int, last: float = 0
) -> Any:
    return "unreachable with errors"


# --- caching ---

calls = {"count": 0}


async def counted() -> int:
    calls["count"] += 1
    return calls["count"]


async def counted_again(value: Annotated[int, Depends(counted)]) -> int:
    return value


@app.get("/cache")
async def cached(
    a: Annotated[int, Depends(counted)],
    b: Annotated[int, Depends(counted_again)],
    c: Annotated[int, Depends(counted, use_cache=False)],
    d: Annotated[int, Depends(counted)],
) -> Any:
    return [b - a, c - a, d - a]


# --- yield ---


async def request_scope() -> AsyncIterator[str]:
    events.append("request enter")
    try:
        yield "r"
    except BaseException as exc:
        events.append(f"request {type(exc).__name__}")
        raise
    finally:
        events.append("request exit")


def function_scope() -> Iterator[str]:
    events.append("function enter")
    try:
        yield "f"
    except BaseException as exc:
        events.append(f"function {type(exc).__name__}")
        raise
    finally:
        events.append("function exit")


Request_ = Annotated[str, Depends(request_scope)]
Function = Annotated[str, Depends(function_scope, scope="function")]


@app.get("/yield")
async def yielding(r: Request_, f: Function, tasks: BackgroundTasks) -> Any:
    events.append("endpoint")
    tasks.add_task(events.append, "task")
    return r + f


@app.get("/def-yield")
def yielding_in_thread(r: Request_, f: Function) -> Any:
    events.append("endpoint")
    return r + f


@app.get("/yield-http")
async def yield_http(r: Request_, f: Function, tasks: BackgroundTasks) -> Any:
    tasks.add_task(events.append, "never")
    raise HTTPException(418, "teapot", headers={"X-Pot": "short"})


@app.get("/yield-error")
async def yield_error(r: Request_, f: Function) -> Any:
    raise ValueError("broken")


@app.get("/yield-stream")
async def yield_stream(r: Request_, f: Function) -> Any:
    def parts() -> Iterator[bytes]:
        events.append("first part")
        yield b"a"
        events.append("last part")
        yield b"b"

    return StreamingResponse(parts())


@app.get("/yield-invalid")
async def yield_invalid(r: Request_, n: int) -> Any:
    return n


async def turning() -> AsyncIterator[None]:
    try:
        yield
    except ValueError as exc:
        raise HTTPException(409, f"turned: {exc}") from exc


@app.get("/turned")
async def turned(_: Annotated[None, Depends(turning)]) -> Any:
    raise ValueError("v")


async def swallowing() -> AsyncIterator[None]:
    try:
        yield
    except ValueError:
        pass


@app.get("/swallowed")
async def swallowed(_: Annotated[None, Depends(swallowing)]) -> Any:
    raise ValueError("v")


async def late_error() -> AsyncIterator[None]:
    yield
    raise HTTPException(400, "after the yield")


@app.get("/late-request", dependencies=[Depends(late_error)])
async def late_request() -> Any:
    return "sent already"


@app.get("/late-function", dependencies=[Depends(late_error, scope="function")])
async def late_function() -> Any:
    return "not sent yet"


async def early_error() -> AsyncIterator[None]:
    raise HTTPException(402, {"pay": True})
    yield


@app.get("/early", dependencies=[Depends(early_error)])
async def early(r: Request_) -> Any:
    return "unreachable"


# --- order and levels ---


def mark(name: str) -> Any:
    async def dependency() -> None:
        events.append(name)

    return Depends(dependency)


router = APIRouter(dependencies=[mark("router")])


@router.get("/order", dependencies=[mark("decorator")])
async def order(a: Annotated[None, mark("parameter")]) -> Any:
    events.append("endpoint")
    return "ok"


app.include_router(router, prefix="/levels", dependencies=[mark("include")])


# --- the response and tasks ---


async def sets_headers(response: Response) -> None:
    response.headers["X-Dependency"] = "1"
    response.headers.append("X-Many", "a")
    response.headers.append("X-Many", "b")
    response.set_cookie("seen", "yes")
    response.status_code = 202


@app.get("/response", dependencies=[Depends(sets_headers)])
async def response_parameter(response: Response) -> Any:
    response.headers["X-Endpoint"] = "2"
    return {"ok": True}


@app.get("/response-own", dependencies=[Depends(sets_headers)])
async def own_response() -> Any:
    return JSONResponse({"own": True}, 203)


@app.get("/response-error", dependencies=[Depends(sets_headers)])
async def response_error() -> Any:
    raise HTTPException(404)


async def adds_task(tasks: BackgroundTasks) -> None:
    tasks.add_task(events.append, "from the dependency")


@app.get("/tasks", dependencies=[Depends(adds_task)])
def tasks(tasks: BackgroundTasks) -> Any:
    async def later(text: str) -> None:
        events.append(text)

    tasks.add_task(later, text="from the endpoint")
    return "started"


@app.get("/tasks-fail")
async def failing_task(tasks: BackgroundTasks) -> Any:
    def fail() -> None:
        events.append("failed")
        raise RuntimeError("task")

    tasks.add_task(fail)
    tasks.add_task(events.append, "never")
    return "started"


# --- overrides, scopes, context ---


def original(a: int = 1) -> str:
    return f"original {a}"


def replacement(b: int = 2) -> str:
    return f"replacement {b}"


overridden = FastAPI(dependencies=[Depends(common)])


@overridden.get("/override")
async def override(value: Annotated[str, Depends(original)]) -> Any:
    return value


@overridden.get("/def-override")
def override_in_thread(value: Annotated[str, Depends(original)], common: Common) -> Any:
    return [value, common]


overridden.dependency_overrides = {original: replacement, common: lambda: {"q": "overridden"}}


def scopes(security_scopes: SecurityScopes) -> Any:
    return [security_scopes.scopes, security_scopes.scope_str]


def deeper(found: Annotated[Any, Security(scopes, scopes=["c"])]) -> Any:
    return found


@app.get("/scopes", dependencies=[Security(scopes, scopes=["x"])])
async def with_scopes(
    a: Annotated[Any, Security(scopes, scopes=["a", "b"])],
    b: Annotated[Any, Security(deeper, scopes=["d"])],
    c: Annotated[Any, Depends(scopes)],
) -> Any:
    return [a, b, c]


variable: ContextVar[str] = ContextVar("variable", default="unset")


async def sets_variable() -> AsyncIterator[None]:
    token = variable.set("async")
    yield
    variable.reset(token)


@app.get("/context", dependencies=[Depends(sets_variable)])
async def context() -> Any:
    return variable.get()


@app.get("/def-context", dependencies=[Depends(sets_variable)])
def context_in_thread() -> Any:
    return variable.get()


@app.get("/limited-dependency")
async def limited(value: Annotated[str, Depends(original, max_concurrency=1)]) -> Any:
    return value


def of_request(request: Request) -> str:
    return f"{request.method} {request.url.path} {request.path_params}"


@app.get("/request/{n}")
async def request(n: int, text: Annotated[str, Depends(of_request)], request: Request) -> Any:
    return [text, str(request.url), str(request.base_url), str(request.url_for("request", n=3))]
