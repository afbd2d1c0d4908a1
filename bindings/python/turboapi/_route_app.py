"""The ASGI applications that routes are served by."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from starlette._exception_handler import wrap_app_handling_exceptions
from starlette._utils import is_async_callable
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from ._connection import NOT_AWAITED, ExitStack, StartNotingSend, answer_exception
from ._executor import RequestState
from ._handler import RouteHandler
from .exceptions import FastAPIError


class _HandlerApp:
    """The application of a path operation, which makes a request object only if it must."""

    __slots__ = ("_general", "_handler")

    def __init__(self, handler: RouteHandler) -> None:
        self._handler = handler
        self._general = _general_app(handler.handle)

    def __deepcopy__(self, memo: Any) -> _HandlerApp:
        return self  # As any function: routes and routers are copied together with it.

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        handler = self._handler
        if not handler.is_direct(scope):
            await self._general(scope, receive, send)
            return
        noting: Any = send if type(send) is StartNotingSend else StartNotingSend(send)
        state = RequestState(scope, receive, noting)
        try:
            await handler.answer(state)
        except Exception as exc:
            request: Any = state.request
            await answer_exception(exc, noting.started, request, scope, receive, send)


def request_response(func: Callable[[Request], Awaitable[Response] | Response]) -> ASGIApp:
    """An ASGI application that answers with what ``func(request)`` returns.

    Around it are the two stacks of a request: what dependencies opened is closed before the
    response is sent (function scope) or after it (request scope).
    """
    handler = getattr(func, "__self__", None)
    if type(handler) is RouteHandler and func == handler.handle:
        return _HandlerApp(handler)
    return _general_app(func)


def _general_app(func: Callable[[Request], Awaitable[Response] | Response]) -> ASGIApp:
    in_thread: Any = functools.partial(run_in_threadpool, func)  # type: ignore[call-arg]
    handler: Any = func if is_async_callable(func) else in_thread

    async def respond(request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        sent = False
        async with ExitStack() as request_stack:
            scope["fastapi_inner_astack"] = request_stack
            response: Any = None
            answered = False
            async with ExitStack() as function_stack:
                scope["fastapi_function_astack"] = function_stack
                response = await handler(request)
                answered = True
            if not answered:
                raise FastAPIError(NOT_AWAITED)
            await response(scope, receive, send)
            sent = True
        if not sent:
            raise FastAPIError(NOT_AWAITED)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        inner = functools.partial(respond, request)
        await wrap_app_handling_exceptions(inner, request)(scope, receive, send)

    return app


def websocket_session(func: Callable[[WebSocket], Awaitable[None]]) -> ASGIApp:
    """An ASGI application that runs ``func(websocket)`` inside the two stacks of a connection."""

    async def serve(session: WebSocket, scope: Scope, receive: Receive, send: Send) -> None:
        async with ExitStack() as request_stack:
            scope["fastapi_inner_astack"] = request_stack
            async with ExitStack() as function_stack:
                scope["fastapi_function_astack"] = function_stack
                await func(session)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        session = WebSocket(scope, receive=receive, send=send)
        inner = functools.partial(serve, session)
        await wrap_app_handling_exceptions(inner, session)(scope, receive, send)

    return app
