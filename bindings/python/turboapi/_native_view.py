"""What the native server asks an application: its routes, and whether it may run them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from starlette.applications import Starlette
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Host, Mount, Route, Router

from . import routing
from ._connection import OwnMethods
from ._frontend import FrontendGroup
from ._include import _EffectiveRouteContext, _IncludedRouter, iter_routes_with_context
from ._match import is_ordinary
from ._plan import Plan, compile_plan
from .applications import DEFAULT_EXCEPTION_HANDLERS, TurboAPI

_ANYTHING = "/{path:path}"
# What a natively run request does not pass through, besides what plans are not made for.
_SERVING = OwnMethods(
    (TurboAPI, "__call__"),
    (TurboAPI, "build_middleware_stack"),
    (Starlette, "__call__"),
    (ServerErrorMiddleware, "__call__"),
    (ExceptionMiddleware, "__call__"),
    (Router, "__call__"),
    (routing.APIRouter, "app"),
    (routing.APIRoute, "matches"),
    (routing.APIRoute, "handle"),
    (Route, "matches"),
    (Route, "handle"),
    (Request, "body"),
    (Request, "json"),
    (JSONResponse, "__init__"),
    (Response, "__init__"),
    (Response, "init_headers"),
)


class NativeRouteEntry(NamedTuple):
    """One route as the native server registers it."""

    methods: tuple[str, ...] | None  # None: any
    path: str  # the full template, with convertors
    plan: Plan | None  # None: the request goes to the application over ASGI
    route: BaseRoute


def native_routes(router: routing.APIRouter) -> list[NativeRouteEntry]:
    """Every route in order of registration. An entry without a plan passes requests on.

    The last entry passes on everything, if there are routes that are only tried in the end.
    """
    entries = [
        entry
        for route, context in iter_routes_with_context(router.routes)
        for entry in _entries(route, context)
    ]
    low_priority = next(iter(router._iter_low_priority_routes()), None)
    if low_priority is not None:
        found: Any = getattr(low_priority, "original_route", low_priority)
        entries.append(NativeRouteEntry(None, _ANYTHING, None, found))
    return entries


def _entries(
    route: BaseRoute, context: _EffectiveRouteContext | None
) -> Iterator[NativeRouteEntry]:
    source: Any = route if context is None else (context.starlette_route or context)
    if isinstance(route, (FrontendGroup, Host)) or getattr(source, "path", None) is None:
        yield NativeRouteEntry(None, _ANYTHING, None, route)
        return
    path = f"{source.path}{_ANYTHING}" if isinstance(route, Mount) else source.path
    listed = getattr(source, "methods", None)
    methods = tuple(sorted(listed)) if listed else None
    if not is_ordinary(route):
        methods = None  # Its class decides; it must be asked for every method.
    plan = None
    if isinstance(route, routing.APIRoute):
        plan = _plan_of(route, source)
    kept = source if isinstance(source, (routing.StaticRoute, routing.NativeRoute)) else route
    yield NativeRouteEntry(methods, path, plan, kept)


def _plan_of(route: routing.APIRoute, source: Any) -> Plan | None:
    """The plan of a path operation, unless it is served by something else than its own handler."""
    cls = type(route)
    if not is_ordinary(route) or cls.get_route_handler is not routing.APIRoute.get_route_handler:
        return None
    if source.app is not getattr(source, "_own_app", None):
        return None
    return compile_plan(source)


def native_ready(app: TurboAPI) -> str | None:
    """The first thing about an application that only the Python executor can do, or None."""
    return _stack_reason(app) or _state_reason(app) or _router_reason(app.router)


def _stack_reason(app: TurboAPI) -> str | None:
    cls = type(app)
    if app.user_middleware:
        return "it has middleware"
    if (
        cls.__call__ is not TurboAPI.__call__
        or cls.build_middleware_stack is not TurboAPI.build_middleware_stack
        or "build_middleware_stack" in vars(app)
    ):
        return "its middleware stack is built by other code"
    if app.exception_handlers != DEFAULT_EXCEPTION_HANDLERS:
        return "it has exception handlers of its own"
    if app.root_path:
        return "it has a root path"
    if app.debug:
        return "it runs in debug mode"
    return None


def _state_reason(app: TurboAPI) -> str | None:
    if (
        not routing._hooks_are_original()
        or not routing._set_up_is_original()
        or not _SERVING.are_original()
        or JSONResponse.media_type != "application/json"
    ):
        return "a routing function has been replaced"
    if app.dependency_overrides:
        return "it has dependency overrides"
    if app.max_body_size is not None:
        return "it limits the size of bodies"
    if app._native_telemetry.enabled():
        return "it writes telemetry"
    return None


def _router_reason(router: routing.APIRouter) -> str | None:
    if type(router) is not routing.APIRouter:
        return "its router has a class of its own"
    if router.default != router.not_found:
        return "its router has a default application"
    for route in router.routes:
        included = route.original_router if isinstance(route, _IncludedRouter) else router
        if type(included) is not routing.APIRouter:
            return "an included router has a class of its own"
    return None
