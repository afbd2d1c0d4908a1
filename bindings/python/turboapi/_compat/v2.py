"""Fields on top of pydantic v2: one field is one compiled ``TypeAdapter``.

A :class:`ModelField` is built when a route is registered. Its validator and serialiser are
pydantic's own compiled objects; validating a value does no annotation work.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, is_dataclass
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any, Literal, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model
from pydantic import PydanticSchemaGenerationError as PydanticSchemaGenerationError
from pydantic import PydanticUndefinedAnnotation as PydanticUndefinedAnnotation
from pydantic import ValidationError as ValidationError
from pydantic._internal import _typing_extra
from pydantic.annotated_handlers import GetJsonSchemaHandler as GetJsonSchemaHandler
from pydantic.fields import FieldInfo as FieldInfo
from pydantic.json_schema import GenerateJsonSchema as _PydanticGenerateJsonSchema
from pydantic.json_schema import JsonSchemaValue as JsonSchemaValue
from pydantic_core import CoreSchema as CoreSchema
from pydantic_core import PydanticUndefined
from pydantic_core import Url as Url
from pydantic_core.core_schema import (
    with_info_plain_validator_function as with_info_plain_validator_function,
)

from ..openapi.constants import REF_TEMPLATE
from ..types import IncEx, ModelNameMap
from . import shared
from .shared import lenient_issubclass

Mode = Literal["validation", "serialization"]
FieldMapping = dict[tuple["ModelField", Mode], JsonSchemaValue]
TypeModelOrEnum = type[BaseModel] | type[Enum]
TypeModelSet = set[TypeModelOrEnum]

RequiredParam = PydanticUndefined
Undefined = PydanticUndefined

# What a FieldInfo says beyond its type and its constraints; the rest of its slots is bookkeeping.
_FIELD_ATTRIBUTES: tuple[str, ...] = tuple(
    slot
    for slot in FieldInfo.__slots__
    if slot not in ("annotation", "metadata", "evaluated") and not slot.startswith("_")
)


def evaluate_forwardref(
    value: Any, globalns: dict[str, Any] | None = None, localns: dict[str, Any] | None = None
) -> Any:
    """Resolve a forward reference; an unresolvable one is returned unchanged."""
    try_eval_type = getattr(_typing_extra, "try_eval_type", None)
    if try_eval_type is not None:
        return try_eval_type(value, globalns, localns)[0]
    return _typing_extra.eval_type_lenient(value, globalns, localns)


class GenerateJsonSchema(_PydanticGenerateJsonSchema):
    """pydantic's generator, except that bytes are binary content, as OpenAPI 3.1 has it."""

    def bytes_schema(self, schema: Any) -> JsonSchemaValue:
        """The schema of a ``bytes`` value: an octet stream, base64 if the model says so."""
        json_schema: JsonSchemaValue = {
            "type": "string",
            "contentMediaType": "application/octet-stream",
        }
        serialising = self.mode == "serialization"
        encoding = self._config.ser_json_bytes if serialising else self._config.val_json_bytes
        if encoding == "base64":
            json_schema["contentEncoding"] = "base64"
        self.update_with_validations(json_schema, schema, self.ValidationsMapping.bytes)
        return json_schema


def field_attributes(field_info: FieldInfo) -> dict[str, Any]:
    """The attributes of a ``FieldInfo`` that ``Field(...)`` would take, except constraints."""
    values = ((name, getattr(field_info, name, Undefined)) for name in _FIELD_ATTRIBUTES)
    return {name: value for name, value in values if value is not Undefined}


# What these say is for whoever reads the value, or for attributes of models.
_NOT_IN_SCHEMA = frozenset(
    {"alias", "alias_priority", "validation_alias", "serialization_alias", "init", "init_var"}
)
_BARE: tuple[tuple[str, Any], ...] = tuple(
    (name, getattr(FieldInfo(), name))
    for name in _FIELD_ATTRIBUTES
    if name not in _NOT_IN_SCHEMA and hasattr(FieldInfo(), name)
)


def _is_bare(info: FieldInfo) -> bool:
    """Whether a ``FieldInfo`` adds nothing to the schema of its type."""
    if info.metadata:
        return False
    return all(getattr(info, name, value) is value for name, value in _BARE)


