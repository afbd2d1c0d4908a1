"""Servers as programs use them: start and stop, ports, threads, slow handlers, wrong libraries."""

# mypy: disable-error-code="no-untyped-def"
# Endpoints have no return type where it would make a response model.

from __future__ import annotations

import asyncio
import gc
import shutil
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import Client
from turboapi import TurboAPI, _native
from turboapi.server import Server, default_threads, describe_interpreter

Connect = Callable[..., Client]
Serve = Callable[..., Server]
ROOT = Path(__file__).resolve().parents[2]

gil_is_on = getattr(sys, "_is_gil_enabled", lambda: True)
free_threaded_only = pytest.mark.skipif(
    not _native.FREE_THREADED, reason="threads take turns under a GIL"
)


@pytest.fixture(scope="module")
def handler_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example handler, compiled."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    assert compiler is not None, "a C compiler is wanted: install the package gcc (Debian)"
    library = tmp_path_factory.mktemp("library") / "libhandler.so"
    source = ROOT / "bindings" / "c-examples" / "handler.c"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-I", ROOT / "include", "-o", library, source], check=True
    )
    return library


# --- life --------------------------------------------------------------------------------------


def test_port_zero_takes_a_free_port_and_reports_it(serve: Serve) -> None:
    app = TurboAPI()
    first, second = serve(app), serve(app)
    assert first.port != second.port
    assert first.url == f"http://127.0.0.1:{first.port}"
    for server in (first, second):
        client = Client(server.port)
        assert client.get("/nope").status == 404
        client.connection.close()


def test_stopping_frees_the_port_and_ends_the_thread() -> None:
    server = Server(TurboAPI(), port=0)
    server.start()
    socket.create_connection(("127.0.0.1", server.port)).close()
    started = time.monotonic()
    server.stop()
    server.join()
    assert time.monotonic() - started < 5  # far below the grace of 30 seconds
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))


def test_requests_in_flight_are_finished_on_a_stop() -> None:
    app = TurboAPI()
    entered = threading.Event()
    leave = threading.Event()

    @app.get("/def")
    def plain():
        entered.set()
        leave.wait()
        return "done"

    @app.get("/async")
    async def coroutine():
        entered.set()
        while not leave.is_set():
            await asyncio.sleep(0.005)
        return "done"

    for path in ("/def", "/async"):
        entered.clear()
        leave.clear()
        server = Server(app, port=0)
        server.start()
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(Client(server.port).get, path)
            entered.wait()
            server.stop()
            threading.Timer(0.1, leave.set).start()
            server.join()
            assert answer.result().json() == "done"


def test_the_lifespan_runs_around_the_requests() -> None:
    events: list[str] = []

    @asynccontextmanager
    async def lifespan(app: TurboAPI) -> AsyncIterator[None]:
        events.append("startup")

        @app.get("/late")
        def late():
            events.append("request")

        yield
        events.append("shutdown")

    app = TurboAPI(lifespan=lifespan)
    with Server(app, port=0) as server:
        client = Client(server.port)
        assert client.get("/late").body == b"null"
        client.connection.close()
    assert events == ["startup", "request", "shutdown"]


def test_a_used_port_is_a_clear_error(serve: Serve) -> None:
    server = serve(TurboAPI())
    with pytest.raises(OSError, match=str(server.port)):
        Server(TurboAPI(), port=server.port).start()


def test_metrics_count_requests(serve: Serve) -> None:
    server = serve(TurboAPI())
    client = Client(server.port)
    for _ in range(3):
        assert client.get("/nope").status == 404
    client.connection.close()
    metrics = server.metrics()
    assert metrics["requests"] == 3
    assert metrics["responses"][4] == 3


def test_a_server_may_be_started_and_stopped_many_times() -> None:
    app = TurboAPI()

    @app.get("/")
    def hello():
        return "hello"

    for _ in range(20):
        with Server(app, port=0) as server:
            client = Client(server.port)
            assert client.get("/").json() == "hello"
            client.connection.close()


# --- threads -----------------------------------------------------------------------------------


