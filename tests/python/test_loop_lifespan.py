"""Lifespan, start and stop: what happens, and in which order."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from turboapi._loop import LifespanError
from turboapi.server import Server, run
from wire import Wire

GET = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"


async def ok(send: Any, body: bytes = b"ok") -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def recorder(events: list[str]) -> Callable[..., Any]:
    """An application that notes the lifespan's events."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                assert (await receive())["type"] == f"lifespan.{step}"
                events.append(step)
                await send({"type": f"lifespan.{step}.complete"})
            return
        events.append("request")
        await ok(send)

    return app


def ask(server: Server) -> bytes:
    with Wire(server.port) as wire:
        wire.send(GET)
        wire.head()
        return wire.exactly(2)


def test_the_lifespan_surrounds_the_requests() -> None:
    events: list[str] = []
    with Server(recorder(events), port=0) as server:
        assert ask(server) == b"ok"
    assert events == ["startup", "request", "shutdown"]


def test_the_lifespan_can_be_off() -> None:
    events: list[str] = []
    with Server(recorder(events), port=0, lifespan="off") as server:
        assert ask(server) == b"ok"
    assert events == ["request"]


def test_an_application_without_lifespan() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await ok(send)

    with Server(app, port=0) as server:
        assert ask(server) == b"ok"
    with pytest.raises(LifespanError):
        Server(app, port=0, lifespan="on").start()


def test_a_failed_startup(caplog: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    server = Server(app, port=0)
    with pytest.raises(LifespanError, match="no database"):
        server.start()
    assert "no database" in caplog.text


def test_a_failed_shutdown(caplog: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": "left open"})

    server = Server(app, port=0)
    server.start()
    server.stop()
    with pytest.raises(LifespanError, match="left open"):
        server.join()


def test_an_exception_in_the_shutdown(caplog: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        raise ValueError("while closing")

    server = Server(app, port=0)
    server.start()
    server.stop()
    with pytest.raises(LifespanError):
        server.join()
    assert "while closing" in caplog.text


def test_several_servers_in_one_process() -> None:
    events: list[list[str]] = [[], []]
    with (
        Server(recorder(events[0]), port=0) as first,
        Server(recorder(events[1]), port=0) as second,
    ):
        assert first.port != second.port
        assert ask(first) == ask(second) == ask(first) == b"ok"
    assert events == [
        ["startup", "request", "request", "shutdown"],
        ["startup", "request", "shutdown"],
    ]


def test_a_port_that_is_taken() -> None:
    events: list[str] = []
    with Server(recorder([]), port=0) as first, pytest.raises(OSError, match=str(first.port)):
        Server(recorder(events), port=first.port).start()
    assert events == ["startup", "shutdown"]


def test_requests_in_flight_finish_on_a_stop() -> None:
    events: list[str] = []
    inside = threading.Event()
    go = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await recorder(events)(scope, receive, send)
            return
        inside.set()
        await asyncio.get_running_loop().run_in_executor(None, go.wait)
        events.append("answered")
        await ok(send)

    with Server(app, port=0) as server:
        with Wire(server.port) as wire:
            wire.send(GET)
            inside.wait()
            server.stop()
            go.set()
            assert b"200 OK" in wire.head()
            assert wire.rest() == b"ok"
        server.join()
    assert events == ["startup", "answered", "shutdown"]


@pytest.mark.parametrize("again", [True, False])
def test_what_does_not_finish_is_cancelled(again: bool, caplog: Any) -> None:
    """After the second stop, or the grace period."""
    events: list[str] = []
    inside = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await recorder(events)(scope, receive, send)
            return
        inside.set()
        try:
            await asyncio.Event().wait()
        finally:
            events.append("cancelled")

    with Server(app, port=0, grace=3600 if again else 0.05) as server, Wire(server.port) as wire:
        wire.send(GET)
        inside.wait()
        server.stop()
        if again:
            server.stop()
        assert b"200 OK" not in wire.rest()
        server.join()
    assert events == ["startup", "cancelled", "shutdown"]


def test_background_work_ends_before_the_shutdown() -> None:
    events: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await recorder(events)(scope, receive, send)
            return
        await ok(send)
        await asyncio.sleep(0.05)
        events.append("background")

    with Server(app, port=0) as server:
        assert ask(server) == b"ok"
    assert events == ["startup", "background", "shutdown"]


def test_run_off_the_main_thread() -> None:
    ready = threading.Event()
    holder: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        holder["thread"] = threading.current_thread()
        await ok(send)

    def started(server: Server) -> None:
        holder["server"] = server
        ready.set()

    server = Server(app, port=0, lifespan="off", on_started=started)
    thread = threading.Thread(target=server.run)
    thread.start()
    ready.wait()
    assert ask(server) == b"ok"
    assert holder["thread"] is thread
    server.stop()
    thread.join()
    assert callable(run)


PROGRAM = """
import asyncio, sys
from turboapi.server import Server

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        for step in ("startup", "shutdown"):
            await receive()
            print(step, flush=True)
            await send({"type": f"lifespan.{step}.complete"})
        return
    if scope["path"] == "/slow":
        print("slow", flush=True)
        await asyncio.sleep(float(sys.argv[1]))
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})

Server(app, port=0, on_started=lambda server: print(server.port, flush=True)).run()
print("ended", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
# An idle server has ended after the first signal: there is no second one to test.
@pytest.mark.parametrize(("busy", "twice"), [(False, False), (True, False), (True, True)])
def test_signals(number: int, busy: bool, twice: bool) -> None:
    command = [sys.executable, "-c", PROGRAM, "3600" if twice else "0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "startup\n"
        with Wire(int(process.stdout.readline())) as wire:
            wire.send(GET.replace(b"/ ", b"/slow " if busy else b"/ ", 1))
            if busy:
                assert process.stdout.readline() == "slow\n"
            else:
                wire.head()
                assert wire.exactly(2) == b"ok"
            process.send_signal(number)
            if twice:
                process.send_signal(signal.SIGTERM if number == signal.SIGINT else signal.SIGINT)
            rest = wire.rest()
        assert rest.endswith(b"ok") == (busy and not twice)
        assert process.stdout.read().splitlines() == ["shutdown", "ended"]
    assert process.returncode == 0
