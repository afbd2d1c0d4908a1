"""Middleware written as ``__call__(self, request, call_next)``.

The application runs in a task of its own, so that the middleware has the response while the body is
still being made. Cancel scopes of the two therefore never cross, as they would in one task.
"""

from __future__ import annotations

import functools
import inspect
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextvars import Context, ContextVar, copy_context
from typing import Any

import anyio
import anyio.lowlevel
from starlette._utils import AwaitableOrContextManager, AwaitableOrContextManagerWrapper
from starlette.background import BackgroundTask
from starlette.datastructures import FormData
from starlette.middleware import Middleware
from starlette.requests import Request, empty_receive
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CallNext = Callable[[Request], Awaitable[Response]]
"""What middleware gets: runs the rest of the application and returns its response."""

Dispatch = Callable[[Request, CallNext], Awaitable[Response] | Response]

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_MISSING = object()


# --- recognition ---------------------------------------------------------------------------------


def takes_call_next(candidate: object) -> bool:
    """Whether a class is middleware of this kind: ``__call__`` requires exactly two arguments.

    ASGI middleware requires three: scope, receive and send.
    """
    if not isinstance(candidate, type):
        return False
    call = next(
        (vars(base)["__call__"] for base in candidate.__mro__ if "__call__" in vars(base)), None
    )
    if not inspect.isfunction(call):
        return False
    _, *parameters = inspect.signature(call).parameters.values()
    required = [each for each in parameters if each.default is each.empty]
    return len(required) == 2 and all(each.kind in _POSITIONAL for each in required)


def as_asgi_middleware(middleware: Middleware) -> Middleware:
    """The ASGI form of middleware; what is ASGI middleware already is returned as it is.

    An instance of the class is made with the options when the application's stack is built.
    """
    given: Any = middleware.cls
    if not takes_call_next(given):
        return middleware

    @functools.wraps(given, updated=())
    def build(app: ASGIApp, *args: Any, **options: Any) -> CallNextMiddleware:
        return CallNextMiddleware(app, given(*args, **options))

    return Middleware(build, *middleware.args, **middleware.kwargs)


# --- the request ---------------------------------------------------------------------------------


class _Request(Request):
    """The request that middleware gets. The application can still read what was read as a whole.

    ``body()``, ``json()`` and ``form()`` keep the body for the application. ``stream()`` does not:
    what it has given is gone.
    """

    def form(self, **limits: Any) -> AwaitableOrContextManager[FormData]:
        return AwaitableOrContextManagerWrapper(self._read_form(limits))

    async def _read_form(self, limits: dict[str, Any]) -> FormData:
        await self.body()
        return await super().form(**limits)

    def kept_body(self) -> bytes | None:
        """What the application shall get as the whole body; None if it must be received."""
        if hasattr(self, "_body"):
            return self._body
        return b"" if self._stream_consumed else None

    async def receive_on(self) -> Message:
        """The next message of the server, for the application."""
        if self._is_disconnected:
            return {"type": "http.disconnect"}
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._is_disconnected = True
        elif not message.get("more_body", False):
            self._stream_consumed = True
        return message


# --- the application behind the middleware -------------------------------------------------------


def _is_last(message: Message) -> bool:
    kind = message["type"]
    if kind == "http.response.pathsend":
        return True
    return bool(kind == "http.response.body" and not message.get("more_body", False))


class _Call:
    """One run of the application. What it sends waits here until the middleware's response is sent.

    Used on one event loop; :meth:`run` is a task of its own. At most the head and one part of the
    body are held.
    """

    def __init__(self, app: ASGIApp, request: Request, own: _Request, send: Send) -> None:
        self._app = app
        self._scope = request.scope
        self._request = own
        self._send_out = send
        self._body_given = False
        replaced = request is not own and request.receive is not empty_receive
        self._receive: Receive = request.receive if replaced else self._receive_body
        self._messages: deque[Message] = deque()
        self._news: anyio.Event | None = None  # somebody waits for a message
        self._room: anyio.Event | None = None  # the application waits until they were taken
        self._started = False
        self._completed = False  # the last message of the response was taken
        self._response_sent = False
        self._ended = False
        self._context: Context | None = None
        self.error: Exception | None = None
        self.debug: Mapping[str, Any] | None = None

    async def run(self) -> None:
        """Runs the application to its end, which is after its response and background tasks."""
        try:
            await self._app(self._scope, self._receive, self._send)
        except Exception as exc:
            self.error = exc
        finally:
            if not self._started:
                self._context = copy_context()
            self._ended = True
            self._tell()

    async def _receive_body(self) -> Message:
        if self._response_sent:
            return {"type": "http.disconnect"}
        body = None if self._body_given else self._request.kept_body()
        if body is not None:
            self._body_given = True
            return {"type": "http.request", "body": body, "more_body": False}
        message = await self._request.receive_on()
        self._body_given = self._body_given or not message.get("more_body", False)
        return message

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.early_hint" or (self._response_sent and self._completed):
            await self._send_out(message)  # behind the body: trailers
            return
        if kind == "http.response.debug":
            self.debug = message["info"]
            return
        if self._response_sent:
            # The middleware has answered with something else; an endless stream must hear of it.
            await anyio.lowlevel.checkpoint()
            return
        if not self._started:
            if kind != "http.response.start":
                raise RuntimeError(
                    f"Expected ASGI message 'http.response.start', but got {kind!r}."
                )
            self._started = True
            self._context = copy_context()
            self._messages.append(message)
            self._tell()
            return  # The body mostly comes in the same step, so it is waited for there.
        self._messages.append(message)
        self._tell()
        self._room = room = anyio.Event()
        await room.wait()

    def _tell(self) -> None:
        if self._news is not None:
            self._news.set()

    async def take(self) -> Message | None:
        """The next message, or None when the application has ended; raises what it raised."""
        while not self._messages:
            if self._ended:
                if self.error is None:
                    return None
                error, self.error = self.error, None
                raise error
            self._news = news = anyio.Event()
            await news.wait()
            self._news = None
        message = self._messages.popleft()
        self._completed = self._completed or _is_last(message)
        if self._room is not None and not self._messages and not self._completed:
            self._room.set()
        return message

    @property
    def completed(self) -> bool:
        """Whether the end of the body was taken."""
        return self._completed

    def let_go(self) -> None:
        """The middleware's response was sent: the application may go on, and sends no more."""
        self._response_sent = True
        if self._room is not None:
            self._room.set()

    def adopt_context(self) -> None:
        """Shows the middleware the context variables that the application has set."""
        if self._context is None:
            return
        for variable, value in self._context.items():
            if _value_of(variable) is not value:
                variable.set(value)


