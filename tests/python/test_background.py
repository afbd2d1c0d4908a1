"""Background tasks: order, threads, failures and where they can be added."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from turboapi import BackgroundTasks, Depends, FastAPI
from turboapi.responses import JSONResponse
from turboapi.testclient import TestClient


def test_tasks_run_after_the_response_in_the_order_they_were_added() -> None:
    app = FastAPI()
    seen: list[str] = []

    async def asynchronous(name: str) -> None:
        seen.append(name)

    def synchronous(name: str, *, suffix: str) -> None:
        seen.append(name + suffix)

    @app.get("/")
    async def endpoint(tasks: BackgroundTasks) -> dict[str, int]:
        tasks.add_task(asynchronous, "first")
        tasks.add_task(synchronous, "second", suffix="!")
        seen.append("endpoint")
        return {"seen": len(seen)}

    assert TestClient(app).get("/").json() == {"seen": 1}
    assert seen == ["endpoint", "first", "second!"]


def test_plain_functions_run_in_a_worker_thread() -> None:
    app = FastAPI()
    threads: list[threading.Thread] = []

    @app.get("/")
    async def endpoint(tasks: BackgroundTasks) -> None:
        threads.append(threading.current_thread())
        tasks.add_task(lambda: threads.append(threading.current_thread()))

    TestClient(app).get("/")
    assert len(threads) == 2
    assert threads[0] is not threads[1]


def test_endpoint_and_dependencies_share_one_list() -> None:
    app = FastAPI()
    seen: list[str] = []

    def dependency(tasks: BackgroundTasks) -> BackgroundTasks:
        tasks.add_task(seen.append, "dependency")
        return tasks

    @app.get("/")
    def endpoint(tasks: BackgroundTasks, other: BackgroundTasks = Depends(dependency)) -> bool:
        tasks.add_task(seen.append, "endpoint")
        return tasks is other

    assert TestClient(app).get("/").json() is True
    assert seen == ["dependency", "endpoint"]


def test_a_returned_response_without_tasks_takes_the_injected_ones() -> None:
    app = FastAPI()
    seen: list[str] = []

    @app.get("/")
    def endpoint(tasks: BackgroundTasks) -> Any:
        tasks.add_task(seen.append, "injected")
        return JSONResponse({"own": True})

    assert TestClient(app).get("/").json() == {"own": True}
    assert seen == ["injected"]


def test_a_failing_task_ends_the_row_and_reaches_the_server() -> None:
    app = FastAPI()
    seen: list[str] = []

    def fails() -> None:
        raise LookupError("task")

    @app.get("/")
    def endpoint(tasks: BackgroundTasks) -> None:
        tasks.add_task(fails)
        tasks.add_task(seen.append, "later")

    with pytest.raises(LookupError, match="task"):
        TestClient(app).get("/")
    response = TestClient(app, raise_server_exceptions=False).get("/")
    assert (response.status_code, response.json()) == (200, None)
    assert seen == []


def test_tasks_run_before_request_scoped_dependencies_are_closed() -> None:
    app = FastAPI()
    seen: list[str] = []

    def resource() -> Iterator[str]:
        yield "resource"
        seen.append("closed")

    @app.get("/")
    def endpoint(tasks: BackgroundTasks, value: str = Depends(resource)) -> None:
        tasks.add_task(seen.append, value)

    TestClient(app).get("/")
    assert seen == ["resource", "closed"]


def test_no_task_runs_when_the_endpoint_raises() -> None:
    app = FastAPI()
    seen: list[str] = []

    @app.get("/")
    def endpoint(tasks: BackgroundTasks) -> None:
        tasks.add_task(seen.append, "never")
        raise KeyError("endpoint")

    assert TestClient(app, raise_server_exceptions=False).get("/").status_code == 500
    assert seen == []
