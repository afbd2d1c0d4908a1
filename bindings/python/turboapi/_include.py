"""Included routers: one router may be included at many places, and stays alive at each of them.

An :class:`_IncludedRouter` is the node that stands in ``routes`` for an included router. It keeps
what the include adds (:class:`_RouterIncludeContext`) and makes, when it is first needed and again
after the router changed, one :class:`_EffectiveRouteContext` per route: the route as it is there.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette import routing
from starlette._utils import get_route_path
from starlette.datastructures import URLPath
from starlette.routing import BaseRoute, Match, NoMatchFound, compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from . import params
from ._body_limit import get_body_size_limit, validate_max_body_size, wrap_app_with_body_limit
from ._form_limits import _FormLimits, _validate_form_limits
from ._frontend import FrontendGroup, frontend_endpoint
from ._options import API_ROUTE_DEFAULTS, Responses
from ._route import (
    APIRoute,
    APIWebSocketRoute,
    Operation,
    _FixedRoute,
    build_dependant,
)
from ._scope import (
    INCLUDED_ROUTER_KEY,
    MISSING,
    ROUTE_CONTEXT_KEY,
    apply_router_form_limits,
    own_scope,
    restore_own_value,
    update_scope,
)
from ._template import PathTemplate
from .telemetry._api import _route_selected
from .utils import get_value_or_default

if TYPE_CHECKING:
    from .routing import APIRouter

_effective_route_context_var: ContextVar[_EffectiveRouteContext | None] = ContextVar(
    "fastapi_effective_route_context", default=None
)


# A match, what it adds to the scope, the route, and that route as it is included.
_Selection = tuple[Match, Scope, BaseRoute | None, "_EffectiveRouteContext | None"]


class _RouterIncludeContext:
    """What the including side adds to every route of a router."""

    def __init__(
        self,
        *,
        included_router: APIRouter,
        prefix: str,
        tags: list[Any],
        dependencies: list[params.Depends],
        default_response_class: Any,
        responses: Responses,
        callbacks: list[BaseRoute],
        deprecated: bool | None,
        include_in_schema: bool,
        generate_unique_id_function: Any,
        strict_content_type: Any,
        dependency_overrides_provider: Any,
        max_body_size: int | None,
        form_limits: _FormLimits,
    ) -> None:
        self.included_router = included_router
        self.prefix = prefix
        self.tags = tags
        self.dependencies = dependencies
        self.default_response_class = default_response_class
        self.responses = responses
        self.callbacks = callbacks
        self.deprecated = deprecated
        self.include_in_schema = include_in_schema
        self.generate_unique_id_function = generate_unique_id_function
        self.strict_content_type = strict_content_type
        self.dependency_overrides_provider = dependency_overrides_provider
        self.max_body_size = max_body_size
        self.form_limits = form_limits

    @classmethod
    def for_include(
        cls, parent: APIRouter, router: APIRouter, options: dict[str, Any]
    ) -> _RouterIncludeContext:
        """The context of ``parent.include_router(router, **options)``."""
        validate_max_body_size(options["max_body_size"])
        limits = _validate_form_limits(options["form_limits"])
        return cls(
            included_router=router,
            prefix=parent.prefix + options["prefix"],
            tags=[*parent.tags, *(options["tags"] or [])],
            dependencies=[*parent.dependencies, *(options["dependencies"] or [])],
            default_response_class=get_value_or_default(
                options["default_response_class"], parent.default_response_class
            ),
            responses={**parent.responses, **(options["responses"] or {})},
            callbacks=[*parent.callbacks, *(options["callbacks"] or [])],
            deprecated=options["deprecated"] or parent.deprecated,
            include_in_schema=parent.include_in_schema and options["include_in_schema"],
            generate_unique_id_function=get_value_or_default(
                options["generate_unique_id_function"], parent.generate_unique_id_function
            ),
            strict_content_type=parent.strict_content_type,
            dependency_overrides_provider=parent.dependency_overrides_provider,
            max_body_size=get_body_size_limit(
                router.max_body_size, options["max_body_size"], parent.max_body_size
            ),
            form_limits={**limits, **router.form_limits},
        )

    def combine(self, child: _RouterIncludeContext) -> _RouterIncludeContext:
        """The context of a router that is included by the router of this context."""
        return _RouterIncludeContext(
            included_router=child.included_router,
            prefix=self.prefix + child.prefix,
            tags=[*self.tags, *child.tags],
            dependencies=[*self.dependencies, *child.dependencies],
            default_response_class=get_value_or_default(
                child.default_response_class, self.default_response_class
            ),
            responses={**self.responses, **child.responses},
            callbacks=[*self.callbacks, *child.callbacks],
            deprecated=self.deprecated or child.deprecated,
            include_in_schema=self.include_in_schema and child.include_in_schema,
            generate_unique_id_function=get_value_or_default(
                child.generate_unique_id_function, self.generate_unique_id_function
            ),
            strict_content_type=get_value_or_default(
                child.strict_content_type, self.strict_content_type
            ),
            dependency_overrides_provider=self.dependency_overrides_provider,
            max_body_size=get_body_size_limit(child.max_body_size, self.max_body_size),
            form_limits=child.form_limits,
        )

    def path_for(self, route: Any) -> str:
        """The full path of one of the router's routes."""
        path: str = self.prefix + route.path
        return path


