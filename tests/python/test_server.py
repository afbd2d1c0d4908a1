"""The order of events around a server's life, its errors at start-up, and signals."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import turboapi
from conftest import Client
from rawclient import RawClient
from turboapi import TurboAPI
from turboapi._loop import LifespanError
from turboapi.server import Server

Serve = Callable[..., Server]
START = {"type": "http.response.start", "status": 200, "headers": []}
HELLO = {"type": "http.response.body", "body": b"hello"}


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await send(START)
    await send(HELLO)


class Life:
    """An application that answers the lifespan's events as told, and notes what happens."""

    def __init__(self, startup: Any = "complete", shutdown: Any = "complete") -> None:
        self.events: list[str] = []
        self.answers = {"startup": startup, "shutdown": shutdown}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.events.append("request")
            await hello(scope, receive, send)
            return
        scope["state"]["made"] = "at startup"
        for event in ("startup", "shutdown"):
            message = await receive()
            assert message == {"type": f"lifespan.{event}"}
            self.events.append(event)
            answer = self.answers[event]
            if isinstance(answer, BaseException):
                raise answer
            await send({"type": f"lifespan.{event}.{answer}", "message": "the reason"})


def test_run_off_the_main_thread_and_a_stop_from_another() -> None:
    app = Life()
    started = threading.Event()
    server = Server(app, port=0, on_started=lambda _: started.set())
    thread = threading.Thread(target=server.run)
    thread.start()
    started.wait()
    client = Client(server.port)
    assert client.get("/").body == b"hello"
    client.connection.close()
    server.stop()
    thread.join()
    assert app.events == ["startup", "request", "shutdown"]


def test_a_stop_before_the_start_ends_it_at_once() -> None:
    app = Life()
    server = Server(app, port=0)
    server.stop()
    server.run()
    assert app.events == ["startup", "shutdown"]


def test_the_lifespan_ends_after_the_last_request(serve: Serve) -> None:
    events: list[str] = []
    entered, leave = threading.Event(), threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for event in ("startup", "shutdown"):
                await receive()
                events.append(event)
                await send({"type": f"lifespan.{event}.complete"})
            return
        entered.set()
        await asyncio.get_running_loop().run_in_executor(None, leave.wait)
        events.append("answer")
        await hello(scope, receive, send)

    server = Server(app, port=0)
    server.start()
    with RawClient(server.port) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        entered.wait()
        server.stop()
        leave.set()
        status, _ = client.read_head()
        assert status == 200 and client.read_exactly(5) == b"hello"
        assert client.read_rest() == b""  # a stopping server keeps no connection
    server.join()
    assert events == ["startup", "answer", "shutdown"]


def test_state_of_the_lifespan_is_copied_into_requests(serve: Serve) -> None:
    states: list[dict[str, Any]] = []

    class App(Life):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                states.append(dict(scope["state"]))
                scope["state"]["made"] = scope["state"]["more"] = "changed"
            await super().__call__(scope, receive, send)

    client = Client(serve(App()).port)
    client.get("/")
    client.get("/")
    client.connection.close()
    assert states == [{"made": "at startup"}] * 2


@pytest.mark.parametrize("startup", ["failed", ValueError("no database")])
def test_a_failed_startup_keeps_it_from_serving(startup: Any) -> None:
    app = Life(startup=startup)
    server = Server(app, port=0, lifespan="on")
    with pytest.raises(LifespanError):
        server.start()
    assert app.events == ["startup"]


def test_a_failed_shutdown_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    server = Server(Life(shutdown="failed"), port=0)
    server.start()
    server.stop()
    with pytest.raises(LifespanError, match="the reason"):
        server.join()
    assert "the reason" in caplog.text


@pytest.mark.parametrize(("mode", "fails"), [("auto", False), ("off", False), ("on", True)])
def test_applications_without_a_lifespan(mode: Any, fails: bool, caplog: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await hello(scope, receive, send)

    server = Server(app, port=0, lifespan=mode)
    if fails:
        with caplog.at_level(logging.CRITICAL), pytest.raises(LifespanError):
            server.start()
        return
    with server:
        client = Client(server.port)
        assert client.get("/").body == b"hello"
        client.connection.close()


def test_many_servers_in_one_process(serve: Serve) -> None:
    def make(number: int) -> TurboAPI:
        app = TurboAPI()

        @app.get("/def")
        def plain() -> int:
            return number

        @app.get("/async")
        async def coroutine() -> int:
            return number

        return app

    servers = [serve(make(number)) for number in range(5)]
    assert len({server.port for server in servers}) == 5
    for number, server in enumerate(servers):
        client = Client(server.port)
        assert client.get("/def").json() == client.get("/async").json() == number
        client.connection.close()
    servers[2].stop()
    servers[2].join()
    client = Client(servers[3].port)
    assert client.get("/async").json() == 3
    client.connection.close()


def test_a_host_that_does_not_exist_is_a_clear_error() -> None:
    with pytest.raises(OSError, match=r"192\.0\.2\.1"):
        Server(hello, "192.0.2.1", 0, lifespan="off").start()


def test_the_lifespan_ends_when_the_port_is_taken(serve: Serve) -> None:
    first = serve(hello, lifespan="off")
    app = Life()
    with pytest.raises(OSError):
        Server(app, port=first.port).start()
    assert app.events == ["startup", "shutdown"]


def test_the_package_offers_run() -> None:
    assert callable(turboapi.run)


# --- signals -----------------------------------------------------------------------------------

SCRIPT = """
import asyncio, turboapi
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("shutdown", flush=True)
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/forever":
        print("entered", flush=True)
        await asyncio.Event().wait()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})
turboapi.run(app, port=0)
print("returned", flush=True)
"""


@pytest.fixture
def process(tmp_path: Path) -> Any:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def port_of(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    line = process.stdout.readline()
    return int(line.split("http://127.0.0.1:")[1].split()[0])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_an_idle_server(process: Any, number: int) -> None:
    client = Client(port_of(process))
    assert client.get("/").body == b"hello"
    process.send_signal(number)
    output, errors = process.communicate()
    client.connection.close()
    assert (output, errors, process.returncode) == ("shutdown\nreturned\n", "", 0)


def test_the_second_signal_does_not_wait_for_requests(process: Any) -> None:
    with RawClient(port_of(process)) as client:
        client.send(b"GET /forever HTTP/1.1\r\nHost: a\r\n\r\n")
        assert process.stdout.readline() == "entered\n"
        process.send_signal(signal.SIGTERM)
        # Once the first was seen no connection is accepted any more; only then comes the second.
        port = client.socket.getpeername()[1]
        while True:
            try:
                RawClient(port).socket.close()
            except (ConnectionRefusedError, ConnectionResetError):
                break
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate()
    assert output.startswith("shutdown\n")
