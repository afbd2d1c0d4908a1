"""`jsonable_encoder`: Python values to values that the json module can write."""

from __future__ import annotations

import dataclasses
import datetime
from collections import defaultdict, deque
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePath
from types import GeneratorType
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import PydanticUndefinedType

from ._dhi import is_dhi_model, pydantic_twin
from .exceptions import PydanticV1NotSupportedError

if TYPE_CHECKING:
    from .types import IncEx

    ENCODERS_BY_TYPE: dict[type[Any], Callable[[Any], Any]]
    encoders_by_class_tuples: dict[Callable[[Any], Any], tuple[Any, ...]]

# Returned as they are; subclasses are found by isinstance later on.
_SCALARS = frozenset({str, int, float, bool, type(None)})
_SEQUENCES = frozenset({list, tuple, set, frozenset, GeneratorType, deque})
# Types whose encoder may be looked up at once: none of them is anything that comes earlier in the order
# model, dataclass, enum, path, scalar, dict, sequence.
_LEAVES = frozenset(
    {bytes, datetime.datetime, datetime.date, datetime.time, datetime.timedelta, Decimal, UUID}
)


def isoformat(o: datetime.date | datetime.time) -> str:
    """ISO 8601 text of a date, a time or both."""
    return o.isoformat()


def decimal_encoder(dec_value: Decimal) -> int | float:
    """An int when the number has no fractional digits, otherwise (and for NaN and infinity) a float."""
    exponent = dec_value.as_tuple().exponent
    if isinstance(exponent, int) and exponent >= 0:
        return int(dec_value)
    return float(dec_value)


def _default_encoders() -> dict[type[Any], Callable[[Any], Any]]:
    import ipaddress
    import re

    from pydantic.color import Color
    from pydantic.networks import AnyUrl, NameEmail
    from pydantic.types import SecretBytes, SecretStr
    from pydantic_core import Url

    encoders: dict[type[Any], Callable[[Any], Any]] = {
        bytes: lambda o: o.decode(),
        Color: str,
        _extra_color(): str,
        datetime.date: isoformat,
        datetime.datetime: isoformat,
        datetime.time: isoformat,
        datetime.timedelta: lambda td: td.total_seconds(),
        Decimal: decimal_encoder,
        Enum: lambda o: o.value,
        frozenset: list,
        deque: list,
        GeneratorType: list,
        ipaddress.IPv4Address: str,
        ipaddress.IPv4Interface: str,
        ipaddress.IPv4Network: str,
        ipaddress.IPv6Address: str,
        ipaddress.IPv6Interface: str,
        ipaddress.IPv6Network: str,
        NameEmail: str,
        Path: str,
        re.Pattern: lambda o: o.pattern,
        SecretBytes: str,
        SecretStr: str,
        set: list,
        UUID: str,
        Url: str,
        AnyUrl: str,
    }
    return encoders


class PyExtraColor:
    """Stands for the colour type of pydantic-extra-types where that package is missing."""


def _extra_color() -> type[Any]:
    try:
        from pydantic_extra_types.color import Color
    except ImportError:
        return PyExtraColor
    return Color


def generate_encoders_by_class_tuples(
    type_encoder_map: dict[Any, Callable[[Any], Any]],
) -> dict[Callable[[Any], Any], tuple[Any, ...]]:
    """Group the types of a table by their encoder, for one `isinstance` per encoder."""
    grouped: dict[Callable[[Any], Any], tuple[Any, ...]] = defaultdict(tuple)
    for type_, encoder in type_encoder_map.items():
        grouped[encoder] += (type_,)
    return grouped


