"""What one route does, compiled to data: the plan that both executors follow.

A :class:`Graph` is a dependency graph whose readers, cache keys and kinds of call are decided. The
Python executor runs it. A :class:`Plan` is what the native executor reads at registration: only
routes whose ``reason`` is None can run there, every other one is passed to the Python executor.
All objects here are immutable once made and may be read by any thread.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from pydantic.fields import FieldInfo
from starlette.responses import JSONResponse, Response

from . import params
from ._compat import ModelField, field_annotation_is_sequence
from ._compat.shared import union_members
from ._extract import (
    ParamModelReader,
    ParamReader,
    param_aliases,
    param_model,
    param_reader,
    validator_of,
)
from ._forms import is_single_body
from .concurrency import _DependencyConcurrency
from .datastructures import DefaultPlaceholder
from .dependencies.models import (
    Dependant,
    _get_cache_key,
    _get_oauth_scopes,
    _is_async_gen_callable,
    _is_coroutine_callable,
    _is_gen_callable,
    _UsesScopesCache,
)
from .types import DependencyCacheKey, IncEx
from .utils import is_body_allowed_for_status_code

if TYPE_CHECKING:
    from ._cache import ResponseCache

Overrides = Mapping[Callable[..., Any], Callable[..., Any]]
Reader = ParamReader | ParamModelReader


class CallKind(Enum):
    """How a callable is run."""

    PLAIN = "plain"  # in a worker thread
    COROUTINE = "coroutine"
    GENERATOR = "generator"  # entered and left in a worker thread
    ASYNC_GENERATOR = "async generator"


def call_kind(call: Callable[..., Any] | None) -> CallKind:
    """Classify a callable by the function behind it."""
    if _is_gen_callable(call):
        return CallKind.GENERATOR
    if _is_async_gen_callable(call):
        return CallKind.ASYNC_GENERATOR
    return CallKind.COROUTINE if _is_coroutine_callable(call) else CallKind.PLAIN


_MANAGERS: Mapping[CallKind, Callable[..., Any]] = {
    CallKind.GENERATOR: contextmanager,
    CallKind.ASYNC_GENERATOR: asynccontextmanager,
}


# --- the graph ---------------------------------------------------------------------------------


@dataclass(slots=True, eq=False, repr=False)
class Graph:
    """The arguments of one callable: its dependencies in order, then what the request gives."""

    call: Callable[..., Any]
    steps: tuple[DependencyStep, ...]
    path: tuple[Reader, ...]
    query: tuple[Reader, ...]
    header: tuple[Reader, ...]
    cookie: tuple[Reader, ...]
    body: tuple[ModelField, ...]
    single_body: bool
    request_name: str | None
    websocket_name: str | None
    connection_name: str | None
    response_name: str | None
    background_name: str | None
    scopes_name: str | None
    scopes: tuple[str, ...]
    injects: bool  # whether any of the names above is set
    pure: bool  # every dependency below may be taken from the cache
    scoped: bool  # what is called may reach the request or its exit stacks


@dataclass(slots=True, eq=False, repr=False)
class DependencyStep:
    """One use of a dependency."""

    name: str | None  # the argument that takes its value
    call: Callable[..., Any]
    kind: CallKind
    graph: Graph
    key: DependencyCacheKey
    use_cache: bool
    closed_early: bool  # a generator that is closed before the response is sent
    concurrency: _DependencyConcurrency | None
    # What makes the context manager of a generator, from its arguments; otherwise None.
    manager: Callable[..., Any] | None
    declared: Dependant  # what it was compiled from, before overrides


def compile_graph(dependant: Dependant, embed_body_fields: bool, overrides: Overrides) -> Graph:
    """Compile a graph, with overridden dependencies replaced by their replacements."""
    return _compile(dependant, embed_body_fields, overrides, {})


def _compile(
    dependant: Dependant, embed: bool, overrides: Overrides, scopes_cache: _UsesScopesCache
) -> Graph:
    assert dependant.call is not None
    steps = tuple(
        _compile_step(sub, embed, overrides, scopes_cache) for sub in dependant.dependencies
    )
    names = (
        dependant.request_param_name,
        dependant.websocket_param_name,
        dependant.http_connection_param_name,
        dependant.response_param_name,
        dependant.background_tasks_param_name,
        dependant.security_scopes_param_name,
    )
    return Graph(
        call=dependant.call,
        steps=steps,
        path=tuple(map(param_reader, dependant.path_params)),
        query=tuple(map(param_reader, dependant.query_params)),
        header=tuple(map(param_reader, dependant.header_params)),
        cookie=tuple(map(param_reader, dependant.cookie_params)),
        body=tuple(dependant.body_params),
        single_body=bool(dependant.body_params) and is_single_body(dependant.body_params, embed),
        request_name=names[0],
        websocket_name=names[1],
        connection_name=names[2],
        response_name=names[3],
        background_name=names[4],
        scopes_name=names[5],
        scopes=tuple(_get_oauth_scopes(dependant=dependant)),
        injects=any(names),
        pure=all(step.use_cache and step.graph.pure for step in steps),
        scoped=bool(steps) or any(names[:3]),
    )


def _compile_step(
    dependant: Dependant, embed: bool, overrides: Overrides, scopes_cache: _UsesScopesCache
) -> DependencyStep:
    # The key is that of the declared dependency, also when another callable replaces it.
    key = _get_cache_key(dependant=dependant, uses_scopes_cache=scopes_cache)
    used = _replaced(dependant, overrides)
    assert used.call is not None
    kind = call_kind(used.call)
    wrap = _MANAGERS.get(kind)
    return DependencyStep(
        name=dependant.name,
        call=used.call,
        kind=kind,
        graph=_compile(used, embed, overrides, scopes_cache),
        key=key,
        use_cache=dependant.use_cache,
        closed_early=dependant.scope == "function",
        concurrency=used.concurrency,
        manager=None if wrap is None else wrap(used.call),
        declared=dependant,
    )


def compile_step(
    dependant: Dependant, embed_body_fields: bool, overrides: Overrides
) -> DependencyStep:
    """Compile one use of a dependency, for overrides that changed while a request ran."""
    return _compile_step(dependant, embed_body_fields, overrides, {})


def _replaced(dependant: Dependant, overrides: Overrides) -> Dependant:
    """The dependency itself, or the graph of the callable that overrides it."""
    assert dependant.call is not None and dependant.path is not None
    # One look: another thread, such as that of a test, may change the overrides meanwhile.
    call = overrides.get(dependant.call, dependant.call)
    if call is dependant.call:
        return dependant
    from .dependencies.utils import get_dependant

    return get_dependant(
        path=dependant.path,
        call=call,
        name=dependant.name,
        parent_oauth_scopes=_get_oauth_scopes(dependant=dependant),
        scope=dependant.scope,
        concurrency=dependant.concurrency,
    )


@dataclass(slots=True, eq=False, repr=False)
class _Compiled:
    """A graph and what it was made from, to notice when that has changed."""

    graph: Graph
    embed: bool
    overrides: Overrides
    call: Callable[..., Any] | None
    watched: tuple[tuple[list[Dependant], int], ...]

    def is_current(self, dependant: Dependant, embed: bool, overrides: Overrides) -> bool:
        if dependant.call is not self.call or embed is not self.embed:
            return False
        if not same_overrides(overrides, self.overrides):
            return False
        for dependencies, count in self.watched:  # noqa: SIM110  (a generator costs more)
            if len(dependencies) != count:
                return False
        return True


def same_overrides(one: Overrides, other: Overrides) -> bool:
    """Whether the same objects replace the same dependencies; equal objects may differ in effect."""
    if one is other or not (one or other):
        return True
    return len(one) == len(other) and all(one.get(key) is call for key, call in other.items())


def graph_of(dependant: Dependant, embed: bool, overrides: Overrides) -> Graph:
    """The compiled graph of a dependant, made again only if it, or what overrides it, changed.

    ``overrides`` must not change afterwards: it is kept to see whether the next one is the same.

    Any thread. Two threads that find it out of date both compile it; either result is right.
    """
    compiled: _Compiled | None = dependant._graph
    if compiled is not None and compiled.is_current(dependant, embed, overrides):
        return compiled.graph
    graph = compile_graph(dependant, embed, overrides)
    dependant._graph = _Compiled(
        graph=graph,
        embed=embed,
        overrides=overrides,
        call=dependant.call,
        watched=tuple((node.dependencies, len(node.dependencies)) for node in _nodes(dependant)),
    )
    return graph


def _nodes(dependant: Dependant) -> list[Dependant]:
    found = [dependant]
    for node in found:
        found.extend(node.dependencies)
    return found


# --- the plan ----------------------------------------------------------------------------------


@dataclass(slots=True, frozen=True)
class ParamStep:
    """One parameter of an endpoint, as the native executor reads it."""

    name: str  # the endpoint's keyword argument
    location: str  # "path", "query", "header" or "cookie"
    alias: str  # the name on the wire; headers in lower case with dashes
    scalar: str  # "str", "int", "float" or "bool" without any constraint; otherwise ""
    nullable: bool  # the annotation is ``T | None``
    required: bool
    default: object  # immutable, used as it is


@dataclass(slots=True, eq=False, repr=False)
class BodyStep:
    """The one JSON body parameter of an endpoint."""

    name: str
    required: bool
    default: object
    validate: Callable[[object], object]  # bound validate_python; raises ValidationError


@dataclass(slots=True, eq=False, repr=False)
class Plan:
    """One route, ready to run.

    ``serialize`` validates a returned value against the response model and gives its JSON bytes
    (raising pydantic's ``ValidationError``); it is None where there is no model. ``reason`` says
    why the Python executor must run the route, or is None.
    """

    endpoint: Callable[..., Any]
    is_coroutine: bool
    params: tuple[ParamStep, ...]
    body: BodyStep | None
    status_code: int
    serialize: Callable[[object], bytes] | None
    strict_content_type: bool
    reason: str | None
    graph: Graph


class RouteState(Protocol):
    """What a plan is made from: an ``APIRoute``, or one as it is included somewhere."""

    dependant: Dependant
    body_field: ModelField | None
    _embed_body_fields: bool
    status_code: int | None
    response_class: type[Response] | DefaultPlaceholder
    response_field: ModelField | None
    response_model_include: IncEx | None
    response_model_exclude: IncEx | None
    response_model_by_alias: bool
    response_model_exclude_unset: bool
    response_model_exclude_defaults: bool
    response_model_exclude_none: bool
    strict_content_type: bool | DefaultPlaceholder
    max_body_size: int | None
    cache: ResponseCache | None


def compile_plan(route: RouteState) -> Plan:
    """Compile the plan of a route. ``reason`` covers the route alone, not the application."""
    dependant = route.dependant
    graph = graph_of(dependant, route._embed_body_fields, {})
    kind = call_kind(graph.call)
    strict = route.strict_content_type
    reason = _route_reason(route, graph, kind)
    return Plan(
        endpoint=graph.call,
        is_coroutine=kind is CallKind.COROUTINE,
        params=tuple(_param_steps(dependant)),
        body=_body_step(dependant, graph) if reason is None else None,
        status_code=route.status_code or 200,
        serialize=response_serializer(route),
        strict_content_type=bool(
            strict.value if isinstance(strict, DefaultPlaceholder) else strict
        ),
        reason=reason,
        graph=graph,
    )


def response_serializer(route: RouteState) -> Callable[[object], bytes] | None:
    """Validate a returned value and dump it to JSON in one call; None without a model."""
    field = route.response_field
    if field is None or not isinstance(route.response_class, DefaultPlaceholder):
        return None
    validate, dump = validator_of(field), json_dumper(field, dump_options(route))

    def serialize(value: object) -> bytes:
        return dump(validate(value))

    return serialize


def dump_options(route: RouteState) -> dict[str, Any]:
    """A route's ``response_model_*`` options under the names that serialisers take."""
    return {
        "include": route.response_model_include,
        "exclude": route.response_model_exclude,
        "by_alias": route.response_model_by_alias,
        "exclude_unset": route.response_model_exclude_unset,
        "exclude_defaults": route.response_model_exclude_defaults,
        "exclude_none": route.response_model_exclude_none,
    }


def json_dumper(field: ModelField, options: Mapping[str, Any]) -> Callable[[Any], bytes]:
    """pydantic's compiled JSON serialiser of a field under given options."""
    adapter = field._type_adapter
    if getattr(adapter, "pydantic_complete", True):
        return partial(adapter.serializer.to_json, **options)
    return partial(adapter.dump_json, **options)


def _route_reason(route: RouteState, graph: Graph, kind: CallKind) -> str | None:
    """The first thing about a route that the native executor cannot do."""
    if kind in (CallKind.GENERATOR, CallKind.ASYNC_GENERATOR):
        return "the endpoint streams its response"
    if graph.steps:
        return "it has dependencies"
    if graph.injects:
        return "it takes the request, the response or background tasks"
    if route.max_body_size is not None:
        return "it limits the size of bodies"
    if route.cache is not None:
        return "its responses are cached"
    response_class = route.response_class
    if not isinstance(response_class, DefaultPlaceholder):
        if response_class is not JSONResponse or route.response_field is not None:
            return "it has a response class of its own"
    elif response_class.value is not JSONResponse:
        return "it has a response class of its own"
    if not is_body_allowed_for_status_code(route.status_code):
        return "its status allows no body"
    return _body_reason(graph) or _params_reason(route.dependant)


def _body_reason(graph: Graph) -> str | None:
    if not graph.body:
        return None
    if isinstance(graph.body[0].field_info, params.Form):
        return "its body is a form"
    if not graph.single_body:
        return "its body has several parameters"
    if not _has_fixed_default(graph.body[0].field_info):
        return "the default of its body is made for each request"
    return None


def _params_reason(dependant: Dependant) -> str | None:
    for field in _param_fields(dependant):
        info = field.field_info
        if param_model(field) is not None:
            return f"its parameter {field.name!r} is a model"
        if len(param_aliases(field)) > 1:
            return f"its parameter {field.name!r} has several names"
        if not _has_fixed_default(info):
            return f"the default of its parameter {field.name!r} is made for each request"
        if info.is_required() and not _plain_scalar(field)[0]:
            return f"its parameter {field.name!r} is validated by pydantic"
    return None


def _param_fields(dependant: Dependant) -> list[ModelField]:
    return [
        *dependant.path_params,
        *dependant.query_params,
        *dependant.header_params,
        *dependant.cookie_params,
    ]


def _param_steps(dependant: Dependant) -> Sequence[ParamStep]:
    """The parameters in the order of the endpoint's arguments."""
    assert dependant.call is not None
    order = {name: index for index, name in enumerate(inspect.signature(dependant.call).parameters)}
    fields = [field for field in _param_fields(dependant) if param_model(field) is None]
    fields.sort(key=lambda field: order.get(field.name, len(order)))
    return [_param_step(field) for field in fields]


def _param_step(field: ModelField) -> ParamStep:
    info = field.field_info
    assert isinstance(info, params.Param)
    scalar, nullable = _plain_scalar(field)
    alias = param_aliases(field)[0][1]
    return ParamStep(
        name=field.name,
        location=info.in_.value,
        alias=alias.lower() if info.in_ is params.ParamTypes.header else alias,
        scalar=scalar,
        nullable=nullable,
        required=info.is_required(),
        default=None if info.is_required() else info.default,
    )


_SCALARS = {str: "str", int: "int", float: "float", bool: "bool"}


def _plain_scalar(field: ModelField) -> tuple[str, bool]:
    """The scalar a parameter is, if pydantic only converts it, and whether None is allowed."""
    info = field.field_info
    annotation: Any = info.annotation
    members = union_members(annotation)
    nullable = type(None) in members
    if nullable and len(members) == 2:
        annotation = members[0] if members[1] is type(None) else members[1]
    plain = not info.metadata and not field.config and info.discriminator is None
    if not plain or field_annotation_is_sequence(annotation):
        return "", nullable
    return (_SCALARS.get(annotation, "") if isinstance(annotation, type) else ""), nullable


def _has_fixed_default(info: FieldInfo) -> bool:
    """Whether the default, if there is one, can be passed on as it is."""
    if info.is_required():
        return True
    if info.default_factory is not None or info.validate_default:
        return False
    return _is_fixed(info.default)


def _is_fixed(value: object) -> bool:
    if isinstance(value, Enum) or value is None:
        return True
    if type(value) is tuple:
        return all(map(_is_fixed, value))
    return type(value) in (str, int, float, bool, bytes)


def _body_step(dependant: Dependant, graph: Graph) -> BodyStep | None:
    if not graph.body:
        return None
    field = graph.body[0]
    required = field.field_info.is_required()
    return BodyStep(
        name=field.name,
        required=required,
        default=None if required else field.field_info.default,
        validate=field._type_adapter.validator.validate_python,
    )
