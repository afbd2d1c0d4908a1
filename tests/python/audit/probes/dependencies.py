"""Dependencies: order, scopes, cache, failures, overrides, threads."""

import asyncio
import contextvars
from collections.abc import AsyncGenerator, AsyncIterable, Generator
from functools import partial, wraps
from typing import Annotated, Any

from fastapi import (
    APIRouter,
    BackgroundTasks,
    Body,
    Cookie,
    Depends,
    FastAPI,
    Header,
    HTTPException,
    Query,
    Request,
    Response,
    Security,
    WebSocket,
)
from fastapi.requests import HTTPConnection
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.security import HTTPBearer, OAuth2PasswordBearer, SecurityScopes
from pydantic import BaseModel
from starlette.testclient import TestClient

from audit.tools import Probes, ask, document

probes = Probes()


class Boom(Exception):
    pass


def _raised(app: Any, method: str, path: str, **options: Any) -> Any:
    """What the server sees."""
    try:
        with TestClient(app, raise_server_exceptions=True) as client:
            answer = client.request(method, path, **options)
            return [answer.status_code, answer.text]
    except Exception as error:
        return [type(error).__name__, str(error)]


def _tracer() -> tuple[list[str], Any]:
    log: list[str] = []

    def make(name: str, scope: Any = None, kind: str = "async", fail: str = "") -> Any:
        async def agen() -> AsyncGenerator[str, None]:
            log.append(f"{name} in")
            if fail == "enter":
                raise HTTPException(409, f"{name} enter")
            try:
                yield name
            except BaseException as error:
                log.append(f"{name} saw {type(error).__name__}")
                if fail == "swallow":
                    return
                if fail == "replace":
                    raise HTTPException(418, f"{name} replaced") from error
                raise
            finally:
                log.append(f"{name} out")
            if fail == "exit":
                raise HTTPException(400, f"{name} exit")
            if fail == "boom":
                raise Boom(name)

        def gen() -> Generator[str, None, None]:
            log.append(f"{name} in")
            if fail == "enter":
                raise HTTPException(409, f"{name} enter")
            try:
                yield name
            except BaseException as error:
                log.append(f"{name} saw {type(error).__name__}")
                if fail == "swallow":
                    return
                if fail == "replace":
                    raise HTTPException(418, f"{name} replaced") from error
                raise
            finally:
                log.append(f"{name} out")
            if fail == "exit":
                raise HTTPException(400, f"{name} exit")
            if fail == "boom":
                raise Boom(name)

        return Depends(agen if kind == "async" else gen, scope=scope)

    return log, make


def _lifetimes(kind: str, fail: str, where: str, ends: str) -> Any:
    """One request through a function-scoped and a request-scoped dependency."""
    log, make = _tracer()
    app = FastAPI()
    first = make("request", "request", kind, fail if where == "request" else "")
    second = make("function", "function", kind, fail if where == "function" else "")

    @app.middleware("http")
    async def outer(request: Request, call_next: Any) -> Any:
        log.append("middleware in")
        try:
            return await call_next(request)
        finally:
            log.append("middleware out")

    @app.exception_handler(Boom)
    async def boom(request: Request, error: Boom) -> JSONResponse:
        log.append("handler")
        return JSONResponse({"boom": str(error)}, 503)

    def background() -> None:
        log.append("background")

    @app.get("/")
    async def endpoint(
        tasks: BackgroundTasks, a: Annotated[str, first], b: Annotated[str, second]
    ) -> Any:
        log.append("endpoint")
        tasks.add_task(background)
        if ends == "http":
            raise HTTPException(404, "no")
        if ends == "boom":
            raise Boom("e")
        if ends == "stream":

            async def chunks() -> AsyncIterable[str]:
                for n in range(2):
                    log.append(f"chunk {n}")
                    yield str(n)

            return StreamingResponse(chunks())
        return {"a": a, "b": b}

    return [ask(app, "GET", "/")[::2], list(log), _raised(app, "GET", "/"), log]


for _kind in ("async", "sync"):
    for _fail in ("", "enter", "swallow", "replace", "exit", "boom"):
        for _where in ("request", "function") if _fail else ("request",):
            for _ends in ("value", "http", "boom", "stream"):
                if (_fail, _where) == ("swallow", "function") and _ends in ("http", "boom"):
                    continue  # FastAPI itself fails there (docs/differences.md)
                probes.named(f"lifetime_{_kind}_{_fail}_{_where}_{_ends}")(
                    partial(_lifetimes, _kind, _fail, _where, _ends)
                )


