"""The console script, as a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from conftest import Client

APP = """
import asyncio, os, signal
from fastapi import FastAPI

app = FastAPI()

@app.get("/")
def hello():
    return {"message": "Hello World"}

@app.get("/kind")
def kind():
    return FastAPI.__module__

@app.get("/pid")
def pid():
    return os.getpid()

@app.get("/die")
def die():
    os.kill(os.getpid(), signal.SIGKILL)

@app.get("/slow")
async def slow():
    print("slow", flush=True)
    await asyncio.sleep(0.3)
    return "done"

@app.on_event("shutdown")
def shutdown():
    print("lifespan ended", flush=True)

nothing = None
"""

Run = Callable[..., "Process"]


class Process:
    """A running `turboapi` command."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "turboapi", *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.line = ""
        self.port = 0

    def wait_for_url(self) -> None:
        """Reads the announcement and the port in it."""
        assert self.popen.stdout is not None
        self.line = self.popen.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", self.line)
        assert found is not None, self.line + self.popen.communicate()[1]
        self.port = int(found[1])

    def end(self) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.communicate()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Runs the command in a folder with the application `main:app`."""
    (tmp_path / "main.py").write_text(APP.replace("fastapi", "turboapi", 1))
    (tmp_path / "unchanged.py").write_text(APP)
    with ExitStack() as stack:

        def start(*arguments: str, serving: bool = True) -> Process:
            process = Process(tmp_path, *arguments)
            stack.callback(process.end)
            if serving:
                process.wait_for_url()
            return process

        yield start


def test_it_serves_and_names_url_and_interpreter(run: Run) -> None:
    process = run("run", "main:app", "--port", "0")
    version = ".".join(map(str, sys.version_info[:3]))
    assert f"CPython {version}" in process.line
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    assert ("with the GIL" if gil else "free-threaded") in process.line
    client = Client(process.port)
    assert client.get("/").json() == {"message": "Hello World"}
    client.connection.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_and_ends_the_lifespan(run: Run, number: signal.Signals) -> None:
    process = run("run", "main:app", "--port", "0")
    client = Client(process.port)
    client.get("/")  # leaves an idle connection open
    started = time.monotonic()
    process.popen.send_signal(number)
    output, errors = process.popen.communicate()
    assert process.popen.returncode == 0, errors
    assert time.monotonic() - started < 5  # the grace for requests in flight is 30 seconds
    assert "lifespan ended" in output
    assert "Traceback" not in errors
    client.connection.close()


def test_the_first_signal_lets_requests_finish(run: Run) -> None:
    process = run("run", "main:app", "--port", "0")
    client = Client(process.port)
    client.connection.request("GET", "/slow")
    assert process.popen.stdout is not None
    assert process.popen.stdout.readline() == "slow\n"
    process.popen.terminate()
    assert client.connection.getresponse().read() == b'"done"'
    process.popen.communicate()
    assert process.popen.returncode == 0


def test_as_fastapi_needs_no_edit(run: Run) -> None:
    process = run("run", "unchanged:app", "--port", "0", "--as-fastapi")
    client = Client(process.port)
    assert client.get("/kind").json() == "turboapi.applications"
    client.connection.close()


def test_access_log_and_metrics_are_options(run: Run) -> None:
    process = run("run", "main:app", "--port", "0", "--access-log", "--metrics", "/counts")
    client = Client(process.port)
    assert client.get("/").status == 200
    assert b"\nturbo_http_requests_in_flight 1\n" in client.get("/counts").body
    client.connection.close()
    process.popen.terminate()
    _, errors = process.popen.communicate()
    assert re.search(r'^INFO: 127\.0\.0\.1:\d+ - "GET / HTTP/1\.1" 200$', errors, re.MULTILINE)
    assert '"GET /counts HTTP/1.1" 200' in errors

    quiet = run("run", "main:app", "--port", "0")
    client = Client(quiet.port)
    assert client.get("/counts").status == 404
    client.connection.close()
    quiet.popen.terminate()
    assert "GET" not in quiet.popen.communicate()[1]


def pids(port: int) -> set[int]:
    """The processes that answer on a port: each new connection may reach another one."""
    found = set()
    for _ in range(40):
        client = Client(port)
        found.add(client.get("/pid").json())
        client.connection.close()
    return found


def test_workers_are_processes_that_are_restarted_and_stopped_together(run: Run) -> None:
    process = run("run", "main:app", "--port", "0", "--workers", "2")
    seen: set[int] = set()
    while len(seen) < 2:  # until both have started and had a connection
        seen |= pids(process.port)
    assert process.popen.pid not in seen
    victim = min(seen)
    os.kill(victim, signal.SIGKILL)
    while len(seen) < 3:
        seen |= pids(process.port)
    assert process.popen.poll() is None
    process.popen.terminate()
    process.popen.communicate()
    assert process.popen.returncode == 0
    for pid in seen:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


SIGNALLED_FORK = """
import os, signal
from turboapi.server import _Supervisor

