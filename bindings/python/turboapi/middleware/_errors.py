"""Starlette's two error middlewares, taking a shorter way while nothing is raised.

What is raised is answered by Starlette's own code. So it is if somebody has replaced the base class's
`__call__`, as instrumentation does.
"""

from __future__ import annotations

from typing import Any

from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from .._connection import (
    StartNotingSend,
    answer_exception,
    discard,
    failing_app,
    own_method,
)

_SERVER_ERROR_CALL = own_method(ServerErrorMiddleware, "__call__")
_EXCEPTION_CALL = own_method(ExceptionMiddleware, "__call__")


class QuickServerErrorMiddleware(ServerErrorMiddleware):
    """Turns exceptions that nobody has handled into status 500, and raises them again."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; in debug mode entirely by Starlette, whose answer shows frames."""
        is_original = ServerErrorMiddleware.__call__ is _SERVER_ERROR_CALL
        if scope["type"] != "http" or self.debug or not is_original:
            await super().__call__(scope, receive, send)
            return
        noting = StartNotingSend(send)
        try:
            await self.app(scope, receive, noting)
        except Exception as exc:
            app = ServerErrorMiddleware(failing_app(exc, noting.started), self.handler)
            await app(scope, receive, discard if noting.started else send)


class QuickExceptionMiddleware(ExceptionMiddleware):
    """Answers exceptions with the application's handlers for them."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or ExceptionMiddleware.__call__ is not _EXCEPTION_CALL:
            await super().__call__(scope, receive, send)
            return
        handlers = (self._exception_handlers, self._status_handlers)
        scope["starlette.exception_handlers"] = handlers
        noting: Any = send if type(send) is StartNotingSend else StartNotingSend(send)
        try:
            await self.app(scope, receive, noting)
        except Exception as exc:
            request = Request(scope, receive, send)
            await answer_exception(exc, noting.started, request, scope, receive, send)


# An application's stack names Starlette's classes, as instrumentation looks for these there; what is made
# of them is the quick ones.
QUICK: dict[Any, Any] = {
    ServerErrorMiddleware: QuickServerErrorMiddleware,
    ExceptionMiddleware: QuickExceptionMiddleware,
}
