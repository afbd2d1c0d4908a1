"""Build the dependency graph of a callable from its signature, and solve it for a request.

Building happens at registration; nothing here inspects a signature while a request runs.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import AsyncExitStack
from copy import copy
from dataclasses import dataclass
from typing import Annotated, Any, ForwardRef, Literal, get_args, get_origin

from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from starlette.background import BackgroundTasks as StarletteBackgroundTasks
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from typing_inspection.typing_objects import is_typealiastype

from .. import _executor, params
from .._compat import (
    ModelField,
    RequiredParam,
    Undefined,
    copy_field_info,
    evaluate_forwardref,
    field_annotation_is_scalar,
    field_annotation_is_scalar_sequence,
    get_cached_model_fields,
    is_scalar_field,
    is_uploadfile_or_nonable_uploadfile_annotation,
    is_uploadfile_sequence_annotation,
    lenient_issubclass,
)
from .._dhi import pydantic_form, with_dhi_values
from .._executor import SolvedDependency as SolvedDependency
from .._extract import get_validation_alias as get_validation_alias
from .._extract import model_type as _get_model_type
from .._extract import param_aliases as _get_param_aliases
from .._extract import param_model as _get_param_model
from .._extract import request_params_to_args as request_params_to_args
from .._forms import _read_file_bytes as _read_file_bytes
from .._forms import add_form_union_validators as _add_form_union_validators
from .._forms import ensure_multipart_is_installed as ensure_multipart_is_installed
from .._forms import form_models as _get_form_models
from .._forms import form_union_models as _get_form_union_models
from .._forms import get_body_field as _get_body_field
from .._forms import multipart_incorrect_install_error as multipart_incorrect_install_error
from .._forms import multipart_not_installed_error as multipart_not_installed_error
from .._forms import request_body_to_args as request_body_to_args
from .._forms import should_embed_body_fields as _should_embed_body_fields
from ..concurrency import _DependencyConcurrency
from ..exceptions import DependencyScopeError
from ..security.base import SecurityScopes
from ..types import DependencyCacheKey
from ..utils import create_model_field, get_path_param_names
from .models import (
    Dependant,
    _get_cache_key,
    _get_computed_scope,
    _is_async_gen_callable,
    _is_gen_callable,
    _UsesScopesCache,
)

__all__ = [
    "Dependant",
    "ParamDetails",
    "SolvedDependency",
    "_get_body_field",
    "_get_flat_body_params",
    "_get_flat_fields_from_params",
    "_get_form_models",
    "_get_param_aliases",
    "_get_param_model",
    "_read_file_bytes",
    "_should_embed_body_fields",
    "analyze_param",
    "ensure_multipart_is_installed",
    "get_dependant",
    "get_flat_params",
    "get_parameterless_sub_dependant",
    "get_stream_item_type",
    "get_typed_annotation",
    "get_typed_return_annotation",
    "get_typed_signature",
    "get_validation_alias",
    "request_body_to_args",
    "request_params_to_args",
    "solve_dependencies",
]

# A parameter of one of these types is the object itself; the attribute of Dependant that keeps
# its name. Subclasses come before their bases.
_INJECTED: tuple[tuple[type[Any], str], ...] = (
    (Request, "request_param_name"),
    (WebSocket, "websocket_param_name"),
    (HTTPConnection, "http_connection_param_name"),
    (Response, "response_param_name"),
    (StarletteBackgroundTasks, "background_tasks_param_name"),
    (SecurityScopes, "security_scopes_param_name"),
)
_INJECTED_TYPES = tuple(kind for kind, _ in _INJECTED)

_STREAM_ORIGINS = frozenset(
    {AsyncIterable, AsyncIterator, AsyncGenerator, Iterable, Iterator, Generator}
)


# --- signatures --------------------------------------------------------------------------------


def _get_signature(call: Callable[..., Any]) -> inspect.Signature:
    """The signature with annotations evaluated where their names are known."""
    try:
        return inspect.signature(call, eval_str=True)
    except NameError:
        if sys.version_info >= (3, 14):
            from annotationlib import Format

            return inspect.signature(call, annotation_format=Format.FORWARDREF)
        return inspect.signature(call)


def _namespace_of(call: Callable[..., Any]) -> dict[str, Any]:
    namespace: dict[str, Any] = getattr(inspect.unwrap(call), "__globals__", {})
    return namespace


def get_typed_signature(call: Callable[..., Any]) -> inspect.Signature:
    """The signature of a callable with string annotations resolved, without the return type."""
    namespace = _namespace_of(call)
    return inspect.Signature(
        [
            inspect.Parameter(
                name=parameter.name,
                kind=parameter.kind,
                default=parameter.default,
                annotation=get_typed_annotation(parameter.annotation, namespace),
            )
            for parameter in _get_signature(call).parameters.values()
        ]
    )


def get_typed_annotation(annotation: Any, globalns: dict[str, Any]) -> Any:
    """An annotation with a string resolved; ``"None"`` is None, not its type."""
    if not isinstance(annotation, str):
        return annotation
    resolved = evaluate_forwardref(ForwardRef(annotation), globalns, globalns)
    return None if resolved is type(None) else resolved


def get_typed_return_annotation(call: Callable[..., Any]) -> Any:
    """The return type of a callable, or None if it has none."""
    annotation = _get_signature(call).return_annotation
    if annotation is inspect.Signature.empty:
        return None
    return get_typed_annotation(annotation, _namespace_of(call))


def get_stream_item_type(annotation: Any) -> Any | None:
    """The item type of a (possibly async) iterator annotation; None for other annotations."""
    if get_origin(annotation) not in _STREAM_ORIGINS:
        return None
    args = get_args(annotation)
    return args[0] if args else Any


# --- parameters --------------------------------------------------------------------------------


@dataclass
class ParamDetails:
    """What one parameter of a signature is: a field, a dependency, or an injected object."""

    type_annotation: Any
    depends: params.Depends | None
    field: ModelField | None


def analyze_param(
    *, param_name: str, annotation: Any, value: Any, path_param_names: set[str]
) -> ParamDetails:
    """Decide where a parameter's value comes from. ``value`` is its default in the signature."""
    if is_typealiastype(annotation):
        annotation = annotation.__value__
    declared = Any if annotation is inspect.Signature.empty else annotation
    full = pydantic_form(declared)
    bare = _without_metadata(full)
    is_path = param_name in path_param_names

    info, depends = _declared_in_annotation(param_name, full, value, is_path)
    info, depends = _declared_as_default(param_name, bare, value, info, depends)
    if depends is not None and depends.dependency is None:
        depends = dataclasses.replace(depends, dependency=_without_metadata(declared))
    if depends is None and lenient_issubclass(bare, _INJECTED_TYPES):
        assert info is None, f"Cannot specify FastAPI annotation for type {bare!r}"
    elif depends is None and info is None:
        info = _inferred(full, bare, value, is_path)
    field = None
    if info is not None:
        if full is not declared:
            info = with_dhi_values(info)
        field = _param_field(param_name, full, info, path_param_names)
    return ParamDetails(type_annotation=bare, depends=depends, field=field)