def fork_and_signal(fork=os.fork):
    pid = fork()
    if pid == 0:
        os.kill(os.getpid(), signal.SIGTERM)  # before the worker could do anything about it
    return pid

os.fork = fork_and_signal
supervisor = _Supervisor(1, lambda: os._exit(7))
signal.signal(signal.SIGTERM, supervisor._on_signal)
supervisor._spawn()
_, raw = os.wait()
print(os.waitstatus_to_exitcode(raw), os.getpid() in supervisor.workers)
"""


def test_a_signal_right_after_the_fork_ends_the_worker() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SIGNALLED_FORK], check=False, capture_output=True, text=True
    )
    assert done.stdout.split() == [str(-signal.SIGTERM), "False"], done.stderr


FAILING_FORK = """
import os, signal
from turboapi.server import _Supervisor

def fork_once(fork=os.fork):
    if supervisor.workers:
        raise BlockingIOError("no more processes")
    return fork()

os.fork = fork_once
supervisor = _Supervisor(2, signal.pause)
try:
    supervisor.run()
except BlockingIOError as exc:
    print(exc, supervisor.workers, signal.pthread_sigmask(signal.SIG_BLOCK, []))
for pid in supervisor.workers:
    os.kill(pid, signal.SIGKILL)
"""


def test_no_worker_is_left_behind_where_another_could_not_be_started() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAILING_FORK], check=False, capture_output=True, text=True
    )
    assert done.stdout == "no more processes {} set()\n", done.stderr


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("missing:app", "no module 'missing'"),
        ("main:missing", "has no 'missing'"),
        ("main:nothing", "no ASGI application"),
        (":app", "names no module"),
    ],
)
def test_a_wrong_target_is_a_clear_error(run: Run, target: str, complaint: str) -> None:
    process = run("run", target, serving=False)
    _, errors = process.popen.communicate()
    assert process.popen.returncode == 2
    assert complaint in errors and "Traceback" not in errors


def test_a_used_port_is_a_clear_error(run: Run) -> None:
    first = run("run", "main:app", "--port", "0")
    second = run("run", "main:app", "--port", str(first.port), serving=False)
    _, errors = second.popen.communicate()
    assert second.popen.returncode == 1
    assert str(first.port) in errors and "Traceback" not in errors


def test_routes_are_listed_with_the_way_they_run(run: Run) -> None:
    process = run("routes", "main:app", serving=False)
    output, errors = process.popen.communicate()
    assert process.popen.returncode == 0, errors
    lines = {line.split()[1]: line for line in output.splitlines()}
    assert lines["/"].startswith("GET") and lines["/"].endswith("native")
    assert "/openapi.json" in lines


@pytest.mark.parametrize(
    ("source", "status", "complaint"),
    [
        ("app.add_native_route('GET', '/x', './missing.so', 'f')", 1, "missing.so"),
        ("app.on_event('startup')(lambda: 1 / 0)", 3, "ZeroDivisionError"),
    ],
)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_cannot_be_served_ends_with_its_reason(
    run: Run, tmp_path: Path, source: str, status: int, complaint: str, workers: str
) -> None:
    (tmp_path / "broken.py").write_text(f"from main import *\n{source}\n")
    process = run("run", "broken:app", "--port", "0", "--workers", workers, serving=False)
    _, errors = process.popen.communicate()
    assert process.popen.returncode == (status if workers == "1" else 3), errors
    assert complaint in errors
