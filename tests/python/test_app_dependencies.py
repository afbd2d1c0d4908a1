"""Dependencies: order, cache, scopes of generators, overrides, threads and contexts."""

from __future__ import annotations

import threading
from contextlib import suppress
from contextvars import ContextVar
from typing import Annotated, Any

import pytest
from turboapi import (
    BackgroundTasks,
    Body,
    Depends,
    HTTPException,
    Security,
    TurboAPI,
    routing,
)
from turboapi._executor import SolvedDependency
from turboapi.exceptions import DependencyScopeError
from turboapi.security import OAuth2PasswordBearer, SecurityScopes
from turboapi.testclient import TestClient

variable: ContextVar[str] = ContextVar("variable", default="unset")


def generator(name: str, log: list[str], error: Exception | None = None) -> Any:
    async def dependency() -> Any:
        log.append(f"{name} in")
        try:
            yield name
        except Exception as exc:
            log.append(f"{name} saw {type(exc).__name__}")
            raise
        finally:
            log.append(f"{name} out")
        if error is not None:
            raise error

    return dependency


def test_order_of_work_in_one_request():
    log: list[str] = []
    app = TurboAPI(dependencies=[Depends(lambda: log.append("app"))])
    late, early = generator("late", log), generator("early", log)

    @app.get("/", dependencies=[Depends(lambda: log.append("route"))])
    async def endpoint(
        tasks: BackgroundTasks, a: str = Depends(late), b: str = Depends(early, scope="function")
    ):
        tasks.add_task(log.append, "task")
        log.append("endpoint")
        return [a, b]

    assert TestClient(app).get("/").json() == ["late", "early"]
    expected = "app,route,late in,early in,endpoint,early out,task,late out"
    assert ",".join(log) == expected


def test_generators_see_exceptions_inside_out():
    log: list[str] = []
    app = TurboAPI()

    @app.get("/")
    def endpoint(
        a: str = Depends(generator("late", log)),
        b: str = Depends(generator("early", log), scope="function"),
    ):
        raise HTTPException(400, "x")

    assert TestClient(app).get("/").json() == {"detail": "x"}
    assert log == [
        "late in",
        "early in",
        "early saw HTTPException",
        "early out",
        "late saw HTTPException",
        "late out",
    ]


def test_exception_after_the_endpoint():
    log: list[str] = []
    app = TurboAPI()
    early = generator("early", log, HTTPException(409, "early"))
    late = generator("late", log, HTTPException(409, "late"))

    @app.get("/early")
    def with_early(a: str = Depends(early, scope="function")):
        return a

    @app.get("/late")
    def with_late(a: str = Depends(late)):
        return a

    client = TestClient(app, raise_server_exceptions=False)
    assert client.get("/early").status_code == 409
    assert client.get("/late").json() == "late"


def test_swallowed_exception_is_an_error_of_the_server():
    async def swallowing():
        with suppress(HTTPException):
            yield

    app = TurboAPI()

    @app.get("/{scope}")
    def endpoint(a: None = Depends(swallowing), b: None = Depends(swallowing, scope="function")):
        raise HTTPException(400)

    with pytest.raises(RuntimeError, match="Response not awaited"):
        TestClient(app).get("/x")


def test_generator_for_the_request_cannot_use_one_for_the_function():
    def early():
        yield

    def late(a: None = Depends(early, scope="function")):
        yield

    app = TurboAPI()
    with pytest.raises(
        DependencyScopeError, match='The dependency "late" has a scope of "request"'
    ):
        app.get("/")(lambda a=Depends(late): None)


def test_cache():
    app = TurboAPI()
    count = iter(range(1, 100))

    def counter() -> int:
        return next(count)

    def user(value: int = Depends(counter)) -> int:
        return value

    @app.get("/")
    def endpoint(
        a: int = Depends(counter),
        b: int = Depends(user),
        c: int = Depends(counter, use_cache=False),
        d: int = Depends(counter),
    ):
        return [a, b, c, d]

    client = TestClient(app)
    assert client.get("/").json() == [1, 1, 2, 1]
    assert client.get("/").json() == [3, 3, 4, 3]


