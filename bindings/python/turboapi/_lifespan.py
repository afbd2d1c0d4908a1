"""Lifespans of routers: what runs around all requests."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from starlette._utils import is_async_callable
from starlette.types import Lifespan

if TYPE_CHECKING:
    from .routing import APIRouter


class _Lifted(AbstractAsyncContextManager[Any]):
    """A synchronous context manager as an asynchronous one."""

    def __init__(self, manager: AbstractContextManager[Any]) -> None:
        self._manager = manager

    async def __aenter__(self) -> Any:
        return self._manager.__enter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return self._manager.__exit__(exc_type, exc, traceback)


def lifted(lifespan: Callable[[Any], Generator[Any, Any, Any]]) -> Lifespan[Any]:
    """A lifespan given as a generator function."""
    manager = contextlib.contextmanager(lifespan)

    @functools.wraps(manager)
    def enter(app: Any) -> _Lifted:
        return _Lifted(manager(app))

    return enter


def merge_lifespans(outer: Lifespan[Any], inner: Lifespan[Any]) -> Lifespan[Any]:
    """Enter two lifespans, one inside the other; what both yield is merged, the outer one wins."""

    @asynccontextmanager
    async def merged(app: Any) -> AsyncIterator[Mapping[str, Any] | None]:
        async with outer(app) as outer_state, inner(app) as inner_state:
            if outer_state is None and inner_state is None:
                yield None
            else:
                yield {**(inner_state or {}), **(outer_state or {})}

    return merged  # type: ignore[return-value]


class EventLifespan:
    """Runs a router's startup and shutdown handlers."""

    def __init__(self, router: APIRouter) -> None:
        self._router = router

    async def __aenter__(self) -> None:
        await self._router._startup()

    async def __aexit__(self, *exc_info: object) -> None:
        await self._router._shutdown()

    def __call__(self, app: object) -> EventLifespan:
        return self


async def run_handlers(handlers: Sequence[Callable[[], Any]]) -> None:
    """Run event handlers in order, awaiting those that want it."""
    for handler in handlers:
        if is_async_callable(handler):
            await handler()
        else:
            handler()
