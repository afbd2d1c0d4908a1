"""Telemetry at the edge of an application: the gate, and the middleware that sees exceptions."""

from __future__ import annotations

import os
import threading
from collections.abc import Awaitable
from sys import modules
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp, Receive, Scope, Send

from . import _api
from ._api import _SCOPE_KEY, TelemetryConfig
from ._gate import (
    _PROVIDER_OPTIONS,
    environment_names_provider,
    global_provider_is_unset,
    provider_of,
    unset_probe,
)

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram, MeterProvider, UpDownCounter
    from opentelemetry.trace import Tracer, TracerProvider

# OpenTelemetry's HTTP conventions, 1.44: the methods of RFC 9110 and RFC 5789, and QUERY.
_HTTP_METHODS = frozenset(
    ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE")
)


class NativeTelemetry:
    """Telemetry of one application. Made with it, used by every thread that serves it.

    Tracers and instruments are kept for the provider they came from; `_lock` guards their making, as an SDK
    warns of an instrument that is made twice.
    """

    def __init__(self, config: TelemetryConfig) -> None:
        self.config = config
        known = os.environ.get("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS")
        names = (name.strip() for name in (known or "").split(","))
        self._known_methods = frozenset(name for name in names if name) or _HTTP_METHODS
        options: Any = config
        on = [signal for signal in _PROVIDER_OPTIONS if options.get(signal, True)]
        # What the answer of `enabled` hangs on: nothing at all, or the global providers of these signals.
        self._has_own_provider = any(
            options.get(_PROVIDER_OPTIONS[each]) is not None for each in on
        )
        self._global_signals = tuple(on)
        self._must_ask = environment_names_provider()
        # Whether a look at OpenTelemetry's variables can tell that there is nothing to write to.
        self._can_look = not self._has_own_provider and not self._must_ask
        self._unset = unset_probe()
        self._lock = threading.Lock()
        self._made_tracer: tuple[TracerProvider, Tracer] | None = None
        self._made_instruments: tuple[MeterProvider, Histogram, UpDownCounter] | None = None

    def enabled(self) -> bool:
        """Whether any signal has somewhere to go now. Global providers may be set at any time."""
        if self._can_look:
            if "opentelemetry" not in modules:
                return False
            unset = self._unset
            if unset is not None and unset():
                return False
        return self._has_own_provider or self._ask()

    def _ask(self) -> bool:
        if self._unset is None:
            self._unset = unset_probe()
        for signal in self._global_signals:
            unset = global_provider_is_unset(signal) and not self._must_ask
            if not unset and provider_of(self.config, signal) is not None:
                return True
        return False

    def _get_tracer(self, *, provider: TracerProvider) -> Tracer:
        made = self._made_tracer
        if made is None or made[0] is not provider:
            from ._request import make_tracer

            made = self._made_tracer = (provider, make_tracer(provider))
        return made[1]

    def _instruments(self, *, provider: MeterProvider) -> tuple[Histogram, UpDownCounter]:
        made = self._made_instruments
        if made is None or made[0] is not provider:
            from ._request import make_instruments

            with self._lock:
                made = self._made_instruments
                if made is None or made[0] is not provider:
                    made = self._made_instruments = (provider, *make_instruments(provider))
        return made[1], made[2]

    async def __call__(
        self,
        *,
        app: ASGIApp,
        scope: Scope,
        receive: Receive,
        send: Send,
        legacy_otel: bool = False,
    ) -> None:
        """Serve one connection with `app` and observe it, unless it is excluded.

        `legacy_otel`: the application has OpenTelemetry's own middleware, which observes it already.
        """
        exclude = self.config.get("exclude")
        if legacy_otel or (exclude is not None and exclude(scope)):
            scope[_SCOPE_KEY] = None
            await app(scope, receive, send)
            return
        from ._request import observe

        await observe(self, app, scope, receive, send)


def _legacy_otel(stack: Any) -> bool:
    """Whether OpenTelemetry's ASGI middleware is in a middleware stack."""
    while stack is not None:
        kind = type(stack)
        if kind.__name__ == "OpenTelemetryMiddleware" and kind.__module__.startswith(
            "opentelemetry."
        ):
            return True
        stack = getattr(stack, "app", None)
    return False


class ExceptionTelemetryMiddleware:
    """Sees exceptions that no handler has taken, before they become status 500."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve, and note an exception on its way out."""
        if scope.get(_SCOPE_KEY) is None:
            return self.app(scope, receive, send)
        return self._observe(scope, receive, send)

    async def _observe(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except Exception as exc:
            _exception(scope=scope, exc=exc)
            raise


def _exception(*, scope: Scope, exc: BaseException) -> None:
    """Note an exception once, however many applications it passes."""
    telemetry = scope.get(_SCOPE_KEY)
    if not isinstance(telemetry, _api._RequestTelemetry):
        return
    if _api._normal_websocket_disconnect(exc):
        return
    if any(known is exc for known in telemetry._exceptions):
        return
    telemetry._exceptions.append(exc)
    if telemetry.logger is not None:
        from ._request import log_exception

        log_exception(telemetry, exc, websocket=scope["type"] == "websocket")
