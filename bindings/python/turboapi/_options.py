"""The keyword options of routes, named once; verbs, routers and route classes share them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, TypedDict

from starlette.responses import JSONResponse

from .datastructures import Default
from .utils import generate_unique_id

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from . import params
    from ._cache import ResponseCache
    from ._form_limits import _FormLimits
    from ._route import APIRoute
    from .datastructures import DefaultPlaceholder
    from .types import IncEx

Responses = dict[int | str, dict[str, Any]]


class OperationOptions(TypedDict, total=False):
    """What ``@app.get(path, ...)`` and its siblings take.

    Response: ``response_model`` (default: the return annotation; None for none) and the
    ``response_model_*`` options of its serialisation, ``status_code``, ``response_class``.
    Behaviour: ``dependencies`` run before the endpoint's own; ``max_body_size`` in bytes;
    ``form_limits`` with ``max_fields``, ``max_files``, ``max_part_size``; ``cache`` keeps responses.
    Documents: the rest.
    """

    response_model: Any
    status_code: int | None
    tags: list[str | Enum] | None
    dependencies: Sequence[params.Depends] | None
    summary: str | None
    description: str | None
    response_description: str
    responses: Responses | None
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
    name: str | None
    callbacks: list[BaseRoute] | None
    openapi_extra: dict[str, Any] | None
    generate_unique_id_function: Callable[[APIRoute], str] | DefaultPlaceholder
    max_body_size: int | None
    form_limits: _FormLimits | None
    cache: ResponseCache | None


class MethodsOptions(OperationOptions, total=False):
    """As for one verb, and the verbs themselves; without ``methods`` it is GET."""

    methods: set[str] | list[str] | None


class AddRouteOptions(MethodsOptions, total=False):
    """What ``APIRouter.add_api_route`` takes besides path and endpoint."""

    route_class_override: type[APIRoute] | None
    strict_content_type: bool | DefaultPlaceholder


class APIRouteOptions(MethodsOptions, total=False):
    """What ``APIRoute`` takes besides path and endpoint."""

    dependency_overrides_provider: Any
    strict_content_type: bool | DefaultPlaceholder


class IncludeOptions(TypedDict, total=False):
    """What ``include_router`` takes: it is added to every route of the included router."""

    prefix: str
    tags: list[str | Enum] | None
    dependencies: Sequence[params.Depends] | None
    default_response_class: type[Response] | DefaultPlaceholder
    responses: Responses | None
    callbacks: list[BaseRoute] | None
    deprecated: bool | None
    include_in_schema: bool
    generate_unique_id_function: Callable[[APIRoute], str] | DefaultPlaceholder
    max_body_size: int | None
    form_limits: _FormLimits | None


OPERATION_DEFAULTS: Mapping[str, Any] = {
    "response_model": Default(None),
    "status_code": None,
    "tags": None,
    "dependencies": None,
    "summary": None,
    "description": None,
    "response_description": "Successful Response",
    "responses": None,
    "deprecated": None,
    "operation_id": None,
    "response_model_include": None,
    "response_model_exclude": None,
    "response_model_by_alias": True,
    "response_model_exclude_unset": False,
    "response_model_exclude_defaults": False,
    "response_model_exclude_none": False,
    "include_in_schema": True,
    "response_class": Default(JSONResponse),
    "name": None,
    "callbacks": None,
    "openapi_extra": None,
    "generate_unique_id_function": Default(generate_unique_id),
    "max_body_size": None,
    "form_limits": None,
    "cache": None,
}

METHODS_DEFAULTS: Mapping[str, Any] = {**OPERATION_DEFAULTS, "methods": None}

ADD_ROUTE_DEFAULTS: Mapping[str, Any] = {
    **METHODS_DEFAULTS,
    "route_class_override": None,
    "strict_content_type": Default(True),
}

API_ROUTE_DEFAULTS: Mapping[str, Any] = {
    **METHODS_DEFAULTS,
    "dependency_overrides_provider": None,
    "strict_content_type": Default(True),
}


INCLUDE_DEFAULTS: Mapping[str, Any] = {
    "prefix": "",
    "tags": None,
    "dependencies": None,
    "default_response_class": Default(JSONResponse),
    "responses": None,
    "callbacks": None,
    "deprecated": None,
    "include_in_schema": True,
    "generate_unique_id_function": Default(generate_unique_id),
    "max_body_size": None,
    "form_limits": None,
}


def complete(
    function: str, given: Mapping[str, Any], defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """All options of a function: those given over the defaults; ``TypeError`` for others."""
    unknown = given.keys() - defaults.keys()
    if unknown:
        raise TypeError(f"{function}() got an unexpected keyword argument {min(unknown)!r}")
    return {**defaults, **given}
