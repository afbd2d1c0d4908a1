"""Builds the OpenAPI document of a list of routes.

The values and the order of keys are FastAPI 0.165.0's. Nothing here keeps state: applications cache the
document themselves.
"""

from __future__ import annotations

import copy
import http.client
import inspect
import threading
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from .. import routing
from .._compat import (
    ModelField,
    get_definitions,
    get_flat_models_from_fields,
    get_model_name_map,
    get_schema_from_model_field,
    lenient_issubclass,
)
from ..datastructures import DefaultPlaceholder, _Unset
from ..dependencies.models import (
    Dependant,
    _get_cache_key,
    _get_oauth_scopes,
    _get_security_scheme,
    _is_security_scheme,
    _UsesScopesCache,
)
from ..dependencies.utils import (
    _get_flat_fields_from_params,
    _get_param_aliases,
    _get_param_model,
    get_flat_params,
)
from ..encoders import jsonable_encoder
from ..exceptions import FastAPIDeprecationWarning
from ..params import Body
from ..sse import _SSE_EVENT_SCHEMA
from ..types import DependencyCacheKey, ModelNameMap
from ..utils import (
    deep_dict_update,
    generate_operation_id_for_path,
    is_body_allowed_for_status_code,
)
from .constants import METHODS_WITH_BODY, REF_PREFIX

if TYPE_CHECKING:
    from .._route import Operation as _APIRouteLike
    from ..routing import RouteContext

_FieldMapping = dict[tuple[ModelField, Literal["validation", "serialization"]], dict[str, Any]]
_Json = dict[str, Any]

