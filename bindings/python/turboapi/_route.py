"""Routes: what a path operation is, and the ASGI applications that serve it."""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
import operator
from collections.abc import Callable, Coroutine, Sequence
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any

from starlette import routing
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Match, compile_path, get_name
from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import Unpack

from . import params, sse
from ._body_limit import validate_max_body_size, wrap_app_with_body_limit
from ._compat import ModelField, lenient_issubclass
from ._form_limits import _validate_form_limits
from ._options import API_ROUTE_DEFAULTS, APIRouteOptions, Responses, complete
from ._plan import dump_options
from ._route_app import request_response as request_response
from ._route_app import websocket_session as websocket_session
from ._scope import ROUTE_CONTEXT_KEY, own_value
from ._signature import shows_options
from ._template import PathTemplate
from .datastructures import DefaultPlaceholder
from .dependencies.models import Dependant, _is_async_gen_callable, _is_gen_callable
from .dependencies.utils import (
    _get_body_field,
    _get_flat_body_params,
    _should_embed_body_fields,
    get_parameterless_sub_dependant,
    get_stream_item_type,
    get_typed_return_annotation,
)
from .types import IncEx
from .utils import create_model_field, get_path_param_names, is_body_allowed_for_status_code

if TYPE_CHECKING:
    from ._cache import ResponseCache

RouteHandlerFunction = Callable[[Request], Coroutine[Any, Any, Response]]


# --- what a path operation is ------------------------------------------------------------------


def build_dependant(
    *, path: str, call: Callable[..., Any], dependencies: Sequence[params.Depends]
) -> tuple[Dependant, list[ModelField], bool]:
    """The graph of an endpoint, its body parameters, and whether these are keys of the body."""
    from . import routing as own_routing  # Where libraries replace the function.

    dependant = own_routing.get_dependant(path=path, call=call, scope="function")
    dependant.dependencies[:0] = [
        get_parameterless_sub_dependant(depends=depends, path=path) for depends in dependencies
    ]
    body_params = _get_flat_body_params(dependant)
    return dependant, body_params, _should_embed_body_fields(body_params)


_FIELD_LISTS = ("path_params", "query_params", "header_params", "cookie_params", "body_params")
# Libraries change signatures after they have been read; these objects are then others.
_SIGNATURE_PARTS = (
    "__signature__",
    "__wrapped__",
    "__defaults__",
    "__kwdefaults__",
    "__annotations__",
)


def _copied(dependant: Dependant, path: str) -> Dependant:
    """A graph of the same fields, for another path that has the same parameters."""
    copied = dataclasses.replace(
        dependant,
        path=path,
        dependencies=[_copied(sub, path) for sub in dependant.dependencies],
    )
    for name in _FIELD_LISTS:
        setattr(copied, name, list(getattr(dependant, name)))
    return copied


def _signature_parts(dependant: Dependant) -> list[Any]:
    """The objects that the signatures in a graph were read from."""
    call = dependant.call
    parts = [call, *(getattr(call, name, None) for name in _SIGNATURE_PARTS)]
    if isinstance(call, type):
        parts.append(call.__init__)  # type: ignore[misc]
    for sub in dependant.dependencies:
        parts += _signature_parts(sub)
    return parts


class _Declared:
    """A route's graph as it was declared, for the places that include the route.

    Extensions change graphs, lists of dependencies and signatures of routes that exist already.
    What was changed is not used again: there the graph is read from the signature once more.
    """

    __slots__ = ("_dependencies", "_parts", "dependant")

    def __init__(self, dependant: Dependant, dependencies: Sequence[params.Depends]) -> None:
        assert dependant.path is not None
        self.dependant = _copied(dependant, dependant.path)
        self._dependencies = tuple(dependencies)
        self._parts = _signature_parts(dependant)

    def is_current(self, endpoint: Callable[..., Any]) -> bool:
        """Whether the endpoint, and every signature below it, is still the one that was read."""
        if self.dependant.call is not endpoint:
            return False
        return all(map(operator.is_, self._parts, _signature_parts(self.dependant)))

    def has_path_params(self, path: str) -> bool:
        """Whether another path names the same parameters."""
        assert self.dependant.path is not None
        return get_path_param_names(path) == get_path_param_names(self.dependant.path)

    def added(self, dependencies: list[params.Depends]) -> list[params.Depends] | None:
        """What is declared before this route's own dependencies; None if these were changed."""
        start = len(dependencies) - len(self._dependencies)
        if start < 0 or not all(map(operator.is_, self._dependencies, dependencies[start:])):
            return None
        return dependencies[:start]


