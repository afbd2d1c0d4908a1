"""Exceptions of the framework. Names, arguments, attributes and texts are FastAPI 0.165.0's."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.exceptions import WebSocketException as StarletteWebSocketException

if TYPE_CHECKING:
    from pydantic import BaseModel

    RequestErrorModel: type[BaseModel]
    WebSocketErrorModel: type[BaseModel]


class EndpointContext(TypedDict, total=False):
    """Where an endpoint is defined; shown in the text of validation errors."""

    function: str
    path: str
    file: str
    line: int


class HTTPException(StarletteHTTPException):
    """An error answer: raise it anywhere below a route to send `status_code` and `detail` as JSON.

    `detail` is any JSON-serialisable value (the status phrase when None); `headers` are added to the answer.
    """

    def __init__(
        self,
        status_code: int,
        detail: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status_code=status_code, detail=detail, headers=headers)


class WebSocketException(StarletteWebSocketException):
    """Closes the WebSocket with close code `code` (RFC 6455, 7.4.1) and an optional UTF-8 reason."""

    def __init__(self, code: int, reason: str | None = None) -> None:
        super().__init__(code=code, reason=reason)


class FastAPIError(RuntimeError):
    """A mistake in how the framework is used, reported where it is found."""


class DependencyScopeError(FastAPIError):
    """A dependency needs another one whose scope ends before its own."""


class PydanticV1NotSupportedError(FastAPIError):
    """A model of `pydantic.v1` was given where a pydantic 2 type is needed."""


class FastAPIDeprecationWarning(UserWarning):
    """A deprecated feature is used. Not a `DeprecationWarning`, so that it is shown by default."""


class ValidationException(Exception):
    """Data did not validate. `errors()` is pydantic's list of error dictionaries."""

    def __init__(
        self,
        errors: Sequence[Any],
        *,
        endpoint_ctx: EndpointContext | None = None,
    ) -> None:
        # BaseException.__new__ has put `errors` into `args` already, as pickling needs it.
        self._errors = errors
        self.endpoint_ctx = endpoint_ctx
        context: Mapping[str, Any] = endpoint_ctx or {}
        self.endpoint_function: str | None = context.get("function")
        self.endpoint_path: str | None = context.get("path")
        self.endpoint_file: str | None = context.get("file")
        self.endpoint_line: int | None = context.get("line")

    def errors(self) -> Sequence[Any]:
        """The errors as they were given (the same object; locations are tuples)."""
        return self._errors

    def _format_endpoint_context(self) -> str:
        located = self.endpoint_file and self.endpoint_line and self.endpoint_function
        if located:
            text = f'\n\n  File "{self.endpoint_file}", line {self.endpoint_line}, in {self.endpoint_function}'
            return f"{text}\n    {self.endpoint_path}" if self.endpoint_path else text
        return f"\n\n  Endpoint: {self.endpoint_path}" if self.endpoint_path else ""

    def __str__(self) -> str:
        count = len(self._errors)
        lines = [f"{count} validation error{'' if count == 1 else 's'}:"]
        lines.extend(f"  {error}" for error in self._errors)
        return "\n".join(lines) + self._format_endpoint_context()


class RequestValidationError(ValidationException):
    """The request did not validate (status 422). `body` is the parsed body, if there was one."""

    def __init__(
        self,
        errors: Sequence[Any],
        *,
        body: Any = None,
        endpoint_ctx: EndpointContext | None = None,
    ) -> None:
        super().__init__(errors, endpoint_ctx=endpoint_ctx)
        self.body = body


class WebSocketRequestValidationError(ValidationException):
    """A WebSocket handshake's parameters did not validate (close code 1008)."""


class ResponseValidationError(ValidationException):
    """The endpoint returned something its response model refuses (status 500). `body` is that value."""

    def __init__(
        self,
        errors: Sequence[Any],
        *,
        body: Any = None,
        endpoint_ctx: EndpointContext | None = None,
    ) -> None:
        super().__init__(errors, endpoint_ctx=endpoint_ctx)
        self.body = body


_ERROR_MODELS = {"RequestErrorModel": "Request", "WebSocketErrorModel": "WebSocket"}


def __getattr__(name: str) -> Any:
    # The two empty models are kept for old imports only; building them here would load pydantic at import.
    title = _ERROR_MODELS.get(name)
    if title is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pydantic import create_model

    return globals().setdefault(name, create_model(title))
