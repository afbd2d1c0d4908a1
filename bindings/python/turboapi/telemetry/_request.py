"""Observes one HTTP request or WebSocket. Imported when the first one is observed.

Names and attributes are OpenTelemetry's HTTP conventions 1.44, as FastAPI 0.165.0 writes them.
"""

from __future__ import annotations

from time import perf_counter, time_ns
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from opentelemetry._logs import Logger, LoggerProvider, SeverityNumber
from opentelemetry.metrics import Histogram, MeterProvider, UpDownCounter
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, TracerProvider
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .._version import __version__
from . import _api
from ._api import (
    _REQUEST_TELEMETRY_KEY,
    _SCOPE_KEY,
    _exception_type,
    _normal_websocket_disconnect,
    _RequestTelemetry,
    _route_attributes,
)
from ._gate import provider_of

if TYPE_CHECKING:
    from ._asgi import NativeTelemetry

_api._context_api = otel_context

_SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"
_SCOPE_NAME = "fastapi"
_DURATION_BUCKETS = (  # seconds
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
)  # fmt: skip
# Query parameters with credentials of signed URLs.
_SENSITIVE_QUERY_PARAMETERS = frozenset(
    {
        "sig",
        "X-Amz-Signature",
        "X-Amz-Credential",
        "X-Amz-Security-Token",
        "X-Goog-Signature",
    }
)


class _HeadersGetter(Getter[Headers]):
    """Lets propagators read Starlette's headers."""

    def get(self, carrier: Headers, key: str) -> list[str] | None:
        """All values of a header; None without one."""
        return carrier.getlist(key) or None

    def keys(self, carrier: Headers) -> list[str]:
        """The names of all headers."""
        return carrier.keys()


_HEADERS_GETTER = _HeadersGetter()


def make_tracer(provider: TracerProvider) -> Tracer:
    """The tracer whose spans carry FastAPI's scope."""
    return provider.get_tracer(_SCOPE_NAME, __version__, schema_url=_SCHEMA_URL)


def make_instruments(provider: MeterProvider) -> tuple[Histogram, UpDownCounter]:
    """Request durations in seconds, and the number of requests being served."""
    meter = provider.get_meter(_SCOPE_NAME, __version__, schema_url=_SCHEMA_URL)
    duration = meter.create_histogram(
        "http.server.request.duration",
        unit="s",
        description="Duration of HTTP server requests.",
        explicit_bucket_boundaries_advisory=_DURATION_BUCKETS,
    )
    active = meter.create_up_down_counter(
        "http.server.active_requests",
        unit="{request}",
        description="Number of active HTTP server requests.",
    )
    return duration, active


def _make_logger(provider: LoggerProvider) -> Logger:
    return provider.get_logger(_SCOPE_NAME, __version__, schema_url=_SCHEMA_URL)


def log_exception(telemetry: _RequestTelemetry, exc: BaseException, *, websocket: bool) -> None:
    """The log record of an exception that nobody handled."""
    assert telemetry.logger is not None
    what = "WebSocket connection" if websocket else "request"
    telemetry.logger.emit(
        timestamp=time_ns(),
        severity_number=SeverityNumber.ERROR,
        severity_text="ERROR",
        body=f"Unhandled exception in FastAPI {what}",
        event_name="fastapi.websocket.exception" if websocket else "http.server.request.exception",
        attributes=_route_attributes(telemetry),
        exception=exc,
    )


# --- attributes ----------------------------------------------------------------------------------


def _server_attributes(scope: Scope) -> dict[str, Any]:
    """Address and port from the Host header, otherwise of the socket; nothing if Host is not a host."""
    default_port = 443 if scope.get("scheme") in ("https", "wss") else 80
    host = Headers(scope=scope).get("host")
    if host is None:
        server = scope.get("server")
        if not server:
            return {}
        address, port = server[0], server[1]
        return {"server.address": address} | ({} if port is None else {"server.port": port})
    try:
        parts = urlsplit(f"//{host}")
        address, port = parts.hostname, parts.port
    except ValueError:
        return {}
    if not address or parts.username is not None or parts.path or parts.query or parts.fragment:
        return {}
    return {"server.address": address, "server.port": default_port if port is None else port}


def _url_attributes(scope: Scope) -> dict[str, Any]:
    attributes: dict[str, Any] = {"url.path": scope["path"]}
    query = scope.get("query_string", b"")
    if query:
        # A server hands the query over as bytes; latin-1 loses none of them.
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        attributes["url.query"] = urlencode(
            [
                (name, "REDACTED" if name in _SENSITIVE_QUERY_PARAMETERS else value)
                for name, value in pairs
            ]
        )
    return attributes


# --- one connection ------------------------------------------------------------------------------


async def observe(
    native: NativeTelemetry, app: ASGIApp, scope: Scope, receive: Receive, send: Send
) -> None:
    """Serve one connection with `app` inside its server span."""
    connection = _Connection(native, scope)
    if not connection.is_written:
        scope[_SCOPE_KEY] = None
        await app(scope, receive, send)
        return
    scope[_SCOPE_KEY] = connection.telemetry
    token = otel_context.attach(connection.context)
    try:
        if scope["type"] == "http":
            await app(scope, connection.watch_receive(receive), connection.watch_send(send))
        else:
            await app(scope, receive, send)
        connection.end()
    except BaseException as exc:
        connection.end(exc)
        raise
    finally:
        otel_context.detach(token)
        connection.telemetry.data = None
        connection.telemetry._exceptions.clear()
        scope.pop(_SCOPE_KEY, None)


