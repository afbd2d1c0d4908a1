"""Threads, cancellation and admission limits for dependencies; built on anyio (asyncio and trio)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from contextlib import asynccontextmanager as asynccontextmanager
from types import TracebackType
from typing import TypeVar
from weakref import WeakKeyDictionary

import anyio.to_thread
from anyio.lowlevel import RunVar, checkpoint_if_cancelled
from starlette.concurrency import iterate_in_threadpool as iterate_in_threadpool
from starlette.concurrency import run_in_threadpool as run_in_threadpool
from starlette.concurrency import run_until_first_complete as run_until_first_complete

_T = TypeVar("_T")


class _DependencyConcurrency:
    """The limit of one `Depends(max_concurrency=n)`: at most n uses at a time in each event loop.

    Compared by identity: every use of the same `Depends` object shares it. Semaphores belong to one event
    loop, so each running loop makes its own; it goes when the limit or the loop does.
    """

    def __init__(self, max_concurrency: int) -> None:
        self.max_concurrency = max_concurrency

    def get_semaphore(self) -> anyio.Semaphore:
        """The running event loop's semaphore. Only that loop's thread reaches it, so no lock is needed."""
        try:
            semaphores = _dependency_semaphores.get()
        except LookupError:
            semaphores = WeakKeyDictionary()
            _dependency_semaphores.set(semaphores)
        semaphore = semaphores.get(self)
        if semaphore is None:
            semaphore = semaphores[self] = anyio.Semaphore(self.max_concurrency)
        return semaphore


_dependency_semaphores: RunVar[WeakKeyDictionary[_DependencyConcurrency, anyio.Semaphore]] = RunVar(
    "fastapi_dependency_semaphores"
)


@asynccontextmanager
async def contextmanager_in_threadpool(cm: AbstractContextManager[_T]) -> AsyncGenerator[_T, None]:
    """Enter and exit `cm` in worker threads.

    Waiting for entry can be cancelled. Once entered, the exit always runs, shielded from cancellation and
    outside the shared thread limit: threads that wait for a resource held by `cm` could otherwise keep all
    tokens and the exit that frees it would never start.
    """
    value = await run_in_threadpool(cm.__enter__)
    try:
        yield value
    except BaseException as exc:
        suppressed: bool | None = False
        with anyio.CancelScope(shield=True):
            suppressed = await anyio.to_thread.run_sync(
                cm.__exit__, type(exc), exc, exc.__traceback__, limiter=anyio.CapacityLimiter(1)
            )
        if not suppressed:
            raise
    else:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(
                cm.__exit__, None, None, None, limiter=anyio.CapacityLimiter(1)
            )


class ShieldedManager(AbstractAsyncContextManager[_T]):
    """Enters `manager` as usual, leaves it while `cleanup_scope` shields the task from cancellation.

    `cleanup_scope` was entered before. A new scope around the exit would not do: the manager may leave a
    scope of its own there (a task group that it opened before its yield), and scopes must be left in the
    order opposite to that of entry. Without a scope there is nothing to shield from.
    """

    __slots__ = ("_manager", "_scope")

    def __init__(
        self, manager: AbstractAsyncContextManager[_T], cleanup_scope: anyio.CancelScope | None
    ) -> None:
        self._manager = manager
        self._scope = cleanup_scope

    async def __aenter__(self) -> _T:
        return await self._manager.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if self._scope is None:
            suppressed = await self._manager.__aexit__(kind, exc, traceback)
        else:
            with _shielding(self._scope):
                suppressed = await self._manager.__aexit__(kind, exc, traceback)
        if kind is not None and not suppressed:
            return False
        # Cancellation that came meanwhile, or that the exit swallowed, shows here, before anything else is
        # done for a peer that left.
        await checkpoint_if_cancelled()
        return bool(suppressed)


_asynccontextmanager_with_shielded_exit = ShieldedManager  # FastAPI's name


def may_be_cancelled() -> bool:
    """False if the running task is in no cancel scope that somebody could cancel.

    anyio has no question for this, so its table of tasks is read; if it has none, the answer is True.
    """
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return True  # Another kind of event loop.
    backend = sys.modules.get("anyio._backends._asyncio")
    if backend is None:
        return False  # No scope has been made yet.
    states = getattr(backend, "_task_states", None)
    if states is None or task is None:
        return True
    state = states.get(task)
    return state is not None and state.cancel_scope is not None


class _shielding:
    """Sets a cancel scope's shield for the length of a block."""

    __slots__ = ("_before", "_scope")

    def __init__(self, scope: anyio.CancelScope) -> None:
        self._scope = scope
        self._before = scope.shield

    def __enter__(self) -> None:
        self._scope.shield = True

    def __exit__(self, *_: object) -> None:
        self._scope.shield = self._before


@asynccontextmanager
async def _contextmanager_with_concurrency_limit(
    cm: AbstractAsyncContextManager[_T], semaphore: anyio.Semaphore
) -> AsyncGenerator[_T, None]:
    """Hold one slot of `semaphore` from before `cm` is entered until after it is left."""
    async with semaphore, cm as value:
        yield value
