"""Coroutines that run without a task of their own still see a real one, and leave nothing behind."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import pytest
from conftest import Client

Endpoint = Callable[[], Awaitable[Any]]

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")


class Routes:
    """An ASGI application: the path names the coroutine function whose result is the body."""

    def __init__(self, **endpoints: Endpoint) -> None:
        self.endpoints = endpoints

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise RuntimeError("no lifespan")
        body = str(await self.endpoints[scope["path"][1:]]()).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


def current() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


def test_the_current_task_is_an_asyncio_task(connect: Any) -> None:
    async def kind() -> str:
        return type(current()).__name__

    async def kind_after_a_wait() -> tuple[bool, str]:
        before = current()
        await asyncio.sleep(0)
        return before is current(), type(before).__name__

    client = connect(Routes(kind=kind, later=kind_after_a_wait))
    assert client.get("/kind").body == b"Task"
    assert client.get("/later").body == b"(True, 'Task')"


def test_a_task_that_is_kept_is_not_used_again(connect: Any) -> None:
    kept: list[Any] = []
    weak: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()

    async def keep() -> bool:
        known = any(task is current() for task in kept)
        kept.append(current())
        return known

    async def remember() -> str:
        seen = weak.get(current(), "new")
        weak[current()] = "seen"
        return seen

    client = connect(Routes(keep=keep, remember=remember))
    assert [client.get("/keep").body for _ in range(3)] == [b"False"] * 3
    assert [client.get("/remember").body for _ in range(3)] == [b"new"] * 3


def test_a_finished_task_that_was_kept_ends(connect: Any) -> None:
    kept: list[asyncio.Task[Any]] = []
    ended: list[Any] = []

    async def keep() -> None:
        kept.append(current())
        current().add_done_callback(ended.append)

    async def check() -> tuple[bool, bool]:
        await asyncio.wait(kept)
        return kept[0].done(), ended == kept

    client = connect(Routes(keep=keep, check=check))
    client.get("/keep")
    assert client.get("/check").body == b"(True, True)"


def test_context_variables_do_not_leak(connect: Any) -> None:
    async def inline() -> str:
        before = variable.get("unset")
        variable.set("inline")
        return before

    async def suspended() -> str:
        before = variable.get("unset")
        variable.set("suspended")
        await asyncio.sleep(0)
        return f"{before} {variable.get('unset')}"

    client = connect(Routes(inline=inline, suspended=suspended))
    for _ in range(2):
        assert client.get("/inline").body == b"unset"
        assert client.get("/suspended").body == b"unset suspended"


def test_context_of_child_tasks(connect: Any) -> None:
    async def read() -> str:
        return variable.get("unset")

    async def parent() -> str:
        variable.set("parent")
        async with asyncio.TaskGroup() as group:
            child = group.create_task(read())
        return child.result()

    client = connect(Routes(parent=parent))
    assert client.get("/parent").body == b"parent"


def test_timeout_around_the_first_wait(connect: Any) -> None:
    async def times_out() -> str:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            return f"timeout {current().cancelling()}"
        return "no timeout"

    async def in_time() -> str:
        async with asyncio.timeout(60):  # noqa: ASYNC100  (nothing is awaited on purpose)
            return f"in time {current().cancelling()}"

    client = connect(Routes(late=times_out, early=in_time))
    for _ in range(2):
        assert client.get("/late").body == b"timeout 0"
        assert client.get("/early").body == b"in time 0"


def test_task_group_cancels_its_body(connect: Any) -> None:
    async def fails() -> None:
        raise ValueError("child")

    async def group() -> str:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(fails())
                await asyncio.Event().wait()
        except ExceptionGroup as caught:
            return str(caught.exceptions[0])
        return "not cancelled"

    assert connect(Routes(group=group)).get("/group").body == b"child"


def test_anyio_scopes_and_groups(connect: Any) -> None:
    async def cancelled_scope() -> str:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anyio.sleep(60)
        return f"{scope.cancelled_caught} {current().cancelling()}"

    async def group() -> str:
        results = []

        async def add(number: int) -> None:
            await anyio.sleep(0)
            results.append(number)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(add, 1)
            tasks.start_soon(add, 2)
        return str(sorted(results))

    async def thread() -> str:
        return await anyio.to_thread.run_sync(lambda: "thread")

    async def fail_after() -> str:
        try:
            with anyio.fail_after(0.01):
                await anyio.sleep(60)
        except TimeoutError:
            return "timeout"
        return "no timeout"

    client = connect(Routes(scope=cancelled_scope, group=group, thread=thread, after=fail_after))
    for _ in range(2):
        assert client.get("/scope").body == b"True 0"
        assert client.get("/group").body == b"[1, 2]"
        assert client.get("/thread").body == b"thread"
        assert client.get("/after").body == b"timeout"


def test_cancelling_oneself(connect: Any) -> None:
    async def cancelled_at_the_wait() -> str:
        current().cancel("enough")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError as exc:
            return f"cancelled {exc.args}"
        return "not cancelled"

    async def cancelled_future() -> str:
        future = asyncio.get_running_loop().create_future()
        current().cancel()
        try:
            await future
        except asyncio.CancelledError:
            return f"cancelled {future.cancelled()}"
        return "not cancelled"

    async def never_waits() -> str:
        current().cancel()
        return "done"

    async def takes_it_back() -> str:
        current().cancel()
        current().uncancel()
        return "done"

    async def clean() -> str:
        await asyncio.sleep(0)
        return f"clean {current().cancelling()}"

    client = connect(
        Routes(
            wait=cancelled_at_the_wait,
            future=cancelled_future,
            never=never_waits,
            back=takes_it_back,
            clean=clean,
        )
    )
    expected = {
        "wait": b"cancelled ('enough',)",
        "future": b"cancelled True",
        "never": b"done",
        "back": b"done",
    }
    for path, body in expected.items():
        assert client.get("/clean").body == b"clean 0"
        assert client.get("/" + path).body == body
        assert client.get("/clean").body == b"clean 0"


def test_cancelled_from_outside_before_it_woke(connect: Any) -> None:
    async def waits() -> str:
        task = current()
        inner = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(task.cancel)
        try:
            await inner
        except asyncio.CancelledError:
            return f"cancelled {inner.cancelled()}"
        return "not cancelled"

    assert connect(Routes(waits=waits)).get("/waits").body == b"cancelled True"


def test_bare_yields_let_others_run(connect: Any) -> None:
    async def turns() -> str:
        order: list[str] = []

        async def other() -> None:
            order.append("other")

        task = asyncio.create_task(other())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        order.append("self")
        await task
        return ",".join(order)

    client = connect(Routes(turns=turns))
    for _ in range(2):
        assert client.get("/turns").body == b"other,self"


def test_async_generators_are_finished(connect: Any) -> None:
    closed: list[int] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            for number in range(10):
                yield number
                await asyncio.sleep(0)
        finally:
            await asyncio.sleep(0)
            closed.append(1)

    async def some() -> int:
        total = 0
        async for number in numbers():
            total += number
            if number == 3:
                break
        return total

    async def count() -> int:
        gc.collect()
        await asyncio.sleep(0.01)
        return len(closed)

    client = connect(Routes(some=some, count=count))
    assert client.get("/some").body == b"6"
    assert client.get("/count").body == b"1"


def test_many_wait_for_one_future(connect: Any, serve: Any) -> None:
    """Requests of one batch await the same future; each gets its result."""

    async def together() -> str:
        loop = asyncio.get_running_loop()
        shared = loop.create_future()
        loop.call_later(0.01, shared.set_result, "shared")

        async def await_it() -> str:
            return str(await shared)

        tasks = [asyncio.create_task(await_it()) for _ in range(3)]
        own = await shared
        return f"{own} {[await task for task in tasks]}"

    body = connect(Routes(together=together)).get("/together").body
    assert body == b"shared ['shared', 'shared', 'shared']"


def test_a_future_that_two_requests_share(serve: Any) -> None:
    box: dict[str, asyncio.Future[str]] = {}

    async def waits() -> str:
        if "future" not in box:
            box["future"] = asyncio.get_running_loop().create_future()
        elif len(box) == 1:
            box["second"] = box["future"]
            asyncio.get_running_loop().call_soon(box["future"].set_result, "both")
        return await box["future"]

    server = serve(Routes(waits=waits))
    first, second = Client(server.port), Client(server.port)
    first.connection.request("GET", "/waits")
    second.connection.request("GET", "/waits")
    assert second.connection.getresponse().read() == b"both"
    assert first.connection.getresponse().read() == b"both"
    first.connection.close()
    second.connection.close()


def test_awaiting_something_that_is_no_future_is_an_error(connect: Any) -> None:
    class Wrong:
        def __await__(self) -> Any:
            yield "not a future"

    async def wrong() -> str:
        try:
            await Wrong()
        except RuntimeError as exc:
            return type(exc).__name__
        return "accepted"

    assert connect(Routes(wrong=wrong)).get("/wrong").body == b"RuntimeError"


def test_locks_events_and_queues(connect: Any) -> None:
    async def use() -> str:
        lock, event, queue = asyncio.Lock(), asyncio.Event(), asyncio.Queue[int]()

        async def producer() -> None:
            async with lock:
                await queue.put(1)
                event.set()

        async with lock:
            task = asyncio.create_task(producer())
            await asyncio.sleep(0)
            assert not event.is_set()
        await asyncio.wait_for(event.wait(), 60)
        await task
        return str(await queue.get())

    client = connect(Routes(use=use))
    assert [client.get("/use").body for _ in range(2)] == [b"1", b"1"]


@pytest.mark.parametrize("waits", [False, True])
def test_an_exception_answers_500_and_is_logged(connect: Any, caplog: Any, waits: bool) -> None:
    async def broken() -> None:
        if waits:
            await asyncio.sleep(0)
        raise ValueError("broken on purpose")

    async def fine() -> str:
        return "fine"

    client = connect(Routes(broken=broken, fine=fine))
    answer = client.get("/broken")
    assert (answer.status, answer.body) == (500, b"Internal Server Error")
    assert answer.header("content-type") == "text/plain; charset=utf-8"
    assert "broken on purpose" in caplog.text
    assert client.get("/fine").body == b"fine"
