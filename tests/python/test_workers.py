"""Hops to worker threads that stay for the next call: as anyio's own hops for whoever looks."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
from turboapi._workers import _STAY, run_in_worker

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")


def run(main: Callable[[], Any]) -> Any:
    """Without anyio's own runner, whose tasks are in a cancel scope."""
    return asyncio.run(main())


def test_calls_one_after_the_other_share_a_thread() -> None:
    async def main() -> set[int]:
        return {await run_in_worker(threading.get_ident) for _ in range(20)}

    threads = run(main)
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_calls_at_once_have_a_thread_each_up_to_the_limit() -> None:
    barrier = threading.Barrier(5)
    running = 0
    most = 0
    lock = threading.Lock()

    def together() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        barrier.wait()
        with lock:
            running -= 1

    async def main() -> None:
        anyio.to_thread.current_default_thread_limiter().total_tokens = 5
        await asyncio.gather(*(run_in_worker(together) for _ in range(25)))
        assert anyio.to_thread.current_default_thread_limiter().borrowed_tokens == 0

    run(main)
    assert most == 5


def test_results_exceptions_and_context() -> None:
    def look(*args: Any) -> Any:
        seen = variable.get()
        variable.set("changed")
        return (seen, *args)

    def fail(exc: BaseException) -> Any:
        raise exc

    async def main() -> None:
        variable.set("mine")
        assert await run_in_worker(look, 1, 2) == ("mine", 1, 2)
        assert await run_in_worker(variable.get) == "mine"
        with pytest.raises(KeyError, match="'k'"):
            await run_in_worker(fail, KeyError("k"))
        with pytest.raises(RuntimeError, match="StopIteration"):
            await run_in_worker(fail, StopIteration())
        assert await run_in_worker(look) == ("mine",)

    run(main)


def test_threads_can_call_back_into_the_event_loop() -> None:
    async def double(n: int) -> int:
        await asyncio.sleep(0)
        return 2 * n

    def call_back() -> int:
        anyio.from_thread.check_cancelled()
        return anyio.from_thread.run(double, 4) + anyio.from_thread.run_sync(lambda: 1)

    async def main() -> None:
        for _ in range(3):
            assert await run_in_worker(call_back) == 9

    run(main)


def test_a_cancelled_call_gives_its_token_back() -> None:
    go_on = threading.Event()

    async def main() -> None:
        limiter = anyio.to_thread.current_default_thread_limiter()
        task = asyncio.create_task(run_in_worker(go_on.wait))
        while not limiter.borrowed_tokens:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert limiter.borrowed_tokens == 0
        go_on.set()
        assert await run_in_worker(lambda: 5) == 5

    run(main)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_call_in_a_cancel_scope_is_anyios(backend: str) -> None:
    pytest.importorskip(backend)
    begun, checked = threading.Event(), []

    def wait_for_cancellation() -> None:
        begun.set()
        while True:
            anyio.from_thread.check_cancelled()

    async def call() -> None:
        try:
            await run_in_worker(wait_for_cancellation)
        finally:
            checked.append("came back")

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            await anyio.to_thread.run_sync(begun.wait)
            tasks.cancel_scope.cancel()

    anyio.run(main, backend=backend)
    assert checked == ["came back"]


def test_threads_leave_with_their_event_loop_and_when_nothing_comes() -> None:
    threads: list[threading.Thread] = []

    def remember() -> None:
        threads.append(threading.current_thread())

    async def main() -> None:
        await run_in_worker(remember)

    async def slow() -> None:
        await run_in_worker(remember)
        for _ in range(3):
            await asyncio.sleep(1.5 * _STAY)
            await run_in_worker(remember)

    for each in (main, main, slow):
        run(each)
    for thread in threads:
        thread.join()
    assert not any(thread.is_alive() for thread in threads)


def test_many_event_loops_at_once() -> None:
    results: list[int] = []

    async def main() -> None:
        calls = (run_in_worker(lambda n=n: n) for n in range(200))
        results.append(sum(await asyncio.gather(*calls)))

    loops = [threading.Thread(target=run, args=(main,)) for _ in range(4)]
    for each in loops:
        each.start()
    for each in loops:
        each.join()
    assert results == [sum(range(200))] * 4