@probes
def order_of_levels() -> Any:
    log: list[str] = []

    def mark(name: str) -> Any:
        def dependency() -> None:
            log.append(name)

        return Depends(dependency)

    def failing(name: str) -> Any:
        def dependency(value: Annotated[int, Query(alias=name)]) -> None:
            log.append(f"never {name}")

        return Depends(dependency)

    app = FastAPI(dependencies=[mark("app"), failing("x1")])
    outer = APIRouter(dependencies=[mark("outer")])
    inner = APIRouter(dependencies=[mark("inner"), failing("x2")])

    @inner.post("/a", dependencies=[mark("decorator"), failing("x3")])
    def a(
        body: Annotated[int, Body()],
        two: Annotated[Any, mark("two")],
        q: int,
        one: Annotated[Any, mark("one")],
        h: Annotated[int, Header()],
    ) -> None:
        log.append("endpoint")

    outer.include_router(inner, dependencies=[mark("include inner")])
    app.include_router(outer, dependencies=[mark("include outer")])
    ok = "/a?x1=1&x2=2&x3=3&q=1"
    return [
        ask(app, "POST", "/a", json=1)[::2],
        list(log),
        ask(app, "POST", ok, json=1, headers={"h": "1"})[::2],
        list(log),
        ask(app, "POST", ok, content="{", headers={"content-type": "application/json"})[::2],
        log,
    ]


@probes
def cache() -> Any:
    counter = {"n": 0}

    def count() -> int:
        counter["n"] += 1
        return counter["n"]

    def sub(a: Annotated[int, Depends(count)], b: Annotated[int, Depends(count, use_cache=False)]):
        return [a, b]

    app = FastAPI()

    @app.get("/")
    def endpoint(
        a: Annotated[int, Depends(count)],
        b: Annotated[int, Depends(count, use_cache=False)],
        c: Annotated[int, Depends(count)],
        d: Annotated[Any, Depends(sub)],
        e: Annotated[Any, Depends(sub, use_cache=False)],
        f: Annotated[int, Depends(count, scope="function")] = 0,
        g: Annotated[int, Security(count, scopes=["s"])] = 0,
        h: Annotated[int, Depends(partial(count))] = 0,
    ):
        return [a, b, c, d, e, f, g, h]

    return [ask(app, "GET", "/")[::2], ask(app, "GET", "/")[::2]]


@probes
def scopes_of_security() -> Any:
    app = FastAPI()
    scheme = OAuth2PasswordBearer("token", auto_error=False)
    seen: list[Any] = []

    def leaf(scopes: SecurityScopes, token: Annotated[Any, Depends(scheme)]) -> Any:
        seen.append(["leaf", scopes.scopes, scopes.scope_str])
        return [scopes.scopes, token]

    def middle(
        scopes: SecurityScopes,
        a: Annotated[Any, Security(leaf, scopes=["leaf"])],
        b: Annotated[Any, Depends(leaf)],
    ) -> Any:
        return [scopes.scopes, a, b]

    def no_scopes() -> int:
        seen.append("no_scopes")
        return len(seen)

    router = APIRouter(dependencies=[Security(middle, scopes=["router"])])

    @router.get("/", dependencies=[Security(leaf, scopes=["decorator", "leaf"])])
    def endpoint(
        m: Annotated[Any, Security(middle, scopes=["own", "own"])],
        n: Annotated[Any, Depends(middle)],
        x: Annotated[Any, Security(no_scopes, scopes=["x"])],
        y: Annotated[Any, Security(no_scopes, scopes=["y"])],
        z: Annotated[Any, Depends(no_scopes)],
    ) -> Any:
        return [m, n, x, y, z]

    app.include_router(router)
    return [ask(app, "GET", "/", headers={"authorization": "Bearer t"})[::2], seen, document(app)]