def __getattr__(name: str) -> Any:
    # The tables name optional and slow-to-import types, so they are made on first use. `setdefault` keeps
    # one object when two threads come at once; ENCODERS_BY_TYPE is open to additions by applications.
    if name not in ("ENCODERS_BY_TYPE", "encoders_by_class_tuples"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    names = globals()
    table = names.setdefault("ENCODERS_BY_TYPE", _default_encoders())
    names.setdefault("encoders_by_class_tuples", generate_encoders_by_class_tuples(table))
    return names[name]


def _table(name: str) -> Any:
    return globals().get(name) or __getattr__(name)


class _Options:
    """What one call of `jsonable_encoder` hands down to every level. Never changed once made."""

    __slots__ = (
        "by_alias",
        "custom_encoder",
        "exclude_defaults",
        "exclude_none",
        "exclude_unset",
        "sqlalchemy_safe",
    )

    def __init__(
        self,
        by_alias: bool = True,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        custom_encoder: dict[Any, Callable[[Any], Any]] | None = None,
        sqlalchemy_safe: bool = True,
    ) -> None:
        self.by_alias = by_alias
        self.exclude_unset = exclude_unset
        self.exclude_defaults = exclude_defaults
        self.exclude_none = exclude_none
        self.custom_encoder = custom_encoder
        self.sqlalchemy_safe = sqlalchemy_safe


_DEFAULTS = _Options()


def jsonable_encoder(
    obj: Any,
    include: IncEx | None = None,
    exclude: IncEx | None = None,
    by_alias: bool = True,
    exclude_unset: bool = False,
    exclude_defaults: bool = False,
    exclude_none: bool = False,
    custom_encoder: dict[Any, Callable[[Any], Any]] | None = None,
    sqlalchemy_safe: bool = True,
) -> Any:
    """Turn `obj` into dicts, lists, strings, numbers, booleans and None.

    `include` to `exclude_none` mean what they mean to pydantic's `model_dump`; `custom_encoder` maps types
    to functions that are asked before anything else; `sqlalchemy_safe` leaves out keys that start with
    `_sa`. Raises ValueError for an object that is neither iterable as pairs nor has attributes.
    """
    if type(obj) in _SCALARS and not custom_encoder:
        return obj
    options = _DEFAULTS
    if (
        exclude_unset
        or exclude_defaults
        or exclude_none
        or custom_encoder
        or not (by_alias and sqlalchemy_safe)
    ):
        options = _Options(
            by_alias,
            exclude_unset,
            exclude_defaults,
            exclude_none,
            custom_encoder or None,
            sqlalchemy_safe,
        )
    return _encode(obj, options, include, exclude)


def _encode(obj: Any, options: _Options, include: Any = None, exclude: Any = None) -> Any:
    if options is _DEFAULTS and include is None and exclude is None:
        return _encode_plain(obj)
    kind = type(obj)
    if options.custom_encoder is not None:
        encoder = _custom_encoder(kind, obj, options.custom_encoder)
        if encoder is not None:
            return encoder(obj)
    if kind in _SCALARS:
        return obj
    if include is not None and not isinstance(include, (set, dict)):
        include = set(include)
    if exclude is not None and not isinstance(exclude, (set, dict)):
        exclude = set(exclude)
    if kind is dict:
        return _encode_dict(obj, options, include, exclude)
    if kind in _SEQUENCES:
        return _encode_sequence(obj, options, include, exclude)
    if kind in _LEAVES:
        return _encode_leaf(obj, options)
    return _encode_other(obj, options, include, exclude)


def _encode_plain(obj: Any) -> Any:
    """`_encode` without any option: the path of un-annotated endpoints.

    Takes one frame of the interpreter a level (a comprehension would take two on Python 3.11), as clients may
    send data that is nested nearly as deeply as the json module can read it.
    """
    kind = type(obj)
    if kind is dict:
        encoded: dict[Any, Any] = {}
        for key, value in obj.items():
            if type(key) is not str:
                if isinstance(key, str) and key.startswith("_sa"):
                    continue
                key = _encode_plain(key)
            elif key.startswith("_sa"):
                continue
            encoded[key] = value if type(value) in _SCALARS else _encode_plain(value)
        return encoded
    if kind in _SEQUENCES:
        items: list[Any] = []
        for item in obj:
            items.append(item if type(item) in _SCALARS else _encode_plain(item))
        return items
    if kind in _SCALARS:
        return obj
    if kind in _LEAVES:
        return _encode_leaf(obj, _DEFAULTS)
    return _encode_other(obj, _DEFAULTS, None, None)


def _encode_leaf(obj: Any, options: _Options) -> Any:
    encoder = _table("ENCODERS_BY_TYPE").get(type(obj))
    return _encode_other(obj, options, None, None) if encoder is None else encoder(obj)


def _custom_encoder(
    kind: type[Any], obj: Any, custom: dict[Any, Callable[[Any], Any]]
) -> Callable[[Any], Any] | None:
    exact = custom.get(kind)
    if exact is not None:
        return exact
    for type_, encoder in custom.items():
        if isinstance(obj, type_):
            return encoder
    return None


def _encode_dict(
    obj: dict[Any, Any], options: _Options, include: Any, exclude: Any
) -> dict[Any, Any]:
    """Keys and values encoded; filters apply to this level's keys only."""
    allowed = None
    if include is not None or exclude is not None:
        allowed = set(obj)
        if include is not None:
            allowed &= set(include)
        if exclude is not None:
            allowed -= set(exclude)
    encoded: dict[Any, Any] = {}
    for key, value in obj.items():
        if options.sqlalchemy_safe and isinstance(key, str) and key.startswith("_sa"):
            continue
        if value is None and options.exclude_none:
            continue
        if allowed is not None and key not in allowed:
            continue
        encoded_key = _encode(key, options)
        encoded[encoded_key] = _encode(value, options)
    return encoded


def _encode_sequence(obj: Any, options: _Options, include: Any, exclude: Any) -> list[Any]:
    if options.custom_encoder is None:
        return [
            item if type(item) in _SCALARS else _encode(item, options, include, exclude)
            for item in obj
        ]
    return [_encode(item, options, include, exclude) for item in obj]


def _encode_other(obj: Any, options: _Options, include: Any, exclude: Any) -> Any:
    """Everything that its exact type does not settle, in FastAPI's order."""
    if isinstance(obj, BaseModel):
        return _encode_model(obj, options, include, exclude)
    if dataclasses.is_dataclass(obj):
        assert not isinstance(obj, type), "an instance of a dataclass is needed, not the class"
        return _encode_dataclass(obj, options, include, exclude)
    if isinstance(obj, Enum):
        return obj.value
    if isinstance(obj, PurePath):
        return str(obj)
    if isinstance(obj, (str, int, float)):
        return obj
    if isinstance(obj, PydanticUndefinedType):
        return None
    if isinstance(obj, dict):
        return _encode_dict(obj, options, include, exclude)
    if isinstance(obj, (list, set, frozenset, GeneratorType, tuple, deque)):
        return _encode_sequence(obj, options, include, exclude)
    encoder = _table("ENCODERS_BY_TYPE").get(type(obj)) or _encoder_of_base(obj)
    if encoder is not None:
        return encoder(obj)
    if is_dhi_model(type(obj)):
        return _encode_model(pydantic_twin(obj), options, include, exclude)
    return _encode_object(obj, options, include, exclude)


def _encoder_of_base(obj: Any) -> Callable[[Any], Any] | None:
    grouped: dict[Callable[[Any], Any], tuple[Any, ...]] = _table("encoders_by_class_tuples")
    for encoder, types in grouped.items():
        if isinstance(obj, types):
            return encoder
    return None


def _encode_model(obj: BaseModel, options: _Options, include: Any, exclude: Any) -> Any:
    dumped = obj.model_dump(
        mode="json",
        include=include,
        exclude=exclude,
        by_alias=options.by_alias,
        exclude_unset=options.exclude_unset,
        exclude_none=options.exclude_none,
        exclude_defaults=options.exclude_defaults,
    )
    if options.exclude_none or (options.sqlalchemy_safe and _has_sqlalchemy_key(dumped)):
        # Only these two rules of ours can still change what pydantic has made JSON-ready.
        return _encode(
            dumped,
            _Options(
                exclude_none=options.exclude_none,
                exclude_defaults=options.exclude_defaults,
                sqlalchemy_safe=options.sqlalchemy_safe,
            ),
        )
    return dumped


def _has_sqlalchemy_key(value: Any) -> bool:
    if isinstance(value, dict):
        return any(
            (type(key) is str and key.startswith("_sa"))
            or (type(item) not in _SCALARS and _has_sqlalchemy_key(item))
            for key, item in value.items()
        )
    return isinstance(value, list) and any(
        type(item) not in _SCALARS and _has_sqlalchemy_key(item) for item in value
    )


def _encode_dataclass(obj: Any, options: _Options, include: Any, exclude: Any) -> Any:
    # `asdict` copies values it does not know deeply; models inside stay models and are encoded below.
    return _encode(dataclasses.asdict(obj), options, include, exclude)


def _encode_object(obj: Any, options: _Options, include: Any, exclude: Any) -> Any:
    from ._compat import is_pydantic_v1_model_instance

    if is_pydantic_v1_model_instance(obj):
        raise PydanticV1NotSupportedError(
            f"pydantic.v1 models are no longer supported by FastAPI. Please update the model {obj!r}."
        )
    try:
        data = dict(obj)
    except Exception as not_pairs:
        try:
            data = vars(obj)
        except Exception as no_attributes:
            raise ValueError([not_pairs, no_attributes]) from no_attributes
    return _encode(data, options, include, exclude)