class _EffectiveRouteContext(Operation):
    """One route as it is where its router is included.

    Of an ``APIRoute`` it has all attributes, with everything the including routers add. Of other
    routes it holds ``starlette_route``, a copy under the full path. Instrumentation finds it in
    ``scope["fastapi"]["effective_route_context"]``.
    """

    original_route: BaseRoute
    starlette_route: BaseRoute | None = None
    app: ASGIApp | None
    frontend_prefix = ""

    @staticmethod
    def from_api_route(
        *, original_route: APIRoute, include_context: _RouterIncludeContext
    ) -> _EffectiveRouteContext:
        """A path operation with the options of its own, its router's and the including ones'."""
        return _IncludedOperation(original_route, include_context)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the route, where it is included, serves a connection."""
        raise NotImplementedError

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """The full path of the route, if it has that name and those parameters."""
        raise NotImplementedError


class _IncludedOperation(_EffectiveRouteContext):
    """A path operation where it is included, which fills itself when somebody asks it.

    An application may include thousands; a process that serves some of them need not make the
    others. A route class with a handler of its own is asked for it at once, as it may have effects.
    """

    original_route: APIRoute

    def __init__(self, route: APIRoute, included: _RouterIncludeContext) -> None:
        self.original_route = route  # pyright: ignore[reportIncompatibleVariableOverride]
        self.path = included.path_for(route)
        self._template = PathTemplate(self.path)
        self._included = included
        self._filling = threading.RLock()  # Guards all other attributes until they are there.
        self._is_filled: bool | None = False  # None: right now.
        if type(route).get_route_handler is not APIRoute.get_route_handler:
            self._fill()

    def __getattr__(self, name: str) -> Any:
        # Only called for what is not there. What is asked for by protocols is never there.
        if not name.startswith("__"):
            self._fill()
        return object.__getattribute__(self, name)

    def _fill(self) -> None:
        with self._filling:
            if self._is_filled is not False:
                return
            self._is_filled = None
            try:
                self._configure_as_included()
                self._is_filled = True
            finally:
                self._is_filled = bool(self._is_filled)

    def _configure_as_included(self) -> None:
        route, included = self.original_route, self._included
        router = included.included_router
        options = {name: getattr(route, name, None) for name in API_ROUTE_DEFAULTS}
        options.update(
            tags=[*included.tags, *route.tags],
            dependencies=[*included.dependencies, *route.dependencies],
            responses={**included.responses, **route.responses},
            callbacks=[*included.callbacks, *(route.callbacks or [])],
            deprecated=route.deprecated or included.deprecated,
            include_in_schema=route.include_in_schema and included.include_in_schema,
            dependency_overrides_provider=included.dependency_overrides_provider,
            max_body_size=get_body_size_limit(route.max_body_size, included.max_body_size),
            response_class=get_value_or_default(
                route.response_class, router.default_response_class, included.default_response_class
            ),
            generate_unique_id_function=get_value_or_default(
                route.generate_unique_id_function,
                router.generate_unique_id_function,
                included.generate_unique_id_function,
            ),
            strict_content_type=get_value_or_default(
                route.strict_content_type, router.strict_content_type, included.strict_content_type
            ),
        )
        self._configure(self.path, route.endpoint, options, route.stream_item_type, route)
        token = _effective_route_context_var.set(self)
        try:
            handler = route.get_route_handler()
        finally:
            _effective_route_context_var.reset(token)
        self.app = self._own_app = self._serving(handler)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the route, where it is included, serves a connection."""
        if scope["type"] != "http":
            return Match.NONE, {}
        found = self._template.regex.match(get_route_path(scope))
        if found is None:
            return Match.NONE, {}
        path_params = dict(scope.get("path_params", {}))
        for name, text in found.groupdict().items():
            path_params[name] = self._template.convertors[name].convert(text)
        child_scope: Scope = {"endpoint": self.original_route.endpoint, "path_params": path_params}
        methods = self.original_route.methods
        if methods and scope["method"] not in methods:
            return Match.PARTIAL, child_scope
        return Match.FULL, child_scope

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """The full path of the route, if it has that name and those parameters."""
        convertors = self._template.convertors
        if name != self.original_route.name or path_params.keys() != convertors.keys():
            raise NoMatchFound(name, path_params)
        path, rest = routing.replace_params(self._template.format, convertors, path_params)
        assert not rest
        return URLPath(path=path, protocol="http")


