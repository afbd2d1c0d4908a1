"""Models of the package dhi as parameters, bodies and responses.

For every dhi model a pydantic model with the same fields is made, its *twin*. The twin validates
what is received, with FastAPI's errors, and writes what is sent; endpoints get and return dhi's own
objects. So constraints hold even where dhi does not apply them: it takes the ``Field(...)`` of
``name: str = Field(min_length=1)`` for the default value.

Imported only once the application has imported dhi: see :mod:`turboapi._dhi`.
"""

from __future__ import annotations

import sys
import threading
import types
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import (
    Annotated,
    Any,
    ClassVar,
    ForwardRef,
    Literal,
    Self,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import annotated_types
from pydantic import (
    AfterValidator,
    AllowInfNan,
    BaseModel,
    ConfigDict,
    Field,
    GetPydanticSchema,
    ModelWrapValidatorHandler,
    Strict,
    StringConstraints,
    ValidationError,
    computed_field,
    create_model,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import InitErrorDetails, PydanticCustomError, core_schema

from ._dhi import is_dhi_model
from .exceptions import FastAPIError

_OLDEST = (1, 7)
_Location = tuple[int | str, ...]

# What dhi's and pydantic's configuration and fields have under the same name.
_CONFIG = (
    "strict", "extra", "title", "str_strip_whitespace", "str_to_lower", "str_to_upper",
    "str_min_length", "str_max_length", "use_enum_values", "loc_by_alias", "json_schema_extra",
)  # fmt: skip
_FIELD = (
    "alias", "validation_alias", "serialization_alias", "title", "description", "examples",
    "gt", "ge", "lt", "le", "multiple_of", "strict", "min_length", "max_length", "pattern",
    "allow_inf_nan", "max_digits", "decimal_places", "discriminator", "json_schema_extra",
    "frozen", "validate_default", "exclude", "repr",
)  # fmt: skip
_STRING = ("strip_whitespace", "to_lower", "to_upper")


# --- values --------------------------------------------------------------------------------------


def received(value: Any) -> Any:
    """The dhi objects for validated twins, inside lists, dicts and the like too."""
    errors: list[InitErrorDetails] = []
    result = _dhi_value(value, (), errors)
    if errors:
        raise ValidationError.from_exception_data("dhi", errors)
    return result


def _dhi_value(value: Any, loc: _Location, errors: list[InitErrorDetails]) -> Any:
    if isinstance(value, _Twin):
        return value._dhi_object(loc, errors)
    return _mapped(value, lambda item, key: _dhi_value(item, (*loc, key), errors))


def sent(value: Any) -> Any:
    """The twins of dhi objects, inside lists, dicts and the like too."""
    if is_dhi_model(type(value)):
        twin: type[_Twin] = convert(type(value))
        return twin._of(value)
    return _mapped(value, lambda item, key: sent(item))


def _mapped(value: Any, change: Callable[[Any, int | str], Any]) -> Any:
    """A container with its items changed; anything else as it is."""
    if type(value) is dict:
        return {key: change(item, str(key)) for key, item in value.items()}
    if type(value) in (list, tuple, set, frozenset):
        return type(value)(change(item, index) for index, item in enumerate(value))
    return value


def _details(exc: Any, loc: _Location, given: Any) -> Iterator[InitErrorDetails]:
    """What an exception of a validator says to the client, as pydantic would say it."""
    dhi: Any = sys.modules["dhi"]
    found: list[Any] = exc.errors if isinstance(exc, dhi.ValidationErrors) else [exc]
    for each in found:
        place = loc
        error = each
        if isinstance(each, dhi.ValidationError):
            place = (*loc, *each.field.split("."))
            error = ValueError(each.message)
        kind = "assertion_error" if isinstance(error, AssertionError) else "value_error"
        text = "Assertion failed" if kind == "assertion_error" else "Value error"
        context: Any = {"error": error}
        custom = PydanticCustomError(kind, f"{text}, {{error}}", context)
        yield InitErrorDetails(type=custom, loc=place, input=given)


def _rejections() -> tuple[type[Exception], ...]:
    """The exceptions by which a validator refuses a value."""
    dhi: Any = sys.modules["dhi"]
    return (ValueError, AssertionError, dhi.ValidationError, dhi.ValidationErrors)


def _wire_name(name: str, info: FieldInfo) -> str:
    alias = info.validation_alias
    return alias if isinstance(alias, str) else name


class _Twin(BaseModel):
    """What the twins have in common."""

    model_config = ConfigDict(
        arbitrary_types_allowed=True, validate_by_name=True, regex_engine="python-re"
    )
    _dhi_model: ClassVar[Any]
    _given: Any = None  # what the twin was made from: a dhi object, or what was received

    @model_validator(mode="wrap")
    @classmethod
    def _accept(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(value, cls._dhi_model):
            return cls._of(value)
        if isinstance(value, dict):
            for before in cls._dhi_model.__dhi_model_validators_before__:
                value = before(value)
        twin = handler(value)
        twin._given = value
        return twin

    @classmethod
    def _of(cls, value: Any) -> Self:
        """The twin of a dhi object, which is not validated again."""
        values = {name: sent(getattr(value, name)) for name in cls.model_fields}
        extra = value.model_extra or {}
        twin = cls.model_construct(set(value.model_fields_set), **values)
        if cls.model_config.get("extra") == "allow":
            object.__setattr__(twin, "__pydantic_extra__", dict(extra))
        twin._given = value
        return twin

    def _dhi_object(self, loc: _Location, errors: list[InitErrorDetails]) -> Any:
        """The dhi object with the values of the twin; what its validators say goes to ``errors``."""
        if isinstance(self._given, self._dhi_model):
            return self._given
        count = len(errors)
        values = {
            name: _dhi_value(getattr(self, name), (*loc, _wire_name(name, info)), errors)
            for name, info in type(self).model_fields.items()
        }
        made = self._dhi_model.model_construct(set(self.model_fields_set), **values)
        if self.model_extra:
            object.__setattr__(made, "__pydantic_extra__", dict(self.model_extra))
        if len(errors) > count:
            return None
        try:
            for after in self._dhi_model.__dhi_model_validators_after__:
                after(made)
            made.model_post_init(None)
        except _rejections() as exc:
            errors.extend(_details(exc, loc, self._given))
        return made

    def _source(self) -> Any:
        """The dhi object whose computed fields are sent."""
        return received(self)


# --- twins ---------------------------------------------------------------------------------------


class _Building:
    """Makes the twins."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # guards everything; taken once more for each reference
        self._twins: dict[type, type[_Twin]] = {}
        self._begun: set[type] = set()  # models whose twins are being made
        self._incomplete: list[type[_Twin]] = []

    def convert(self, annotation: Any) -> Any:
        """The annotation with each dhi model replaced by its twin; the same object if none is in it.

        Raises ``FastAPIError`` for a model that cannot be used. Any thread.
        """
        if is_dhi_model(annotation):
            with self._lock:
                return self._twin_of(annotation)
        if getattr(annotation, "__module__", "") == "dhi.secret":
            return Annotated[annotation, GetPydanticSchema(_secret_schema)]
        origin, args = get_origin(annotation), get_args(annotation)
        if not args or origin is Literal:
            return annotation
        if origin is Annotated:
            parts = (self.convert(args[0]), *_metadata(args[1:]))
            return annotation if _same(parts, args) else Annotated[parts]
        if origin is types.UnionType or origin is Union:
            members = tuple(map(self.convert, args))
            return annotation if _same(members, args) else Union[members]  # noqa: UP007
        if not isinstance(origin, type):
            return annotation
        members = tuple(map(self.convert, args))
        # A generic alias for `list[X]` and the like, whatever it was written as.
        return annotation if _same(members, args) else types.GenericAlias(origin, members)

    def _twin_of(self, model: Any) -> Any:
        known = self._twins.get(model)
        if known is not None:
            return known
        if model in self._begun:
            return ForwardRef(_name_of(model))
        _check(model)
        self._begun.add(model)
        try:
            twin = self._make(model)
        finally:
            self._begun.remove(model)
        self._twins[model] = twin
        self._incomplete.append(twin)
        if not self._begun:
            self._complete()
        return twin

    def _make(self, model: Any) -> type[_Twin]:
        config = model.model_config or {}
        namespace: dict[str, Any] = {
            "__module__": model.__module__,
            "_dhi_model": model,
            "model_config": {key: config[key] for key in _CONFIG if key in config},
        }
        for name, info in model.__dhi_computed_fields__.items():
            namespace[name] = _computed(name, info)

        def namespace_of(body: dict[str, Any]) -> None:
            body.update(namespace)

        made = types.new_class(f"{model.__name__}Base", (_Twin,), {}, namespace_of)
        base = cast("type[_Twin]", made)
        fields: dict[str, Any] = {
            name: self._field(model, name, field) for name, field in model.__dhi_fields__.items()
        }
        twin: type[_Twin] = create_model(
            model.__name__,
            __base__=base,
            __module__=model.__module__,
            __doc__=model.__doc__ if "__doc__" in vars(model) else None,
            **fields,
        )
        twin.__qualname__ = model.__qualname__
        return twin

    def _field(self, model: Any, name: str, field: dict[str, Any]) -> tuple[Any, Any]:
        """Annotation and declaration of one field, for ``create_model``."""
        dhi: Any = sys.modules["dhi"]
        annotation = self.convert(field["annotation"])
        validators = model.__dhi_field_validator_funcs__.get(name, ())
        if validators:
            annotation = Annotated[(annotation, *map(_checked, validators))]
        default = field["default"]
        if isinstance(default, dhi.FieldInfo):  # dhi has taken the declaration for the default
            declaration, *more = _constraint(default)
            return Annotated[(annotation, *more)] if more else annotation, declaration
        if field["required"] or field["default_factory"] is not None:
            return annotation, _field_info(field["field_info"])
        if is_dhi_model(type(default)):
            return annotation, Field(default_factory=lambda: sent(deepcopy(default)))
        return annotation, Field(default=default)

    def _complete(self) -> None:
        """Resolves the references among twins once all of them are there."""
        incomplete, self._incomplete = self._incomplete, []
        names = {_name_of(model): twin for model, twin in self._twins.items()}
        for twin in incomplete:
            twin.model_rebuild(force=True, _types_namespace=names)


_building = _Building()
convert = _building.convert


def _name_of(model: type) -> str:
    """What a twin is called where it is meant before it exists."""
    return f"_Twin{id(model)}"


def _same(new: tuple[Any, ...], old: tuple[Any, ...]) -> bool:
    return len(new) == len(old) and all(a is b for a, b in zip(new, old, strict=True))


def _check(model: Any) -> None:
    """Refuses what cannot be right, with the reason."""
    dhi: Any = sys.modules["dhi"]
    found = tuple(int(part) for part in dhi.__version__.split(".")[:2])
    if found < _OLDEST:
        raise FastAPIError(
            f"{model.__name__} is a model of dhi {dhi.__version__}, which is too old:"
            " pip install 'turboapi[dhi]'"
        )
    declared = {name for base in model.__mro__ for name in _annotations(base)}
    lost = sorted(name for name in declared - set(model.__dhi_fields__) if name[0] != "_")
    lost = [name for name in lost if not name.startswith("model_")]
    if lost:
        raise FastAPIError(
            f"dhi could not resolve the annotations of {', '.join(lost)} in {model.__name__};"
            " define the types and call model_rebuild(force=True)"
        )


def _annotations(base: type) -> Any:
    return getattr(base, "__annotations__", {}) if is_dhi_model(base) else {}


def _computed(name: str, info: Any) -> Any:
    """A computed field of a dhi model as one of the twin, which asks the dhi object."""
    get = info.wrapped_property.fget
    try:
        kind = info.return_type or get_type_hints(get).get("return", Any)
    except NameError:
        kind = Any
    declared: dict[str, Any] = {
        key: getattr(info, key)
        for key in ("alias", "title", "description", "json_schema_extra")
        if getattr(info, key) is not None
    }

    def value(self: _Twin) -> Any:
        return getattr(self._source(), name)

    value.__name__ = name
    value.__doc__ = get.__doc__
    return computed_field(return_type=kind, **declared)(property(value))


# --- declarations --------------------------------------------------------------------------------


def _field_info(info: Any) -> Any:
    """dhi's declaration of a field as pydantic's."""
    given: dict[str, Any] = {
        key: getattr(info, key) for key in _FIELD if getattr(info, key) is not None
    }
    if info.default_factory is not None:
        given["default_factory"] = info.default_factory
    elif not info.is_required:
        given["default"] = info.default
    return Field(**given)


def _string_constraints(info: Any) -> StringConstraints | None:
    """The part of a declaration that pydantic has as string constraints."""
    given: dict[str, Any] = {key: True for key in _STRING if getattr(info, key)}
    return StringConstraints(**given) if given else None


def _metadata(items: tuple[Any, ...]) -> list[Any]:
    """dhi's constraints in ``Annotated`` as pydantic's; unknown metadata stays."""
    return [converted for item in items for converted in _constraint(item)]


def _constraint(item: Any) -> list[Any]:
    dhi: Any = sys.modules["dhi"]
    if isinstance(item, dhi.FieldInfo):
        parts = [_field_info(item), _string_constraints(item)]
        if item.unique_items:
            parts.append(AfterValidator(_unique))
        return [part for part in parts if part is not None]
    convert = _CONSTRAINTS.get(type(item).__name__)
    if type(item).__module__ == "dhi.constraints" and convert is not None:
        return [convert(item)]
    if type(item).__module__.startswith("dhi.") and hasattr(item, "validate"):
        return [_checked(item.validate)]
    return [item]


def _secret_schema(kind: Any, handler: object) -> core_schema.CoreSchema:
    """The schema of dhi's ``SecretStr`` or ``SecretBytes``: its text comes in, stars go out."""
    plain: Any = core_schema.str_schema()
    if "Bytes" in kind.__name__:
        plain = core_schema.bytes_schema()
    return core_schema.no_info_after_validator_function(
        kind,
        plain,
        serialization=core_schema.to_string_ser_schema(when_used="always"),
        metadata={"pydantic_js_updates": {"format": "password", "writeOnly": True}},
    )


def _string(**options: Any) -> StringConstraints:
    return StringConstraints(**{key: value for key, value in options.items() if value is not None})


_CONSTRAINTS: dict[str, Callable[[Any], Any]] = {
    "Gt": lambda c: annotated_types.Gt(c.gt),
    "Ge": lambda c: annotated_types.Ge(c.ge),
    "Lt": lambda c: annotated_types.Lt(c.lt),
    "Le": lambda c: annotated_types.Le(c.le),
    "MultipleOf": lambda c: annotated_types.MultipleOf(c.multiple_of),
    "MinLength": lambda c: annotated_types.MinLen(c.min_length),
    "MaxLength": lambda c: annotated_types.MaxLen(c.max_length),
    "Pattern": lambda c: _string(pattern=c.pattern),
    "Strict": lambda c: Strict(c.strict),
    "StripWhitespace": lambda c: _string(strip_whitespace=c.strip_whitespace),
    "ToLower": lambda c: _string(to_lower=c.to_lower),
    "ToUpper": lambda c: _string(to_upper=c.to_upper),
    "AllowInfNan": lambda c: AllowInfNan(c.allow_inf_nan),
    "MaxDigits": lambda c: Field(max_digits=c.max_digits),
    "DecimalPlaces": lambda c: Field(decimal_places=c.decimal_places),
    "UniqueItems": lambda c: AfterValidator(_unique),
    "StringConstraints": lambda c: _string(
        strip_whitespace=c.strip_whitespace,
        to_lower=c.to_lower,
        to_upper=c.to_upper,
        strict=c.strict,
        min_length=c.min_length,
        max_length=c.max_length,
        pattern=c.pattern,
    ),
}


def _unique(items: Any) -> Any:
    seen: list[Any] = []
    for item in items:
        if item in seen:
            raise ValueError("items must be unique")
        seen.append(item)
    return items


def _checked(validate: Callable[[Any], Any]) -> AfterValidator:
    """A validator of dhi or of a dhi model, whose refusals pydantic understands."""

    def check(value: Any) -> Any:
        try:
            return validate(value)
        except _rejections() as exc:
            raise ValueError(getattr(exc, "message", None) or str(exc)) from exc

    return AfterValidator(check)
