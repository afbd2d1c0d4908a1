"""Decides, for every connection, whether there is anything to observe.

Asking OpenTelemetry for its three global providers costs several microseconds. It can only answer with more
than its placeholders after somebody imported its modules and set a provider (or replaced the getter), which
is seen here from three module variables without importing anything.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

# Module that holds the variable, the variable, module that holds the public getter, the getter.
_SIGNALS = {
    "tracing": (
        "opentelemetry.trace",
        "_TRACER_PROVIDER",
        "opentelemetry.trace",
        "get_tracer_provider",
    ),
    "metrics": (
        "opentelemetry.metrics._internal",
        "_METER_PROVIDER",
        "opentelemetry.metrics",
        "get_meter_provider",
    ),
    "logs": (
        "opentelemetry._logs._internal",
        "_LOGGER_PROVIDER",
        "opentelemetry._logs",
        "get_logger_provider",
    ),
}
_PROVIDER_OPTIONS = {
    "tracing": "tracer_provider",
    "metrics": "meter_provider",
    "logs": "logger_provider",
}
_PROVIDER_VARIABLES = (
    "OTEL_PYTHON_TRACER_PROVIDER",
    "OTEL_PYTHON_METER_PROVIDER",
    "OTEL_PYTHON_LOGGER_PROVIDER",
)
# What the getters answer while nobody has set a provider.
_DEFERRED_PROVIDERS = frozenset(
    {
        ("opentelemetry.trace", "ProxyTracerProvider"),
        ("opentelemetry.metrics._internal", "_ProxyMeterProvider"),
        ("opentelemetry._logs._internal", "ProxyLoggerProvider"),
    }
)
# Signals whose modules were seen: namespace and variable, namespace, name and original of the getter. Modules
# stay, so an entry never changes; two threads that add one at once add equal ones.
_Watch = tuple[dict[str, Any], str, dict[str, Any], str, Any]
_watched: dict[str, _Watch] = {}


def environment_names_provider() -> bool:
    """Whether OpenTelemetry would load a provider by itself when first asked for one."""
    return any(os.environ.get(name) for name in _PROVIDER_VARIABLES)


def _watch(signal: str) -> _Watch | None:
    """Where to look for a signal's provider; None if its modules are not there, or not as they are known."""
    watch = _watched.get(signal)
    if watch is None:
        home, variable, public, getter_name = _SIGNALS[signal]
        if home not in sys.modules:
            return None
        names, public_names = vars(sys.modules[home]), vars(sys.modules[public])
        getter = names.get(getter_name)
        if variable not in names or getattr(getter, "__globals__", None) is not names:
            return None  # another version of OpenTelemetry, or a replaced getter
        watch = _watched[signal] = (names, variable, public_names, getter_name, getter)
    return watch


def global_provider_is_unset(signal: str) -> bool:
    """True only if the getter is known to answer with its placeholder. Cheap; imports nothing."""
    watch = _watch(signal)
    if watch is None:
        return _SIGNALS[signal][0] not in sys.modules  # Otherwise it must be asked.
    names, variable, public_names, getter_name, getter = watch
    # `get`, as a public module that is still being imported has no getter yet.
    return names[variable] is None and public_names.get(getter_name, getter) is getter


def unset_probe() -> Callable[[], bool] | None:
    """A function that is `global_provider_is_unset` for all signals together, only sooner done.

    None until OpenTelemetry's modules are there. Where a look is not enough the function answers False.
    """
    watches = [watch for watch in map(_watch, _SIGNALS) if watch is not None]
    if len(watches) < len(_SIGNALS):
        return None
    # Not the modules' getters of now: somebody may have replaced them already.
    get_tracers, get_meters, get_loggers = (getter for *_, getter in watches)
    trace, metrics, logs = (sys.modules[public] for _, _, public, _ in _SIGNALS.values())
    metrics_home, logs_home = (sys.modules[_SIGNALS[signal][0]] for signal in ("metrics", "logs"))

    def unset() -> bool:
        try:
            return (
                trace._TRACER_PROVIDER is None
                and metrics_home._METER_PROVIDER is None
                and logs_home._LOGGER_PROVIDER is None
                and trace.get_tracer_provider is get_tracers
                and metrics.get_meter_provider is get_meters
                and logs.get_logger_provider is get_loggers
            )
        except AttributeError:
            return False  # A module is still being imported.

    return unset


def is_unconfigured(provider: Any) -> bool:
    """Whether a provider is one of OpenTelemetry's placeholders."""
    kind = type(provider)
    return (kind.__module__, kind.__qualname__) in _DEFERRED_PROVIDERS


def provider_of(config: Any, signal: str) -> Any:
    """The provider that a signal is written to, the application's own or the global one; None if switched off or unset.

    Imports OpenTelemetry if it has to ask for the global one.
    """
    if not config.get(signal, True):
        return None
    provider = config.get(_PROVIDER_OPTIONS[signal])
    if provider is None:
        from importlib import import_module

        _, _, public, getter = _SIGNALS[signal]
        provider = getattr(import_module(public), getter)()
    return None if is_unconfigured(provider) else provider