def test_slow_functions_leave_the_others_answering_at_once(serve: Serve) -> None:
    app = TurboAPI()

    @app.get("/")
    def hello():
        return "hello"

    @app.get("/sleep")
    def sleep():
        inside.release()
        leave.wait()
        return "slept"

    inside, leave = threading.Semaphore(0), threading.Event()
    server = serve(app, threads=1)
    with ThreadPoolExecutor(40) as pool:
        try:
            slow = [pool.submit(Client(server.port).get, "/sleep") for _ in range(40)]
            for _ in range(40):
                inside.acquire()
            client = Client(server.port)
            for _ in range(5):  # all forty are blocked, and this one server thread still answers
                assert client.get("/").json() == "hello"
            client.connection.close()
        finally:
            leave.set()
        assert [answer.result().json() for answer in slow] == ["slept"] * 40


def test_forty_short_sleeps_overlap(serve: Serve) -> None:
    app = TurboAPI()

    @app.get("/sleep")
    def sleep():
        time.sleep(0.05)

    server = serve(app, threads=1)
    with ThreadPoolExecutor(40) as pool:
        started = time.monotonic()
        answers = list(pool.map(lambda _: Client(server.port).get("/sleep"), range(40)))
        assert time.monotonic() - started < 40 * 0.05 / 2
    assert {answer.status for answer in answers} == {200}


def test_coroutines_run_concurrently_on_one_loop(serve: Serve) -> None:
    app = TurboAPI()
    loops = set()
    together = 0
    most = 0

    @app.get("/sleep")
    async def sleep():
        nonlocal together, most
        loops.add(asyncio.get_running_loop())
        together += 1
        most = max(most, together)
        while most < 20:
            await asyncio.sleep(0.001)
        together -= 1

    server = serve(app)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: Client(server.port).get("/sleep"), range(20)))
    assert {answer.status for answer in answers} == {200}
    assert most == 20 and len(loops) == 1


def test_clients_on_many_connections_get_their_own_answers(serve: Serve) -> None:
    app = TurboAPI()

    @app.get("/def/{number}")
    def plain(number: int, q: str):
        return [number, q]

    @app.get("/async/{number}")
    async def coroutine(number: int, q: str):
        await asyncio.sleep(0)
        return [number, q]

    server = serve(app, threads=2)

    def talk(who: int) -> bool:
        client = Client(server.port)
        for i in range(60):
            kind = "def" if (i + who) % 2 else "async"
            assert client.get(f"/{kind}/{i}?q={who}").json() == [i, str(who)]
        client.connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(talk, range(8)))


@free_threaded_only
def test_the_gil_stays_off() -> None:
    assert not gil_is_on()
    assert "free-threaded" in describe_interpreter()


def test_one_event_loop_for_each_core_only_without_a_gil() -> None:
    if _native.FREE_THREADED:
        assert default_threads() >= 1
    else:
        assert default_threads() == 1


@free_threaded_only
def test_two_workers_run_python_in_parallel(serve: Serve) -> None:
    """Two handlers use more processor time than time passes, which is impossible under a GIL.

    Other load on the machine may hide it for a while, so it is tried until it is seen; under a GIL
    it could never be.
    """
    app = TurboAPI()
    both = threading.Barrier(2)

    @app.get("/burn")
    def burn():
        both.wait()
        wall, own, total = time.perf_counter(), time.thread_time(), 0
        while time.perf_counter() - wall < 0.2:
            for i in range(500):
                total += i * i
        return [time.perf_counter() - wall, time.thread_time() - own]

    server = serve(app, threads=2)
    with ThreadPoolExecutor(2) as pool:
        ratio = 0.0
        while ratio < 1.3:
            answers = list(pool.map(lambda _: Client(server.port).get("/burn"), range(2)))
            (wall_a, own_a), (wall_b, own_b) = (answer.json() for answer in answers)
            ratio = (own_a + own_b) / max(wall_a, wall_b)
    assert not gil_is_on()