def _adapter_of(info: FieldInfo, config: ConfigDict | None) -> TypeAdapter[Any]:
    """pydantic's compiled schema of a declared value; its own errors if there is none."""
    kind = info.annotation
    if isinstance(kind, type) and config is None and _is_bare(info):
        if kind in _SCALARS:
            return _scalar_adapter(kind)
        if lenient_issubclass(kind, BaseModel) and kind.__pydantic_complete__:
            return TypeAdapter(kind)  # The model's own schema, which need not be made again.
    with warnings.catch_warnings():
        if shared.PYDANTIC_VERSION_MINOR_TUPLE >= (2, 12):
            from pydantic.warnings import UnsupportedFieldAttributeWarning

            # An alias means nothing to a lone value: the extractor reads it instead.
            warnings.simplefilter("ignore", category=UnsupportedFieldAttributeWarning)
        parts = (kind, *info.metadata, Field(**field_attributes(info)))
        return TypeAdapter(cast(Any, Annotated[parts]), config=config)


_SCALARS = frozenset({bool, int, float, str})
_scalar_adapters: dict[type[Any], TypeAdapter[Any]] = {}


def _scalar_adapter(kind: type[Any]) -> TypeAdapter[Any]:
    adapter = _scalar_adapters.get(kind)
    return adapter or _scalar_adapters.setdefault(kind, TypeAdapter(kind))


@dataclass
class ModelField:
    """One parameter, body or response: a name, its ``FieldInfo`` and its compiled schema.

    Made at registration and never changed; any thread may validate with it.
    """

    field_info: FieldInfo
    name: str
    mode: Mode = "validation"
    config: ConfigDict | None = None

    def __post_init__(self) -> None:
        self._type_adapter: TypeAdapter[Any] = _adapter_of(self.field_info, self.config)

    @property
    def alias(self) -> str:
        """The name on the wire unless a validation alias says otherwise."""
        alias = self.field_info.alias
        return self.name if alias is None else alias

    @property
    def validation_alias(self) -> str | None:
        """The validation alias if it is one plain name."""
        alias = self.field_info.validation_alias
        return alias if isinstance(alias, str) and alias else None

    @property
    def serialization_alias(self) -> str | None:
        """The name in documents that describe what is sent."""
        return self.field_info.serialization_alias or None

    @property
    def default(self) -> Any:
        """See :meth:`get_default`."""
        return self.get_default()

    def get_default(self) -> Any:
        """The default, fresh from its factory if there is one; ``Undefined`` when required."""
        if self.field_info.is_required():
            return Undefined
        return self.field_info.get_default(call_default_factory=True)

    def validate(
        self,
        value: Any,
        values: dict[str, Any] = {},  # noqa: B006  (never read: kept for the signature)
        *,
        loc: tuple[int | str, ...] = (),
    ) -> tuple[Any, list[dict[str, Any]]]:
        """Validate a Python value; the errors' locations start with ``loc``."""
        try:
            return self._type_adapter.validate_python(value, from_attributes=True), []
        except ValidationError as exc:
            return None, errors_at(exc, loc)

    def serialize(
        self,
        value: Any,
        *,
        mode: Literal["json", "python"] = "json",
        include: IncEx | None = None,
        exclude: IncEx | None = None,
        by_alias: bool = True,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
    ) -> Any:
        """Turn a validated value into plain objects."""
        return self._type_adapter.dump_python(
            value,
            mode=mode,
            include=include,
            exclude=exclude,
            by_alias=by_alias,
            exclude_unset=exclude_unset,
            exclude_defaults=exclude_defaults,
            exclude_none=exclude_none,
        )

    def serialize_json(
        self,
        value: Any,
        *,
        include: IncEx | None = None,
        exclude: IncEx | None = None,
        by_alias: bool = True,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
    ) -> bytes:
        """Turn a validated value into JSON bytes in one step."""
        return self._type_adapter.dump_json(
            value,
            include=include,
            exclude=exclude,
            by_alias=by_alias,
            exclude_unset=exclude_unset,
            exclude_defaults=exclude_defaults,
            exclude_none=exclude_none,
        )

    def renamed(self, name: str) -> ModelField:
        """The same field under another name, with the same compiled schema."""
        field = copy(self)
        field.name = name
        for cached in ("_reader", "_body_reader", "_body_key_reader"):
            field.__dict__.pop(cached, None)
        return field

    def __hash__(self) -> int:
        return id(self)


