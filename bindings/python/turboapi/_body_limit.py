"""Limits on the size of request bodies, on top of Starlette's counting middleware."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.middleware import body_limit
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY, RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .exception_handlers import http_exception_handler


def _error_classes(*names: str) -> tuple[type[Exception], ...]:
    """Starlette's private exceptions that exist in the installed release."""
    found = (getattr(body_limit, name, None) for name in names)
    return tuple(cls for cls in found if cls is not None)


_TOO_LARGE = _error_classes("_RequestBodyTooLarge")
_RESPONSE_SENT = _error_classes("_RequestBodyLimitResponseSent")


def validate_max_body_size(max_body_size: int | None) -> None:
    """Accept None (no limit of its own) or a size in bytes; ``ValueError`` otherwise."""
    if max_body_size is None:
        return
    is_size = isinstance(max_body_size, int) and not isinstance(max_body_size, bool)
    if not is_size or max_body_size < 0:
        raise ValueError("max_body_size must be a non-negative integer or None")


def get_body_size_limit(*limits: int | None) -> int | None:
    """The first limit that is set: the most specific one, if they are given in that order."""
    return next((limit for limit in limits if limit is not None), None)


def get_body_limit_error(exc: Exception) -> Exception | None:
    """The limit's own exception, also if task groups have wrapped it and nothing else."""
    wanted = _TOO_LARGE + _RESPONSE_SENT
    if not isinstance(exc, ExceptionGroup):
        return exc if isinstance(exc, wanted) else None
    matching, other = exc.split(wanted)
    if other is not None:
        return None
    # Where a response has been sent, nothing must be raised that asks for another one.
    current: Any = exc.subgroup(_RESPONSE_SENT) or matching
    while isinstance(current, ExceptionGroup):
        current = current.exceptions[0]
    return current if isinstance(current, wanted) else None


def wrap_app_with_body_limit(app: ASGIApp, max_body_size: int | None) -> ASGIApp:
    """Limit the bodies that ``app`` can read; without a limit it is ``app`` itself."""
    if max_body_size is None:
        return app
    return RequestBodyLimitMiddleware(_UnwrapLimitError(app), max_body_size=max_body_size)


class _UnwrapLimitError:
    """Raises the limit's exception itself where task groups have wrapped it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except ExceptionGroup as exc:
            error = get_body_limit_error(exc) if scope["type"] == "http" else None
            if error is None:
                raise
            raise error from exc


class AppBodyLimitMiddleware:
    """The application's limit, and the answer where a limit is hit outside any route."""

    def __init__(self, app: ASGIApp, max_body_size: int | None) -> None:
        self.app = wrap_app_with_body_limit(app, max_body_size)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Run the application; a mounted one inherits the limit of the one outside."""
        if MAX_BODY_SIZE_SCOPE_KEY not in scope:
            return self.app(scope, receive, send)
        return self._run_limited(scope, receive, send)

    async def _run_limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except Exception as exc:
            error = get_body_limit_error(exc)
            if started or not isinstance(error, HTTPException):
                raise
            response = await http_exception_handler(Request(scope, receive), error)
            await response(scope, receive, send)