def _value_of(variable: ContextVar[Any]) -> Any:
    return variable.get(_MISSING)


class _Body(AsyncIterator[Any]):
    """The body of the application's response, part by part, as the application sends it."""

    def __init__(self, call: _Call) -> None:
        self._call = call

    async def __anext__(self) -> Any:
        while not self._call.completed:
            message = await self._call.take()
            if message is None:
                break
            if message["type"] != "http.response.body":
                return message
            body = message.get("body", b"")
            if body:
                return body
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Nothing is to be closed: the application ends when the middleware has answered."""


class _NextResponse(Response):
    """What ``call_next`` returns. ``body_iterator`` may be read or replaced."""

    def __init__(self, call: _Call, start: Message) -> None:
        self._call = call
        self._start = start
        self._own_body = _Body(call)
        self.body_iterator: Any = self._own_body
        self.status_code = start["status"]
        self.raw_headers = list(start.get("headers", ()))
        self.background: BackgroundTask | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._call.debug is not None:
            await send({"type": "http.response.debug", "info": self._call.debug})
        head = {"status": self.status_code, "headers": self.raw_headers}
        await send({**self._start, **head})
        if self.body_iterator is self._own_body and not self._call.completed:
            await self._forward(send)
        else:
            await self._send_replaced(send)
        if self.background is not None:
            await self.background()

    async def _forward(self, send: Send) -> None:
        """Sends the application's messages as they are."""
        while not self._call.completed:
            message = await self._call.take()
            if message is None:
                return  # It did not complete its response; the server says so.
            await send(message)

    async def _send_replaced(self, send: Send) -> None:
        async for part in self.body_iterator:
            if isinstance(part, dict):
                await send(part)
                if _is_last(part):
                    return
            else:
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


# --- the middleware ------------------------------------------------------------------------------


class CallNextMiddleware:
    """ASGI middleware that answers with what ``dispatch(request, call_next)`` returns.

    Only HTTP requests pass through ``dispatch``. An exception of the application is raised by
    ``call_next``, or while the body is sent. If the middleware answers without the application's
    response, or raises, a running application is told that the client is gone or cancelled.
    """

    def __init__(self, app: ASGIApp, dispatch: Dispatch) -> None:
        self.app = app
        self.dispatch_func = dispatch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = _Request(scope, receive, send)
        calls: list[_Call] = []
        failure: Exception | None = None
        async with anyio.create_task_group() as group:

            async def call_next(passed: Request) -> Response:
                call = _Call(self.app, passed, request, send)
                calls.append(call)
                group.start_soon(call.run)
                try:
                    start = await call.take()
                finally:
                    call.adopt_context()
                if start is None:
                    raise RuntimeError("No response returned.")
                return _NextResponse(call, start)

            try:
                response = await self._dispatch(request, call_next)
                await response(scope, receive, send)
            except Exception as exc:
                failure = exc
                group.cancel_scope.cancel()
            for call in calls:
                call.let_go()
        if failure is not None:
            raise failure
        for call in calls:
            if call.error is not None:
                raise call.error

    async def _dispatch(self, request: Request, call_next: CallNext) -> Response:
        response = self.dispatch_func(request, call_next)
        if inspect.isawaitable(response):
            response = await response
        if not callable(response):
            name = type(self.dispatch_func).__name__
            raise TypeError(f"middleware {name} returned {response!r}, which is not a response")
        return response
