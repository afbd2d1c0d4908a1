"""Serving one connection: its exit stacks, and exceptions that become answers.

Everything an application adds around an endpoint runs for every request, so it is written to cost next to
nothing while nothing goes wrong. What goes wrong is handed to Starlette's own middleware, which then meets
the exception as if it had been outside of the application all the time.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from types import FunctionType, TracebackType
from typing import Any

from starlette._exception_handler import wrap_app_handling_exceptions
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NOT_AWAITED = (
    "Response not awaited. There's a high chance that the "
    "application code is raising an exception and a dependency with yield "
    "has a block with a bare except, or a block with except Exception, "
    "and is not raising the exception again. Read more about it in the "
    "docs: https://fastapi.tiangolo.com/tutorial/dependencies/"
    "dependencies-with-yield/#dependencies-with-yield-and-except"
)


# --- exit stacks -------------------------------------------------------------------------------


class ExitStack(AsyncExitStack):
    """An exit stack that costs nothing until something is put on it."""

    def __init__(self) -> None:
        # Without the base class: the queue of callbacks is made when somebody asks for it.
        pass

    def __getattr__(self, name: str) -> Any:
        if name != "_exit_callbacks":
            raise AttributeError(name)
        callbacks = vars(self)[name] = deque()
        return callbacks

    @property
    def is_used(self) -> bool:
        """Whether there is something to close."""
        return bool(self.__dict__.get("_exit_callbacks"))

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        callbacks = self.__dict__.get("_exit_callbacks")
        if not callbacks:
            return False
        if exc_type is None:
            failure = await _close_all(callbacks)
            if failure is None:
                return False
            # What is left on the stack is told of the failure, and may take it back.
            if not await super().__aexit__(type(failure), failure, failure.__traceback__):
                raise failure
            return False
        return bool(await super().__aexit__(exc_type, exc, traceback))


async def _close_all(callbacks: deque[tuple[bool, Callable[..., Any]]]) -> BaseException | None:
    """Call what is on a stack, the last first, up to the first that raises."""
    while callbacks:
        is_sync, close = callbacks.pop()
        try:
            if is_sync:
                close(None, None, None)
            else:
                await close(None, None, None)
        except BaseException as exc:
            return exc
    return None


# --- exceptions --------------------------------------------------------------------------------


class StartNotingSend:
    """``send`` that notes whether the response has been started."""

    __slots__ = ("send", "started")

    def __init__(self, send: Send) -> None:
        self.send = send
        self.started = False

    def __call__(self, message: Message) -> Awaitable[None]:
        """Pass a message on."""
        if message["type"] == "http.response.start":
            self.started = True
        return self.send(message)


def failing_app(exc: Exception, started: bool) -> ASGIApp:
    """An application that raises at once, or after it has started a response. For one use."""
    # Given away when it is raised: no frame may keep what keeps the frame, as that would be a cycle.
    waiting = [exc]
    del exc

    async def raise_again(scope: Scope, receive: Receive, send: Send) -> None:
        if started:
            await send({"type": "http.response.start"})
        raise waiting.pop()

    return raise_again


async def discard(message: Message) -> None:
    """``send`` for an answer whose start has been sent already."""


async def answer_exception(
    exc: Exception, started: bool, request: Request, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answer with the application's handler for an exception; raise it if there is none."""
    app = wrap_app_handling_exceptions(failing_app(exc, started), request)
    del exc
    await app(scope, receive, discard if started else send)


# --- replaced methods --------------------------------------------------------------------------


def own_method(cls: type[Any], name: str) -> Any:
    """The method that a class's own module gave it; None if it was replaced by another module.

    To be compared with the method at the time of a request: instrumentation may replace it before
    this package is imported, or at any time after.
    """
    method = getattr(cls, name)
    # Some wrappers show the attributes of what they wrap, but not its type.
    is_function = type(method) is FunctionType
    is_own = is_function and method.__globals__ is vars(sys.modules[cls.__module__])
    return method if is_own else None


class OwnMethods:
    """Methods that are served in a shorter way as long as nobody has replaced one of them."""

    def __init__(self, *methods: tuple[type[Any], str]) -> None:
        self._methods = [(cls, name, own_method(cls, name)) for cls, name in methods]

    def are_original(self) -> bool:
        """Whether all are the ones that their classes came with. Any thread."""
        return all(getattr(cls, name) is own for cls, name, own in self._methods)