def test_errors_of_all_dependencies_are_collected():
    ran: list[str] = []
    app = TurboAPI()

    def wants_a(a: int) -> int:
        ran.append("a")
        return a

    def sibling() -> None:
        ran.append("sibling")

    @app.post("/{p}")
    def endpoint(
        p: int,
        q: int,
        body: Annotated[int, Body()],
        a: int = Depends(wants_a),
        s: None = Depends(sibling),
    ):
        ran.append("endpoint")

    response = TestClient(app).post("/x?q=y&a=z", json="w")
    assert [error["loc"] for error in response.json()["detail"]] == [
        ["query", "a"],
        ["path", "p"],
        ["query", "q"],
        ["body"],
    ]
    assert ran == ["sibling"]


def test_plain_functions_of_a_request_share_one_stay_in_one_thread(monkeypatch: Any):
    from turboapi import _executor

    hops = 0
    original = _executor.run_in_worker

    async def counted(*args: Any) -> Any:
        nonlocal hops
        hops += 1
        return await original(*args)

    monkeypatch.setattr(_executor, "run_in_worker", counted)
    threads: list[int] = []
    app = TurboAPI()

    def note() -> str:
        threads.append(threading.get_ident())
        return variable.get()

    def first() -> str:
        value = note()
        variable.set("from first")
        return value

    def second(value: str = Depends(first)) -> list[str]:
        return [value, note()]

    async def on_loop(value: list[str] = Depends(second)) -> list[str]:
        threads.append(0)
        variable.set("from loop")
        return value

    @app.get("/plain")
    def plain(values: list[str] = Depends(second)) -> list[str]:
        return [*values, note()]

    @app.get("/mixed")
    def mixed(values: list[str] = Depends(on_loop)) -> list[str]:
        return [*values, note()]

    client = TestClient(app)
    # Each function has a context of its own, as if it had hopped by itself.
    assert client.get("/plain").json() == ["unset", "unset", "unset"]
    assert hops == 1 and len(set(threads)) == 1
    threads.clear()
    assert client.get("/mixed").json() == ["unset", "unset", "from loop"]
    assert hops == 3 and threads[2] == 0


def test_plain_generators_are_entered_in_the_same_stay_and_left_in_another_thread(monkeypatch: Any):
    from turboapi import _executor

    hops = 0
    original = _executor.run_in_worker

    async def counted(*args: Any) -> Any:
        nonlocal hops
        hops += 1
        return await original(*args)

    monkeypatch.setattr(_executor, "run_in_worker", counted)
    threads: dict[str, int] = {}
    app = TurboAPI()

    def resource() -> Any:
        threads["enter"] = threading.get_ident()
        try:
            yield "value"
        except HTTPException:
            threads["error"] = threading.get_ident()
            raise
        finally:
            threads["leave"] = threading.get_ident()

    @app.get("/")
    def endpoint(fail: bool = False, value: str = Depends(resource)):
        threads["endpoint"] = threading.get_ident()
        if fail:
            raise HTTPException(400)
        return value

    with TestClient(app) as client:
        assert client.get("/").json() == "value"
        assert hops == 1 and threads["enter"] == threads["endpoint"]
        assert "leave" in threads and "error" not in threads
        threads.clear()
        assert client.get("/?fail=1").status_code == 400
        assert threads["error"] == threads["leave"]


def test_response_model_of_a_plain_function_is_validated_in_its_thread():
    threads: list[str] = []

    class Seen:
        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
            from pydantic_core import core_schema

            def validate(value: Any) -> Any:
                threads.append(threading.current_thread().name)
                return value

            return core_schema.no_info_plain_validator_function(
                validate, serialization=core_schema.to_string_ser_schema()
            )

    app = TurboAPI()

    @app.get("/", response_model=Seen)
    def endpoint():
        threads.append(threading.current_thread().name)
        return "x"

    assert TestClient(app).get("/").json() == "x"
    assert len(threads) == 2 and threads[0] == threads[1]