@probes
def kinds_of_callables() -> Any:
    class Instance:
        def __call__(self, q: int = 1) -> str:
            return f"call {q}"

        async def method(self, q: int = 1) -> str:
            return f"method {q}"

        @staticmethod
        async def static() -> str:
            return "static"

        @classmethod
        def build(cls, q: int) -> str:
            return f"class {q}"

    class AsyncInstance:
        async def __call__(self) -> str:
            return "async call"

    class GenInstance:
        def __call__(self) -> Generator[str, None, None]:
            yield "gen call"

    class AsyncGenInstance:
        async def __call__(self) -> AsyncGenerator[str, None]:
            yield "agen call"

    class Commons:
        def __init__(self, skip: int = 0, limit: int = 5):
            self.value = [skip, limit]

    def decorate(function: Any) -> Any:
        @wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return wrapper

    @decorate
    def wrapped(q: int = 3) -> str:
        return f"wrapped {q}"

    @decorate
    async def wrapped_async(q: int = 3) -> str:
        return f"async wrapped {q}"

    @decorate
    def wrapped_gen() -> Generator[str, None, None]:
        yield "wrapped gen"

    @decorate
    async def wrapped_agen() -> AsyncGenerator[str, None]:
        yield "wrapped agen"

    def two(a: int, b: int = 2, *, c: int = 3) -> list[int]:
        return [a, b, c]

    async def two_async(a: int, b: int = 2) -> list[int]:
        return [a, b]

    def two_gen(a: int) -> Generator[int, None, None]:
        yield a

    found: dict[str, Any] = {
        "instance": Instance(),
        "method": Instance().method,
        "static": Instance.static,
        "class": Instance.build,
        "async": AsyncInstance(),
        "gen": GenInstance(),
        "agen": AsyncGenInstance(),
        "wrapped": wrapped,
        "wrapped_async": wrapped_async,
        "wrapped_gen": wrapped_gen,
        "wrapped_agen": wrapped_agen,
        "partial": partial(two, 5),
        "partial_keyword": partial(two, c=7),
        "partial_async": partial(two_async, 1),
        "partial_gen": partial(two_gen, 1),
        "partial_partial": partial(partial(two, 1), b=9),
        "partial_method": partial(Instance().method),
        "partial_instance": partial(AsyncInstance()),
        "lambda": lambda: "lambda",
        "builtin": dict,
    }
    result = {}
    for name, dependency in found.items():
        app = FastAPI()

        try:

            @app.get("/")
            def endpoint(value: Annotated[Any, Depends(dependency)]) -> Any:
                return value

            app.get("/endpoint")(dependency)
            result[name] = [
                ask(app, "GET", "/")[::2],
                ask(app, "GET", "/?q=4&a=6")[::2],
                ask(app, "GET", "/endpoint?q=4&a=6")[::2],
            ]
            result[name].append(document(app))
        except Exception as error:
            result[name] = [type(error).__name__, str(error)]
    app = FastAPI()

    @app.get("/")
    def commons(c: Annotated[Commons, Depends()], d=Depends(Commons)) -> Any:
        return [c.value, d.value, c is d]

    result["commons"] = ask(app, "GET", "/?skip=3")
    return result


@probes
def overrides() -> Any:
    app = FastAPI()
    sub_app = FastAPI()
    router = APIRouter()

    def original(q: int = 1) -> Any:
        return ["original", q]

    def nested(value: Annotated[Any, Depends(original)]) -> Any:
        return ["nested", value]

    async def other(r: str = "r", value: Annotated[Any, Depends(lambda: "sub")] = None) -> Any:
        return ["other", r, value]

    def gen() -> Generator[str, None, None]:
        yield "gen"

    def bad(r: int) -> Any:
        return r

    class Callable:
        def __call__(self) -> str:
            return "callable"

    @router.get("/a")
    @sub_app.get("/a")
    def a(x: Annotated[Any, Depends(original)], y: Annotated[Any, Depends(nested)]) -> Any:
        return [x, y]

    @app.get("/d", dependencies=[Depends(original)])
    def d() -> Any:
        return "d"

    app.include_router(router)
    app.mount("/sub", sub_app)
    found: list[Any] = []
    for changes in (
        {},
        {original: other},
        {original: gen},
        {original: bad},
        {nested: other, original: Callable()},
        {a: other},
        {original: lambda: 1 / 0},
    ):
        app.dependency_overrides = dict(changes)
        found.append([ask(app, "GET", p)[::2] for p in ("/a?q=5&r=x", "/sub/a", "/d?r=2")])
        found.append(document(app))
    app.dependency_overrides = {}
    app.dependency_overrides[original] = other
    found.append(ask(app, "GET", "/a")[::2])
    app.dependency_overrides.clear()
    found.append(ask(app, "GET", "/a")[::2])
    return found


@probes
def response_and_tasks() -> Any:
    app = FastAPI()
    log: list[str] = []

    def sets(response: Response, tasks: BackgroundTasks) -> None:
        response.headers["x-dep"] = "1"
        response.set_cookie("c", "v")
        response.status_code = 202
        tasks.add_task(log.append, "dep")

    def again(response: Response) -> None:
        response.headers.append("x-dep", "2")

    def build(status: Any, kind: str) -> Any:
        def endpoint(
            response: Response,
            tasks: BackgroundTasks,
            a: Annotated[Any, Depends(sets)],
            b: Annotated[Any, Depends(again)],
        ) -> Any:
            tasks.add_task(log.append, "endpoint")
            response.headers["x-own"] = "o"
            if kind == "response":
                return JSONResponse({"r": 1}, headers={"x-r": "1"})
            if kind == "background":
                from starlette.background import BackgroundTask

                return JSONResponse({"r": 1}, background=BackgroundTask(log.append, "own"))
            if kind == "status":
                response.status_code = 203
            if kind == "raise":
                raise HTTPException(409, headers={"x-e": "1"})
            if kind == "none":
                return None
            return {"v": 1}

        app.get(f"/{kind}/{status}", status_code=status)(endpoint)
        return ask(app, "GET", f"/{kind}/{status}")

    kinds = ("value", "response", "background", "status", "raise", "none")
    return [[build(s, k) for s in (None, 201) for k in kinds], log]


