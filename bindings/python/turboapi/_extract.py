"""Read parameters and JSON bodies out of a request, with everything decided beforehand.

A *reader* is compiled from a :class:`ModelField` once: its names on the wire, how repeated keys
are treated, its default and its validator. Reading does no annotation work. Readers are immutable
and shared by all threads; results are collected in the caller's ``values`` and ``errors``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from enum import Enum
from functools import partial
from typing import Any, cast

from pydantic import AliasChoices, AliasPath, BaseModel, Json, ValidationError
from starlette.datastructures import FormData, Headers, ImmutableMultiDict, UploadFile

from . import params
from ._compat import (
    ModelField,
    Undefined,
    field_annotation_is_sequence,
    get_cached_model_fields,
    get_missing_field_error,
    lenient_issubclass,
)
from ._compat.shared import union_members
from ._compat.v2 import errors_at
from ._wire import QueryValues

Values = dict[str, Any]
Errors = list[Any]

# What may hold a key several times.
_MULTI = (QueryValues, ImmutableMultiDict, Headers)
_PLAIN_SCALARS = (str, int, float, bool, type(None))
_IMMUTABLE = (str, int, float, bool, bytes, complex, type(None), Enum)


# --- facts about a field -----------------------------------------------------------------------


def is_json_field(field: ModelField) -> bool:
    """Whether the text that is received holds JSON (pydantic's ``Json``)."""
    return any(type(item) is Json for item in field.field_info.metadata)


def model_type(annotation: Any) -> type[BaseModel] | None:
    """The model behind ``Model`` or ``Model | None``."""
    members = union_members(annotation)
    if len(members) == 2 and type(None) in members:
        annotation = members[0] if members[1] is type(None) else members[1]
    return annotation if lenient_issubclass(annotation, BaseModel) else None


def param_model(field: ModelField) -> type[BaseModel] | None:
    """The model whose fields are read one by one, for a parameter that is declared as a model."""
    if is_json_field(field):
        return None
    annotation = field.field_info.annotation
    if isinstance(field.field_info, (params.Query, params.Header, params.Cookie)):
        return model_type(annotation)
    return annotation if lenient_issubclass(annotation, BaseModel) else None


def get_validation_alias(field: ModelField) -> str:
    """The one name under which a value is looked for, unless there are alias choices."""
    return field.validation_alias or field.alias


def param_aliases(field: ModelField, *, convert_underscores: bool = False) -> list[tuple[str, str]]:
    """The names of a value, best first, as pairs (name for the validator, name on the wire)."""
    alias = get_validation_alias(field)
    on_wire = alias
    if convert_underscores and alias == field.name:
        on_wire = alias.replace("_", "-")
    declared = field.field_info.validation_alias
    if isinstance(field.field_info, params.Path) or isinstance(declared, AliasPath):
        return [(alias, on_wire)]
    pairs = [(alias, on_wire)]
    if isinstance(declared, AliasChoices):
        if any(isinstance(choice, AliasPath) for choice in declared.choices):
            return pairs
        pairs = [(choice, choice) for choice in cast("list[str]", declared.choices)]
    return _with_own_name(field, pairs, convert_underscores)


def _with_own_name(
    field: ModelField, pairs: list[tuple[str, str]], convert_underscores: bool
) -> list[tuple[str, str]]:
    """Add the attribute's name where the model's configuration lets it be used."""
    config = field.config or {}
    by_alias = config.get("validate_by_alias")
    by_name = config.get("validate_by_name", config.get("populate_by_name", False))
    if by_alias is not False and not by_name:
        return pairs
    own = (field.name, field.name.replace("_", "-") if convert_underscores else field.name)
    if by_alias is False:
        return [own]
    if field.name not in [alias for alias, _ in pairs]:
        pairs = [*pairs, own]
    return pairs


def is_empty_file_input(value: Any) -> bool:
    """A browser's file input without a chosen file: no name, no bytes."""
    return isinstance(value, UploadFile) and value.filename == "" and value.size == 0


# --- one value ---------------------------------------------------------------------------------


class ValueReader:
    """How one field finds its raw value in what was received, and validates it."""

    __slots__ = (
        "_absent",
        "_constant",
        "_default",
        "_repeated",
        "_sequence",
        "field",
        "name",
        "required",
        "validate",
        "validate_default",
    )

    def __init__(self, field: ModelField) -> None:
        info = field.field_info
        self.field = field
        self.name = field.name
        self.required = info.is_required()
        self.validate_default = bool(info.validate_default)
        self.validate = validator_of(field)
        self._sequence = field_annotation_is_sequence(info.annotation)
        self._repeated = self._sequence and not is_json_field(field)
        self._constant = info.default_factory is None and isinstance(info.default, _IMMUTABLE)
        self._default = info.default
        # The value that stands for an absent one without any further work, or ``Undefined``.
        is_fixed = self._constant and not self.required and not self.validate_default
        self._absent = info.default if is_fixed else Undefined

    def find(self, received: Any, key: str) -> Any:
        """The raw value under a key; ``Undefined`` if it is absent or as good as absent."""
        if self._repeated and isinstance(received, _MULTI):
            value: Any = received.getlist(key)
            if isinstance(received, FormData):
                value = [item for item in value if not is_empty_file_input(item)]
        else:
            value = received.get(key, None)
        if value is None or (self._sequence and len(value) == 0):
            return Undefined
        if isinstance(received, FormData) and (
            (isinstance(value, str) and value == "") or is_empty_file_input(value)
        ):
            return Undefined
        return value

    def default(self) -> Any:
        """The default of a field that is not required; a mutable one is made anew each time."""
        return self._default if self._constant else deepcopy(self.field.default)

    def resolve(
        self, value: Any, loc: tuple[int | str, ...], values: Values, errors: Errors
    ) -> None:
        """Store the validated value, or its default, or report why there is none."""
        if value is Undefined:
            if self.required:
                errors.append(get_missing_field_error(loc))
                return
            value = self.default()
            if not self.validate_default:
                values[self.name] = value
                return
        try:
            values[self.name] = self.validate(value)
        except ValidationError as exc:
            errors.extend(errors_at(exc, loc))


def validator_of(field: ModelField) -> Callable[[Any], Any]:
    """pydantic's compiled validator of a field, reading attributes of objects as FastAPI does."""
    adapter = field._type_adapter

    # A model that is still incomplete is compiled by the adapter at its first use.
    complete = getattr(adapter, "pydantic_complete", True)
    validate = adapter.validator.validate_python if complete else adapter.validate_python
    if _is_plain_scalar(field.field_info.annotation):
        return validate  # Has no attributes to read.
    return partial(validate, from_attributes=True)


def _is_plain_scalar(annotation: Any) -> bool:
    members = union_members(annotation) or (annotation,)
    return all(any(member is kind for kind in _PLAIN_SCALARS) for member in members)


# --- parameters --------------------------------------------------------------------------------


class ParamReader(ValueReader):
    """Reads one parameter from the path, the query, the headers or the cookies."""

    __slots__ = ("_aliases", "_first", "_key", "_plain_text")

    def __init__(self, field: ModelField) -> None:
        super().__init__(field)
        info = field.field_info
        assert isinstance(info, params.Param), "Params must be subclasses of Param"
        self._aliases = tuple(on_wire for _, on_wire in param_aliases(field))
        self._first = (info.in_.value, self._aliases[0])
        self._plain_text = info.annotation is str and not info.metadata and not field.config
        # Its only name, if one text is all that it is made of.
        self._key = self._aliases[0] if len(self._aliases) == 1 and not self._sequence else None

    def read(self, received: Mapping[str, Any], values: Values, errors: Errors) -> None:
        """Read, validate and store the parameter."""
        if self._key is None:
            self._read_named(received, values, errors)
            return
        value = received.get(self._key)
        if value is None:
            if self._absent is Undefined:
                self.resolve(Undefined, self._first, values, errors)
            else:
                values[self.name] = self._absent
        elif self._plain_text and type(value) is str:
            values[self.name] = value
        else:
            try:
                values[self.name] = self.validate(value)
            except ValidationError as exc:
                errors.extend(errors_at(exc, self._first))

    def _read_named(self, received: Mapping[str, Any], values: Values, errors: Errors) -> None:
        """Take the first of several names that was sent."""
        alias = next((name for name in self._aliases if name in received), self._aliases[0])
        value = self.find(received, alias)
        if self._plain_text and type(value) is str:
            values[self.name] = value
        else:
            self.resolve(value, (self._first[0], alias), values, errors)


class _Member(ValueReader):
    """One field of a parameter model."""

    __slots__ = ("aliases", "processed")

    def __init__(self, field: ModelField, *, header: bool, convert_underscores: bool) -> None:
        super().__init__(field)
        convert = header and getattr(field.field_info, "convert_underscores", convert_underscores)
        self.aliases = param_aliases(field, convert_underscores=convert)
        # Under these keys nothing may be taken for an extra value of the model.
        self.processed = {
            alias.lower() for alias, on_wire in self.aliases if header and alias != on_wire
        }


class ParamModelReader(ValueReader):
    """Reads a model whose fields are query keys, headers or cookies."""

    __slots__ = (
        "_by_alias",
        "_header",
        "_loc",
        "_members",
        "_optional",
        "_own_names",
        "_takes_extra",
    )

    def __init__(self, field: ModelField, model: type[BaseModel]) -> None:
        super().__init__(field)
        info = field.field_info
        assert isinstance(info, params.Param), "Params must be subclasses of Param"
        self._header = info.in_ is params.ParamTypes.header
        convert = getattr(info, "convert_underscores", True)
        self._members = [
            _Member(member, header=self._header, convert_underscores=convert)
            for member in get_cached_model_fields(model)
        ]
        names = {on_wire for member in self._members for _, on_wire in member.aliases}
        self._own_names = {name.lower() for name in names} if self._header else names
        self._loc = (info.in_.value,)
        self._optional = info.annotation is not model
        self._takes_extra = model.model_config.get("extra") in ("allow", "forbid")
        self._by_alias = bool(model.model_config.get("loc_by_alias", True))

    def read(self, received: Mapping[str, Any], values: Values, errors: Errors) -> None:
        """Collect what was sent for the model and validate it as a whole."""
        collected: Any = {}
        header_names: dict[str, str] = {}
        processed: set[str] = set()
        for member in self._members:
            pairs = member.aliases
            alias, on_wire = next((pair for pair in pairs if pair[1] in received), pairs[0])
            value = member.find(received, on_wire)
            if value is not Undefined:
                collected[alias] = value
            processed.add(on_wire.lower() if self._header else on_wire)
            processed |= member.processed
            if self._header and alias != on_wire:
                header_names[member.name] = on_wire
        collected.update(extra_items(received, processed))
        if self._optional and not self._was_sent(received, collected):
            collected = Undefined
        seen = len(errors)
        self.resolve(collected, self._loc, values, errors)
        if header_names and self._by_alias:
            _rename_headers(errors, seen, header_names)

    def _was_sent(self, received: Mapping[str, Any], collected: dict[str, Any]) -> bool:
        """An optional model is there when one of its keys is (any key, if it takes extras)."""
        if self._own_names.intersection(received):
            return True
        return self._takes_extra and bool(collected)


def _rename_headers(errors: Errors, start: int, names: dict[str, str]) -> None:
    """Let errors name the header that the client sent, not the attribute of the model."""
    for error in errors[start:]:
        loc = error["loc"]
        if len(loc) > 1 and loc[1] in names:
            error["loc"] = (loc[0], names[loc[1]], *loc[2:])


def extra_items(received: Any, processed: set[str]) -> Iterator[tuple[str, Any]]:
    """What else was received, in order; a repeated key has a list of its values."""
    if isinstance(received, (QueryValues, ImmutableMultiDict)):
        items: Iterable[tuple[str, Any]] = received.multi_items()
    elif isinstance(received, Headers):
        items = received.items()
    else:
        yield from ((key, received.get(key)) for key in received if key not in processed)
        return
    grouped: dict[str, list[Any]] = {}
    for key, value in items:
        if key not in processed:
            grouped.setdefault(key, []).append(value)
    for key, found in grouped.items():
        yield key, found[0] if len(found) == 1 else found


def param_reader(field: ModelField) -> ParamReader | ParamModelReader:
    """The reader of a parameter, compiled once per field."""
    reader: ParamReader | ParamModelReader | None = field.__dict__.get("_reader")
    if reader is None:
        model = param_model(field)
        reader = ParamReader(field) if model is None else ParamModelReader(field, model)
        field.__dict__["_reader"] = reader
    return reader


def request_params_to_args(
    fields: Sequence[ModelField], received_params: Mapping[str, Any]
) -> tuple[Values, Errors]:
    """The arguments that the fields take from one part of the request, and what is wrong."""
    values: Values = {}
    errors: Errors = []
    for field in fields:
        param_reader(field).read(received_params, values, errors)
    return values, errors


# --- the JSON body -----------------------------------------------------------------------------


class BodyKeyReader(ValueReader):
    """Reads one key of a JSON object."""

    __slots__ = ("_aliases",)

    def __init__(self, field: ModelField) -> None:
        super().__init__(field)
        self._aliases = tuple(alias for alias, _ in param_aliases(field))

    def read(self, body: Any, values: Values, errors: Errors) -> None:
        """Read, validate and store the value of the key; JSON null is a value."""
        loc = ("body", self._aliases[0])
        value: Any = Undefined
        if body is not Undefined and not isinstance(body, bytes):
            get = getattr(body, "get", None)
            if get is None:  # A list or a scalar has no keys, so whatever was wanted is missing.
                errors.append(get_missing_field_error(loc))
                return
            for alias in self._aliases:
                value = get(alias, Undefined)
                if value is not Undefined:
                    loc = ("body", alias)
                    break
        self.resolve(value, loc, values, errors)


def body_value_reader(field: ModelField) -> ValueReader:
    """The reader of a field that is the whole body, compiled once per field."""
    reader: ValueReader | None = field.__dict__.get("_body_reader")
    if reader is None:
        reader = field.__dict__["_body_reader"] = ValueReader(field)
    return reader


def body_key_reader(field: ModelField) -> BodyKeyReader:
    """The reader of a field that is one key of the body, compiled once per field."""
    reader: BodyKeyReader | None = field.__dict__.get("_body_key_reader")
    if reader is None:
        reader = field.__dict__["_body_key_reader"] = BodyKeyReader(field)
    return reader