class Operation:
    """The state of a path operation: of a route, or of a route as a router includes it."""

    path: str
    endpoint: Callable[..., Any]
    stream_item_type: Any
    response_model: Any
    summary: str | None
    response_description: str
    deprecated: bool | None
    operation_id: str | None
    response_model_include: IncEx | None
    response_model_exclude: IncEx | None
    response_model_by_alias: bool
    response_model_exclude_unset: bool
    response_model_exclude_defaults: bool
    response_model_exclude_none: bool
    include_in_schema: bool
    response_class: type[Response] | DefaultPlaceholder
    dependency_overrides_provider: Any
    callbacks: list[BaseRoute] | None
    openapi_extra: dict[str, Any] | None
    generate_unique_id_function: Callable[[Any], str] | DefaultPlaceholder
    strict_content_type: bool | DefaultPlaceholder
    max_body_size: int | None
    cache: ResponseCache | None
    tags: list[str | Enum]
    responses: Responses
    name: str
    path_format: str
    param_convertors: dict[str, Any]
    methods: set[str]
    unique_id: str
    status_code: int | None
    response_field: ModelField | None
    stream_item_field: ModelField | None
    dependencies: list[params.Depends]
    description: str
    response_fields: dict[int | str, ModelField]
    dependant: Dependant
    _embed_body_fields: bool
    body_field: ModelField | None
    is_sse_stream: bool
    is_json_stream: bool
    # The application that was made for the operation; ``app`` is what serves it.
    _own_app: ASGIApp
    _template: PathTemplate
    # Few ask for it, as routers have an index: compiled when somebody does.
    path_regex: Any = functools.cached_property(lambda self: self._template.regex)
    _declared: _Declared

    # Attributes that are exactly what the option of that name says.
    _COPIED = (
        "summary",
        "response_description",
        "deprecated",
        "operation_id",
        "response_model_include",
        "response_model_exclude",
        "response_model_by_alias",
        "response_model_exclude_unset",
        "response_model_exclude_defaults",
        "response_model_exclude_none",
        "include_in_schema",
        "response_class",
        "dependency_overrides_provider",
        "callbacks",
        "openapi_extra",
        "generate_unique_id_function",
        "strict_content_type",
        "max_body_size",
        "cache",
    )

    def _configure(
        self,
        path: str,
        endpoint: Callable[..., Any],
        options: dict[str, Any],
        stream_item_type: Any = None,
        template: Operation | None = None,
    ) -> None:
        """Fill in everything; ``options`` are all of :class:`APIRouteOptions`.

        ``template`` is the route that is included: what pydantic compiled for it is used again.
        """
        validate_max_body_size(options["max_body_size"])
        for name in self._COPIED:
            setattr(self, name, options[name])
        self.path = path
        self.endpoint = endpoint
        self.stream_item_type = stream_item_type
        self.tags = options["tags"] or []
        self.responses = options["responses"] or {}
        self.name = get_name(endpoint) if options["name"] is None else options["name"]
        self._template = PathTemplate(path)
        self.path_format = self._template.format
        self.param_convertors = self._template.convertors
        methods = ["GET"] if options["methods"] is None else options["methods"]
        self.methods = {method.upper() for method in methods}
        self.unique_id = self.operation_id or self._generate_unique_id()
        status_code = options["status_code"]
        self.status_code = int(status_code) if isinstance(status_code, IntEnum) else status_code
        self.dependencies = list(options["dependencies"] or [])
        description = options["description"] or inspect.cleandoc(endpoint.__doc__ or "")
        self.description = description.split("\f")[0].strip()
        self.response_fields = self._additional_response_fields()
        self._configure_request(template)
        self._configure_response(options["response_model"], template)

    def _serving(self, handler: RouteHandlerFunction) -> ASGIApp:
        """What serves the operation: its handler behind its limit of bodies and its cache."""
        from . import routing as own_routing  # Where libraries replace the function.

        app = wrap_app_with_body_limit(own_routing.request_response(handler), self.max_body_size)
        return app if self.cache is None else self.cache.wrap(app, self)

    def _generate_unique_id(self) -> str:
        generate: Any = self.generate_unique_id_function
        if isinstance(generate, DefaultPlaceholder):
            generate = generate.value
        unique_id: str = generate(self)
        return unique_id

    def _additional_response_fields(self) -> dict[int | str, ModelField]:
        fields: dict[int | str, ModelField] = {}
        for status_code, response in self.responses.items():
            assert isinstance(response, dict), "An additional response must be a dict"
            model = response.get("model")
            if not model:
                continue
            _check_body_allowed(status_code)
            fields[status_code] = create_model_field(
                name=f"Response_{status_code}_{self.unique_id}", type_=model, mode="serialization"
            )
        return fields

    def _configure_request(self, template: Operation | None) -> None:
        assert callable(self.endpoint), "An endpoint must be a callable"
        self.dependant = self._reused_dependant(template) or self._new_dependant()
        self._declared = _Declared(self.dependant, self.dependencies)
        body_params = _get_flat_body_params(self.dependant)
        self._embed_body_fields = _should_embed_body_fields(body_params)
        self.body_field = _get_body_field(
            body_params=body_params,
            name=self.unique_id,
            embed_body_fields=self._embed_body_fields,
        )

    def _new_dependant(self) -> Dependant:
        dependant, _, _ = build_dependant(
            path=self.path_format, call=self.endpoint, dependencies=self.dependencies
        )
        return dependant

    def _reused_dependant(self, template: Operation | None) -> Dependant | None:
        """The template's graph behind added dependencies, if it has the same path parameters."""
        declared: _Declared | None = getattr(template, "_declared", None)
        if declared is None or not declared.is_current(self.endpoint):
            return None
        if not declared.has_path_params(self.path_format):
            return None
        added = declared.added(self.dependencies)
        if added is None:
            return None
        dependant = _copied(declared.dependant, self.path_format)
        dependant.dependencies[:0] = [
            get_parameterless_sub_dependant(depends=depends, path=self.path_format)
            for depends in added
        ]
        return dependant

    def _response_model_field(self, name: str, model: Any, known: ModelField | None) -> ModelField:
        """A field for what is sent; ``known`` is one of the same model under another name."""
        name = f"{name}_{self.unique_id}"
        if known is not None and known.field_info.annotation is model:
            return known.renamed(name)
        return create_model_field(name=name, type_=model, mode="serialization")

    def _configure_response(self, response_model: Any, template: Operation | None) -> None:
        response_class = self.response_class
        streams = _is_async_gen_callable(self.endpoint) or _is_gen_callable(self.endpoint)
        given_class = not isinstance(response_class, DefaultPlaceholder)
        self.is_sse_stream = streams and lenient_issubclass(response_class, sse.EventSourceResponse)
        self.is_json_stream = streams and not given_class
        if isinstance(response_model, DefaultPlaceholder):
            response_model = self._model_from_annotation(streams)
        self.response_model = response_model
        self.response_field = None
        if response_model:
            _check_body_allowed(self.status_code)
            known = None if template is None else template.response_field
            self.response_field = self._response_model_field("Response", response_model, known)
        self.stream_item_field = None
        if self.stream_item_type:
            known = None if template is None else template.stream_item_field
            self.stream_item_field = self._response_model_field(
                "StreamItem", self.stream_item_type, known
            )

    def _model_from_annotation(self, streams: bool) -> Any:
        """The response model that the return annotation asks for, or None.

        Of an endpoint that streams the annotation may give the type of the items instead.
        """
        annotation = get_typed_return_annotation(self.endpoint)
        if lenient_issubclass(annotation, Response):
            return None
        item = get_stream_item_type(annotation)
        if item is None or not streams:
            return annotation
        encoded = self.is_json_stream or lenient_issubclass(
            self.response_class, sse.EventSourceResponse
        )
        if encoded and not lenient_issubclass(item, sse.ServerSentEvent):
            self.stream_item_type = item
        return None