validation_error_definition: _Json = {
    "title": "ValidationError",
    "type": "object",
    "properties": {
        "loc": {
            "title": "Location",
            "type": "array",
            "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        },
        "msg": {"title": "Message", "type": "string"},
        "type": {"title": "Error Type", "type": "string"},
        "input": {"title": "Input"},
        "ctx": {"title": "Context", "type": "object"},
    },
    "required": ["loc", "msg", "type"],
}

validation_error_response_definition: _Json = {
    "title": "HTTPValidationError",
    "type": "object",
    "properties": {
        "detail": {
            "title": "Detail",
            "type": "array",
            "items": {"$ref": REF_PREFIX + "ValidationError"},
        }
    },
}

status_code_ranges: dict[str, str] = {
    "1XX": "Information",
    "2XX": "Success",
    "3XX": "Redirection",
    "4XX": "Client Error",
    "5XX": "Server Error",
    "DEFAULT": "Default Response",
}

_STATUS_OF_INVALID_REQUEST = "422"
_models_lock = threading.Lock()  # guards the first build of the document's models


@dataclass(frozen=True, slots=True)
class _Schemas:
    """What every schema of one document is looked up in."""

    model_name_map: ModelNameMap
    field_mapping: _FieldMapping
    separate_input_output_schemas: bool

    def of(self, field: ModelField, field_alias: str | None = None) -> _Json:
        """The schema of a field, or a reference to it."""
        return get_schema_from_model_field(
            field=field,
            model_name_map=self.model_name_map,
            field_mapping=self.field_mapping,
            separate_input_output_schemas=self.separate_input_output_schemas,
            field_alias=field_alias,
        )


# --- dependencies: parameters and security of a whole graph --------------------------------------


@dataclass
class _OpenAPIDependencyData:
    """The parameters and security schemes of a dependency graph, outermost first, repeats left out."""

    path_params: list[ModelField] = field(default_factory=list)
    query_params: list[ModelField] = field(default_factory=list)
    header_params: list[ModelField] = field(default_factory=list)
    cookie_params: list[ModelField] = field(default_factory=list)
    security_dependencies: list[tuple[Dependant, list[str]]] = field(default_factory=list)


def _get_openapi_dependency_data(dependant: Dependant) -> _OpenAPIDependencyData:
    data = _OpenAPIDependencyData()
    for node in _unrepeated(dependant, set(), {}):
        data.path_params += node.path_params
        data.query_params += node.query_params
        data.header_params += node.header_params
        data.cookie_params += node.cookie_params
        if _is_security_scheme(dependant=node):
            data.security_dependencies.append((node, _get_oauth_scopes(dependant=node)))
    return data


def _unrepeated(
    dependant: Dependant, seen: set[DependencyCacheKey], scopes_cache: _UsesScopesCache
) -> Iterator[Dependant]:
    """The nodes of a graph, each before its dependencies; what would share one call is visited once."""
    seen.add(_get_cache_key(dependant=dependant, uses_scopes_cache=scopes_cache))
    yield dependant
    for sub in dependant.dependencies:
        if _get_cache_key(dependant=sub, uses_scopes_cache=scopes_cache) not in seen:
            yield from _unrepeated(sub, seen, scopes_cache)


def _get_openapi_security_definitions(
    security_dependencies: list[tuple[Dependant, list[str]]],
) -> tuple[_Json, list[_Json]]:
    """The schemes by name, and what an operation requires: one entry a scheme, its scopes united."""
    definitions: _Json = {}
    required: dict[str, dict[str, None]] = {}
    for dependant, scopes in security_dependencies:
        scheme = _get_security_scheme(dependant=dependant)
        name = scheme.scheme_name
        definitions[name] = jsonable_encoder(scheme.model, by_alias=True, exclude_none=True)
        required.setdefault(name, {}).update(dict.fromkeys(scopes))
    return definitions, [{name: list(scopes)} for name, scopes in required.items()]


# --- parameters ----------------------------------------------------------------------------------


def _get_openapi_operation_parameters(
    *,
    dependency_data: _OpenAPIDependencyData,
    model_name_map: ModelNameMap,
    field_mapping: _FieldMapping,
    separate_input_output_schemas: bool = True,
) -> list[_Json]:
    """The parameter objects: path, query, header, cookie; models give one for each of their fields."""
    schemas = _Schemas(model_name_map, field_mapping, separate_input_output_schemas)
    groups = (
        ("path", dependency_data.path_params),
        ("query", dependency_data.query_params),
        ("header", dependency_data.header_params),
        ("cookie", dependency_data.cookie_params),
    )
    return [
        parameter
        for location, fields in groups
        for declared in fields
        if getattr(declared.field_info, "include_in_schema", True)
        for parameter in _parameters_of(declared, location, schemas)
    ]


def _parameters_of(declared: ModelField, location: str, schemas: _Schemas) -> Iterator[_Json]:
    required = declared.field_info.is_required()
    model = _get_param_model(declared)
    if model is None:
        yield _parameter(declared, location, schemas, required=required)
        return
    # A group that may be missing as a whole has no member that must be there. A default alone
    # ("group: Model = ...") does not make it one: it is never used.
    may_be_missing = not required and declared.field_info.annotation is not model
    convert = location == "header" and getattr(declared.field_info, "convert_underscores", True)
    for member in _get_flat_fields_from_params([declared]):
        if getattr(member.field_info, "include_in_schema", True):
            needed = member.field_info.is_required() and not may_be_missing
            yield _parameter(
                member, location, schemas, required=needed, convert_underscores=convert
            )


def _parameter(
    member: ModelField,
    location: str,
    schemas: _Schemas,
    *,
    required: bool,
    convert_underscores: bool = False,
) -> _Json:
    aliases = _get_param_aliases(member, convert_underscores=convert_underscores)
    alias, wire_name = aliases[0]
    info = member.field_info
    parameter: _Json = {
        "name": wire_name,
        "in": location,
        "required": required,
        "schema": schemas.of(member, field_alias=alias),
    }
    if info.description:
        parameter["description"] = info.description
    parameter.update(_examples_of(info))
    if getattr(info, "deprecated", None):
        parameter["deprecated"] = True
    return parameter


def _examples_of(info: Any) -> _Json:
    """OpenAPI's own examples of a parameter or body; JSON Schema's `examples` are inside the schema."""
    openapi_examples = getattr(info, "openapi_examples", None)
    example = getattr(info, "example", _Unset)
    if openapi_examples:
        return {"examples": jsonable_encoder(openapi_examples)}
    if example is not _Unset:
        return {"example": jsonable_encoder(example)}
    return {}


def _united_parameters(parameters: list[_Json]) -> list[_Json]:
    """One entry for each location and name: the last required declaration, otherwise the last one."""
    united = {(each["in"], each["name"]): each for each in parameters}
    united.update({(each["in"], each["name"]): each for each in parameters if each["required"]})
    return list(united.values())


# --- body ----------------------------------------------------------------------------------------


def get_openapi_operation_request_body(
    *,
    body_field: ModelField | None,
    model_name_map: ModelNameMap,
    field_mapping: _FieldMapping,
    separate_input_output_schemas: bool = True,
) -> _Json | None:
    """The request body object of a route's body field; None without one."""
    if body_field is None:
        return None
    schemas = _Schemas(model_name_map, field_mapping, separate_input_output_schemas)
    info = cast(Body, body_field.field_info)
    content = {"schema": schemas.of(body_field), **_examples_of(info)}
    body: _Json = {"required": True} if info.is_required() else {}
    body["content"] = {info.media_type: content}
    return body


# --- one operation -------------------------------------------------------------------------------


def generate_operation_id(*, route: _APIRouteLike, method: str) -> str:
    """Deprecated in FastAPI: the operation id of a route, made of its name, path and `method`."""
    warnings.warn(
        f"{__name__}.generate_operation_id() was deprecated, "
        "it is not used internally, and will be removed soon",
        category=FastAPIDeprecationWarning,
        stacklevel=2,
    )
    if route.operation_id:
        return route.operation_id
    return generate_operation_id_for_path(name=route.name, path=route.path_format, method=method)


def generate_operation_summary(*, route: _APIRouteLike, method: str) -> str:
    """The declared summary, otherwise the endpoint's name as words."""
    return route.summary or route.name.replace("_", " ").title()


def get_openapi_operation_metadata(
    *, route: _APIRouteLike, method: str, operation_ids: set[str]
) -> _Json:
    """Tags, summary, description, id and deprecation. The id is added to `operation_ids`; a repeated one warns."""
    operation: _Json = {}
    if route.tags:
        operation["tags"] = route.tags
    operation["summary"] = generate_operation_summary(route=route, method=method)
    if route.description:
        operation["description"] = route.description
    operation_id = route.operation_id or route.unique_id
    if operation_id in operation_ids:
        _warn_of_repeated_id(operation_id, route.endpoint)
    operation_ids.add(operation_id)
    operation["operationId"] = operation_id
    if route.deprecated:
        operation["deprecated"] = route.deprecated
    return operation


def _warn_of_repeated_id(operation_id: str, endpoint: Any) -> None:
    name = getattr(endpoint, "__name__", "<unnamed_endpoint>")
    text = f"Duplicate Operation ID {operation_id} for function {name}"
    file = getattr(endpoint, "__globals__", {}).get("__file__")
    warnings.warn(f"{text} at {file}" if file else text, stacklevel=1)


def _response_class(route: _APIRouteLike) -> type[Response]:
    declared = route.response_class
    return declared.value if isinstance(declared, DefaultPlaceholder) else declared


def _main_status(route: _APIRouteLike, response_class: type[Response]) -> str:
    """The declared status, otherwise the default of the response class's constructor."""
    if route.status_code is not None:
        return str(route.status_code)
    parameter = inspect.signature(response_class.__init__).parameters.get("status_code")
    if parameter is not None and isinstance(parameter.default, int):
        return str(parameter.default)
    return "200"


def _main_content(route: _APIRouteLike, response_class: type[Response], schemas: _Schemas) -> _Json:
    """The content of the main response by media type."""
    if route.is_sse_stream:
        return {"text/event-stream": {"itemSchema": _sse_item_schema(route, schemas)}}
    if route.is_json_stream:
        item = route.stream_item_field
        return {"application/jsonl": {"itemSchema": schemas.of(item) if item else {}}}
    if not response_class.media_type:
        return {}
    schema: _Json = {"type": "string"}
    if lenient_issubclass(response_class, JSONResponse):
        schema = schemas.of(route.response_field) if route.response_field else {}
    return {response_class.media_type: {"schema": schema}}


def _sse_item_schema(route: _APIRouteLike, schemas: _Schemas) -> _Json:
    """One event; what the endpoint declares to yield is the JSON text of its data."""
    item: _Json = {**_SSE_EVENT_SCHEMA, "properties": dict(_SSE_EVENT_SCHEMA["properties"])}
    if route.stream_item_field:
        item["properties"]["data"] = {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": schemas.of(route.stream_item_field),
        }
        item["required"] = ["data"]
    return item


def _responses_of(route: _APIRouteLike, schemas: _Schemas) -> _Json:
    response_class = _response_class(route)
    main: _Json = {"description": route.response_description}
    if is_body_allowed_for_status_code(route.status_code):
        content = _main_content(route, response_class, schemas)
        if content:
            main["content"] = content
    responses = {_main_status(route, response_class): main}
    for status, additional in route.responses.items():
        field = route.response_fields.get(status)
        extra = _additional_response(additional, field, response_class.media_type, schemas)
        _add_response(responses, str(status).upper(), extra)
    return responses


def _additional_response(
    declared: _Json, field: ModelField | None, media_type: str | None, schemas: _Schemas
) -> _Json:
    """An entry of `responses=` with its model's schema put into its content."""
    assert isinstance(declared, dict), "An additional response must be a dict"
    # Copied, as it is merged below and the same declaration serves several operations and calls.
    response = copy.deepcopy({key: value for key, value in declared.items() if key != "model"})
    if field is not None:
        content = response.setdefault("content", {})
        media = content.setdefault(media_type or "application/json", {})
        deep_dict_update(media.setdefault("schema", {}), schemas.of(field))
    return response


def _add_response(responses: _Json, status: str, response: _Json) -> None:
    merged = responses.setdefault("default" if status == "DEFAULT" else status, {})
    description = response.get("description") or merged.get("description") or _status_text(status)
    deep_dict_update(merged, response)
    merged["description"] = description


def _status_text(status: str) -> str:
    text = status_code_ranges.get(status) or http.client.responses.get(int(status))
    return text or "Additional Response"


def _may_refuse_request(route: _APIRouteLike, responses: _Json) -> bool:
    """Whether validation can fail and the route does not describe that answer itself."""
    described = any(
        status in responses for status in (_STATUS_OF_INVALID_REQUEST, "4XX", "default")
    )
    return not described and bool(get_flat_params(route.dependant) or route.body_field)


@dataclass(slots=True)
class _PathBuilder:
    """Collects the path item of one route, and what it adds to the components."""

    schemas: _Schemas
    operation_ids: set[str]
    path: _Json = field(default_factory=dict)
    security_schemes: _Json = field(default_factory=dict)
    definitions: _Json = field(default_factory=dict)

    def add_operation(self, route: _APIRouteLike, method: str) -> None:
        """One method of the route."""
        operation = get_openapi_operation_metadata(
            route=route, method=method, operation_ids=self.operation_ids
        )
        self._add_input(operation, route, method)
        if route.callbacks:
            operation["callbacks"] = self._callbacks(route.callbacks)
        operation["responses"] = _responses_of(route, self.schemas)
        if _may_refuse_request(route, operation["responses"]):
            self._add_validation_error(operation["responses"])
        if route.openapi_extra:
            deep_dict_update(operation, route.openapi_extra)
        self.path[method.lower()] = operation

    def _add_input(self, operation: _Json, route: _APIRouteLike, method: str) -> None:
        data = _get_openapi_dependency_data(route.dependant)
        schemes, security = _get_openapi_security_definitions(data.security_dependencies)
        self.security_schemes.update(schemes)
        if security:
            operation["security"] = security
        schemas = self.schemas
        parameters = _get_openapi_operation_parameters(
            dependency_data=data,
            model_name_map=schemas.model_name_map,
            field_mapping=schemas.field_mapping,
            separate_input_output_schemas=schemas.separate_input_output_schemas,
        )
        if parameters:
            operation["parameters"] = _united_parameters(parameters)
        if method in METHODS_WITH_BODY:
            body = get_openapi_operation_request_body(
                body_field=route.body_field,
                model_name_map=schemas.model_name_map,
                field_mapping=schemas.field_mapping,
                separate_input_output_schemas=schemas.separate_input_output_schemas,
            )
            if body:
                operation["requestBody"] = body

    def _callbacks(self, routes: Sequence[BaseRoute]) -> _Json:
        """Callbacks share the operation ids. Routers included in a callback router are not documented."""
        callbacks: _Json = {}
        for route in routes:
            if isinstance(route, routing.APIRoute):
                builder = _PathBuilder(self.schemas, self.operation_ids)
                builder.add_route(route)
                callbacks[route.name] = {route.path: builder.path}
        return callbacks

    def _add_validation_error(self, responses: _Json) -> None:
        schema = {"$ref": REF_PREFIX + "HTTPValidationError"}
        responses[_STATUS_OF_INVALID_REQUEST] = {
            "description": "Validation Error",
            "content": {"application/json": {"schema": schema}},
        }
        self.definitions["ValidationError"] = validation_error_definition
        self.definitions["HTTPValidationError"] = validation_error_response_definition

    def add_route(self, route: _APIRouteLike) -> None:
        """Every method of the route, unless it is left out of the document."""
        assert route.methods is not None, "Methods must be a list"
        if route.include_in_schema:
            for method in route.methods:
                self.add_operation(route, method)


def get_openapi_path(
    *,
    route: _APIRouteLike,
    operation_ids: set[str],
    model_name_map: ModelNameMap,
    field_mapping: _FieldMapping,
    separate_input_output_schemas: bool = True,
) -> tuple[_Json, _Json, _Json]:
    """The path item of a route, its security schemes and the definitions it adds."""
    schemas = _Schemas(model_name_map, field_mapping, separate_input_output_schemas)
    builder = _PathBuilder(schemas, operation_ids)
    builder.add_route(route)
    return builder.path, builder.security_schemes, builder.definitions


# --- the document --------------------------------------------------------------------------------


def _get_api_route_for_openapi(route_context: RouteContext) -> _APIRouteLike | None:
    """The API route of a context as it is effective there (prefix, tags ...); None for other routes."""
    if isinstance(route_context.original_route, routing.APIRoute):
        return cast("_APIRouteLike", route_context._effective_route)
    return None


def _documented(
    routes: Sequence[BaseRoute | RouteContext],
) -> Iterator[_APIRouteLike]:
    for context in routing.iter_route_contexts(routes):
        route = _get_api_route_for_openapi(context)
        if route is not None:
            yield route


def get_fields_from_routes(routes: Sequence[BaseRoute | RouteContext]) -> list[ModelField]:
    """Every field whose schema the document needs: bodies, responses, callbacks and parameters."""
    bodies: list[ModelField] = []
    responses: list[ModelField] = []
    parameters: list[ModelField] = []
    callbacks: list[ModelField] = []
    for route in _documented(routes):
        if not route.include_in_schema:
            continue
        if route.body_field:
            assert isinstance(route.body_field, ModelField), (
                "A request body must be a Pydantic Field"
            )
            bodies.append(route.body_field)
        responses += [each for each in (route.response_field, route.stream_item_field) if each]
        responses += route.response_fields.values()
        if route.callbacks:
            callbacks += get_fields_from_routes(route.callbacks)
        parameters += get_flat_params(route.dependant)
    return callbacks + parameters + bodies + responses


def _info(**values: Any) -> _Json:
    """The info object without what is empty."""
    return {key: value for key, value in values.items() if value}


def _path_items(
    routes: Sequence[BaseRoute | RouteContext],
    schemas: _Schemas,
    operation_ids: set[str],
    security_schemes: _Json,
    definitions: _Json,
) -> _Json:
    items: _Json = {}
    for route in _documented(routes):
        builder = _PathBuilder(schemas, operation_ids)
        builder.add_route(route)
        if builder.path:
            items.setdefault(route.path_format, {}).update(builder.path)
        security_schemes.update(builder.security_schemes)
        definitions.update(builder.definitions)
    return items


def get_openapi(
    *,
    title: str,
    version: str,
    openapi_version: str = "3.1.0",
    summary: str | None = None,
    description: str | None = None,
    routes: Sequence[BaseRoute | RouteContext],
    webhooks: Sequence[BaseRoute | RouteContext] | None = None,
    tags: list[dict[str, Any]] | None = None,
    servers: list[dict[str, str | Any]] | None = None,
    terms_of_service: str | None = None,
    contact: dict[str, str | Any] | None = None,
    license_info: dict[str, str | Any] | None = None,
    separate_input_output_schemas: bool = True,
    external_docs: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The whole document, ready for the json module.

    Raises pydantic's ValidationError for metadata that OpenAPI does not allow. Not cached.
    """
    webhooks = webhooks or []
    fields = get_fields_from_routes([*routes, *webhooks])
    names = get_model_name_map(get_flat_models_from_fields(fields, known_models=set()))
    mapping, definitions = get_definitions(
        fields=fields,
        model_name_map=names,
        separate_input_output_schemas=separate_input_output_schemas,
    )
    schemas = _Schemas(names, mapping, separate_input_output_schemas)
    operation_ids: set[str] = set()
    security: _Json = {}
    paths = _path_items(routes, schemas, operation_ids, security, definitions)
    webhook_paths = _path_items(webhooks, schemas, operation_ids, security, definitions)
    components = {
        "schemas": dict(sorted(definitions.items())),
        "securitySchemes": security,
    }
    document: _Json = {
        "openapi": openapi_version,
        "info": {"title": title, "version": version}
        | _info(
            summary=summary,
            description=description,
            termsOfService=terms_of_service,
            contact=contact,
            license=license_info,
        ),
        "servers": servers or None,
        "components": {key: value for key, value in components.items() if value} or None,
        "paths": paths,
        "webhooks": webhook_paths or None,
        "tags": tags or None,
        "externalDocs": external_docs or None,
    }
    from .models import OpenAPI  # costs tens of milliseconds, only where a document is asked for

    with _models_lock:
        model = OpenAPI(**{key: value for key, value in document.items() if value is not None})
    return cast(_Json, jsonable_encoder(model, by_alias=True, exclude_none=True))