def test_overrides_are_live_and_parse_parameters_of_their_own():
    app = TurboAPI()
    calls: list[str] = []

    def original(a: int) -> str:
        return f"original {a}"

    def replacement(b: int) -> str:
        return f"replacement {b}"

    def outer(value: str = Depends(original)) -> str:
        return value

    def replaced_outer(value: str = Depends(original)) -> str:
        return f"outer {value}"

    @app.get("/")
    def endpoint(value: str = Depends(outer)):
        calls.append(value)
        return value

    client = TestClient(app)
    assert client.get("/?a=1").json() == "original 1"
    app.dependency_overrides[original] = replacement
    assert client.get("/?a=1").json()["detail"][0]["loc"] == ["query", "b"]
    assert client.get("/?b=2").json() == "replacement 2"
    app.dependency_overrides[outer] = replaced_outer
    assert client.get("/?b=3").json() == "outer replacement 3"
    app.dependency_overrides = {}
    assert client.get("/?a=4").json() == "original 4"


def test_an_override_made_by_an_earlier_dependency_holds_at_once():
    app = TurboAPI()

    def original() -> str:
        return "original"

    def configure() -> None:
        app.dependency_overrides[original] = lambda: "replacement"

    @app.get("/")
    def endpoint(_: None = Depends(configure), value: str = Depends(original)):
        return value

    assert TestClient(app).get("/").json() == "replacement"


def test_security_scopes_are_collected_on_the_way_down():
    app = TurboAPI()
    scheme = OAuth2PasswordBearer(tokenUrl="token", scopes={"a": "A", "b": "B"})

    def user(scopes: SecurityScopes, token: str = Depends(scheme)) -> list[Any]:
        return [scopes.scopes, token]

    def active(value: list[Any] = Security(user, scopes=["b"])) -> list[Any]:
        return value

    @app.get("/")
    def endpoint(
        one: list[Any] = Security(active, scopes=["a"]),
        two: list[Any] = Security(user, scopes=["c"]),
    ):
        return [one, two]

    client = TestClient(app)
    response = client.get("/", headers={"authorization": "Bearer t"})
    assert response.json() == [[["a", "b"], "t"], [["c"], "t"]]
    response = client.get("/")
    assert response.status_code == 401 and response.headers["www-authenticate"] == "Bearer"


def test_replaced_hooks_are_called(monkeypatch: Any):
    seen: list[str] = []
    solve, run, serialize = (
        routing.solve_dependencies,
        routing.run_endpoint_function,
        routing.serialize_response,
    )

    async def watched_solve(**kwargs: Any) -> SolvedDependency:
        solved = await solve(**kwargs)
        seen.append(f"solved {solved.values} {len(solved.errors)}")
        return solved

    async def watched_run(**kwargs: Any) -> Any:
        seen.append(f"run {kwargs['values']} {kwargs['is_coroutine']}")
        return await run(**kwargs)

    async def watched_serialize(**kwargs: Any) -> Any:
        seen.append("serialize")
        return await serialize(**kwargs)

    app = TurboAPI()

    @app.get("/")
    def endpoint(a: int) -> int:
        return a

    client = TestClient(app)
    assert client.get("/?a=1").content == b"1"
    monkeypatch.setattr(routing, "solve_dependencies", watched_solve)
    monkeypatch.setattr(routing, "run_endpoint_function", watched_run)
    monkeypatch.setattr(routing, "serialize_response", watched_serialize)
    assert client.get("/?a=2").content == b"2"
    assert client.get("/?a=x").status_code == 422
    assert seen == ["solved {'a': 2} 0", "run {'a': 2} False", "serialize", "solved {} 1"]


def test_concurrent_requests_do_not_share_anything():
    app = TurboAPI()
    barrier = threading.Barrier(8)

    def dependency(a: int) -> int:
        barrier.wait()
        return a

    @app.get("/")
    def endpoint(a: int, value: int = Depends(dependency)):
        return [a, value]

    results: list[Any] = []
    with TestClient(app) as client:

        def ask(number: int) -> None:
            results.append(client.get(f"/?a={number}").json())

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(results) == [[number, number] for number in range(8)]