def _check_body_allowed(status_code: int | str | None) -> None:
    assert is_body_allowed_for_status_code(status_code), (
        f"Status code {status_code} must not have a response body"
    )


# --- route classes -----------------------------------------------------------------------------


class APIRoute(Operation, routing.Route):  # type: ignore[misc]  # Its methods are never None.
    """A path operation. Subclasses may override ``get_route_handler``, ``matches``, ``handle``."""

    @shows_options(APIRouteOptions, API_ROUTE_DEFAULTS)
    def __init__(
        self, path: str, endpoint: Callable[..., Any], **options: Unpack[APIRouteOptions]
    ) -> None:
        complete_options = complete("APIRoute", options, API_ROUTE_DEFAULTS)
        self.form_limits = _validate_form_limits(complete_options.pop("form_limits"))
        self._configure(path, endpoint, complete_options)
        self.app = self._own_app = self._serving(self.get_route_handler())

    def get_route_handler(self) -> RouteHandlerFunction:
        """The coroutine function that turns a request into a response.

        Called once for the route and once for each place that includes it; there the options of
        the including routers hold.
        """
        from . import routing as own_routing

        context = own_routing._effective_route_context_var.get()
        included = context is not None and context.original_route is self
        operation: Any = context if included else self
        handler: RouteHandlerFunction = own_routing.get_request_handler(
            dependant=operation.dependant,
            body_field=operation.body_field,
            status_code=operation.status_code,
            response_class=operation.response_class,
            response_field=operation.response_field,
            **{
                f"response_model_{name}": option for name, option in dump_options(operation).items()
            },
            dependency_overrides_provider=operation.dependency_overrides_provider,
            embed_body_fields=operation._embed_body_fields,
            strict_content_type=operation.strict_content_type,
            form_limits=self.form_limits,
            stream_item_field=operation.stream_item_field,
            is_json_stream=operation.is_json_stream,
        )
        return handler

    def _context_of(self, scope: Scope) -> Any:
        """This route as the router that matched includes it, or None."""
        context = own_value(scope, ROUTE_CONTEXT_KEY)
        if context is not None and context.original_route is self:
            return context
        return None

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the route serves a connection (partly: another method would)."""
        context = self._context_of(scope)
        match, child_scope = super().matches(scope) if context is None else context.matches(scope)
        if match is not Match.NONE:
            child_scope["route"] = self
        return match, child_scope

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection that the route matches, also partly (405)."""
        context = self._context_of(scope)
        if context is None:
            await super().handle(scope, receive, send)
            return
        methods = context.methods
        if not methods or scope["method"] in methods:
            await context.app(scope, receive, send)
            return
        headers = {"Allow": ", ".join(methods)}
        if "app" in scope:
            raise HTTPException(status_code=405, headers=headers)
        response = PlainTextResponse("Method Not Allowed", status_code=405, headers=headers)
        await response(scope, receive, send)


