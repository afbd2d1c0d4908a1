"""Form bodies: which fields a form feeds, how they are read, how they are documented."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from copy import copy, deepcopy
from functools import partial
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetJsonSchemaHandler,
    GetPydanticSchema,
    Tag,
)
from pydantic_core import CoreSchema
from starlette.datastructures import FormData, UploadFile

from . import params
from ._compat import (
    ModelField,
    Undefined,
    create_body_model,
    get_cached_model_fields,
    is_bytes_or_nonable_bytes_annotation,
    is_bytes_sequence_annotation,
    lenient_issubclass,
    serialize_sequence_value,
    value_is_sequence,
)
from ._compat.shared import union_members, without_annotated
from ._extract import (
    Errors,
    Values,
    body_key_reader,
    body_value_reader,
    extra_items,
    get_validation_alias,
    is_json_field,
    model_type,
    param_aliases,
)
from .logger import logger
from .utils import create_model_field

multipart_not_installed_error = (
    'Form data requires "python-multipart" to be installed. \n'
    'You can install "python-multipart" with: \n\n'
    "pip install python-multipart\n"
)
multipart_incorrect_install_error = (
    'Form data requires "python-multipart" to be installed. '
    'It seems you installed "multipart" instead. \n'
    'You can remove "multipart" with: \n\n'
    "pip uninstall multipart\n\n"
    'And then install "python-multipart" with: \n\n'
    "pip install python-multipart\n"
)

Extracted = tuple[str, Any, ModelField | None]


def ensure_multipart_is_installed() -> None:
    """Fail at registration, not at the first request, when forms cannot be parsed."""
    try:
        from python_multipart import __version__

        if __version__ > "0.0.12":
            return
    except ImportError:
        pass
    message = _multipart_problem()
    if message is not None:
        logger.error(message)
        raise RuntimeError(message)


def _multipart_problem() -> str | None:
    """Old releases of the parser import as ``multipart``, the name of another package."""
    try:
        from multipart import __version__  # type: ignore[import-untyped]

        assert __version__
    except (ImportError, AssertionError):
        return multipart_not_installed_error
    try:
        from multipart.multipart import (  # type: ignore[import-untyped]
            parse_options_header,
        )

        assert parse_options_header
    except (ImportError, AssertionError):
        return multipart_incorrect_install_error
    return None


# --- which models a form field has -------------------------------------------------------------


def form_union_models(annotation: Any) -> list[type[BaseModel]]:
    """The models of a union of at least two models (None aside); empty for anything else."""
    members = [without_annotated(member) for member in union_members(annotation)]
    models = [member for member in members if member is not type(None)]
    if len(models) < 2 or not all(lenient_issubclass(model, BaseModel) for model in models):
        return []
    return models


def form_models(field: ModelField) -> list[type[BaseModel]]:
    """The models whose fields are form fields, for a form parameter declared with models."""
    info = field.field_info
    if not isinstance(info, params.Form) or info.embed or is_json_field(field):
        return []
    model = model_type(info.annotation)
    return form_union_models(info.annotation) if model is None else [model]


def add_form_union_validators(annotation: Any) -> Any:
    """Let every member of a union of models read the form in its own way."""
    return Union[tuple(_form_choice(choice) for choice in get_args(annotation))]  # noqa: UP007


def _form_choice(choice: Any) -> Any:
    if choice is type(None):
        return choice
    model, *metadata = get_args(choice) if get_origin(choice) is Annotated else (choice,)
    tags = [item for item in metadata if isinstance(item, Tag)]
    validator = BeforeValidator(partial(_normalize_form_model, model=model))
    return Annotated[choice, validator, tags[-1] if tags else Tag(model.__name__)]


def _normalize_form_model(value: Any, *, model: type[BaseModel]) -> Any:
    """Turn collected form items into what ``model`` expects: one value or a list per key."""
    if not isinstance(value, dict):
        return value
    pairs: list[tuple[str, Any]] = []
    for key, items in value.items():
        pairs.extend((key, item) for item in (items if isinstance(items, list) else [items]))
    found = extract_form_items(get_cached_model_fields(model), FormData(pairs))
    normalized = {alias: item for alias, item, _ in found}
    empty = {key: item for key, item in value.items() if item is None or item == []}
    return {**normalized, **empty}


def should_embed_body_fields(fields: Sequence[ModelField]) -> bool:
    """Whether body parameters are keys of the body rather than the body itself."""
    if not fields:
        return False
    # The same parameter may be declared by several dependencies.
    if len({field.name for field in fields}) > 1:
        return True
    first, models = fields[0], form_models(fields[0])
    annotation = first.field_info.annotation
    if models and any(
        not form_models(field) or field.field_info.annotation is not annotation
        for field in fields[1:]
    ):
        return True
    if getattr(first.field_info, "embed", None):
        return True
    is_form = isinstance(first.field_info, params.Form)
    return is_form and not models and not lenient_issubclass(annotation, BaseModel)


def is_single_body(fields: Sequence[ModelField], embed_body_fields: bool) -> bool:
    """Whether there is one body parameter and its value is the whole body."""
    return (
        len(fields) == 1
        and not embed_body_fields
        and not should_embed_body_fields(fields)
        and not form_models(fields[0])
    )


# --- reading -----------------------------------------------------------------------------------


def extract_form_items(fields: Sequence[ModelField], received: FormData) -> Iterator[Extracted]:
    """What a form holds for the fields, then everything else it holds."""
    known: set[str] = set()
    for field in fields:
        reader = body_value_reader(field)
        for alias, _ in param_aliases(field):
            known.add(alias)
            value = reader.find(received, alias)
            if value is not Undefined:
                yield alias, value, field
                break
    for key, value in extra_items(received, known):
        yield key, value, None


async def _read_file_bytes(file: UploadFile) -> bytes:
    """All bytes of an upload from where it stands, leaving it there for other readers."""
    position = file.file.tell()
    try:
        return await file.read()
    finally:
        await file.seek(position)


async def _file_value(field: ModelField, value: Any) -> Any:
    """Read uploads where the field wants bytes."""
    annotation = field.field_info.annotation
    if isinstance(value, UploadFile) and is_bytes_or_nonable_bytes_annotation(annotation):
        return await _read_file_bytes(value)
    if value_is_sequence(value) and is_bytes_sequence_annotation(annotation):
        contents = [
            await _read_file_bytes(item) if isinstance(item, UploadFile) else item for item in value
        ]
        return serialize_sequence_value(field=field, value=contents)
    return value


async def _extract_form_body(
    fields: Sequence[ModelField], received: FormData
) -> AsyncIterator[Extracted]:
    for alias, value, field in extract_form_items(fields, received):
        if field is not None and isinstance(field.field_info, params.File):
            value = await _file_value(field, value)
        yield alias, value, field


def _is_form_model_supplied(model: type[BaseModel], received: FormData) -> bool:
    own = {alias for field in get_cached_model_fields(model) for alias, _ in param_aliases(field)}
    if own.intersection(received):
        return True
    return model.model_config.get("extra") in ("allow", "forbid") and bool(received)


async def _form_model_value(
    field: ModelField, models: list[type[BaseModel]], received: FormData
) -> Any:
    """The form as one model's input; ``Undefined`` for an optional model that was not sent."""
    optional = type(None) in get_args(field.field_info.annotation)
    if optional and not any(_is_form_model_supplied(model, received) for model in models):
        return Undefined
    members = get_cached_model_fields(models[0]) if len(models) == 1 else []
    return {alias: item async for alias, item, _ in _extract_form_body(members, received)}


