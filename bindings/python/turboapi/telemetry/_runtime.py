"""OTLP exporters from the environment, for applications that ask for them (`auto_configure`).

Exporters are set up when the application starts and flushed when it stops. Nothing that goes wrong here
keeps an application from starting: it is logged as a warning.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from anyio.to_thread import run_sync
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..exceptions import FastAPIError
from ..logger import logger
from ._gate import provider_of

if TYPE_CHECKING:
    from ._api import TelemetryConfig

_lock = threading.RLock()  # guards the two lists and the setting of global providers
# Made here: providers, and processors or readers added to providers of others. Flushed at the end of a
# lifespan, shut down at exit.
_owned: list[Any] = []
_configured: list[tuple[str, Any]] = []  # signals and providers that have an exporter from here

_PROTOCOL = "http/protobuf"


def _export_endpoint(signal: str) -> str | None:
    """The OTLP URL of "TRACES", "METRICS" or "LOGS" (OpenTelemetry's exporter variables); None without one.

    Raises FastAPIError for another protocol than http/protobuf and for anything but an HTTP(S) URL.
    """
    prefix = "OTEL_EXPORTER_OTLP"
    own = os.environ.get(f"{prefix}_{signal}_ENDPOINT")
    general = os.environ.get(f"{prefix}_ENDPOINT")
    endpoint = own or general
    if not endpoint:
        return None
    if not own:
        endpoint = f"{endpoint.rstrip('/')}/v1/{signal.lower()}"
    protocol = os.environ.get(f"{prefix}_{signal}_PROTOCOL") or os.environ.get(f"{prefix}_PROTOCOL")
    if protocol not in (None, "", _PROTOCOL):
        raise FastAPIError(
            f"FastAPI automatic telemetry requires the OTLP {_PROTOCOL} protocol. Configure other "
            "transports explicitly and pass telemetry={'auto_configure': False} to FastAPI()."
        )
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise FastAPIError(
            f"Invalid OTLP {signal.lower()} endpoint. Use an absolute HTTP or HTTPS URL."
        )
    return endpoint


def _registration_provider(provider: Any) -> Any:
    """The provider that takes exporters: integrations hand out wrappers that keep it in `provider`."""
    seen: list[Any] = []
    while not any(each is provider for each in seen):
        seen.append(provider)
        inner = getattr(provider, "provider", None)
        provider = provider if inner is None else inner
    return provider


def _add_traces(provider: Any, endpoint: str) -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    processor = BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint))
    provider.add_span_processor(processor)
    return processor


def _make_traces(endpoint: str) -> Any:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider(shutdown_on_exit=False)
    _add_traces(provider, endpoint)
    trace.set_tracer_provider(provider)
    return provider


def _metric_reader(endpoint: str) -> Any:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    return PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=endpoint))


def _add_metrics(provider: Any, endpoint: str) -> Any:
    reader = _metric_reader(endpoint)
    provider.add_metric_reader(reader)
    return reader


def _make_metrics(endpoint: str) -> Any:
    from opentelemetry import metrics
    from opentelemetry.sdk.metrics import MeterProvider

    provider = MeterProvider(metric_readers=[_metric_reader(endpoint)], shutdown_on_exit=False)
    metrics.set_meter_provider(provider)
    return provider


def _add_logs(provider: Any, endpoint: str) -> Any:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    processor = BatchLogRecordProcessor(OTLPLogExporter(endpoint=endpoint))
    provider.add_log_record_processor(processor)
    return processor


def _make_logs(endpoint: str) -> Any:
    from opentelemetry import _logs
    from opentelemetry.sdk._logs import LoggerProvider

    provider = LoggerProvider(shutdown_on_exit=False)
    _add_logs(provider, endpoint)
    _logs.set_logger_provider(provider)
    return provider


# For each signal that can be switched: its name in OpenTelemetry's variables, how an exporter is added to a
# provider, and how a global provider with one is made.
_SETUPS: dict[str, tuple[str, Callable[[Any, str], Any], Callable[[str], Any]]] = {
    "tracing": ("TRACES", _add_traces, _make_traces),
    "metrics": ("METRICS", _add_metrics, _make_metrics),
    "logs": ("LOGS", _add_logs, _make_logs),
}


def _configure_signal(config: Any, switch: str) -> None:
    """Give one signal's provider an exporter, unless it has one from here. The lock is held."""
    signal, add, make = _SETUPS[switch]
    endpoint = _export_endpoint(signal) if config.get(switch, True) else None
    if endpoint is None:
        return
    existing = provider_of(config, switch)
    if existing is None:
        made = make(endpoint)
        _configured.append((signal, made))
    else:
        target = _registration_provider(existing)
        if any(known == signal and provider is target for known, provider in _configured):
            return
        made = add(target, endpoint)
        _configured.append((signal, target))
    if not _owned:
        atexit.register(_shutdown)
    _owned.append(made)


def _configure_from_environment(config: TelemetryConfig) -> None:
    """Give every signal that is on and has an endpoint an exporter, once for each provider.

    A global provider is made where there is none. Any thread; raises what the SDK raises.
    """
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return
    with _lock:
        for switch in _SETUPS:
            _configure_signal(config, switch)


def _flush() -> None:
    """Send what is waiting. Blocks for as long as the exporters' own time limits."""
    with _lock:
        owned = list(_owned)
    for each in owned:
        try:
            each.force_flush()
        except Exception:
            logger.warning("Flushing telemetry failed", exc_info=True)


def _shutdown() -> None:
    """Shut down what was made here; at exit of the interpreter."""
    with _lock:
        owned = list(_owned)
        _owned.clear()
    for each in owned:
        try:
            each.shutdown()
        except Exception:
            logger.warning("Shutting down telemetry failed", exc_info=True)


async def lifespan(
    *, config: TelemetryConfig, app: ASGIApp, scope: Scope, receive: Receive, send: Send
) -> None:
    """Run the lifespan of `app`: exporters before its start-up, a flush after its shut-down."""
    if not config.get("auto_configure", False):
        await app(scope, receive, send)
        return

    async def configuring_receive() -> Message:
        message = await receive()
        if message["type"] == "lifespan.startup":
            try:
                _configure_from_environment(config)
            except Exception as exc:
                logger.warning("FastAPI automatic telemetry was not configured: %s", exc)
        return message

    try:
        await app(scope, configuring_receive, send)
    finally:
        if _owned:
            await run_sync(_flush)