def errors_at(exc: ValidationError, loc: tuple[int | str, ...]) -> list[dict[str, Any]]:
    """pydantic's errors without its documentation links, each located below ``loc``."""
    found = exc.errors(include_url=False)
    return [{**error, "loc": loc + error.get("loc", ())} for error in found]


def get_missing_field_error(loc: tuple[int | str, ...]) -> dict[str, Any]:
    """The error of a required value that the client did not send."""
    details: Any = [{"type": "missing", "loc": loc, "input": {}}]
    exc = ValidationError.from_exception_data("Field required", details)
    return {**exc.errors(include_url=False)[0], "input": None}


def is_scalar_field(field: ModelField) -> bool:
    """Whether the field is read from one text value and is not part of the body."""
    from .. import params

    return shared.field_annotation_is_scalar(field.field_info.annotation) and not isinstance(
        field.field_info, params.Body
    )


def copy_field_info(*, field_info: FieldInfo, annotation: Any) -> FieldInfo:
    """A copy of ``field_info`` that also knows what every other part of ``annotation`` says.

    ``Annotated[int, Field(gt=1), Query()]`` declares one parameter: the ``Query`` object keeps
    its class and own attributes, everything pydantic merges comes from the whole annotation.
    """
    merged = type(field_info).from_annotation(annotation)
    result = copy(field_info)
    for name, value in field_attributes(merged).items():
        setattr(result, name, value)
    result._attributes_set = dict(merged._attributes_set)
    result.metadata = merged.metadata
    result.annotation = merged.annotation
    return result


def serialize_sequence_value(*, field: ModelField, value: Any) -> Sequence[Any]:
    """Collect ``value`` in the class that the field's annotation asks for."""
    annotation = field.field_info.annotation
    for member in shared.union_members(annotation):
        if member is not type(None):
            annotation = member
            break
    wanted = get_origin(annotation) or annotation
    assert lenient_issubclass(wanted, shared.sequence_types)
    return cast("Sequence[Any]", shared.sequence_annotation_to_type[wanted](value))


def create_body_model(
    *, fields: Sequence[ModelField], model_name: str, config: ConfigDict | None = None
) -> type[BaseModel]:
    """A model with one attribute per body parameter; only documents are made from it."""
    members: Any = {field.name: (field.field_info.annotation, field.field_info) for field in fields}
    model: type[BaseModel] = create_model(model_name, __config__=config, **members)
    return model


def get_model_fields(model: type[BaseModel]) -> list[ModelField]:
    """One field per attribute of a model, under the model's own configuration."""
    return [
        ModelField(field_info=info, name=name, config=_inherited_config(model, info.annotation))
        for name, info in model.model_fields.items()
    ]


def _inherited_config(model: type[BaseModel], annotation: Any) -> ConfigDict | None:
    """pydantic refuses a configuration for types that bring their own."""
    if lenient_issubclass(annotation, (BaseModel, dict)) or is_dataclass(annotation):
        return None
    return model.model_config


@lru_cache
def get_cached_model_fields(model: type[BaseModel]) -> list[ModelField]:
    """As :func:`get_model_fields`, made once per model."""
    return get_model_fields(model)


# --- documents ---------------------------------------------------------------------------------


def _annotation_has_computed_fields(annotation: Any, known_models: set[type[BaseModel]]) -> bool:
    if not lenient_issubclass(annotation, BaseModel):
        return any(
            _annotation_has_computed_fields(part, known_models) for part in get_args(annotation)
        )
    if annotation in known_models:
        return False
    known_models.add(annotation)
    return bool(annotation.model_computed_fields) or any(
        _annotation_has_computed_fields(info.annotation, known_models)
        for info in annotation.model_fields.values()
    )


def _has_computed_fields(field: ModelField) -> bool:
    schema: Any = field._type_adapter.core_schema
    if schema.get("schema", {}).get("computed_fields"):
        return True
    return _annotation_has_computed_fields(field.field_info.annotation, set())


def _document_mode(field: ModelField, separate_input_output_schemas: bool) -> Mode:
    """Without separate schemas everything is described as input, unless output adds to it."""
    if separate_input_output_schemas or _has_computed_fields(field):
        return field.mode
    return "validation"


