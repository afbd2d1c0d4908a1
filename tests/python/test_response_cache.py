"""Response caching, which only routes get that ask for it: in-process and on the live server."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import anyio
import pytest
from pydantic import BaseModel
from turboapi import (
    APIRouter,
    BackgroundTasks,
    Cookie,
    Depends,
    Header,
    HTTPException,
    Query,
    Request,
    Response,
    ResponseCache,
    Security,
    TurboAPI,
)
from turboapi.middleware.cors import CORSMiddleware
from turboapi.requests import HTTPConnection
from turboapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from turboapi.security import APIKeyCookie, APIKeyHeader, APIKeyQuery, HTTPBearer
from turboapi.testclient import LiveTestClient, TestClient

MakeClient = Callable[..., TestClient]


@pytest.fixture(params=[TestClient, LiveTestClient], ids=["in-process", "live"])
def client_of(request: pytest.FixtureRequest) -> MakeClient:
    return request.param


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def counting(cache: ResponseCache, answer: Any = None, **options: Any) -> tuple[TurboAPI, Any]:
    """An application whose ``/`` counts its calls; ``answer(number)`` makes the result."""
    app = TurboAPI()
    numbers = itertools.count(1)

    @app.get("/", cache=cache, **options)
    def endpoint() -> Any:
        number = next(numbers)
        return number if answer is None else answer(number)

    return app, endpoint


# --- hits ----------------------------------------------------------------------------------------


def test_a_hit_is_the_whole_response(client_of: MakeClient) -> None:
    def answer(number: int) -> Response:
        headers = {"x-number": str(number), "link": "</a>"}
        response = JSONResponse({"n": number}, headers=headers)
        response.headers.append("link", "</b>")
        return response

    cache = ResponseCache(60)
    app, _ = counting(cache, answer)
    client = client_of(app)
    first, second = client.get("/"), client.get("/")
    assert first.json() == second.json() == {"n": 1}
    assert second.headers.get_list("link") == ["</a>", "</b>"]
    changing = ("date",)
    kept = [
        [pair for pair in response.headers.multi_items() if pair[0] not in changing]
        for response in (first, second)
    ]
    assert kept[0] == kept[1]
    metrics = cache.metrics()
    assert (metrics.hits, metrics.misses, metrics.stores, metrics.entries) == (1, 1, 1, 1)


def test_only_routes_that_ask_for_it_are_cached(client_of: MakeClient) -> None:
    app, endpoint = counting(ResponseCache(60))
    app.get("/plain")(endpoint)
    client = client_of(app)
    assert [client.get("/plain").json(), client.get("/plain").json()] == [1, 2]


def test_a_route_without_a_cache_is_served_as_before() -> None:
    app, endpoint = counting(ResponseCache(60))
    app.get("/plain")(endpoint)
    plans = {entry.path: entry.plan for entry in app.native_routes() if entry.plan is not None}
    assert plans["/plain"].reason is None
    assert plans["/"].reason == "its responses are cached"


def test_the_entry_ends_with_its_time() -> None:
    cache = ResponseCache(10)
    cache._clock = clock = Clock()
    app, _ = counting(cache)
    client = TestClient(app)
    seen = []
    for step in (0, 9.5, 0.5, 9.5):
        clock.now += step
        seen.append(client.get("/").json())
    assert seen == [1, 1, 2, 2]
    assert cache.metrics().expirations == 1


# --- keys ----------------------------------------------------------------------------------------


def test_path_query_host_and_named_headers_are_the_key(client_of: MakeClient) -> None:
    app = TurboAPI()
    numbers = itertools.count(1)

    @app.get("/{name}", cache=ResponseCache(60, vary=["Accept-Language", "X-Tenant"]))
    def endpoint(name: str) -> int:
        return next(numbers)

    client = client_of(app)

    def get(path: str, **headers: str) -> int:
        return client.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()}).json()

    first = [
        get("/a"),
        get("/b"),
        get("/a?x=1"),
        get("/a?x=2"),
        get("/a", accept_language="de"),
        get("/a", accept_language="en"),
        get("/a", x_tenant="en"),
        get("http://other.example/a"),
    ]
    assert first == list(range(1, 9))
    assert get("/a?x=1", accept_encoding="br", x_other="1") == 3
    assert get("/a", accept_language="en") == 6
    assert get("/a", x_tenant="en") == 7


def test_only_the_named_query_parameters_count(client_of: MakeClient) -> None:
    app = TurboAPI()
    numbers = itertools.count(1)

    @app.get("/", cache=ResponseCache(60, query=["page", "tag"]))
    def endpoint(page: int = 1, tag: Annotated[list[str], Query()] = []) -> int:  # noqa: B006
        return next(numbers)

    client = client_of(app)
    asked = ["?page=2&utm=a", "?utm=b&page=2", "?page=%32", "?page=3", "?tag=a&tag=b", "?tag=a"]
    assert [client.get("/" + query).json() for query in asked] == [1, 1, 1, 2, 3, 4]


def test_get_and_head_are_kept_apart(client_of: MakeClient) -> None:
    app = TurboAPI()
    numbers = itertools.count(1)

    @app.api_route("/", methods=["GET", "HEAD"], cache=ResponseCache(60))
    def endpoint(request: Request) -> Response:
        return PlainTextResponse("body", headers={"x-number": str(next(numbers))})

    client = client_of(app)
    seen = []
    for method in ("HEAD", "GET", "HEAD", "GET"):
        response = client.request(method, "/")
        seen.append(
            (response.headers["x-number"], response.text, response.headers["content-length"])
        )
    assert seen == [("1", "", "4"), ("2", "body", "4")] * 2


def test_routes_that_share_a_cache_do_not_share_responses(client_of: MakeClient) -> None:
    cache = ResponseCache(60)
    one, two = TurboAPI(), TurboAPI()
    one.get("/", cache=cache)(lambda: "one")
    two.get("/", cache=cache)(lambda: "two")
    seen = [client_of(app).get("/").json() for app in (one, two, one, two)]
    assert seen == ["one", "two", "one", "two"]
    assert cache.metrics().hits == 2


def test_an_included_route_is_cached_where_it_is_included(client_of: MakeClient) -> None:
    router = APIRouter()
    numbers = itertools.count(1)
    router.get("/n", cache=ResponseCache(60))(lambda: next(numbers))
    app = TurboAPI()
    app.include_router(router, prefix="/a")
    app.include_router(router, prefix="/b")
    client = client_of(app)
    assert [client.get(path).json() for path in ("/a/n", "/b/n", "/a/n", "/b/n")] == [1, 2, 1, 2]


# --- what is not kept ----------------------------------------------------------------------------


def status(code: int) -> Callable[[int], Response]:
    return lambda number: JSONResponse(number, code)


def header(name: str, value: str) -> Callable[[int], Response]:
    return lambda number: JSONResponse(number, headers={name: value})


def streamed(number: int) -> Response:
    return StreamingResponse(iter([str(number)]))


NOT_KEPT: list[tuple[str, Any, dict[str, Any]]] = [
    ("404", status(404), {"statuses": [404]}),
    ("500", status(500), {"statuses": [200, 500]}),
    ("206", status(206), {"statuses": [206]}),
    ("set-cookie", header("Set-Cookie", "a=b"), {"set_cookies": True}),
    ("private", header("Cache-Control", "max-age=5, Private"), {"private": True}),
    ("no-store", header("Cache-Control", "no-store"), {"private": True}),
    ("no-cache of a field", header("Cache-Control", 'no-cache="x"'), {"private": True}),
    ("vary", header("Vary", "Origin"), {"vary": ["origin"]}),
    ("vary of several", header("Vary", "Origin, Accept"), {"vary": ["origin", "accept"]}),
    ("streamed", streamed, {"streams": True}),
    ("large", lambda number: str(number) * 100, {"max_body": 102}),
]


def texts_of(client: TestClient, count: int) -> set[str]:
    """The different answers to ``count`` requests of somebody who keeps no cookies."""
    texts = set()
    for _ in range(count):
        client.cookies.clear()
        texts.add(client.get("/").text)
    return texts


@pytest.mark.parametrize(
    ("answer", "asked"), [case[1:] for case in NOT_KEPT], ids=[case[0] for case in NOT_KEPT]
)
def test_some_responses_are_kept_only_when_asked(
    client_of: MakeClient, answer: Any, asked: dict[str, Any]
) -> None:
    default: dict[str, Any] = {"max_body": 101} if "max_body" in asked else {}
    client = client_of(counting(ResponseCache(60, **default), answer)[0])
    assert len(texts_of(client, 3)) == 3
    client = client_of(counting(ResponseCache(60, **asked), answer)[0])
    assert len(texts_of(client, 3)) == 1


def test_vary_on_everything_is_never_kept(client_of: MakeClient) -> None:
    client = client_of(counting(ResponseCache(60, vary=["*"]), header("Vary", "*"))[0])
    assert len({client.get("/").text for _ in range(2)}) == 1  # the name was given literally
    client = client_of(counting(ResponseCache(60), header("Vary", "*"))[0])
    assert len({client.get("/").text for _ in range(2)}) == 2


def test_errors_are_never_replayed_as_successes(client_of: MakeClient) -> None:
    app = TurboAPI()
    found: list[str] = []

    @app.get("/", cache=ResponseCache(60))
    def endpoint(q: int = 0) -> str:
        if not found:
            raise HTTPException(404, "not yet")
        return found[0]

    client = client_of(app)
    assert client.get("/").status_code == 404
    assert client.get("/?q=x").status_code == 422
    found.append("now")
    assert (client.get("/").status_code, client.get("/").json()) == (200, "now")
    assert client.get("/?q=x").status_code == 422


def test_an_exception_leaves_nothing(client_of: MakeClient) -> None:
    cache = ResponseCache(60, single_flight=True)

    def answer(number: int) -> int:
        if number == 1:
            raise ValueError("first")
        return number

    client = client_of(counting(cache, answer)[0])
    with pytest.raises(ValueError, match="first"):
        client.get("/")
    assert [client.get("/").json(), client.get("/").json()] == [2, 2]


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer x"},
        {"cookie": "session=1"},
        {"range": "bytes=0-1"},
        {"if-none-match": '"x"'},
        {"if-modified-since": "Thu, 01 Jan 1970 00:00:00 GMT"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_requests_that_say_who_asks_or_want_a_part_pass_by(
    client_of: MakeClient, headers: dict[str, str]
) -> None:
    cache = ResponseCache(60)
    client = client_of(counting(cache)[0])
    seen = [client.get("/", headers=h).json() for h in ({}, headers, {}, headers)]
    assert seen == [1, 2, 1, 3]
    assert cache.metrics().bypassed == 2


def test_named_credentials_are_part_of_the_key(client_of: MakeClient) -> None:
    client = client_of(counting(ResponseCache(60, vary=["authorization", "cookie"]))[0])
    sent = [{"authorization": "a"}, {"authorization": "b"}, {"cookie": "a=1"}, {}]
    assert [client.get("/", headers=h).json() for h in sent * 2] == [1, 2, 3, 4] * 2


def test_a_request_with_a_body_passes_by(client_of: MakeClient) -> None:
    client = client_of(counting(ResponseCache(60))[0])
    assert [client.request("GET", "/", content=b"x").json() for _ in range(2)] == [1, 2]


# --- dependencies --------------------------------------------------------------------------------


def test_declared_headers_and_cookies_are_never_mixed_up(client_of: MakeClient) -> None:
    app = TurboAPI()
    numbers = itertools.count(1)

    def token(x_token: Annotated[str | None, Header()] = None) -> None:
        if x_token == "wrong":
            raise HTTPException(403)

    @app.get("/", cache=ResponseCache(60), dependencies=[Depends(token)])
    def endpoint() -> int:
        return next(numbers)

    client = client_of(app)
    assert [client.get("/").json(), client.get("/").json()] == [1, 1]
    assert client.get("/", headers={"x-token": "wrong"}).status_code == 403
    assert client.get("/", headers={"x-token": "right"}).json() == 2


@pytest.mark.parametrize(
    ("scheme", "sent"),
    [
        (HTTPBearer(), {"headers": {"authorization": "Bearer x"}}),
        (APIKeyHeader(name="X-Key"), {"headers": {"x-key": "x"}}),
        (APIKeyCookie(name="key"), {"headers": {"cookie": "key=x"}}),
        (APIKeyQuery(name="key"), {"params": {"key": "x"}}),
    ],
    ids=["bearer", "header", "cookie", "query"],
)
def test_no_credentials_no_hit(client_of: MakeClient, scheme: Any, sent: dict[str, Any]) -> None:
    """What was made for somebody with credentials is not given to somebody without."""
    app = TurboAPI(dependencies=[Security(scheme)])
    app.get("/", cache=ResponseCache(60))(lambda: "secret")
    client = client_of(app)
    for _ in range(2):
        assert client.get("/", **sent).json() == "secret"
        assert client.get("/").status_code == 401


def test_a_dependency_that_reads_the_request_is_refused() -> None:
    def limiter(request: Request) -> None: ...

    app = TurboAPI(dependencies=[Depends(limiter)])
    with pytest.raises(ValueError, match=r"'/' cannot be cached: a hit would skip .*limiter"):
        app.get("/", cache=ResponseCache(60))(lambda: "x")
    app.get("/", cache=ResponseCache(60, skip_dependencies=True))(lambda: "x")


class OwnKey(APIKeyHeader):
    async def __call__(self, request: HTTPConnection) -> str:
        return request.headers["x-something-else"]


def test_a_scheme_of_the_application_s_own_counts_as_such_a_dependency() -> None:
    app = TurboAPI()
    with pytest.raises(ValueError, match="a hit would skip"):
        app.get("/", cache=ResponseCache(60), dependencies=[Security(OwnKey(name="k"))])(lambda: 1)


def test_hits_run_no_dependencies_and_no_background_tasks(client_of: MakeClient) -> None:
    app = TurboAPI()
    ran: list[str] = []

    def dependency() -> Iterator[str]:
        ran.append("dependency")
        yield "x"

    @app.get("/", cache=ResponseCache(60))
    def endpoint(tasks: BackgroundTasks, value: str = Depends(dependency)) -> str:
        tasks.add_task(ran.append, "task")
        return value

    client = client_of(app)
    assert [client.get("/").json(), client.get("/").json()] == ["x", "x"]
    assert ran == ["dependency", "task"]


def test_overridden_dependencies_switch_it_off(client_of: MakeClient) -> None:
    app = TurboAPI()

    def who() -> str:
        return "real"

    @app.get("/", cache=ResponseCache(60))
    def endpoint(value: str = Depends(who)) -> str:
        return value

    client = client_of(app)
    assert client.get("/").json() == "real"
    app.dependency_overrides[who] = lambda: "other"
    assert client.get("/").json() == "other"
    app.dependency_overrides.clear()
    assert client.get("/").json() == "real"


class AllHeaders(BaseModel):
    model_config = {"extra": "allow"}


class AllQuery(BaseModel):
    model_config = {"extra": "forbid"}
    page: int = 1


def with_header_model(model: Annotated[AllHeaders, Header()]) -> None: ...
def with_query_model(model: Annotated[AllQuery, Query()]) -> None: ...
def with_query(q: str = "") -> None: ...


@pytest.mark.parametrize(
    ("endpoint", "cache", "message"),
    [
        (with_header_model, {}, "takes every header"),
        (with_query_model, {"query": ["page"]}, "takes all of them"),
        (with_query, {"query": []}, "its parameters q are not in the cache's query"),
    ],
)
def test_a_key_that_cannot_be_right_is_refused(endpoint: Any, cache: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TurboAPI().get("/", cache=ResponseCache(60, **cache))(endpoint)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_only_get_and_head_can_be_cached(method: str) -> None:
    app = TurboAPI()
    with pytest.raises(ValueError, match="only those of GET and HEAD"):
        app.api_route("/", methods=["GET", method], cache=ResponseCache(60))(lambda: "x")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"ttl": 0}, ValueError),
        ({"ttl": float("inf")}, ValueError),
        ({"ttl": 1, "max_entries": 0}, ValueError),
        ({"ttl": 1, "max_bytes": 0}, ValueError),
        ({"ttl": 1, "vary": "accept"}, TypeError),
        ({"ttl": 1, "query": "page"}, TypeError),
    ],
)
def test_nonsense_is_refused(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        ResponseCache(**options)


def test_a_route_class_that_knows_no_cache_still_works() -> None:
    from turboapi.routing import APIRoute

    class Closed(APIRoute):
        def __init__(self, path: str, endpoint: Any, **options: Any) -> None:
            assert "cache" not in options
            super().__init__(path, endpoint, **options)

    router = APIRouter(route_class=Closed)
    router.get("/")(lambda: "x")


# --- middleware ----------------------------------------------------------------------------------


def test_middleware_still_runs_for_hits(client_of: MakeClient) -> None:
    app, _ = counting(ResponseCache(60))
    app.add_middleware(CORSMiddleware, allow_origins=["http://a", "http://b"])
    client = client_of(app)
    for origin in ("http://a", "http://b"):
        response = client.get("/", headers={"origin": origin})
        assert response.json() == 1
        assert response.headers["access-control-allow-origin"] == origin
        assert response.headers.get_list("vary") == ["Origin"]


# --- bounds --------------------------------------------------------------------------------------


def test_the_least_recently_used_goes_first() -> None:
    cache = ResponseCache(60, max_entries=2)
    app = TurboAPI()
    numbers = itertools.count(1)

    @app.get("/{name}", cache=cache)
    def endpoint(name: str) -> int:
        return next(numbers)

    client = TestClient(app)
    assert [client.get(f"/{name}").json() for name in "abacbab"] == [1, 2, 1, 3, 4, 5, 4]
    metrics = cache.metrics()
    assert (metrics.entries, metrics.evictions) == (2, 3)


def test_bytes_are_bounded() -> None:
    cache = ResponseCache(60, max_bytes=10_000)
    app = TurboAPI()

    @app.get("/{size}", cache=cache)
    def endpoint(size: int) -> Response:
        return PlainTextResponse("x" * size)

    client = TestClient(app)
    client.get("/20000")
    assert (cache.metrics().stores, cache.metrics().entries) == (0, 0)
    for number in range(10):
        client.get(f"/3000?{number}")
        assert cache.metrics().bytes <= 10_000
    assert 1 <= cache.metrics().entries <= 3
    cache.clear()
    assert (cache.metrics().bytes, cache.metrics().entries) == (0, 0)


def test_clear_and_invalidate(client_of: MakeClient) -> None:
    cache = ResponseCache(60)
    app = TurboAPI()
    numbers = itertools.count(1)

    @app.get("/{name}", cache=cache)
    def endpoint(name: str) -> int:
        return next(numbers)

    client = client_of(app)
    paths = ["/a", "/a?x=1", "/b"]
    assert [client.get(path).json() for path in paths] == [1, 2, 3]
    assert cache.invalidate("/a") == 2
    assert cache.invalidate("/a") == 0
    assert [client.get(path).json() for path in paths] == [4, 5, 3]
    assert cache.clear() == 3
    assert client.get("/b").json() == 6


# --- many at once --------------------------------------------------------------------------------


def run_together(app: TurboAPI, count: int, release: asyncio.Event, waiting: Any) -> list[str]:
    """``count`` equal requests on one loop; ``release`` is set once ``waiting()`` is true."""
    texts: list[str] = []

    async def request() -> None:
        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                texts.append(message["body"].decode())

        scope = {
            "type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"",
            "headers": [(b"host", b"a")], "root_path": "", "scheme": "http", "client": None,
            "server": ("a", 80),
        }  # fmt: skip
        await app(scope, receive, send)

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(count):
                group.start_soon(request)
            while not waiting():
                await anyio.lowlevel.checkpoint()
            for _ in range(20):  # let the others arrive
                await anyio.lowlevel.checkpoint()
            release.set()

    asyncio.run(main())
    return texts


@pytest.mark.parametrize("single_flight", [True, False])
def test_equal_requests_wait_for_the_first_one_if_asked(single_flight: bool) -> None:
    cache = ResponseCache(60, single_flight=single_flight)
    app = TurboAPI()
    release = asyncio.Event()
    calls: list[int] = []

    @app.get("/", cache=cache)
    async def endpoint() -> int:
        calls.append(1)
        await release.wait()
        return len(calls)

    texts = run_together(app, 5, release, lambda: calls)
    assert len(texts) == 5
    assert len(calls) == (1 if single_flight else 5)
    metrics = cache.metrics()
    assert (metrics.hits, metrics.misses) == ((4, 1) if single_flight else (0, 5))


def test_who_waited_in_vain_runs() -> None:
    cache = ResponseCache(60, single_flight=True)
    app = TurboAPI()
    release = asyncio.Event()
    calls: list[int] = []

    @app.get("/", cache=cache)
    async def endpoint() -> Response:
        calls.append(1)
        await release.wait()
        return PlainTextResponse("no", 404)

    assert run_together(app, 4, release, lambda: calls) == ["no"] * 4
    assert len(calls) == 4
    assert cache.metrics().stores == 0


def test_threads_share_it_safely() -> None:
    """Two threads with event loops of their own, an eviction at nearly every request."""
    cache = ResponseCache(60, max_entries=8, single_flight=True)
    app = TurboAPI()

    @app.get("/{name}", cache=cache)
    async def endpoint(name: str) -> str:
        return name

    wrong: list[str] = []

    def work(start: int) -> None:
        with TestClient(app) as client:
            for number in range(200):
                name = str((start + number * 7) % 12)
                if client.get(f"/{name}").json() != name:
                    wrong.append(name)
                if number % 50 == 0:
                    cache.invalidate(f"/{name}")
                    cache.metrics()

    threads = [threading.Thread(target=work, args=(start,)) for start in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    metrics = cache.metrics()
    assert not wrong
    assert metrics.hits + metrics.misses == 400
    assert metrics.entries <= 8
    assert metrics.bytes == sum(stored.size for stored in cache._entries.values())


def test_cookies_of_a_declared_cookie_parameter(client_of: MakeClient) -> None:
    app = TurboAPI()

    @app.get("/", cache=ResponseCache(60, vary=["cookie"]))
    def endpoint(name: Annotated[str, Cookie()] = "nobody") -> str:
        return name

    client = client_of(app)
    sent = [{"cookie": "name=a"}, {"cookie": "name=b"}, {}]
    assert [client.get("/", headers=h).json() for h in sent * 2] == ["a", "b", "nobody"] * 2