@probes
def failing_tasks() -> Any:
    log: list[str] = []
    app = FastAPI()

    def fails() -> None:
        log.append("fails")
        raise Boom("task")

    async def fine(a: int, *, b: int) -> None:
        log.append(f"fine {a} {b}")

    def dep() -> Generator[None, None, None]:
        try:
            yield
        except BaseException as error:
            log.append(type(error).__name__)
            raise
        finally:
            log.append("dep out")

    @app.get("/", dependencies=[Depends(dep)])
    def endpoint(tasks: BackgroundTasks) -> int:
        tasks.add_task(fine, 1, b=2)
        tasks.add_task(fails)
        tasks.add_task(fine, 3, b=4)
        return 1

    return [ask(app, "GET", "/"), _raised(app, "GET", "/"), log]


@probes
def context_variables() -> Any:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")
    app = FastAPI()

    async def sets_async() -> None:
        variable.set("async")

    def sets_sync() -> None:
        variable.set("sync")

    async def agen() -> AsyncGenerator[None, None]:
        token = variable.set("agen")
        try:
            yield
        finally:
            try:
                variable.reset(token)
            except ValueError:
                log.append("other context")

    log: list[str] = []

    def gen() -> Generator[None, None, None]:
        variable.set("gen")
        yield
        log.append(variable.get())

    result = []
    for name, dependency in (("a", sets_async), ("s", sets_sync), ("ag", agen), ("g", gen)):

        @app.get(f"/{name}/sync", dependencies=[Depends(dependency)])
        def sync() -> str:
            return variable.get()

        @app.get(f"/{name}/async", dependencies=[Depends(dependency)])
        async def asynchronous() -> str:
            return variable.get()

        result += [ask(app, "GET", f"/{name}/{kind}")[2] for kind in ("sync", "async")]
    return [result, log]


@probes
def special_parameters() -> Any:
    app = FastAPI()

    def dep(connection: HTTPConnection, request: Request, response: Response) -> Any:
        return [type(connection).__name__, request.url.path, type(response).__name__]

    @app.post("/")
    async def endpoint(
        req: Request,
        connection: HTTPConnection,
        res: Response,
        d: Annotated[Any, Depends(dep)],
        tasks: BackgroundTasks,
        optional: Request = None,  # type: ignore[assignment]
        named: "Request" = None,  # type: ignore[assignment]
    ) -> Any:
        body = (await req.body()).decode()
        return [
            req.method,
            connection is req,
            res.status_code,
            d,
            type(tasks).__name__,
            body,
            optional is req,
        ]

    class Sub(Request):
        pass

    @app.get("/sub")
    def sub(request: Sub) -> str:
        return type(request).__name__

    return [ask(app, "POST", "/", content="x"), ask(app, "GET", "/sub"), document(app)]


@probes
def concurrency_limit() -> Any:
    running = {"now": 0, "most": 0}

    async def limited() -> AsyncGenerator[int, None]:
        running["now"] += 1
        running["most"] = max(running["most"], running["now"])
        await asyncio.sleep(0)
        yield running["now"]
        running["now"] -= 1

    shared = Depends(limited, max_concurrency=1)
    app = FastAPI()

    @app.get("/a")
    async def a(value: Annotated[int, shared]) -> int:
        await asyncio.sleep(0)
        return value

    @app.get("/b")
    def b(value: Annotated[int, shared]) -> int:
        return value

    async def call(path: str) -> Any:
        sent: list[Any] = []
        scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
        scope |= {
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "root_path": "",
            "scheme": "http",
        }

        async def receive() -> Any:
            return {"type": "http.request"}

        async def send(message: Any) -> None:
            sent.append(message)

        await app(scope, receive, send)
        return [sent[0]["status"], sent[1]["body"].decode()]

    async def main() -> Any:
        return await asyncio.gather(*(call("/a" if n % 2 else "/b") for n in range(8)))

    return [asyncio.run(main()), running]