def get_schema_from_model_field(
    *,
    field: ModelField,
    model_name_map: ModelNameMap,
    field_mapping: FieldMapping,
    separate_input_output_schemas: bool = True,
    field_alias: str | None = None,
) -> dict[str, Any]:
    """The JSON schema of a field, out of what :func:`get_definitions` made."""
    if field_alias is None and field.mode == "validation":
        field_alias = field.validation_alias
    elif field_alias is None:
        field_alias = field.serialization_alias
    mode = _document_mode(field, separate_input_output_schemas)
    json_schema = field_mapping[field, mode].copy()
    if "$ref" not in json_schema:
        name = field_alias or field.alias
        json_schema["title"] = field.field_info.title or name.title().replace("_", " ")
    return json_schema


def _model_fields_for_documents(fields: Sequence[ModelField], mode: Mode) -> list[ModelField]:
    models = get_flat_models_from_fields(
        [field for field in fields if field.mode == mode], known_models=set()
    )
    return [
        ModelField(field_info=FieldInfo(annotation=model), name=model.__name__, mode=mode)
        for model in models
    ]


def get_definitions(
    *,
    fields: Sequence[ModelField],
    model_name_map: ModelNameMap,
    separate_input_output_schemas: bool = True,
) -> tuple[FieldMapping, dict[str, dict[str, Any]]]:
    """Schemas of all fields, and the definitions they refer to, in one generator run."""
    annotations = {field.field_info.annotation for field in fields}
    candidates = [
        *_model_fields_for_documents(fields, "validation"),
        *_model_fields_for_documents(fields, "serialization"),
    ]
    nested = {field for field in candidates if field.field_info.annotation not in annotations}
    inputs = [
        (field, _document_mode(field, separate_input_output_schemas), _core_schema(field))
        for field in [*fields, *nested]
    ]
    generator = GenerateJsonSchema(ref_template=REF_TEMPLATE)
    mapping, definitions = generator.generate_definitions(inputs=cast(Any, inputs))
    for definition in cast("dict[str, dict[str, Any]]", definitions).values():
        if "description" in definition:
            # A form feed ends the part of a docstring that is for readers of the API.
            definition["description"] = definition["description"].split("\f")[0]
    return cast(FieldMapping, mapping), cast("dict[str, dict[str, Any]]", definitions)


def _core_schema(field: ModelField) -> CoreSchema:
    return field._type_adapter.core_schema


def normalize_name(name: str) -> str:
    """A name that is allowed as a key of ``components/schemas``."""
    return re.sub(r"[^a-zA-Z0-9.\-_]", "_", name)


def get_model_name_map(unique_models: TypeModelSet) -> ModelNameMap:
    """The name of every model in the document; of two with one name only one stays."""
    by_name = {normalize_name(model.__name__): model for model in unique_models}
    return {model: name for name, model in by_name.items()}


def get_flat_models_from_model(
    model: type[BaseModel], known_models: TypeModelSet | None = None
) -> TypeModelSet:
    """The models and enums that the attributes of a model mention, at any depth."""
    known_models = known_models or set()
    get_flat_models_from_fields(get_model_fields(model), known_models=known_models)
    return known_models


def get_flat_models_from_annotation(annotation: Any, known_models: TypeModelSet) -> TypeModelSet:
    """The models and enums inside a generic type; a bare class is not looked at."""
    for part in get_args(annotation) if get_origin(annotation) is not None else ():
        if lenient_issubclass(part, (BaseModel, Enum)):
            _add_flat_models(part, known_models)
        else:
            get_flat_models_from_annotation(part, known_models)
    return known_models


def get_flat_models_from_field(field: ModelField, known_models: TypeModelSet) -> TypeModelSet:
    """The models and enums that a field mentions, at any depth."""
    annotation = field.field_info.annotation
    if lenient_issubclass(annotation, (BaseModel, Enum)):
        _add_flat_models(annotation, known_models)
    else:
        get_flat_models_from_annotation(annotation, known_models)
    return known_models


def _add_flat_models(model: Any, known_models: TypeModelSet) -> None:
    if model in known_models:
        return
    known_models.add(model)
    if lenient_issubclass(model, BaseModel):
        get_flat_models_from_model(model, known_models)


def get_flat_models_from_fields(
    fields: Sequence[ModelField], known_models: TypeModelSet
) -> TypeModelSet:
    """The models and enums that any of the fields mentions, at any depth."""
    for field in fields:
        get_flat_models_from_field(field, known_models)
    return known_models
