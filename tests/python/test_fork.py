"""A process that forks while it serves: its children cannot use the server, and it serves on."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Client
from turboapi import TurboAPI
from turboapi._native import StateError
from turboapi.server import Server

Serve = Callable[..., Server]

# CPython warns of every fork in a process with threads.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


def in_a_child(work: Callable[[], str]) -> str:
    """What ``work`` returns, or how it failed, in a forked process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            text = work()
        except BaseException as exc:
            text = f"{type(exc).__name__}: {exc}"
        os.write(writer, text.encode())
        os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as result:
        text = result.read()
    assert os.waitpid(child, 0)[1] == 0
    return text


def hello() -> TurboAPI:
    app = TurboAPI()

    @app.get("/")
    def answer() -> str:
        return "hello"

    return app


@pytest.mark.parametrize("name", ["stop", "join", "metrics", "start", "run", "__exit__"])
def test_a_child_cannot_use_the_server(serve: Serve, name: str) -> None:
    server = serve(hello())

    def use() -> str:
        with pytest.raises(StateError, match="parent of this process") as caught:
            getattr(server, name)()
        return caught.value.name

    assert in_a_child(use) == "TURBO_EFORK"
    assert Client(server.port).request("GET", "/").json() == "hello"


def test_a_child_may_close_its_copy_and_serve_itself(serve: Serve) -> None:
    server = serve(hello())

    def serve_anew() -> str:
        server._close()
        with Server(hello(), port=0) as own:
            return str(Client(own.port).request("GET", "/").json())

    assert in_a_child(serve_anew) == "hello"
    assert Client(server.port).request("GET", "/").json() == "hello"


TERMINATING = """
import os, signal, subprocess, sys
from turboapi import TurboAPI

app = TurboAPI()

@app.get("/")
def hello() -> str:
    return "hello"

def fork() -> int:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, b"ready")
        while True:
            signal.pause()
    os.read(reader, 5)
    os.kill(child, signal.SIGTERM)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def spawn() -> int:
    command = [sys.executable, "-c", "import signal; print(1, flush=True); signal.pause()"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        child.terminate()
        return child.wait()

@app.get("/def/{kind}")
def of_a_thread(kind: str) -> int:
    return globals()[kind]()

@app.get("/async/{kind}")
async def of_the_loop(kind: str) -> int:
    return globals()[kind]()

app.run(port=0)
"""


@pytest.mark.parametrize("kind", ["fork", "spawn"])
@pytest.mark.parametrize("route", ["def", "async"])
def test_a_signal_to_a_child_ends_the_child_only(tmp_path: Path, route: str, kind: str) -> None:
    """As without a server, whose threads block signals and whose asyncio listens for them."""
    script = tmp_path / "app.py"
    script.write_text(TERMINATING)
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        client = Client(int(first.split(" (")[0].rsplit(":", 1)[1]))
        assert client.request("GET", f"/{route}/{kind}").json() == -signal.SIGTERM
        assert client.request("GET", "/").json() == "hello"
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


@pytest.mark.parametrize("kind", ["def", "async"])
def test_a_handler_may_fork_a_worker_process(serve: Serve, kind: str) -> None:
    app = TurboAPI()

    def compute(number: int) -> int:
        context = multiprocessing.get_context("fork")
        results = context.SimpleQueue()
        process = context.Process(target=lambda: results.put(number * 2))
        process.start()
        process.join()
        return int(results.get())

    @app.get("/def/{number}")
    def of_a_thread(number: int) -> int:
        return compute(number)

    @app.get("/async/{number}")
    async def of_the_loop(number: int) -> int:
        return compute(number)

    server = serve(app)
    client = Client(server.port)
    assert [client.request("GET", f"/{kind}/{n}").json() for n in range(3)] == [0, 2, 4]
    assert server.metrics()["responses"][2] == 3


def test_a_child_of_a_server_that_was_only_made_may_use_it() -> None:
    """What worker processes are: the parent listens, its children start."""
    server = Server(hello(), port=0)

    def use() -> str:
        with server:
            return str(Client(server.port).request("GET", "/").json())

    assert in_a_child(use) == "hello"