class _IncludedOther(_EffectiveRouteContext):
    """A route that is no path operation, where it is included."""

    # It has these of a path operation, too.
    path = ""
    endpoint = None  # type: ignore[assignment]
    name = ""
    path_format = ""
    unique_id = ""
    include_in_schema = True
    _embed_body_fields = False
    dependency_overrides_provider = None

    def __init__(
        self,
        original_route: BaseRoute,
        starlette_route: BaseRoute | None = None,
        *,
        frontend_prefix: str = "",
    ) -> None:
        self.original_route = original_route
        self.starlette_route = starlette_route
        self.app = None
        self.frontend_prefix = frontend_prefix
        self.methods = set()
        self.dependencies = []
        self.param_convertors = {}

    @classmethod
    def from_frontend_group(
        cls, group: FrontendGroup, included: _RouterIncludeContext
    ) -> _IncludedOther:
        """The frontends of a router, under its prefix and behind its dependencies."""
        context = cls(group, frontend_prefix=included.prefix)
        context.dependencies = [*included.dependencies, *group.dependencies]
        context.dependency_overrides_provider = included.dependency_overrides_provider
        context.dependant, _, context._embed_body_fields = build_dependant(
            path="", call=frontend_endpoint, dependencies=context.dependencies
        )
        return context

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the route, where it is included, serves a connection."""
        if isinstance(self.original_route, FrontendGroup):
            return self.original_route.matches_with_prefix(scope, self.frontend_prefix)
        assert self.starlette_route is not None
        return self.starlette_route.matches(scope)

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """The full path of the route, if it has that name and those parameters."""
        assert self.starlette_route is not None
        return self.starlette_route.url_path_for(name, **path_params)


class _IncludedRouter(BaseRoute):
    """An included router, as one entry of the including router's ``routes``."""

    def __init__(self, original_router: APIRouter, include_context: _RouterIncludeContext) -> None:
        self.original_router = original_router
        self.include_context = include_context
        # Guards the two caches below: each is filled once per version of the router.
        self._effective_routes_lock = threading.Lock()
        self._effective_candidates: list[_EffectiveRouteContext | _IncludedRouter] = []
        self._effective_candidates_version: int | None = None
        self._effective_low_priority_routes: list[_EffectiveRouteContext] = []
        self._effective_low_priority_routes_version: int | None = None

    # --- the routes as they are here -----------------------------------------------------------

    def effective_candidates(self) -> list[_EffectiveRouteContext | _IncludedRouter]:
        """The routes and the included routers of the router, in order. Any thread."""
        if self.original_router._get_routes_version() == self._effective_candidates_version:
            return self._effective_candidates
        with self._effective_routes_lock:
            version = self.original_router._get_routes_version()
            if version != self._effective_candidates_version:
                self._effective_candidates = list(self._make_candidates())
                self._effective_candidates_version = version
            return self._effective_candidates

    def _make_candidates(self) -> Iterator[_EffectiveRouteContext | _IncludedRouter]:
        for route in self.original_router.routes:
            if isinstance(route, _IncludedRouter):
                yield self._nested(route)
                continue
            context = self._build_effective_context(route)
            if context is not None:
                yield context

    def _nested(self, child: _IncludedRouter) -> _IncludedRouter:
        context = self.include_context.combine(child.include_context)
        return _IncludedRouter(child.original_router, context)

    def effective_low_priority_routes(self) -> list[_EffectiveRouteContext]:
        """What is tried when no other route matches, here and in included routers. Any thread."""
        version = self.original_router._get_routes_version()
        if version == self._effective_low_priority_routes_version:
            return self._effective_low_priority_routes
        with self._effective_routes_lock:
            version = self.original_router._get_routes_version()
            if version != self._effective_low_priority_routes_version:
                self._effective_low_priority_routes = list(self._make_low_priority_routes())
                self._effective_low_priority_routes_version = version
            return self._effective_low_priority_routes

    def _make_low_priority_routes(self) -> Iterator[_EffectiveRouteContext]:
        for route in self.original_router._low_priority_routes:
            context = self._build_effective_context(route)
            if context is None:
                continue
            if not isinstance(route, APIRoute):
                handle = (context.starlette_route or route).handle
                limit = self.include_context.max_body_size
                context.app = wrap_app_with_body_limit(handle, limit)
            yield context
        for route in self.original_router.routes:
            if isinstance(route, _IncludedRouter):
                yield from self._nested(route).effective_low_priority_routes()

    def _build_effective_context(self, route: BaseRoute) -> _EffectiveRouteContext | None:
        included = self.include_context
        if isinstance(route, APIRoute):
            return _EffectiveRouteContext.from_api_route(
                original_route=route, include_context=included
            )
        if isinstance(route, FrontendGroup):
            return _IncludedOther.from_frontend_group(route, included)
        moved = _moved_route(route, included)
        return None if moved is None else _IncludedOther(route, moved)

    def effective_route_contexts(self) -> Iterator[_EffectiveRouteContext]:
        """Every route below, at any depth."""
        for candidate in self.effective_candidates():
            if isinstance(candidate, _IncludedRouter):
                yield from candidate.effective_route_contexts()
            else:
                yield candidate

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """The full path of the first route with that name and those parameters."""
        for context in self.effective_route_contexts():
            try:
                return context.url_path_for(name, **path_params)
            except NoMatchFound:
                continue
        raise NoMatchFound(name, path_params)

    # --- matching, through methods that subclasses of routes and routers may override ----------

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the router, asked here, serves a connection."""
        own = own_scope(scope)
        previous = own.get(INCLUDED_ROUTER_KEY, MISSING)
        own[INCLUDED_ROUTER_KEY] = self
        try:
            match, _ = self.original_router.matches(scope)
            return match, {}
        finally:
            restore_own_value(scope, INCLUDED_ROUTER_KEY, previous)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the router serve a connection as the router that is included here."""
        apply_router_form_limits(scope, self.include_context.form_limits)
        own_scope(scope)[INCLUDED_ROUTER_KEY] = self
        await self.original_router.handle(scope, receive, send)

    def match_candidate(
        self, candidate: _EffectiveRouteContext | _IncludedRouter, scope: Scope
    ) -> _Selection:
        """Ask one of :meth:`effective_candidates`."""
        if isinstance(candidate, _IncludedRouter):
            match, child_scope = candidate.matches(scope)
            return match, child_scope, candidate, None
        match, child_scope = match_context(candidate, scope)
        is_operation = isinstance(candidate.original_route, APIRoute)
        route = None if is_operation else candidate.starlette_route
        return match, child_scope, route or candidate.original_route, candidate

    def _match(self, scope: Scope) -> _Selection:
        """The first full match, otherwise the first partial one."""
        partial: _Selection = (Match.NONE, {}, None, None)
        for candidate in self.effective_candidates():
            found = self.match_candidate(candidate, scope)
            if found[0] is Match.FULL:
                return found
            if found[0] is Match.PARTIAL and partial[0] is Match.NONE:
                partial = found
        return partial

    async def _handle_selected(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.serve_candidate(self._match(scope), scope, receive, send)

    async def serve_candidate(
        self, selected: _Selection, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Serve with what :meth:`match_candidate` found."""
        match, child_scope, route, context = selected
        limit = self.include_context.max_body_size
        if match is Match.NONE or route is None:
            default = wrap_app_with_body_limit(self.original_router.default, limit)
            await default(scope, receive, send)
            return
        update_scope(scope, child_scope)
        if context is None:
            await route.handle(scope, receive, send)  # An included router limits for itself.
            return
        path = getattr(context.starlette_route, "path_format", None) or context.path_format
        _route_selected(scope=scope, path=path, mount=isinstance(route, routing.Mount))
        own_scope(scope)[ROUTE_CONTEXT_KEY] = context
        if isinstance(context.original_route, APIRoute):
            scope["route"] = context.original_route
            await context.original_route.handle(scope, receive, send)
            return
        await wrap_app_with_body_limit(route.handle, limit)(scope, receive, send)


def match_context(context: _EffectiveRouteContext, scope: Scope) -> tuple[Match, Scope]:
    """Ask a route for a match as it is included; a path operation's class may decide."""
    if not isinstance(context.original_route, APIRoute):
        return context.matches(scope)
    own = own_scope(scope)
    previous = own.get(ROUTE_CONTEXT_KEY, MISSING)
    own[ROUTE_CONTEXT_KEY] = context
    try:
        return context.original_route.matches(scope)
    finally:
        restore_own_value(scope, ROUTE_CONTEXT_KEY, previous)


def _moved_route(route: BaseRoute, included: _RouterIncludeContext) -> BaseRoute | None:
    """A route of Starlette's kinds under its full path; None for kinds that nobody knows."""
    if isinstance(route, _FixedRoute):
        return route.at(included.path_for(route))
    if isinstance(route, routing.Route):
        return routing.Route(
            included.path_for(route),
            endpoint=route.endpoint,
            methods=list(route.methods or []),
            name=route.name,
            include_in_schema=route.include_in_schema,
        )
    if isinstance(route, APIWebSocketRoute):
        return APIWebSocketRoute(
            included.path_for(route),
            endpoint=route.endpoint,
            name=route.name,
            dependencies=[*included.dependencies, *route.dependencies],
            dependency_overrides_provider=included.dependency_overrides_provider,
        )
    if isinstance(route, routing.WebSocketRoute):
        return routing.WebSocketRoute(included.path_for(route), route.endpoint, name=route.name)
    if isinstance(route, routing.Mount):
        return _moved_mount(route, included)
    if isinstance(route, routing.Host):
        return _moved_host(route, included)
    return None


def _moved_mount(route: routing.Mount, included: _RouterIncludeContext) -> routing.Mount:
    moved = copy.copy(route)
    moved.path = included.path_for(route).rstrip("/")
    moved.path_regex, moved.path_format, moved.param_convertors = compile_path(
        moved.path + "/{path:path}"
    )
    return moved


def _moved_host(route: routing.Host, included: _RouterIncludeContext) -> routing.Host:
    app = route.app
    if included.prefix:
        app = routing.Router(routes=[routing.Mount(included.prefix, app=app)])
    return routing.Host(route.host, app=app, name=route.name)


# --- walking all routes ------------------------------------------------------------------------


@dataclass(frozen=True)
class RouteContext:
    """One route as a router serves it, whether its own or an included one.

    Attributes are those of the route with everything that including routers add.
    """

    route: BaseRoute
    _route_context: _EffectiveRouteContext | None = field(default=None, repr=False)

    @property
    def original_route(self) -> BaseRoute:
        """The route object as it was declared."""
        context = self._route_context
        return self.route if context is None else context.original_route

    @property
    def _effective_route(self) -> Any:
        context = self._route_context
        return self.route if context is None else (context.starlette_route or context)

    @property
    def path(self) -> str | None:
        """The full path template; None for routes that have none."""
        return getattr(self._effective_route, "path", None)

    @property
    def path_format(self) -> str | None:
        """The full path template without convertors."""
        return getattr(self._effective_route, "path_format", None)

    @property
    def name(self) -> str | None:
        """The route's name."""
        return getattr(self._effective_route, "name", None)

    @property
    def methods(self) -> set[str] | None:
        """The methods it serves; None for all, or where there are none."""
        return getattr(self._effective_route, "methods", None)

    @property
    def endpoint(self) -> Callable[..., Any] | None:
        """What is called."""
        return getattr(self._effective_route, "endpoint", None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._effective_route, name)


def iter_routes_with_context(
    routes: Sequence[BaseRoute],
) -> Iterator[tuple[BaseRoute, _EffectiveRouteContext | None]]:
    """Every route as it was declared, with its context where it is included."""
    for route in routes:
        if isinstance(route, _IncludedRouter):
            for context in route.effective_route_contexts():
                yield context.original_route, context
        else:
            yield route, None


def iter_included_route_candidates(routes: Sequence[BaseRoute]) -> Iterator[BaseRoute]:
    """Every route; one that is no path operation as it is where it is included."""
    for route, context in iter_routes_with_context(routes):
        moved = None if context is None else context.starlette_route
        yield route if moved is None else moved


def iter_route_contexts(routes: Sequence[BaseRoute | RouteContext]) -> Iterator[RouteContext]:
    """Every route of a router's ``routes``, included ones with their full path and options."""
    for route in routes:
        if isinstance(route, RouteContext):
            yield route
            continue
        for original, context in iter_routes_with_context([route]):
            yield RouteContext(original, context)