class _Connection:
    """State of one observed connection; lives as long as `observe` runs, in its task.

    An HTTP request has ended when the last message of its response was sent; what runs after that
    (background tasks, clean-up) may still write spans and logs below it, but changes it no more.
    """

    def __init__(self, native: NativeTelemetry, scope: Scope) -> None:
        config: Any = native.config
        self.is_http = scope["type"] == "http"
        tracer_provider = provider_of(config, "tracing")
        meter_provider = provider_of(config, "metrics") if self.is_http else None
        logger_provider = provider_of(config, "logs")
        self.is_written = any(
            provider is not None for provider in (tracer_provider, meter_provider, logger_provider)
        )
        self.ended = False
        self.disconnected = False
        self.awaits_trailers = False
        self.method, self.shown_method = self._methods(native, scope)
        self.attributes: dict[str, Any] = {"url.scheme": scope.get("scheme", self._default_scheme)}
        if self.is_http:
            self.attributes["http.request.method"] = self.method
        tracer = None
        if tracer_provider is not None:
            tracer = native._get_tracer(provider=tracer_provider)
        self.telemetry, self.context = self._start(native, scope, tracer)
        if logger_provider is not None:
            self.telemetry.logger = _make_logger(logger_provider)
        self.duration: Histogram | None = None
        self.active: UpDownCounter | None = None
        if meter_provider is not None:
            self.duration, self.active = native._instruments(provider=meter_provider)
            self.active.add(1, self.attributes, context=self.context)
        self.version = scope.get("http_version")
        self.started = perf_counter()

    @property
    def _default_scheme(self) -> str:
        return "http" if self.is_http else "ws"

    def _methods(self, native: NativeTelemetry, scope: Scope) -> tuple[str, str]:
        """The method for attributes, and for the span's name; unknown ones would have no bound."""
        if not self.is_http:
            return "", "WS"
        method = scope["method"]
        return (method, method) if method in native._known_methods else ("_OTHER", "HTTP")

    def _start(
        self, native: NativeTelemetry, scope: Scope, tracer: Tracer | None
    ) -> tuple[_RequestTelemetry, otel_context.Context]:
        parent = propagate.extract(Headers(scope=scope), getter=_HEADERS_GETTER)
        span: Span | None = None
        if tracer is not None:
            span = tracer.start_span(
                self.shown_method,
                context=parent,
                kind=SpanKind.SERVER,
                attributes=self._span_attributes(scope),
            )
            parent = trace.set_span_in_context(span, parent)
            if not (span.is_recording() and native.config.get("operation_spans", True)):
                tracer = None
        telemetry = _RequestTelemetry(span=span, span_method=self.shown_method, tracer=tracer)
        return telemetry, otel_context.set_value(_REQUEST_TELEMETRY_KEY, telemetry, parent)

    def _span_attributes(self, scope: Scope) -> dict[str, Any]:
        attributes = _server_attributes(scope)
        if not self.is_http:
            return {**attributes, **self.attributes, "network.protocol.name": "websocket"}
        attributes.update(_url_attributes(scope))
        if self.method == "_OTHER":
            attributes["http.request.method_original"] = scope["method"]
        attributes.update(self.attributes)
        if scope.get("http_version"):
            attributes["network.protocol.version"] = scope["http_version"]
        return attributes

    def watch_receive(self, receive: Receive) -> Receive:
        """`receive` that notices when the client has gone."""

        async def watched() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.disconnected = True
            return message

        return watched

    def watch_send(self, send: Send) -> Send:
        """`send` that notes the status, and ends the request after the response's last message."""

        async def watched(message: Message) -> None:
            kind = message["type"]
            if kind == "http.response.start":
                self._response_started(message)
            await send(message)
            if self._is_last(message, kind):
                self.end(complete=True)

        return watched

    def _response_started(self, message: Message) -> None:
        self.awaits_trailers = message.get("trailers", False)
        self.telemetry.status_code = message["status"]
        if self.telemetry.span is not None and not self.ended:
            self.telemetry.span.set_attribute("http.response.status_code", message["status"])

    def _is_last(self, message: Message, kind: str) -> bool:
        if kind == "http.response.trailers":
            return not message.get("more_trailers", False)
        if self.awaits_trailers:
            return False
        if kind == "http.response.body":
            return not message.get("more_body", False)
        return kind == "http.response.pathsend"

    def end(self, exc: BaseException | None = None, *, complete: bool = False) -> None:
        """End span and metrics, once: after the last message, or when the application has returned."""
        if self.ended:
            return
        self.ended = True
        error = self._error_type(exc, complete)
        span = self.telemetry.span
        if span is not None:
            if error is not None:
                span.set_attribute("error.type", error)
                span.set_status(StatusCode.ERROR)
            span.end()
        self._record(error)

    def _error_type(self, exc: BaseException | None, complete: bool) -> str | None:
        if exc is not None and _normal_websocket_disconnect(exc):
            return None
        noted = self.telemetry._exceptions
        cause = exc or (noted[-1] if noted else None)
        if cause is not None:
            return _exception_type(cause)
        if self.is_http and not complete:
            return "ConnectionError" if self.disconnected else "RuntimeError"
        status = self.telemetry.status_code
        return str(status) if status is not None and status >= 500 else None

    def _record(self, error: str | None) -> None:
        if self.duration is None or self.active is None:
            return
        attributes = dict(self.attributes)
        if self.version:
            attributes["network.protocol.version"] = self.version
        attributes.update(_route_attributes(self.telemetry))
        if self.telemetry.status_code is not None:
            attributes["http.response.status_code"] = self.telemetry.status_code
        if error is not None:
            attributes["error.type"] = error
        elapsed = perf_counter() - self.started
        self.duration.record(elapsed, attributes, context=self.context)
        self.active.add(-1, self.attributes, context=self.context)