async def read_form_body(
    fields: Sequence[ModelField], received: FormData, single: bool, values: Values, errors: Errors
) -> None:
    """Store the arguments that body parameters take from a form, report what is wrong."""
    flat = [field for field in fields if not form_models(field)]
    items: dict[str, Any] = {}
    found: dict[str, tuple[str, Any]] = {}
    if flat:
        async for alias, value, field in _extract_form_body(flat, received):
            items[alias] = value
            if field is not None:
                found[field.name] = (alias, value)
    if single:
        body_value_reader(fields[0]).resolve(items, ("body",), values, errors)
        return
    for field in fields:
        models = form_models(field)
        loc: tuple[str, ...] = ("body",)
        if models:
            value = await _form_model_value(field, models, received)
        else:
            alias, value = found.get(field.name, (param_aliases(field)[0][0], Undefined))
            loc = ("body", alias)
        body_value_reader(field).resolve(value, loc, values, errors)


def read_json_body(
    fields: Sequence[ModelField], body: Any, single: bool, values: Values, errors: Errors
) -> None:
    """Store the arguments that body parameters take from a parsed body (or its raw bytes)."""
    if single:
        body_value_reader(fields[0]).resolve(body, ("body",), values, errors)
        if errors:  # Telemetry shows the values: a body that is refused counts as None there.
            values.setdefault(fields[0].name, None)
        return
    for field in fields:
        body_key_reader(field).read(body, values, errors)