@free_threaded_only
def test_data_that_other_threads_change_is_written_safely(serve: Serve) -> None:
    """What is written meanwhile is anybody's guess; it must be JSON, and nothing may crash."""
    app = TurboAPI()
    shared: dict[str, Any] = {"list": [[i] for i in range(50)], "dict": {}}
    stop = threading.Event()

    @app.get("/")
    def get():
        return shared

    def disturb() -> None:
        i = 0
        while not stop.is_set():
            i += 1
            shared["list"] = [[i] for _ in range(i % 50)]
            shared["list"].append({"i": [i]})
            shared["dict"][str(i % 20)] = [i]
            shared["dict"].pop(str((i + 7) % 20), None)

    server = serve(app, threads=2)
    writer = threading.Thread(target=disturb)
    writer.start()
    try:
        client = Client(server.port)
        statuses = set()
        for _ in range(2000):
            answer = client.get("/")
            statuses.add(answer.status)
            if answer.status == 200:
                assert set(answer.json()) == {"list", "dict"}
        client.connection.close()
    finally:
        stop.set()
        writer.join()
    assert 200 in statuses and statuses <= {
        200,
        500,
    }  # 500: Python's "changed size during iteration"


# --- fixed and native routes -------------------------------------------------------------------


def test_static_and_library_routes(connect: Connect, handler_library: Path) -> None:
    app = TurboAPI()
    app.static_route("GET", "/health", '{"status":"ok"}')
    app.static_route("GET", "/gone", b"gone", status_code=410, content_type="text/plain")
    app.add_native_route("GET", "/fast", str(handler_library), "handle_request")
    client = connect(app)
    assert client.get("/health").json() == {"status": "ok"}
    gone = client.get("/gone")
    assert (gone.status, gone.body, gone.header("content-type")) == (410, b"gone", "text/plain")
    fast = client.get("/fast")
    assert (fast.status, fast.header("x-handler")) == (200, "native")
    assert fast.json() == {"message": "Hello from C"}
    assert client.request("POST", "/fast").status == 405


@pytest.mark.parametrize(
    ("library", "symbol", "complaint"),
    [("./missing.so", "handle_request", "missing.so"), (None, "no_such_symbol", "no_such_symbol")],
)
def test_a_wrong_library_is_an_error_before_anything_is_served(
    handler_library: Path, library: str | None, symbol: str, complaint: str
) -> None:
    app = TurboAPI()
    app.add_native_route("GET", "/fast", library or str(handler_library), symbol)
    with pytest.raises(_native.PluginError, match=complaint):
        Server(app, port=0).start()


def test_an_application_with_middleware_is_hosted_whole(connect: Connect) -> None:
    app = TurboAPI()

    @app.middleware("http")
    async def mark(request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["x-marked"] = "yes"
        return response

    @app.get("/{n}")
    def get(n: int):
        return n

    client = connect(app)
    for path, status in (("/1", 200), ("/x", 422), ("/a/b", 404)):
        answer = client.get(path)
        assert (answer.status, answer.header("x-marked")) == (status, "yes")


def test_a_mounted_application_keeps_its_place_in_the_order(connect: Connect) -> None:
    app, inner = TurboAPI(), TurboAPI()

    @inner.get("/here")
    def here():
        return "inner"

    @app.get("/sub/first")
    def first():
        return "outer"

    app.mount("/sub", inner)

    @app.get("/sub/here")
    def shadowed():
        return "never"

    client = connect(app)
    assert client.get("/sub/first").json() == "outer"
    assert client.get("/sub/here").json() == "inner"
    assert client.get("/sub/nope").status == 404
    # The mount matches fully, the route before it only but for the method.
    assert client.request("POST", "/sub/first").json() == {"detail": "Not Found"}


def test_a_stopped_server_lets_go_of_its_application() -> None:
    app = TurboAPI()

    @app.get("/{n}")
    def plain(n: int):
        return n

    @app.get("/a/{n}")
    async def coroutine(n: int):
        return n

    with Server(app, port=0) as server:
        client = Client(server.port)
        for path in ("/1", "/a/1", "/x", "/nope/nope/nope"):
            client.get(path)
        client.connection.close()
    gone = weakref.ref(app)
    del app, server, plain, coroutine
    gc.collect()
    assert gone() is None