@probes
def websocket_dependencies() -> Any:
    log, make = _tracer()
    app = FastAPI(dependencies=[make("app", "request")])

    def fails(x: Annotated[str | None, Header()] = None) -> None:
        if x == "http":
            raise HTTPException(403, {"no": 1}, headers={"x-a": "b"})
        if x == "boom":
            raise Boom("dep")

    @app.websocket("/ws/{n}", dependencies=[Depends(fails)])
    async def ws(
        websocket: WebSocket,
        n: int,
        connection: HTTPConnection,
        q: Annotated[list[str], Query()] = [],
        c: Annotated[str | None, Cookie()] = None,
        f: Annotated[str, make("function", "function")] = "",
        r: Annotated[str, make("request", "request")] = "",
    ) -> None:
        await websocket.accept()
        await websocket.send_json([n, q, c, f, r, connection is websocket])
        if n == 2:
            raise Boom("in endpoint")
        if n == 3:
            raise HTTPException(400, "late")
        await websocket.close(1001, "bye")

    def talk(path: str, **options: Any) -> Any:
        start = len(log)
        try:
            with TestClient(app).websocket_connect(path, **options) as session:
                text = session.receive_text()
                try:
                    after: Any = session.receive()
                except Exception as error:
                    after = [type(error).__name__, str(error)]
            result = [text, after]
        except Exception as error:
            facts = {k: v for k, v in vars(error).items() if k in ("code", "reason", "status_code")}
            answer = getattr(error, "content", None)
            result = [type(error).__name__, str(error), facts, repr(answer)]
        return [result, log[start:]]

    return [
        talk("/ws/1?q=a&q=b", headers={"cookie": "c=d"}),
        talk("/ws/2"),
        talk("/ws/3"),
        talk("/ws/x"),
        talk("/ws/1", headers={"x": "http"}),
        talk("/ws/1", headers={"x": "boom"}),
        talk("/nope"),
    ]


@probes
def websocket_security() -> Any:
    from fastapi.security import APIKeyHeader, APIKeyQuery, HTTPBasic, HTTPDigest

    app = FastAPI()
    schemes = {
        "bearer": HTTPBearer(),
        "basic": HTTPBasic(),
        "digest": HTTPDigest(),
        "key": APIKeyHeader(name="x-k"),
        "query": APIKeyQuery(name="k"),
        "oauth": OAuth2PasswordBearer("t"),
    }
    found = {}
    for name, scheme in schemes.items():

        @app.websocket(f"/{name}")
        async def ws(websocket: WebSocket, value: Annotated[Any, Depends(scheme)]) -> None:
            await websocket.accept()
            await websocket.send_text(repr(value))
            await websocket.close()

        @app.get(f"/{name}")
        def get(value: Annotated[Any, Depends(scheme)]) -> str:
            return repr(value)

        headers: list[dict[str, str]] = [{}, {"authorization": "Bearer a b"}, {"x-k": "v"}]
        headers += [
            {"authorization": f"Basic {code}"} for code in ("dTpw", "dTpwOng=", "!!", "dQ==", "")
        ]
        headers += [
            {"authorization": value} for value in ("Digest x", "bearer t", "Bearer", "", "t")
        ]
        results = []
        for each in headers:
            results.append(ask(app, "GET", f"/{name}?k=1", headers=each))
            results.append(ask(app, "GET", f"/{name}", headers=each))
            try:
                with TestClient(app).websocket_connect(f"/{name}?k=2", headers=each) as session:
                    results.append(session.receive_text())
            except Exception as error:
                results.append(
                    [type(error).__name__, str(error), repr(getattr(error, "headers", None))]
                )
        found[name] = results
    return found


class Item(BaseModel):
    a: int


@probes
def body_in_dependencies() -> Any:
    app = FastAPI()

    def one(item: Item) -> Any:
        return item

    def two(item: Item, other: Annotated[int, Body()] = 3) -> Any:
        return [item, other]

    @app.post("/same")
    def same(item: Item, dep: Annotated[Any, Depends(one)]) -> Any:
        return [item, dep]

    @app.post("/two")
    def double(item: Item, dep: Annotated[Any, Depends(two)]) -> Any:
        return [item, dep]

    @app.get("/get")
    def get(dep: Annotated[Any, Depends(one)]) -> Any:
        return dep

    bodies = [{"a": 1}, {"item": {"a": 2}, "other": 5}, {"item": {"a": "x"}, "other": "y"}, None]
    return [
        [ask(app, "POST", p, json=b)[::2] for p in ("/same", "/two") for b in bodies],
        ask(app, "GET", "/get"),
        document(app),
    ]
