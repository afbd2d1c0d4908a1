"""Routers, routes and the functions that run them.

The functions here are the points where instrumentation takes hold: it may replace
``get_request_handler``, ``solve_dependencies``, ``run_endpoint_function`` and
``serialize_response``. Replaced ones are called; see :func:`_hooks_are_original`.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager
from enum import Enum
from typing import Any, Literal

from starlette import routing
from starlette._utils import get_route_path
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import URL
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Match
from starlette.routing import Mount as Mount
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send
from starlette.websockets import WebSocket
from typing_extensions import Unpack, deprecated

from . import params
from ._body_limit import get_body_size_limit, validate_max_body_size, wrap_app_with_body_limit
from ._compat import ModelField
from ._connection import OwnMethods, own_method
from ._form_limits import _FormLimits, _validate_form_limits
from ._frontend import (
    Directory,
    Fallback,
    FrontendGroup,
    join_frontend_paths,
    normalize_frontend_path,
    resolve_check_dir,
)
from ._handler import RouteHandler, endpoint_context
from ._include import RouteContext as RouteContext
from ._include import (
    _effective_route_context_var,
    _EffectiveRouteContext,
    _IncludedRouter,
    _RouterIncludeContext,
    iter_routes_with_context,
    match_context,
)
from ._include import iter_included_route_candidates as _iter_included_route_candidates
from ._include import iter_route_contexts as iter_route_contexts
from ._lifespan import EventLifespan, lifted, merge_lifespans, run_handlers
from ._match import Entry, IncludedPart, NestedRouter, RouteTable
from ._options import (
    ADD_ROUTE_DEFAULTS,
    INCLUDE_DEFAULTS,
    METHODS_DEFAULTS,
    OPERATION_DEFAULTS,
    AddRouteOptions,
    IncludeOptions,
    MethodsOptions,
    OperationOptions,
    Responses,
    complete,
)
from ._route import APIRoute as APIRoute
from ._route import APIWebSocketRoute as APIWebSocketRoute
from ._route import NativeRoute as NativeRoute
from ._route import StaticRoute as StaticRoute
from ._route import request_response as request_response
from ._route import websocket_session as websocket_session
from ._route_list import RouteList, changes
from ._scope import (
    FRONTEND_SPECIFICITY_KEY,
    INCLUDED_ROUTER_KEY,
    ROUTE_CONTEXT_KEY,
    apply_router_form_limits,
    own_scope,
    own_value,
    update_scope,
)
from ._scope import restore_own_value as _restore_fastapi_scope_key
from ._signature import shows_options
from .datastructures import Default, DefaultPlaceholder
from .dependencies.models import Dependant
from .dependencies.utils import (
    get_dependant as get_dependant,
)
from .dependencies.utils import (
    solve_dependencies as solve_dependencies,
)
from .encoders import jsonable_encoder
from .exceptions import (
    EndpointContext,
    FastAPIError,
    ResponseValidationError,
    WebSocketRequestValidationError,
)
from .sse import _PING_INTERVAL as _PING_INTERVAL
from .telemetry._api import _operation as _operation
from .telemetry._api import _route_selected as _route_selected
from .telemetry._api import _run_sync_endpoint as _run_sync_endpoint
from .telemetry._api import _validation_failed as _validation_failed
from .telemetry._api import get_telemetry_data
from .types import DecoratedCallable, IncEx
from .utils import generate_unique_id, get_value_or_default

__all__ = [
    "APIRoute",
    "APIRouter",
    "APIWebSocketRoute",
    "Mount",
    "NativeRoute",
    "RouteContext",
    "StaticRoute",
    "_IncludedRouter",
    "_effective_route_context_var",
    "_iter_included_route_candidates",
    "_restore_fastapi_scope_key",
    "get_dependant",
    "get_request_handler",
    "get_websocket_app",
    "iter_route_contexts",
    "request_response",
    "run_endpoint_function",
    "serialize_response",
    "solve_dependencies",
    "websocket_session",
]


# --- the functions that instrumentation replaces -----------------------------------------------


async def serialize_response(
    *,
    field: ModelField | None = None,
    response_content: Any,
    include: IncEx | None = None,
    exclude: IncEx | None = None,
    by_alias: bool = True,
    exclude_unset: bool = False,
    exclude_defaults: bool = False,
    exclude_none: bool = False,
    is_coroutine: bool = True,
    endpoint_ctx: EndpointContext | None = None,
    dump_json: bool = False,
) -> Any:
    """Validate what an endpoint returned and make plain data of it, or JSON with ``dump_json``.

    Without a response model it is only encoded. What does not fit the model is an error of the
    server: ``ResponseValidationError``.
    """
    if field is None:
        return jsonable_encoder(response_content)
    validate = functools.partial(field.validate, response_content, {}, loc=("response",))
    value, errors = validate() if is_coroutine else await run_in_threadpool(validate)
    if errors:
        context = endpoint_ctx or EndpointContext()
        raise ResponseValidationError(errors=errors, body=response_content, endpoint_ctx=context)
    serialize: Callable[..., Any] = field.serialize_json if dump_json else field.serialize
    return serialize(
        value,
        include=include,
        exclude=exclude,
        by_alias=by_alias,
        exclude_unset=exclude_unset,
        exclude_defaults=exclude_defaults,
        exclude_none=exclude_none,
    )


async def run_endpoint_function(
    *, dependant: Dependant, values: dict[str, Any], is_coroutine: bool
) -> Any:
    """Call an endpoint with solved arguments: a coroutine here, a plain function in a thread."""
    assert dependant.call is not None, "dependant.call must be a function"
    if not is_coroutine:
        return await run_in_threadpool(
            _run_sync_endpoint, function=dependant.call, arguments=values
        )
    with _operation(name="endpoint", function=dependant.call):
        return await dependant.call(**values)


def get_request_handler(
    dependant: Dependant,
    body_field: ModelField | None = None,
    status_code: int | None = None,
    response_class: type[Response] | DefaultPlaceholder = Default(JSONResponse),
    response_field: ModelField | None = None,
    response_model_include: IncEx | None = None,
    response_model_exclude: IncEx | None = None,
    response_model_by_alias: bool = True,
    response_model_exclude_unset: bool = False,
    response_model_exclude_defaults: bool = False,
    response_model_exclude_none: bool = False,
    dependency_overrides_provider: Any | None = None,
    embed_body_fields: bool = False,
    strict_content_type: bool | DefaultPlaceholder = Default(True),
    stream_item_field: ModelField | None = None,
    is_json_stream: bool = False,
    form_limits: _FormLimits | None = None,
) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    """The coroutine function that answers the requests of one route."""
    handler = RouteHandler(
        sys.modules[__name__],
        dependant=dependant,
        body_field=body_field,
        status_code=status_code,
        response_class=response_class,
        response_field=response_field,
        dump_options={
            "include": response_model_include,
            "exclude": response_model_exclude,
            "by_alias": response_model_by_alias,
            "exclude_unset": response_model_exclude_unset,
            "exclude_defaults": response_model_exclude_defaults,
            "exclude_none": response_model_exclude_none,
        },
        dependency_overrides_provider=dependency_overrides_provider,
        embed_body_fields=embed_body_fields,
        strict_content_type=strict_content_type,
        stream_item_field=stream_item_field,
        is_json_stream=is_json_stream,
        form_limits=form_limits,
    )
    return handler.handle


def get_websocket_app(
    dependant: Dependant,
    dependency_overrides_provider: Any | None = None,
    embed_body_fields: bool = False,
) -> Callable[[WebSocket], Coroutine[Any, Any, Any]]:
    """The coroutine function that serves the connections of one WebSocket route."""

    async def app(websocket: WebSocket) -> None:
        assert dependant.call is not None, "dependant.call must be a function"
        telemetry = get_telemetry_data()
        if telemetry is not None:
            telemetry.websocket = websocket
        stack = websocket.scope.get("fastapi_inner_astack")
        assert isinstance(stack, AsyncExitStack), "fastapi_inner_astack not found in request scope"
        with _operation(name="dependencies", function=dependant.call):
            solved = await solve_dependencies(
                request=websocket,
                dependant=dependant,
                dependency_overrides_provider=dependency_overrides_provider,
                async_exit_stack=stack,
                embed_body_fields=embed_body_fields,
            )
            if telemetry is not None:
                telemetry.values, telemetry.errors = solved.values, solved.errors
        if solved.errors:
            root_path = websocket.scope.get("root_path", "")
            context = endpoint_context(dependant, "WS", root_path)
            error = WebSocketRequestValidationError(solved.errors, endpoint_ctx=context)
            _validation_failed(error)
            raise error
        with _operation(name="endpoint", function=dependant.call):
            await dependant.call(**solved.values)

    return app


_ORIGINAL_HOOKS = (
    solve_dependencies,
    run_endpoint_function,
    serialize_response,
    get_telemetry_data,
    own_method(JSONResponse, "render"),
    own_method(Response, "__call__"),
)
_ORIGINAL_SET_UP = (get_request_handler, request_response, get_dependant, jsonable_encoder)


def _hooks_are_original() -> bool:
    """Whether nobody has replaced a function that is called for every request."""
    return (
        solve_dependencies,
        run_endpoint_function,
        serialize_response,
        get_telemetry_data,
        JSONResponse.render,
        Response.__call__,
    ) == _ORIGINAL_HOOKS


def _set_up_is_original() -> bool:
    """Whether nobody has replaced a function that routes are made with, or results encoded."""
    return (
        get_request_handler,
        request_response,
        get_dependant,
        jsonable_encoder,
    ) == _ORIGINAL_SET_UP


# --- the router --------------------------------------------------------------------------------


def _check_prefix(prefix: str) -> None:
    if prefix:
        assert prefix.startswith("/"), "A path prefix must start with '/'"
        assert not prefix.endswith("/"), (
            "A path prefix must not end with '/', as the routes will start with '/'"
        )


class APIRouter(routing.Router):
    """A group of path operations, to be included in an application or in another router.

    ``prefix``, ``tags``, ``dependencies``, ``responses``, ``callbacks``, ``deprecated``,
    ``include_in_schema`` and the default classes and functions hold for all its routes.
    """

    def __init__(
        self,
        *,
        prefix: str = "",
        tags: list[str | Enum] | None = None,
        dependencies: Sequence[params.Depends] | None = None,
        default_response_class: type[Response] = Default(JSONResponse),
        responses: Responses | None = None,
        callbacks: list[BaseRoute] | None = None,
        routes: list[BaseRoute] | None = None,
        redirect_slashes: bool = True,
        default: ASGIApp | None = None,
        dependency_overrides_provider: Any | None = None,
        route_class: type[APIRoute] = APIRoute,
        on_startup: Sequence[Callable[[], Any]] | None = None,
        on_shutdown: Sequence[Callable[[], Any]] | None = None,
        lifespan: Lifespan[Any] | None = None,
        deprecated: bool | None = None,
        include_in_schema: bool = True,
        generate_unique_id_function: Callable[[APIRoute], str] = Default(generate_unique_id),
        strict_content_type: bool = Default(True),
        max_body_size: int | None = None,
        form_limits: _FormLimits | None = None,
    ) -> None:
        validate_max_body_size(max_body_size)
        _check_prefix(prefix)
        self._routes_version = 0
        self._table: RouteTable | None = None
        self.lifespan_context = self._lifespan_of(lifespan)
        middleware: list[Middleware] = []
        if max_body_size is not None:
            limit = Middleware(wrap_app_with_body_limit, max_body_size=max_body_size)
            middleware.append(limit)
        super().__init__(
            routes=routes,
            redirect_slashes=redirect_slashes,
            default=default,
            lifespan=self.lifespan_context,
            middleware=middleware,
        )
        self.on_startup: list[Callable[[], Any]] = list(on_startup or ())
        self.on_shutdown: list[Callable[[], Any]] = list(on_shutdown or ())
        self.prefix = prefix
        self.tags: list[str | Enum] = tags or []
        self.dependencies = list(dependencies or [])
        self.deprecated = deprecated
        self.include_in_schema = include_in_schema
        self.responses = responses or {}
        self.callbacks = callbacks or []
        self.dependency_overrides_provider = dependency_overrides_provider
        self.route_class = route_class
        self.default_response_class = default_response_class
        self.generate_unique_id_function = generate_unique_id_function
        self.form_limits = _validate_form_limits(form_limits)
        self.strict_content_type = strict_content_type
        self.max_body_size = max_body_size
        self._low_priority_routes: list[BaseRoute] = []
        self._frontend_routes: FrontendGroup | None = None

    def _lifespan_of(self, lifespan: Lifespan[Any] | None) -> Lifespan[Any]:
        if lifespan is None:
            return EventLifespan(self)
        if inspect.isasyncgenfunction(lifespan):
            return asynccontextmanager(lifespan)
        if inspect.isgeneratorfunction(lifespan):
            return lifted(lifespan)
        return lifespan

    # --- the list of routes, and its version ---------------------------------------------------

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes in order of registration; changes take effect at the next request."""
        return self._routes

    @routes.setter
    def routes(self, routes: Iterable[BaseRoute]) -> None:
        self._routes = RouteList(routes, self._mark_routes_changed)
        self._mark_routes_changed()

    def _mark_routes_changed(self) -> None:
        with changes.lock:  # Without it two threads could count as one.
            self._routes_version += 1
            changes.count += 1

    def _get_routes_version(self, seen: set[int] | None = None) -> int:
        """A number that changes with the routes of this router and of those it includes."""
        seen = set() if seen is None else seen
        version = self._routes_version
        if id(self) in seen:
            return version
        seen.add(id(self))
        for route in self.routes:
            if isinstance(route, _IncludedRouter):
                router = route.original_router
                # A router may only be asked without arguments where it is the first one.
                version += router._get_routes_version(seen)
        return version

    def _contains_router(self, router: APIRouter, seen: set[int] | None = None) -> bool:
        """Whether a router is included here, at any depth."""
        seen = set() if seen is None else seen
        if id(self) in seen:
            return False
        seen.add(id(self))
        included = [
            route.original_router for route in self.routes if isinstance(route, _IncludedRouter)
        ]
        return any(child is router or child._contains_router(router, seen) for child in included)

    # --- adding routes -------------------------------------------------------------------------

    def add_route(
        self,
        path: str,
        endpoint: Callable[[Request], Awaitable[Response] | Response],
        methods: Collection[str] | None = None,
        name: str | None = None,
        include_in_schema: bool = True,
    ) -> None:
        """Add a route of Starlette's kind: the endpoint takes the request and nothing else."""
        super().add_route(
            path, endpoint, methods=methods, name=name, include_in_schema=include_in_schema
        )

    def route(
        self,
        path: str,
        methods: Collection[str] | None = None,
        name: str | None = None,
        include_in_schema: bool = True,
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """As :meth:`add_route`, as a decorator."""

        def decorator(func: DecoratedCallable) -> DecoratedCallable:
            self.add_route(path, func, methods, name, include_in_schema)
            return func

        return decorator

    @shows_options(AddRouteOptions, ADD_ROUTE_DEFAULTS)
    def add_api_route(
        self, path: str, endpoint: Callable[..., Any], **options: Unpack[AddRouteOptions]
    ) -> None:
        """Add a path operation."""
        chosen = complete("add_api_route", options, ADD_ROUTE_DEFAULTS)
        route_class = chosen.pop("route_class_override") or self.route_class
        if chosen["form_limits"] is None:
            del chosen["form_limits"]  # Route classes from before the option need not know it.
        if chosen["cache"] is None:
            del chosen["cache"]  # … and of this one FastAPI does not know.
        chosen.update(
            tags=[*self.tags, *(chosen["tags"] or ())],
            dependencies=[*self.dependencies, *(chosen["dependencies"] or ())],
            callbacks=[*self.callbacks, *(chosen["callbacks"] or ())],
            responses={**self.responses, **(chosen["responses"] or {})},
            deprecated=chosen["deprecated"] or self.deprecated,
            include_in_schema=chosen["include_in_schema"] and self.include_in_schema,
            response_class=get_value_or_default(
                chosen["response_class"], self.default_response_class
            ),
            generate_unique_id_function=get_value_or_default(
                chosen["generate_unique_id_function"], self.generate_unique_id_function
            ),
            strict_content_type=get_value_or_default(
                chosen["strict_content_type"], self.strict_content_type
            ),
            max_body_size=get_body_size_limit(chosen["max_body_size"], self.max_body_size),
            dependency_overrides_provider=self.dependency_overrides_provider,
        )
        self.routes.append(route_class(self.prefix + path, endpoint=endpoint, **chosen))

    @shows_options(MethodsOptions, METHODS_DEFAULTS)
    def api_route(
        self, path: str, **options: Unpack[MethodsOptions]
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Add the decorated function as a path operation for any ``methods``."""
        chosen = complete("api_route", options, METHODS_DEFAULTS)

        def decorator(func: DecoratedCallable) -> DecoratedCallable:
            self.add_api_route(path, func, **chosen)
            return func

        return decorator

    def _verb(
        self, method: str, path: str, options: Mapping[str, Any]
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        chosen = complete(method.lower(), options, OPERATION_DEFAULTS)
        return self.api_route(path=path, methods=[method], **chosen)

    @shows_options(OperationOptions, OPERATION_DEFAULTS)
    def get(
        self, path: str, **options: Unpack[OperationOptions]
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Add the decorated function as a GET operation."""
        return self._verb("GET", path, options)

    @shows_options(OperationOptions, OPERATION_DEFAULTS)
    def put(
        self, path: str, **options: Unpack[OperationOptions]
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Add the decorated function as a PUT operation."""
        return self._verb("PUT", path, options)

    @shows_options(OperationOptions, OPERATION_DEFAULTS)
    def post(
        self, path: str, **options: Unpack[OperationOptions]
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Add the decorated function as a POST operation."""
        return self._verb("POST", path, options)

    @shows_options(OperationOptions, OPERATION_DEFAULTS)
    def delete(
        self, path: str, **options: Unpack[OperationOptions]
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Add the decorated function as a DELETE operation."""
        return self._verb("DELETE", path, options)

    @shows_options(OperationOptions, OPERATION_DEFAULTS)
    def options(
        self, path: str, **options: Unpack[OperationOptions]
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Add the decorated function as an OPTIONS operation."""
        return self._verb("OPTIONS", path, options)

    @shows_options(OperationOptions, OPERATION_DEFAULTS)
    def head(
        self, path: str, **options: Unpack[OperationOptions]
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Add the decorated function as a HEAD operation."""
        return self._verb("HEAD", path, options)

    @shows_options(OperationOptions, OPERATION_DEFAULTS)
    def patch(
        self, path: str, **options: Unpack[OperationOptions]
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Add the decorated function as a PATCH operation."""
        return self._verb("PATCH", path, options)

    @shows_options(OperationOptions, OPERATION_DEFAULTS)
    def trace(
        self, path: str, **options: Unpack[OperationOptions]
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Add the decorated function as a TRACE operation."""
        return self._verb("TRACE", path, options)

    def add_api_websocket_route(
        self,
        path: str,
        endpoint: Callable[..., Any],
        name: str | None = None,
        *,
        dependencies: Sequence[params.Depends] | None = None,
    ) -> None:
        """Add a WebSocket endpoint with dependencies."""
        route = APIWebSocketRoute(
            self.prefix + path,
            endpoint=endpoint,
            name=name,
            dependencies=[*self.dependencies, *(dependencies or ())],
            dependency_overrides_provider=self.dependency_overrides_provider,
        )
        self.routes.append(route)

    def websocket(
        self,
        path: str,
        name: str | None = None,
        *,
        dependencies: Sequence[params.Depends] | None = None,
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Add the decorated function as a WebSocket endpoint."""

        def decorator(func: DecoratedCallable) -> DecoratedCallable:
            self.add_api_websocket_route(path, func, name=name, dependencies=dependencies)
            return func

        return decorator

    def websocket_route(
        self, path: str, name: str | None = None
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Add the decorated function as a WebSocket endpoint of Starlette's kind."""

        def decorator(func: DecoratedCallable) -> DecoratedCallable:
            self.add_websocket_route(path, func, name=name)
            return func

        return decorator

    def frontend(
        self,
        path: str,
        *,
        directory: Directory,
        fallback: Fallback = "auto",
        check_dir: bool | Literal["auto"] = "auto",
    ) -> None:
        """Serve a built frontend below ``path``, behind all other routes.

        ``fallback`` is the page that stands in for paths without a file: ``"404.html"``,
        ``"index.html"`` (for navigation), whichever exists (``"auto"``), or None.
        """
        checked = resolve_check_dir(directory=directory, check_dir=check_dir)
        path = normalize_frontend_path(path)
        if self._frontend_routes is None:
            self._frontend_routes = FrontendGroup(
                dependencies=self.dependencies,
                dependency_overrides_provider=self.dependency_overrides_provider,
            )
            self._low_priority_routes.append(self._frontend_routes)
        self._frontend_routes.add_frontend_route(
            join_frontend_paths(self.prefix, path),
            directory=directory,
            fallback=fallback,
            check_dir=checked,
        )
        self._mark_routes_changed()

    @shows_options(IncludeOptions, INCLUDE_DEFAULTS)
    def include_router(self, router: APIRouter, **options: Unpack[IncludeOptions]) -> None:
        """Serve the routes of another router here, also those it gets later."""
        chosen = complete("include_router", options, INCLUDE_DEFAULTS)
        assert self is not router, (
            "Cannot include the same APIRouter instance into itself. "
            "Did you mean to include a different router?"
        )
        assert not router._contains_router(self), (
            "Cannot include an APIRouter instance that already includes this router. "
            "Did you mean to include a different router?"
        )
        _check_prefix(chosen["prefix"])
        if not chosen["prefix"]:
            _check_paths(router)
        context = _RouterIncludeContext.for_include(self, router, chosen)
        self.routes.append(_IncludedRouter(router, context))
        for handler in router.on_startup:
            self.add_event_handler("startup", handler)
        for handler in router.on_shutdown:
            self.add_event_handler("shutdown", handler)
        self.lifespan_context = merge_lifespans(self.lifespan_context, router.lifespan_context)

    # --- events --------------------------------------------------------------------------------

    def add_event_handler(self, event_type: str, func: Callable[[], Any]) -> None:
        """Run a function at ``"startup"`` or ``"shutdown"``, if there is no lifespan."""
        assert event_type in ("startup", "shutdown")
        (self.on_startup if event_type == "startup" else self.on_shutdown).append(func)

    async def _startup(self) -> None:
        await run_handlers(self.on_startup)

    async def _shutdown(self) -> None:
        await run_handlers(self.on_shutdown)

    @deprecated("on_event is deprecated, use lifespan event handlers instead.")
    def on_event(self, event_type: str) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """As :meth:`add_event_handler`, as a decorator."""

        def decorator(func: DecoratedCallable) -> DecoratedCallable:
            self.add_event_handler(event_type, func)
            return func

        return decorator

    # --- serving -------------------------------------------------------------------------------

    def _current_table(self) -> RouteTable:
        table = self._table
        if table is None or not table.is_current():
            table = self._table = RouteTable(self)
        return table

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection with the first route that matches it fully."""
        kind = scope["type"]
        assert kind in ("http", "websocket", "lifespan")
        if self.form_limits:
            apply_router_form_limits(scope, self.form_limits)
        if "router" not in scope:
            scope["router"] = self
        if kind == "lifespan":
            await self.lifespan(scope, receive, send)
            return
        if kind == "websocket":
            await self._serve_websocket(scope, receive, send)
            return
        table, path = self._current_table(), get_route_path(scope)
        found = table.find(scope, path)
        if isinstance(found, Entry):
            found.enter(scope, path)
            if "fastapi.telemetry" in scope:
                _route_selected(scope=scope, path=found.path_format)
            await _app_of(found)(scope, receive, send)
        elif found is not None:
            await self._select(*found, scope, receive, send)
        else:
            await self._serve_partly(table, path, scope, receive, send)

    async def _select(
        self, route: BaseRoute, child_scope: Scope, scope: Scope, receive: Receive, send: Send
    ) -> None:
        update_scope(scope, child_scope)
        path = getattr(route, "path_format", None)
        _route_selected(scope=scope, path=path, mount=isinstance(route, routing.Mount))
        await route.handle(scope, receive, send)

    async def _serve_partly(
        self, table: RouteTable, path: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Serve what no route matches fully: with the first partial match, which answers 405."""
        found = table.find_any(scope, path)
        if found is None:
            await self._serve_unmatched(table, scope, receive, send)
        elif isinstance(found, Entry):
            found.enter(scope, path)
            _route_selected(scope=scope, path=found.path_format)
            await found.route.handle(scope, receive, send)
        else:
            await self._select(*found, scope, receive, send)

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve with the first full match, otherwise with the first partial one."""
        partial: tuple[BaseRoute, Scope] | None = None
        for route in self.routes:
            match, child_scope = route.matches(scope)
            if match is Match.FULL:
                await self._select(route, child_scope, scope, receive, send)
                return
            if match is Match.PARTIAL and partial is None:
                partial = (route, child_scope)
        if partial is None:
            await self._serve_unmatched(None, scope, receive, send)
        else:
            await self._select(*partial, scope, receive, send)

    async def _serve_unmatched(
        self, table: RouteTable | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Serve where no route matches, not even partly."""
        if table is not None and self.redirect_slashes:
            redirect = self._slash_redirect(table, scope)
            if redirect is not None:
                await redirect(scope, receive, send)
                return
        if not await self._serve_low_priority(scope, receive, send):
            await self.default(scope, receive, send)

    def _slash_redirect(self, table: RouteTable, scope: Scope) -> Response | None:
        """The redirect to the same path with or without its last slash, if that is a route's."""
        path = get_route_path(scope)
        if path == "/":
            return None
        other = dict(scope)
        other["path"] = scope["path"].rstrip("/") if path.endswith("/") else f"{scope['path']}/"
        found = table.find_any(other, get_route_path(other))
        if found is None:
            return None
        if scope.get("fastapi.telemetry") is not None:
            route = found if isinstance(found, Entry) else found[0]
            _route_selected(scope=scope, path=_path_format_of(route, other))
        return RedirectResponse(url=str(URL(scope=other)))

    async def _serve_low_priority(self, scope: Scope, receive: Receive, send: Send) -> bool:
        match, child_scope, route, context = self._match_low_priority(scope)
        if match is Match.NONE or route is None:
            return False
        update_scope(scope, child_scope)
        _route_selected(scope=scope, path=getattr(context or route, "path_format", None))
        if context is None:
            await route.handle(scope, receive, send)
            return True
        own_scope(scope)[ROUTE_CONTEXT_KEY] = context
        if isinstance(context.original_route, APIRoute):
            scope["route"] = context.original_route
            await context.original_route.handle(scope, receive, send)
        else:
            assert context.app is not None
            await context.app(scope, receive, send)
        return True

    def _iter_low_priority_routes(self) -> Iterator[BaseRoute | _EffectiveRouteContext]:
        yield from self._low_priority_routes
        for route in self.routes:
            if isinstance(route, _IncludedRouter):
                yield from route.effective_low_priority_routes()

    def _match_low_priority(
        self, scope: Scope
    ) -> tuple[Match, Scope, BaseRoute | None, _EffectiveRouteContext | None]:
        """The first full match, otherwise the first partial one; a more specific frontend wins."""
        best: dict[Match, tuple[Match, Scope, BaseRoute, _EffectiveRouteContext | None]] = {}
        for candidate in self._iter_low_priority_routes():
            context: _EffectiveRouteContext | None = None
            if isinstance(candidate, _EffectiveRouteContext):
                context = candidate
                match, child_scope = match_context(candidate, scope)
                route = candidate.starlette_route or candidate.original_route
            else:
                match, child_scope = candidate.matches(scope)
                route = candidate
            if match is Match.NONE:
                continue
            if match not in best or _is_more_specific(child_scope, best[match][1]):
                best[match] = (match, child_scope, route, context)
        return best.get(Match.FULL) or best.get(Match.PARTIAL) or (Match.NONE, {}, None, None)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether this router, at the place where it is being asked, serves a connection."""
        node = own_value(scope, INCLUDED_ROUTER_KEY)
        if isinstance(node, _IncludedRouter) and node.original_router is self:
            match, child_scope, _, _ = node._match(scope)
            return match, child_scope
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection at the place where this router matched it."""
        node = own_value(scope, INCLUDED_ROUTER_KEY)
        if isinstance(node, _IncludedRouter) and node.original_router is self:
            await node._handle_selected(scope, receive, send)
        else:
            await self.app(scope, receive, send)


ROUTER_METHODS = OwnMethods((APIRouter, "matches"), (APIRouter, "handle"))
"""What an included router is asked, if its class or instrumentation has something to say."""

_API_ROUTE_HANDLE = own_method(APIRoute, "handle")
_ROUTE_HANDLE = own_method(routing.Route, "handle")


def _app_of(entry: Entry) -> ASGIApp:
    """What serves a full match: the route's application, where it stands in the table.

    ``handle`` would find the same application. It is asked if instrumentation has replaced it,
    in a class or in this route.
    """
    route = entry.route
    if (
        APIRoute.handle is not _API_ROUTE_HANDLE
        or routing.Route.handle is not _ROUTE_HANDLE
        or "handle" in route.__dict__
    ):
        handle: ASGIApp = route.handle
        return handle
    app: ASGIApp | None = route.app if entry.context is None else entry.context.app
    assert app is not None
    return app


def _check_paths(router: APIRouter) -> None:
    """Without a prefix every route needs a path of its own."""
    for route, context in iter_routes_with_context(router.routes):
        source: Any = route if context is None else (context.starlette_route or context)
        if getattr(source, "path", None) == "":
            name = getattr(source, "name", "unknown")
            raise FastAPIError(f"Prefix and path cannot be both empty (path operation: {name})")


def _is_more_specific(child_scope: Scope, previous: Scope) -> bool:
    ranks = [own_value(one, FRONTEND_SPECIFICITY_KEY) for one in (child_scope, previous)]
    return None not in ranks and ranks[0] > ranks[1]


def _path_format_of(route: BaseRoute | Entry, scope: Scope) -> str | None:
    """The full template of the route that matches, looked for through included routers."""
    source: Any = route.innermost if isinstance(route, (IncludedPart, NestedRouter)) else route
    while isinstance(source, _IncludedRouter):
        _, _, found, context = source._match(scope)
        source = found if context is None else (context.starlette_route or context)
    return getattr(source, "path_format", None)
