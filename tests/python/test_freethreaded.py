"""Without a GIL: it stays off, and handlers of one server run Python at the same time."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import Client
from turboapi import TurboAPI, _native
from turboapi.server import Server

Serve = Callable[..., Server]
pytestmark = pytest.mark.skipif(
    not _native.FREE_THREADED, reason="this interpreter was built with the GIL"
)


def gil_is_on() -> bool:
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


def test_the_import_leaves_the_gil_off() -> None:
    code = "import sys, turboapi.server; print(sys._is_gil_enabled())"
    # With warnings as errors an extension that switched the GIL on would end the process.
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", code], capture_output=True, text=True
    )
    assert (done.stdout, done.returncode) == ("False\n", 0), done.stderr


@pytest.mark.parametrize("path", ["/def", "/mixed"])
def test_two_handlers_meet_while_both_spin(serve: Serve, path: str) -> None:
    """Each handler counts until it saw the other count: neither ever blocks or sleeps."""
    app = TurboAPI()
    both = threading.Barrier(2)
    counts = [0, 0]
    switches: list[int] = []

    def spin(me: int) -> None:
        both.wait()
        seen, changes = counts[1 - me], 0
        while changes < 1000:
            counts[me] += 1
            if counts[1 - me] != seen:
                seen, changes = counts[1 - me], changes + 1
            elif counts[1 - me] < 0:  # the other has finished
                break
        counts[me] = -1
        switches.append(changes)

    @app.get("/def/{me}")
    def plain(me: int) -> bool:
        spin(me)
        return gil_is_on()

    @app.get("/mixed/{me}")
    async def coroutine(me: int) -> bool:
        spin(me)
        return gil_is_on()

    server = serve(app, threads=2)
    paths = ["/def/0", f"{path}/1"]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda one: Client(server.port).get(one).json(), paths))
    assert answers == [False, False]
    assert max(switches) == 1000


def test_many_threads_share_one_application(serve: Serve) -> None:
    app = TurboAPI()

    @app.get("/{a}/{b}")
    def add(a: int, b: int) -> dict[str, int]:
        return {"sum": a + b}

    server = serve(app, threads=2)

    def talk(who: int) -> int:
        client = Client(server.port)
        for i in range(200):
            assert client.get(f"/{who}/{i}").json() == {"sum": who + i}
        client.connection.close()
        return who

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(talk, range(8))) == list(range(8))
    assert not gil_is_on()