def _without_metadata(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _declared_in_annotation(
    name: str, annotation: Any, value: Any, is_path: bool
) -> tuple[FieldInfo | None, params.Depends | None]:
    """The last declaration inside ``Annotated``; other metadata is merged into it."""
    if get_origin(annotation) is not Annotated:
        return None, None
    kinds = (params.Param, params.Body, params.Depends)
    declarations = [item for item in get_args(annotation)[1:] if isinstance(item, kinds)]
    if not declarations:
        return None, None
    last = declarations[-1]
    if isinstance(last, params.Depends):
        return None, last
    info = copy_field_info(field_info=last, annotation=annotation)
    kind = type(info).__name__
    assert info.default is Undefined or info.default == RequiredParam, (
        f"`{kind}` default value cannot be set in `Annotated` for {name!r}."
        " Set the default value with `=` instead."
    )
    if value is inspect.Signature.empty:
        info.default = RequiredParam
    else:
        assert not is_path, "Path parameters cannot have default values"
        info.default = value
    return info, None


def _declared_as_default(
    name: str,
    bare: Any,
    value: Any,
    info: FieldInfo | None,
    depends: params.Depends | None,
) -> tuple[FieldInfo | None, params.Depends | None]:
    """A declaration given as the default value, which excludes one inside ``Annotated``."""
    if isinstance(value, params.Depends):
        assert depends is None, (
            f"Cannot specify `Depends` in `Annotated` and default value together for {name!r}"
        )
        assert info is None, (
            "Cannot specify a FastAPI annotation in `Annotated` and `Depends` as a"
            f" default value together for {name!r}"
        )
        return None, value
    if isinstance(value, FieldInfo):
        assert info is None, (
            "Cannot specify FastAPI annotations in `Annotated` and default value"
            f" together for {name!r}"
        )
        value.annotation = bare
        return value, depends
    return info, depends


def _inferred(full: Any, bare: Any, value: Any, is_path: bool) -> FieldInfo:
    """An undeclared parameter: path by name, upload or body by type, otherwise query."""
    default = RequiredParam if value is inspect.Signature.empty else value
    info: FieldInfo
    if is_path:
        info = params.Path(annotation=full)
    elif is_uploadfile_or_nonable_uploadfile_annotation(bare) or is_uploadfile_sequence_annotation(
        bare
    ):
        info = params.File(annotation=full, default=default)
    elif not field_annotation_is_scalar(bare):
        info = params.Body(annotation=full, default=default)
    else:
        info = params.Query(annotation=full, default=default)
    if get_origin(full) is not Annotated:
        return info
    default = info.default
    info = copy_field_info(field_info=info, annotation=full)
    info.default = default
    if is_path:
        info.default_factory = None
    return info


def _param_field(
    name: str, annotation: Any, info: FieldInfo, path_param_names: set[str]
) -> ModelField:
    """Compile the field of a declared parameter and check that it can be read."""
    is_path = name in path_param_names
    if is_path:
        assert isinstance(info, params.Path), (
            f"Cannot use `{type(info).__name__}` for path param {name!r}"
        )
    elif isinstance(info, params.Param) and getattr(info, "in_", None) is None:
        info.in_ = params.ParamTypes.query
    if isinstance(info, params.Form):
        ensure_multipart_is_installed()
        if _get_form_union_models(info.annotation):
            info.annotation = _add_form_union_validators(info.annotation)
    info = _with_path_choice(info, path_param_names)
    alias = info.alias or name
    if not info.alias and getattr(info, "convert_underscores", None):
        alias = name.replace("_", "-")
    info.alias = alias
    field = create_model_field(
        name=name, type_=annotation, default=info.default, alias=alias, field_info=info
    )
    _check_readable(name, field, is_path)
    return field


def _with_path_choice(info: FieldInfo, path_param_names: set[str]) -> FieldInfo:
    """Of a path parameter's alias choices only the one in the route's path can be read."""
    choices = info.validation_alias
    if not isinstance(info, params.Path) or not isinstance(choices, AliasChoices):
        return info
    if not all(isinstance(choice, str) for choice in choices.choices):
        return info
    for choice in choices.choices:
        if choice in path_param_names:
            info = copy(info)
            info.validation_alias = str(choice)
            break
    return info


def _check_readable(name: str, field: ModelField, is_path: bool) -> None:
    info = field.field_info
    if is_path:
        assert is_scalar_field(field), "Path params must be of one of the supported types"
    elif isinstance(info, params.Query):
        assert (
            is_scalar_field(field)
            or field_annotation_is_scalar_sequence(info.annotation)
            or _get_model_type(info.annotation) is not None
        ), f"Query parameter {name!r} must be one of the supported types"


def add_non_field_param_to_dependency(
    *, param_name: str, type_annotation: Any, dependant: Dependant
) -> bool | None:
    """Note a parameter that takes an object of the framework; True if it was one."""
    for kind, attribute in _INJECTED:
        if lenient_issubclass(type_annotation, kind):
            setattr(dependant, attribute, param_name)
            return True
    return None


def add_param_to_fields(*, field: ModelField, dependant: Dependant) -> None:
    """Note a parameter that is read from somewhere else than the body."""
    where = getattr(field.field_info, "in_", None)
    fields = {
        params.ParamTypes.path: dependant.path_params,
        params.ParamTypes.query: dependant.query_params,
        params.ParamTypes.header: dependant.header_params,
        params.ParamTypes.cookie: dependant.cookie_params,
    }
    assert where in fields, (
        f"non-body parameters must be in path, query, header or cookie: {field.name}"
    )
    fields[where].append(field)


# --- the graph ---------------------------------------------------------------------------------


def get_dependant(
    *,
    path: str,
    call: Callable[..., Any],
    name: str | None = None,
    own_oauth_scopes: list[str] | None = None,
    parent_oauth_scopes: list[str] | None = None,
    use_cache: bool = True,
    scope: Literal["function", "request"] | None = None,
    concurrency: _DependencyConcurrency | None = None,
) -> Dependant:
    """The graph below a callable. ``path`` is the route's template, which names path parameters."""
    dependant = Dependant(
        call=call,
        name=name,
        path=path,
        use_cache=use_cache,
        scope=scope,
        concurrency=concurrency,
        own_oauth_scopes=own_oauth_scopes,
        parent_oauth_scopes=parent_oauth_scopes,
    )
    path_param_names = get_path_param_names(path)
    for param in get_typed_signature(call).parameters.values():
        details = analyze_param(
            param_name=param.name,
            annotation=param.annotation,
            value=param.default,
            path_param_names=path_param_names,
        )
        if details.depends is not None:
            sub = _sub_dependant(dependant, param.name, details.depends)
            dependant.dependencies.append(sub)
        elif add_non_field_param_to_dependency(
            param_name=param.name, type_annotation=details.type_annotation, dependant=dependant
        ):
            assert details.field is None, (
                f"Cannot specify multiple FastAPI annotations for {param.name!r}"
            )
        else:
            assert details.field is not None
            if isinstance(details.field.field_info, params.Body):
                dependant.body_params.append(details.field)
            else:
                add_param_to_fields(field=details.field, dependant=dependant)
    return dependant


def _sub_dependant(parent: Dependant, name: str, depends: params.Depends) -> Dependant:
    assert depends.dependency is not None and parent.path is not None
    _check_scopes(parent, depends)
    return get_dependant(
        path=parent.path,
        call=depends.dependency,
        name=name,
        own_oauth_scopes=_scopes_of(depends),
        parent_oauth_scopes=[*(parent.parent_oauth_scopes or ()), *(parent.own_oauth_scopes or ())],
        use_cache=depends.use_cache,
        scope=depends.scope,
        concurrency=depends._concurrency,
    )


def _scopes_of(depends: params.Depends) -> list[str]:
    return list(depends.scopes or ()) if isinstance(depends, params.Security) else []


def _check_scopes(parent: Dependant, depends: params.Depends) -> None:
    """What is closed after the response cannot use what is closed before it."""
    if depends.scope != "function":
        return
    is_generator = _is_gen_callable(parent.call) or _is_async_gen_callable(parent.call)
    if is_generator and _get_computed_scope(dependant=parent) == "request":
        name = getattr(parent.call, "__name__", "<unnamed_callable>")
        raise DependencyScopeError(
            f'The dependency "{name}" has a scope of "request", '
            'it cannot depend on dependencies with scope "function".'
        )


def get_parameterless_sub_dependant(*, depends: params.Depends, path: str) -> Dependant:
    """The graph of a dependency whose value nobody takes, as in ``dependencies=[...]``."""
    assert callable(depends.dependency), (
        "A parameter-less dependency must have a callable dependency"
    )
    return get_dependant(
        path=path,
        call=depends.dependency,
        scope=depends.scope,
        concurrency=depends._concurrency,
        own_oauth_scopes=_scopes_of(depends),
    )


def _walk(dependant: Dependant) -> Iterator[Dependant]:
    """The nodes of a graph: a node before its dependencies, these in order."""
    waiting = [dependant]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(reversed(current.dependencies))


def _get_flat_body_params(dependant: Dependant) -> list[ModelField]:
    """The body parameters of a graph."""
    return [field for node in _walk(dependant) for field in node.body_params]


def _get_flat_fields_from_params(fields: Sequence[ModelField]) -> list[ModelField]:
    """The fields, with a parameter model replaced by its own fields."""
    flat: list[ModelField] = []
    for field in fields:
        model = _get_param_model(field)
        flat.extend([field] if model is None else get_cached_model_fields(model))
    return flat


def get_flat_params(dependant: Dependant) -> list[ModelField]:
    """All parameters of a graph by location, each dependency counted once."""
    visited: list[DependencyCacheKey] = []
    cache: _UsesScopesCache = {}
    nodes: list[Dependant] = []
    waiting = [dependant]
    while waiting:
        node = waiting.pop()
        key = _get_cache_key(dependant=node, uses_scopes_cache=cache)
        if key in visited:
            continue
        visited.append(key)
        nodes.append(node)
        waiting.extend(reversed(node.dependencies))
    return [
        *_get_flat_fields_from_params([f for node in nodes for f in node.path_params]),
        *_get_flat_fields_from_params([f for node in nodes for f in node.query_params]),
        *_get_flat_fields_from_params([f for node in nodes for f in node.header_params]),
        *_get_flat_fields_from_params([f for node in nodes for f in node.cookie_params]),
    ]


async def solve_dependencies(
    *,
    request: Request | WebSocket,
    dependant: Dependant,
    body: Any = Undefined,
    background_tasks: StarletteBackgroundTasks | None = None,
    response: Response | None = None,
    dependency_overrides_provider: Any | None = None,
    dependency_cache: dict[DependencyCacheKey, Any] | None = None,
    async_exit_stack: AsyncExitStack,
    embed_body_fields: bool,
    _uses_scopes_cache: _UsesScopesCache | None = None,
) -> SolvedDependency:
    """Run the dependencies of a graph for one request and collect the endpoint's arguments.

    ``body`` is ``Undefined`` when none was sent; ``None`` is JSON null. Instrumentation replaces
    this function in :mod:`turboapi.routing`; a replaced one is called for every request.
    """
    return await _executor.solve(
        request=request,
        dependant=dependant,
        body=body,
        background_tasks=background_tasks,
        response=response,
        overrides_provider=dependency_overrides_provider,
        cache=dependency_cache,
        embed_body_fields=embed_body_fields,
    )
