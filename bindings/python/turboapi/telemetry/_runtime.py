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
from ._gate import is_unconfigured as _unconfigured

if TYPE_CHECKING:
    from ._api import TelemetryConfig

_lock = threading.RLock()  # guards the two lists and the setting of global providers
_owned: list[Any] = []  # providers made here: flushed at the end of a lifespan, shut down at exit
_configured: list[Any] = []  # providers that have an exporter from here

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


def _configure_traces(provider: Any, endpoint: str) -> Any:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    if provider is None:
        provider = trace.get_tracer_provider()
    made = None
    if _unconfigured(provider):
        provider = made = TracerProvider(shutdown_on_exit=False)
    target = _registration_provider(provider)
    if _is_configured(target):
        return None
    target.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    _configured.append(target)
    if made is not None:
        trace.set_tracer_provider(made)
    return made


def _configure_metrics(provider: Any, endpoint: str) -> Any:
    from opentelemetry import metrics
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    if provider is None:
        provider = metrics.get_meter_provider()
    if not _unconfigured(provider):
        target = _registration_provider(provider)
        # A meter provider takes its readers when it is made; only newer SDKs take them later.
        add_reader = getattr(target, "add_metric_reader", None)
        if add_reader is not None and not _is_configured(target):
            add_reader(PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=endpoint)))
            _configured.append(target)
        return None
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=endpoint))
    made = MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
    _configured.append(made)
    metrics.set_meter_provider(made)
    return made


def _configure_logs(provider: Any, endpoint: str) -> Any:
    from opentelemetry import _logs
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    if provider is None:
        provider = _logs.get_logger_provider()
    made = None
    if _unconfigured(provider):
        provider = made = LoggerProvider(shutdown_on_exit=False)
    target = _registration_provider(provider)
    if _is_configured(target):
        return None
    target.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint=endpoint)))
    _configured.append(target)
    if made is not None:
        _logs.set_logger_provider(made)
    return made


_SETUPS: tuple[tuple[str, str, str, Callable[[Any, str], Any]], ...] = (
    ("tracing", "tracer_provider", "TRACES", _configure_traces),
    ("metrics", "meter_provider", "METRICS", _configure_metrics),
    ("logs", "logger_provider", "LOGS", _configure_logs),
)


def _is_configured(provider: Any) -> bool:
    return any(each is provider for each in _configured)


def _configure_from_environment(config: TelemetryConfig) -> None:
    """Give every signal that is on and has an endpoint an exporter, once for each provider.

    A global provider is made where there is none. Blocks on imports only; call it from any thread.
    """
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return
    options: Any = config
    with _lock:
        for switch, provider_option, signal, configure in _SETUPS:
            endpoint = _export_endpoint(signal) if options.get(switch, True) else None
            if endpoint is None:
                continue
            made = configure(options.get(provider_option), endpoint)
            if made is not None:
                if not _owned:
                    atexit.register(_shutdown)
                _owned.append(made)


def _flush() -> None:
    """Send what is waiting. Blocks for as long as the exporters' own time limits."""
    with _lock:
        owned = list(_owned)
    for provider in owned:
        try:
            provider.force_flush()
        except Exception:
            logger.warning("Flushing telemetry failed", exc_info=True)


def _shutdown() -> None:
    """Shut down the providers made here; at exit of the interpreter."""
    with _lock:
        owned = list(_owned)
        _owned.clear()
    for provider in owned:
        try:
            provider.shutdown()
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