class APIWebSocketRoute(routing.WebSocketRoute):
    """A WebSocket endpoint with dependencies."""

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        name: str | None = None,
        dependencies: Sequence[params.Depends] | None = None,
        dependency_overrides_provider: Any | None = None,
    ) -> None:
        from . import routing as own_routing

        self.path = path
        self.endpoint = endpoint
        self.name = get_name(endpoint) if name is None else name
        self.dependencies = list(dependencies or [])
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)
        self.dependant, _, self._embed_body_fields = build_dependant(
            path=self.path_format, call=endpoint, dependencies=self.dependencies
        )
        self.app = websocket_session(
            own_routing.get_websocket_app(
                dependant=self.dependant,
                dependency_overrides_provider=dependency_overrides_provider,
                embed_body_fields=self._embed_body_fields,
            )
        )

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the route serves a connection."""
        match, child_scope = super().matches(scope)
        if match is not Match.NONE:
            child_scope["route"] = self
        return match, child_scope


class _FixedRoute(routing.Route):
    """A route without parameters for Python: the native server answers it by itself."""

    def __init__(
        self, path: str, method: str, endpoint: Callable[[Request], Any], name: str
    ) -> None:
        super().__init__(path, endpoint, methods=[method], name=name, include_in_schema=False)
        self.methods = {method.upper()}  # No HEAD besides GET, as for path operations.

    def at(self, path: str) -> _FixedRoute:
        """The same route under another path, for a router that includes it."""
        moved = copy.copy(self)
        moved.path = path
        moved.path_regex, moved.path_format, moved.param_convertors = compile_path(path)
        return moved


class StaticRoute(_FixedRoute):
    """An answer that never changes, rendered before the first request.

    ``body``, ``status_code`` and ``content_type`` (the header's value) are what is sent.
    """

    def __init__(
        self,
        method: str,
        path: str,
        body: str | bytes,
        *,
        status_code: int = 200,
        content_type: str = "application/json",
    ) -> None:
        self.body = body.encode() if isinstance(body, str) else bytes(body)
        self.status_code = status_code
        self.content_type = content_type
        super().__init__(path, method, self._answer, f"static {path}")

    async def _answer(self, request: Request) -> Response:
        headers = {"content-type": self.content_type}
        return Response(self.body, status_code=self.status_code, headers=headers)


class NativeRoute(_FixedRoute):
    """A route that a function of a shared object answers: ``symbol`` in the file ``library``."""

    def __init__(self, method: str, path: str, library: str, symbol: str) -> None:
        self.library = library
        self.symbol = symbol
        super().__init__(path, method, self._answer, symbol)

    async def _answer(self, request: Request) -> Response:
        """Only the native server can call the function; over ASGI there is no answer."""
        return PlainTextResponse(
            f"{self.path} is answered by {self.symbol} of {self.library}, which only the native"
            " server can call; run the application with app.run() or 'turboapi run'.\n",
            status_code=501,
        )
