"""The application class."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from starlette.applications import Starlette
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, ExceptionHandler, Lifespan, Receive, Scope, Send
from typing_extensions import Unpack, deprecated

from ._body_limit import AppBodyLimitMiddleware
from ._call_next import as_asgi_middleware
from ._lazy import late_attributes
from ._options import (
    INCLUDE_DEFAULTS,
    METHODS_DEFAULTS,
    OPERATION_DEFAULTS,
    AddRouteOptions,
    IncludeOptions,
    MethodsOptions,
    OperationOptions,
    complete,
)
from ._signature import shows_options
from .datastructures import Default
from .exception_handlers import (
    http_exception_handler,
    request_validation_exception_handler,
    websocket_request_validation_exception_handler,
)
from .exceptions import (
    FastAPIDeprecationWarning,
    RequestValidationError,
    WebSocketRequestValidationError,
)
from .middleware import _errors
from .middleware.asyncexitstack import AsyncExitStackMiddleware
from .telemetry._asgi import ExceptionTelemetryMiddleware, NativeTelemetry, _legacy_otel
from .types import DecoratedCallable
from .utils import generate_unique_id

if TYPE_CHECKING:
    from . import _native_view as _native_view
    from . import routing as routing
    from ._form_limits import _FormLimits
    from ._frontend import Directory, Fallback
    from ._native_view import NativeRouteEntry
    from ._options import Responses
    from .openapi.docs import get_redoc_html as get_redoc_html
    from .openapi.docs import get_swagger_ui_html as get_swagger_ui_html
    from .openapi.docs import (
        get_swagger_ui_oauth2_redirect_html as get_swagger_ui_oauth2_redirect_html,
    )
    from .openapi.utils import get_openapi as get_openapi
    from .params import Depends as Depends
    from .telemetry import TelemetryConfig
else:
    # What only an application with routes needs is loaded when the first one is made.
    __getattr__ = late_attributes(
        __name__,
        {
            "turboapi._native_view": (),
            "turboapi.openapi.docs": (
                "get_redoc_html",
                "get_swagger_ui_html",
                "get_swagger_ui_oauth2_redirect_html",
            ),
            "turboapi.openapi.utils": ("get_openapi",),
            "turboapi.params": ("Depends",),
            "turboapi.routing": (),
        },
    )

AppType = TypeVar("AppType", bound="TurboAPI")

_TELEMETRY_DEFAULTS: Mapping[str, Any] = {
    "tracer_provider": None,
    "meter_provider": None,
    "logger_provider": None,
    "tracing": True,
    "metrics": True,
    "logs": True,
    "operation_spans": True,
    "exclude": None,
}


class TurboAPI(Starlette):
    """An application: path operations, their documents, middleware and exception handlers.

    It is an ASGI application; :meth:`run` serves it with the native server. ``FastAPI`` is
    another name of this class.
    """

    def __init__(
        self: AppType,
        *,
        telemetry: TelemetryConfig | None = None,
        debug: bool = False,
        routes: list[BaseRoute] | None = None,
        title: str = "FastAPI",
        summary: str | None = None,
        description: str = "",
        version: str = "0.1.0",
        openapi_url: str | None = "/openapi.json",
        openapi_tags: list[dict[str, Any]] | None = None,
        servers: list[dict[str, str | Any]] | None = None,
        dependencies: Sequence[Depends] | None = None,
        default_response_class: type[Response] = Default(JSONResponse),
        redirect_slashes: bool = True,
        docs_url: str | None = "/docs",
        redoc_url: str | None = "/redoc",
        swagger_ui_oauth2_redirect_url: str | None = "/docs/oauth2-redirect",
        swagger_ui_init_oauth: dict[str, Any] | None = None,
        middleware: Sequence[Middleware] | None = None,
        exception_handlers: dict[
            int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]
        ]
        | None = None,
        on_startup: Sequence[Callable[[], Any]] | None = None,
        on_shutdown: Sequence[Callable[[], Any]] | None = None,
        lifespan: Lifespan[AppType] | None = None,
        terms_of_service: str | None = None,
        contact: dict[str, str | Any] | None = None,
        license_info: dict[str, str | Any] | None = None,
        root_path: str = "",
        root_path_in_servers: bool = True,
        responses: Responses | None = None,
        callbacks: list[BaseRoute] | None = None,
        webhooks: routing.APIRouter | None = None,
        deprecated: bool | None = None,
        include_in_schema: bool = True,
        swagger_ui_parameters: dict[str, Any] | None = None,
        generate_unique_id_function: Callable[[routing.APIRoute], str] = Default(
            generate_unique_id
        ),
        separate_input_output_schemas: bool = True,
        openapi_external_docs: dict[str, Any] | None = None,
        strict_content_type: bool = True,
        max_body_size: int | None = None,
        form_limits: _FormLimits | None = None,
    ) -> None:
        self.max_body_size = max_body_size
        self.debug = debug
        self.title = title
        self.summary = summary
        self.description = description
        self.version = version
        self.terms_of_service = terms_of_service
        self.contact = contact
        self.license_info = license_info
        self.openapi_url = openapi_url
        self.openapi_tags = openapi_tags
        self.root_path_in_servers = root_path_in_servers
        self.docs_url = docs_url
        self.redoc_url = redoc_url
        self.swagger_ui_oauth2_redirect_url = swagger_ui_oauth2_redirect_url
        self.swagger_ui_init_oauth = swagger_ui_init_oauth
        self.swagger_ui_parameters = swagger_ui_parameters
        self.servers = servers or []
        self.separate_input_output_schemas = separate_input_output_schemas
        self.openapi_external_docs = openapi_external_docs
        self.openapi_version: str = "3.1.0"
        self.openapi_schema: dict[str, Any] | None = None
        self._openapi_routes_version: int | None = None
        if self.openapi_url:
            assert self.title, "A title must be provided for OpenAPI, e.g.: 'My API'"
            assert self.version, "A version must be provided for OpenAPI, e.g.: '2.1.0'"
        from . import routing

        self.webhooks: routing.APIRouter = webhooks or routing.APIRouter()
        if root_path:
            warnings.warn(
                "The `root_path` parameter is deprecated. Configure the server's root path "
                "instead, for example with `fastapi run --root-path /api/v1`.",
                category=FastAPIDeprecationWarning,
                stacklevel=2,
            )
        self.root_path = root_path
        self.state: State = State()
        self.dependency_overrides: dict[Callable[..., Any], Callable[..., Any]] = {}
        self.router: routing.APIRouter = routing.APIRouter(
            routes=routes,
            redirect_slashes=redirect_slashes,
            dependency_overrides_provider=self,
            on_startup=on_startup,
            on_shutdown=on_shutdown,
            lifespan=lifespan,
            default_response_class=default_response_class,
            dependencies=dependencies,
            callbacks=callbacks,
            deprecated=deprecated,
            include_in_schema=include_in_schema,
            responses=responses,
            generate_unique_id_function=generate_unique_id_function,
            strict_content_type=strict_content_type,
            max_body_size=max_body_size,
            form_limits=form_limits,
        )
        self.exception_handlers: dict[
            Any, Callable[[Request, Any], Response | Awaitable[Response]]
        ] = {
            **DEFAULT_EXCEPTION_HANDLERS,
            **(exception_handlers or {}),
        }
        configured: Any = {
            **_TELEMETRY_DEFAULTS,
            "auto_configure": os.getenv("FASTAPI_OTEL_AUTO_CONFIGURE", "").lower() == "true",
            **(telemetry or {}),
        }
        self._telemetry: TelemetryConfig = configured
        self._native_telemetry = NativeTelemetry(self._telemetry)
        self.user_middleware: list[Middleware] = list(map(as_asgi_middleware, middleware or ()))
        self.middleware_stack: ASGIApp | None = None
        self.setup()

    # --- serving -------------------------------------------------------------------------------

    def build_middleware_stack(self) -> ASGIApp:
        """The application as it serves: the router inside all middleware."""
        server_error_handler: Any = None
        handlers: dict[Any, ExceptionHandler] = {}
        for key, handler in self.exception_handlers.items():
            if key in (500, Exception):
                server_error_handler = handler
            else:
                handlers[key] = handler
        stack: list[Middleware] = [
            Middleware(ServerErrorMiddleware, handler=server_error_handler, debug=self.debug),
            Middleware(ExceptionTelemetryMiddleware),
            Middleware(AppBodyLimitMiddleware, max_body_size=self.max_body_size),
            *self.user_middleware,
            Middleware(ExceptionMiddleware, handlers=handlers, debug=self.debug),
            Middleware(AsyncExitStackMiddleware),
        ]
        app: ASGIApp = self.router
        for cls, args, kwargs in reversed(stack):
            app = _errors.QUICK.get(cls, cls)(app, *args, **kwargs)
        return app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection, or the lifespan."""
        if self.root_path:
            scope["root_path"] = self.root_path
        kind = scope["type"]
        if kind == "lifespan":
            from .telemetry._runtime import lifespan

            await lifespan(
                config=self._telemetry,
                app=super().__call__,
                scope=scope,
                receive=receive,
                send=send,
            )
            return
        observed = kind in ("http", "websocket") and "fastapi.telemetry" not in scope
        if not observed or not self._native_telemetry.enabled():
            await super().__call__(scope, receive, send)
            return
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        scope["app"] = self
        await self._native_telemetry(
            app=super().__call__,
            scope=scope,
            receive=receive,
            send=send,
            legacy_otel=_legacy_otel(self.middleware_stack),
        )

    def run(
        self, host: str = "127.0.0.1", port: int = 8000, *, workers: int = 1, **options: Any
    ) -> None:
        """Serve the application with the native server until it is stopped.

        ``port`` 0 takes a free one. ``options`` are those of :func:`turboapi.server.run`.
        """
        from . import server

        server.run(self, host=host, port=port, workers=workers, **options)

    def native_routes(self) -> list[NativeRouteEntry]:
        """All routes in order, with their plans: what the native server registers."""
        from . import _native_view

        return _native_view.native_routes(self.router)

    def native_ready(self) -> str | None:
        """Why the whole application must run on the Python executor; None if it need not."""
        from . import _native_view

        return _native_view.native_ready(self)

    # --- documents -----------------------------------------------------------------------------

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, made again after routes changed."""
        version = self.router._get_routes_version()
        schema = self.openapi_schema
        if not schema or self._openapi_routes_version != version:
            schema = self.openapi_schema = _late("get_openapi")(
                title=self.title,
                version=self.version,
                openapi_version=self.openapi_version,
                summary=self.summary,
                description=self.description,
                terms_of_service=self.terms_of_service,
                contact=self.contact,
                license_info=self.license_info,
                routes=self.routes,
                webhooks=self.webhooks.routes,
                tags=self.openapi_tags,
                servers=self.servers,
                separate_input_output_schemas=self.separate_input_output_schemas,
                external_docs=self.openapi_external_docs,
            )
            self._openapi_routes_version = version
        assert schema is not None
        return schema

    def setup(self) -> None:
        """Add the routes of the OpenAPI document and of the pages that show it."""
        if not self.openapi_url:
            return
        self._add_page(self.openapi_url, self._serve_openapi, "openapi")
        if self.docs_url:
            self._add_page(self.docs_url, self._serve_swagger_ui, "swagger_ui_html")
            if self.swagger_ui_oauth2_redirect_url:
                redirect_url = self.swagger_ui_oauth2_redirect_url
                self._add_page(redirect_url, self._serve_redirect, "swagger_ui_redirect")
        if self.redoc_url:
            self._add_page(self.redoc_url, self._serve_redoc, "redoc_html")

    def _add_page(self, path: str, endpoint: Callable[[Request], Any], name: str) -> None:
        self.add_route(path, endpoint, name=name, include_in_schema=False)

    async def _serve_openapi(self, request: Request) -> JSONResponse:
        schema = self.openapi()
        root_path = _root_path_of(request)
        if root_path and self.root_path_in_servers:
            servers = schema.get("servers", [])
            if root_path not in {server.get("url") for server in servers}:
                schema = {**schema, "servers": [{"url": root_path}, *servers]}
        return JSONResponse(schema)

    async def _serve_swagger_ui(self, request: Request) -> HTMLResponse:
        root_path = _root_path_of(request)
        redirect_url = self.swagger_ui_oauth2_redirect_url
        page: HTMLResponse = _late("get_swagger_ui_html")(
            openapi_url=f"{root_path}{self.openapi_url}",
            title=f"{self.title} - Swagger UI",
            oauth2_redirect_url=root_path + redirect_url if redirect_url else redirect_url,
            init_oauth=self.swagger_ui_init_oauth,
            swagger_ui_parameters=self.swagger_ui_parameters,
        )
        return page

    async def _serve_redirect(self, request: Request) -> HTMLResponse:
        page: HTMLResponse = _late("get_swagger_ui_oauth2_redirect_html")()
        return page

    async def _serve_redoc(self, request: Request) -> HTMLResponse:
        page: HTMLResponse = _late("get_redoc_html")(
            openapi_url=f"{_root_path_of(request)}{self.openapi_url}",
            title=f"{self.title} - ReDoc",
        )
        return page

    # --- adding routes -------------------------------------------------------------------------

    @shows_options(MethodsOptions, METHODS_DEFAULTS)
    def add_api_route(
        self, path: str, endpoint: Callable[..., Any], **options: Unpack[MethodsOptions]
    ) -> None:
        """Add a path operation."""
        self.router.add_api_route(
            path, endpoint, **complete("add_api_route", options, METHODS_DEFAULTS)
        )

    @shows_options(MethodsOptions, METHODS_DEFAULTS)
    def api_route(
        self, path: str, **options: Unpack[MethodsOptions]
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Add the decorated function as a path operation for any ``methods``."""
        chosen: AddRouteOptions = complete("api_route", options, METHODS_DEFAULTS)  # type: ignore[assignment]

        def decorator(func: DecoratedCallable) -> DecoratedCallable:
            self.router.add_api_route(path, func, **chosen)
            return func

        return decorator

    @shows_options(OperationOptions, OPERATION_DEFAULTS)
    def get(
        self, path: str, **options: Unpack[OperationOptions]
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Add the decorated function as a GET operation."""
        return self.router.get(path, **options)

    @shows_options(OperationOptions, OPERATION_DEFAULTS)
    def put(
        self, path: str, **options: Unpack[OperationOptions]
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Add the decorated function as a PUT operation."""
        return self.router.put(path, **options)

    @shows_options(OperationOptions, OPERATION_DEFAULTS)
    def post(
        self, path: str, **options: Unpack[OperationOptions]
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Add the decorated function as a POST operation."""
        return self.router.post(path, **options)

    @shows_options(OperationOptions, OPERATION_DEFAULTS)
    def delete(
        self, path: str, **options: Unpack[OperationOptions]
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Add the decorated function as a DELETE operation."""
        return self.router.delete(path, **options)

    @shows_options(OperationOptions, OPERATION_DEFAULTS)
    def options(
        self, path: str, **options: Unpack[OperationOptions]
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Add the decorated function as an OPTIONS operation."""
        return self.router.options(path, **options)

    @shows_options(OperationOptions, OPERATION_DEFAULTS)
    def head(
        self, path: str, **options: Unpack[OperationOptions]
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Add the decorated function as a HEAD operation."""
        return self.router.head(path, **options)

    @shows_options(OperationOptions, OPERATION_DEFAULTS)
    def patch(
        self, path: str, **options: Unpack[OperationOptions]
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Add the decorated function as a PATCH operation."""
        return self.router.patch(path, **options)

    @shows_options(OperationOptions, OPERATION_DEFAULTS)
    def trace(
        self, path: str, **options: Unpack[OperationOptions]
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Add the decorated function as a TRACE operation."""
        return self.router.trace(path, **options)

    def add_api_websocket_route(
        self,
        path: str,
        endpoint: Callable[..., Any],
        name: str | None = None,
        *,
        dependencies: Sequence[Depends] | None = None,
    ) -> None:
        """Add a WebSocket endpoint with dependencies."""
        self.router.add_api_websocket_route(path, endpoint, name=name, dependencies=dependencies)

    def websocket(
        self,
        path: str,
        name: str | None = None,
        *,
        dependencies: Sequence[Depends] | None = None,
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
            self.router.add_websocket_route(path, func, name=name)
            return func

        return decorator

    @shows_options(IncludeOptions, INCLUDE_DEFAULTS)
    def include_router(self, router: routing.APIRouter, **options: Unpack[IncludeOptions]) -> None:
        """Serve the routes of a router, also those it gets later."""
        self.router.include_router(router, **options)

    def frontend(
        self,
        path: str,
        *,
        directory: Directory,
        fallback: Fallback = "auto",
        check_dir: bool | Literal["auto"] = "auto",
    ) -> None:
        """Serve a built frontend behind all other routes; see :meth:`APIRouter.frontend`."""
        from ._frontend import resolve_check_dir

        checked = resolve_check_dir(directory=directory, check_dir=check_dir)
        self.router.frontend(path, directory=directory, fallback=fallback, check_dir=checked)

    def static_route(
        self,
        method: str,
        path: str,
        body: str | bytes,
        *,
        status_code: int = 200,
        content_type: str = "application/json",
    ) -> None:
        """Answer a path with fixed bytes; the native server renders them before it starts."""
        from .routing import StaticRoute

        route = StaticRoute(method, path, body, status_code=status_code, content_type=content_type)
        self.router.routes.append(route)

    def add_native_route(self, method: str, path: str, library: str, symbol: str) -> None:
        """Answer a path with the function ``symbol`` of the shared object ``library``.

        The file is opened when the native server starts; a wrong one is an error then.
        """
        from .routing import NativeRoute

        self.router.routes.append(NativeRoute(method, path, library, symbol))

    native_route = add_native_route

    # --- middleware and events -----------------------------------------------------------------

    @deprecated("on_event is deprecated, use lifespan event handlers instead.")
    def on_event(self, event_type: str) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Run the decorated function at ``"startup"`` or ``"shutdown"``."""

        def decorator(func: DecoratedCallable) -> DecoratedCallable:
            self.router.add_event_handler(event_type, func)
            return func

        return decorator

    def add_middleware(self, middleware_class: Any, *args: Any, **kwargs: Any) -> None:
        """Put middleware around everything added so far; arguments go to its constructor.

        A class is ASGI middleware, or has ``__call__(self, request, call_next)``.
        """
        given = as_asgi_middleware(Middleware(middleware_class, *args, **kwargs))
        super().add_middleware(given.cls, *given.args, **given.kwargs)

    def middleware(self, middleware_type: str) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Add the decorated function as middleware; ``middleware_type`` is ``"http"``."""

        def decorator(func: DecoratedCallable) -> DecoratedCallable:
            self.add_middleware(BaseHTTPMiddleware, dispatch=func)
            return func

        return decorator

    def exception_handler(
        self, exc_class_or_status_code: int | type[Exception]
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Add the decorated function as the handler of a status code or an exception class."""

        def decorator(func: DecoratedCallable) -> DecoratedCallable:
            self.add_exception_handler(exc_class_or_status_code, func)
            return func

        return decorator


DEFAULT_EXCEPTION_HANDLERS: Mapping[Any, Any] = {
    HTTPException: http_exception_handler,
    RequestValidationError: request_validation_exception_handler,
    WebSocketRequestValidationError: websocket_request_validation_exception_handler,
}
"""What an application handles by itself; the native server may answer as these do."""


def _late(name: str) -> Any:
    """A function of the documents, which extensions may have replaced in this module."""
    return getattr(sys.modules[__name__], name)


def _root_path_of(request: Request) -> str:
    root_path: str = request.scope.get("root_path", "").rstrip("/")
    return root_path


FastAPI = TurboAPI