async def request_body_to_args(
    body_fields: list[ModelField], received_body: Any, embed_body_fields: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The arguments that the fields take from a body, and what is wrong with it."""
    assert body_fields, "request_body_to_args() should be called with fields"
    values: Values = {}
    errors: Errors = []
    single = is_single_body(body_fields, embed_body_fields)
    if isinstance(received_body, FormData):
        await read_form_body(body_fields, received_body, single, values, errors)
    else:
        read_json_body(body_fields, received_body, single, values, errors)
    return values, errors


# --- documents ---------------------------------------------------------------------------------


def _form_model_schema(
    model: type[BaseModel], core_schema: CoreSchema, handler: GetJsonSchemaHandler
) -> dict[str, Any]:
    """A model's schema whose properties are the names that forms are read by."""
    schema = handler(core_schema)
    resolved = handler.resolve_ref_schema(schema)
    required = resolved.get("required", [])
    renamed = _renamed_properties(model, resolved.get("properties", {}), required)
    if not renamed:
        return schema
    resolved = deepcopy(resolved)
    resolved["properties"] = {
        renamed.get(name, [name])[0]: value for name, value in resolved["properties"].items()
    }
    names_of_required = [renamed.get(name, [name]) for name in required]
    resolved["required"] = [names[0] for names in names_of_required if len(names) == 1]
    for names in names_of_required:
        if len(names) > 1:
            any_name = {"anyOf": [{"required": [name]} for name in names]}
            resolved.setdefault("allOf", []).append(any_name)
    return resolved


def _renamed_properties(
    model: type[BaseModel], properties: dict[str, Any], required: list[str]
) -> dict[str, list[str]]:
    renamed = {}
    for field in get_cached_model_fields(model):
        declared = field.field_info.validation_alias
        documented: Any = get_validation_alias(field)
        if isinstance(declared, AliasChoices):
            documented = declared.choices[0]
        names = [alias for alias, _ in param_aliases(field)]
        if not isinstance(documented, str) or documented not in properties:
            continue
        if names[0] != documented or (len(names) > 1 and documented in required):
            renamed[documented] = names
    return renamed


def _absent_schema(models: list[type[BaseModel]]) -> dict[str, Any]:
    """The schema of a form that has nothing for an optional group of fields."""
    if any(model.model_config.get("extra") in ("allow", "forbid") for model in models):
        return {"maxProperties": 0}
    names = {
        alias
        for model in models
        for field in get_cached_model_fields(model)
        for alias, _ in param_aliases(field)
    }
    if not names:
        return {}
    return {"not": {"anyOf": [{"required": [name]} for name in sorted(names)]}}


def _form_group_conditions(
    field: ModelField, models: list[type[BaseModel]], schema: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """What a form must satisfy for one group of fields declared by models."""
    schema.pop("default", None)
    if type(None) in get_args(field.field_info.annotation):
        schema["anyOf"] = [choice for choice in schema["anyOf"] if choice.get("type") != "null"]
        absent = _absent_schema(models)
        if field.field_info.is_required():
            yield {"not": absent}
        else:
            schema = {"anyOf": [absent, schema]}
    yield schema


def _apply_form_body_schema(fields: list[ModelField], schema: dict[str, Any]) -> None:
    """Describe a form that feeds several groups: all conditions hold for the same flat form."""
    own_schemas = schema.pop("properties")
    schema.pop("required", None)
    properties: dict[str, Any] = {}
    required: list[str] = []
    conditions: list[dict[str, Any]] = []
    for index, field in enumerate(fields):
        own = own_schemas[f"field_{index}"]
        models = form_models(field)
        if models:
            conditions.extend(_form_group_conditions(field, models, own))
            continue
        alias = param_aliases(field)[0][0]
        if alias in properties:
            conditions.append({"properties": {alias: own}})
        else:
            properties[alias] = own
        if field.field_info.is_required() and alias not in required:
            required.append(alias)
    if properties:
        schema["properties"] = properties
    if required:
        schema["required"] = required
    schema["allOf"] = conditions


def _numbered_form_field(index: int, field: ModelField) -> ModelField:
    """A copy of a field under a unique key, as two groups may share names."""
    info = copy(field.field_info)
    models = form_models(field)
    if len(models) == 1:
        schema = GetPydanticSchema(get_pydantic_json_schema=partial(_form_model_schema, models[0]))
        annotated: Any = Annotated[models[0], schema]
        is_plain = info.annotation is models[0]
        info.annotation = annotated if is_plain else annotated | None
    info.alias = info.validation_alias = info.serialization_alias = f"field_{index}"
    info.title = info.title or field.name.replace("_", " ").title()
    return ModelField(name=f"field_{index}", field_info=info)


def get_body_field(
    *, body_params: list[ModelField], name: str, embed_body_fields: bool
) -> ModelField | None:
    """The one field that documents the whole body; ``name`` is the operation's unique id."""
    if not body_params:
        return None
    first = body_params[0]
    grouped = [field for field in body_params if form_models(field)]
    nullable = any(type(None) in get_args(field.field_info.annotation) for field in grouped)
    if not embed_body_fields and not nullable:
        return first
    fields, config = body_params, None
    if grouped:
        fields = [_numbered_form_field(*item) for item in enumerate(body_params)]
        config = ConfigDict(json_schema_extra=partial(_apply_form_body_schema, body_params))
    model = create_body_model(fields=fields, model_name=f"Body_{name}", config=config)
    if embed_body_fields:
        return _embedded_body_field(body_params, model)
    info = copy(first.field_info)
    info.annotation = model
    info.metadata = []
    info.discriminator = None
    return ModelField(name=first.name, field_info=info)


def _embedded_body_field(body_params: list[ModelField], model: type[BaseModel]) -> ModelField:
    infos = [field.field_info for field in body_params]
    kind: type[params.Body] = params.Body
    if any(isinstance(info, params.File) for info in infos):
        kind = params.File
    elif any(isinstance(info, params.Form) for info in infos):
        kind = params.Form
    options: dict[str, Any] = {"annotation": model, "alias": "body"}
    if not any(info.is_required() for info in infos):
        options["default"] = None
    if kind is not params.File:
        media_types = {info.media_type for info in infos if isinstance(info, kind)}
        if kind is params.Form and "multipart/form-data" in media_types:
            options["media_type"] = "multipart/form-data"
        elif len(media_types) == 1:
            options["media_type"] = media_types.pop()
    return create_model_field(name="body", type_=model, alias="body", field_info=kind(**options))
