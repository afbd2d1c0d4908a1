"""What the rest of the package and span processors see of telemetry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from time import time_ns
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException, WebSocketException
from starlette.websockets import WebSocketDisconnect
from typing_extensions import TypedDict

from ..exceptions import RequestValidationError, WebSocketRequestValidationError

if TYPE_CHECKING:
    from opentelemetry._logs import Logger, LoggerProvider
    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, Tracer, TracerProvider
    from starlette.requests import Request
    from starlette.websockets import WebSocket


class TelemetryConfig(TypedDict, total=False):
    """Options of `FastAPI(telemetry=...)`; a provider that is None or missing means the global one.

    `exclude` is asked for every HTTP request and WebSocket with its ASGI scope. `operation_spans` are the
    child spans for dependencies, endpoint, serialisation and background tasks. `auto_configure` sets up
    OTLP exporters from the environment when the application starts.
    """

    tracer_provider: TracerProvider | None
    meter_provider: MeterProvider | None
    logger_provider: LoggerProvider | None
    tracing: bool
    metrics: bool
    logs: bool
    operation_spans: bool
    auto_configure: bool
    exclude: Callable[[MutableMapping[str, Any]], bool] | None


@dataclass(kw_only=True)
class TelemetryData:
    """What is known of the connection so far, for synchronous span and log processors.

    `request` or `websocket` is set when the route's handler starts, `body` when it was read, `values` (the
    endpoint's arguments) and `errors` when the dependencies were solved.
    """

    request: Request | None = None
    websocket: WebSocket | None = None
    body: Any = None
    values: dict[str, Any] | None = None
    errors: Sequence[Any] | None = None


@dataclass(kw_only=True)
class _RequestTelemetry:
    """One observed connection: made and ended by `observe`, touched by the task that serves it.

    Without `tracer` there are no operation spans, without `logger` no log records. `data` is dropped when
    the connection has ended, so that a saved context keeps nothing of the request.
    """

    span: Span | None
    span_method: str
    tracer: Tracer | None = None
    logger: Logger | None = None
    route: str | None = None
    status_code: int | None = None
    data: TelemetryData | None = field(default_factory=TelemetryData)
    _mount_prefix: str = ""
    _exceptions: list[BaseException] = field(default_factory=list)


# Under this key of the ASGI scope stands the connection's telemetry; anything else, None too, keeps
# telemetry out of every application further in.
_SCOPE_KEY = "fastapi.telemetry"
_REQUEST_TELEMETRY_KEY = "fastapi.request-e550adab-22e5-42b2-97b9-5b2159a49390"
_NO_OPERATION: AbstractContextManager[None] = nullcontext()
_HANDLED = (
    HTTPException,
    WebSocketException,
    RequestValidationError,
    WebSocketRequestValidationError,
)
# OpenTelemetry's module for contexts, set by the first observed connection. Until then there is nothing to
# look up, and importing it would cost every process that observes nothing.
_context_api: Any = None


def _get_request_telemetry(context: Context | None = None) -> _RequestTelemetry | None:
    if _context_api is None:
        return None
    found = _context_api.get_value(_REQUEST_TELEMETRY_KEY, context)
    return found if isinstance(found, _RequestTelemetry) else None


def get_telemetry_data(context: Context | None = None) -> TelemetryData | None:
    """The connection's data in `context` (the current one by default); None outside of a connection."""
    telemetry = _get_request_telemetry(context)
    return None if telemetry is None else telemetry.data


def _operation(
    *, name: str, function: Callable[..., Any] | None = None
) -> AbstractContextManager[None]:
    """A block that becomes the span `fastapi.<name>` if the connection has operation spans."""
    telemetry = _get_request_telemetry()
    if telemetry is None or telemetry.tracer is None:
        return _NO_OPERATION
    return _traced_operation(request_telemetry=telemetry, name=name, function=function)


@contextmanager
def _traced_operation(
    *,
    request_telemetry: _RequestTelemetry,
    name: str,
    function: Callable[..., Any] | None,
) -> Iterator[None]:
    from opentelemetry import trace

    assert request_telemetry.tracer is not None
    attributes = {} if function is None else {"code.function.name": _function_name(function)}
    span = request_telemetry.tracer.start_span(f"fastapi.{name}", attributes=attributes)
    try:
        with trace.use_span(span, record_exception=False, set_status_on_exception=False):
            yield
    except BaseException as exc:
        if not isinstance(exc, _HANDLED) and not _normal_websocket_disconnect(exc):
            span.set_attribute("error.type", _exception_type(exc))
            span.set_status(trace.StatusCode.ERROR)
        raise
    finally:
        span.end()


def _function_name(function: Callable[..., Any]) -> str:
    named: Any = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


def _exception_type(exc: BaseException) -> str:
    """The full name of the exception's class, without the module for built-in ones."""
    kind = type(exc)
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def _normal_websocket_disconnect(exc: BaseException) -> bool:
    """Normal closure and going away (RFC 6455, 7.4.1)."""
    return isinstance(exc, WebSocketDisconnect) and exc.code in (1000, 1001)


def _run_sync_endpoint(*, function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Call a `def` endpoint; its span is made in the worker thread that runs this."""
    with _operation(name="endpoint", function=function):
        return function(**arguments)


def _route_selected(
    *, scope: MutableMapping[str, Any], path: str | None, mount: bool = False
) -> None:
    """Tell telemetry the route's template. A mount's is the prefix of the routes below it."""
    telemetry = scope.get(_SCOPE_KEY)
    if path is None or not isinstance(telemetry, _RequestTelemetry):
        return
    if mount:
        telemetry._mount_prefix += path.removesuffix("/{path}")
        telemetry.route = telemetry._mount_prefix + "/{path}"
    else:
        telemetry.route = telemetry._mount_prefix + path
    if telemetry.span is not None:
        telemetry.span.update_name(f"{telemetry.span_method} {telemetry.route}")
        telemetry.span.set_attribute("http.route", telemetry.route)


def _route_attributes(telemetry: _RequestTelemetry) -> dict[str, Any]:
    return {} if telemetry.route is None else {"http.route": telemetry.route}


def _validation_failed(
    exc: RequestValidationError | WebSocketRequestValidationError,
) -> None:
    """Write the log record of a request that did not validate; its values are left out."""
    telemetry = _get_request_telemetry()
    if telemetry is None or telemetry.logger is None:
        return
    from opentelemetry._logs import SeverityNumber

    telemetry.logger.emit(
        timestamp=time_ns(),
        severity_number=SeverityNumber.WARN,
        severity_text="WARN",
        body="Request validation failed",
        event_name="fastapi.validation.failed",
        attributes={
            "fastapi.validation.error_count": len(exc.errors()),
            **_route_attributes(telemetry),
        },
    )
