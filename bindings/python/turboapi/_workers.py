"""Worker threads that stay for the next call.

anyio's hop to a worker thread costs several turns of the event loop and two waits on locks that are written
in Python. Here a thread of anyio's, once it has been called, waits a moment for more calls, which then reach
it over a queue. Everything else stays anyio's: its threads (so that `anyio.from_thread` works in them), their
end, and the limit on how many calls may run at once.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextvars import Context, copy_context
from queue import Empty, SimpleQueue
from threading import Lock, local
from typing import Any, NamedTuple, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter, WouldBlock
from starlette.concurrency import run_in_threadpool

from .concurrency import may_be_cancelled

_T = TypeVar("_T")

# Seconds that a thread waits for another call. Waiting threads delay the end of a process by no more.
_STAY = 0.1


class _Call(NamedTuple):
    """One call, waiting for a thread. ``future`` belongs to the event loop that made the call."""

    context: Context
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    future: asyncio.Future[Any]


def _outcome(
    context: Context, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> tuple[Any, BaseException | None]:
    """What a function returned, and what it raised.

    An exception's traceback keeps this frame, which must therefore not keep the future: that keeps the
    exception.
    """
    try:
        return context.run(function, *arguments), None
    except StopIteration as exc:
        error = RuntimeError("coroutine raised StopIteration")  # Futures refuse the other.
        error.__cause__ = exc
        return None, error
    except BaseException as exc:
        return None, exc


class _Workers:
    """The staying threads of one event loop. Made and called by its thread; threads run `_stay`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.limiter = anyio.to_thread.current_default_thread_limiter()
        self._unlimited = CapacityLimiter(sys.maxsize)  # The calls have taken tokens, not threads.
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._lock = Lock()  # guards `_free`
        self._free = 0  # threads that wait, or will in a moment, and have not been given a call
        self._hosts: set[asyncio.Task[None]] = set()

    def submit(self, call: _Call) -> None:
        """Hand a call to a waiting thread, or to another one."""
        if self._take_free():
            self._calls.put(call)
            return
        # The task lives on: it must not keep what belongs to this request.
        host = self.loop.create_task(self._host(call), context=Context())
        self._hosts.add(host)
        host.add_done_callback(self._hosts.discard)

    def _take_free(self) -> bool:
        with self._lock:
            if not self._free:
                return False
            self._free -= 1
            return True

    async def _host(self, call: _Call) -> None:
        """Lend a thread from anyio for as long as it stays."""
        calls: list[_Call | None] = [call]
        del call
        try:
            await anyio.to_thread.run_sync(self._stay, calls, limiter=self._unlimited)
        except asyncio.CancelledError:
            if self._take_free():
                self._calls.put(None)  # The event loop ends: so may the thread.
            raise

    def _stay(self, calls: list[_Call | None]) -> None:
        """Run a call, then others as long as they come soon enough. In a worker thread."""
        call = calls.pop()
        while call is not None:
            result, error = _outcome(call.context, call.function, call.arguments)
            with self._lock:
                self._free += 1  # First, so that the answer's receiver finds this thread free.
            self._report(call.future, result, error)
            del call, result, error
            call = self._next()

    def _next(self) -> _Call | None:
        try:
            return self._calls.get(timeout=_STAY)
        except Empty:
            # Unless somebody has counted on this thread meanwhile, it is not free any more.
            return None if self._take_free() else self._calls.get()

    def _report(
        self, future: asyncio.Future[Any], result: Any, error: BaseException | None
    ) -> None:
        try:
            self.loop.call_soon_threadsafe(_settle, future, result, error)
        except RuntimeError:
            if not self.loop.is_closed():
                raise


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.cancelled():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


class _Local(local):
    """The staying threads of the event loop that runs in this thread."""

    workers: _Workers | None = None


_local = _Local()


def _workers_of(loop: asyncio.AbstractEventLoop) -> _Workers:
    workers = _local.workers
    if workers is None or workers.loop is not loop:
        workers = _local.workers = _Workers(loop)
    return workers


def _outside_context() -> Context:
    """A copy of the context in which no event loop is said to be running."""
    context = copy_context()
    sniffio = sys.modules.get("sniffio")
    if sniffio is not None:
        context.run(sniffio.current_async_library_cvar.set, None)
    return context


async def run_in_worker(function: Callable[..., _T], *arguments: Any) -> _T:
    """`run_in_threadpool`, sooner where anyio's waiting and cancelling are not needed.

    That is on asyncio, while fewer calls run than the limit, in a task that is in no cancel scope.
    """
    if may_be_cancelled():
        return await run_in_threadpool(function, *arguments)
    loop = asyncio.get_running_loop()
    workers = _workers_of(loop)
    future: asyncio.Future[_T] = loop.create_future()
    try:
        workers.limiter.acquire_on_behalf_of_nowait(future)
    except WouldBlock:
        return await run_in_threadpool(function, *arguments)
    try:
        workers.submit(_Call(_outside_context(), function, arguments, future))
        return await future
    finally:
        workers.limiter.release_on_behalf_of(future)
        del future  # It keeps an exception's traceback, which keeps this frame.
