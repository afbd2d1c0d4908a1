"""What this package keeps in an ASGI scope, under the one key ``"fastapi"``."""

from __future__ import annotations

from typing import Any, cast

from starlette.types import Scope

from ._form_limits import _FormLimits

FASTAPI_KEY = "fastapi"
ROUTE_CONTEXT_KEY = "effective_route_context"
INCLUDED_ROUTER_KEY = "included_router"
FORM_LIMITS_KEY = "form_limits"
FRONTEND_PATH_KEY = "frontend_path"
FRONTEND_SPECIFICITY_KEY = "frontend_specificity"

MISSING = object()


def own_scope(scope: Scope) -> dict[str, Any]:
    """The dictionary below our key, made if it is not there yet."""
    own = scope.setdefault(FASTAPI_KEY, {})
    assert isinstance(own, dict)
    return own


def own_value(scope: Scope, key: str) -> Any:
    """One of our values, or None."""
    return scope.get(FASTAPI_KEY, {}).get(key)


def update_scope(scope: Scope, child_scope: Scope) -> None:
    """Apply what a matched route adds; our own values are merged, not replaced."""
    own = child_scope.get(FASTAPI_KEY, MISSING)
    if own is not MISSING:
        child_scope = {key: value for key, value in child_scope.items() if key != FASTAPI_KEY}
        if isinstance(own, dict):
            own_scope(scope).update(own)
    scope.update(child_scope)


def restore_own_value(scope: Scope, key: str, previous: Any) -> None:
    """Put back one of our values; ``MISSING`` removes it."""
    own = scope.get(FASTAPI_KEY)
    if not isinstance(own, dict):
        return
    if previous is MISSING:
        own.pop(key, None)
    else:
        own[key] = previous


def resolve_form_limits(own: dict[str, Any], overrides: _FormLimits | None) -> _FormLimits:
    """The limits that hold for a route: its own over those of the routers it is in."""
    inherited = cast(_FormLimits, own.get(FORM_LIMITS_KEY, {}))
    return {**inherited, **overrides} if overrides else inherited


def apply_router_form_limits(scope: Scope, limits: _FormLimits) -> None:
    """Let a router's limits hold for everything below it."""
    if limits and scope["type"] == "http":
        own = own_scope(scope)
        own[FORM_LIMITS_KEY] = resolve_form_limits(own, limits)
