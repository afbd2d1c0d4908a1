"""Closes what a request opened."""

from starlette.types import ASGIApp, Receive, Scope, Send

from .._connection import ExitStack


class AsyncExitStackMiddleware:
    """Puts an `AsyncExitStack` into the scope as `context_name` and closes it after the application.

    The form parser registers uploaded files there. Stateless after construction.
    """

    def __init__(self, app: ASGIApp, context_name: str = "fastapi_middleware_astack") -> None:
        self.app = app
        self.context_name = context_name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one connection inside a new stack."""
        stack = scope[self.context_name] = ExitStack()
        try:
            await self.app(scope, receive, send)
        except BaseException as exc:
            if await stack.__aexit__(type(exc), exc, exc.__traceback__):
                return
            raise
        if stack.is_used:
            await stack.__aexit__(None, None, None)
