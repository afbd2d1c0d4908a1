"""Parameter declarations: where a value comes from and what pydantic should know about it.

The classes are ``FieldInfo`` subclasses, so a declaration may carry every constraint pydantic
has. Applications use the functions of :mod:`turboapi.param_functions`, which return these.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from pydantic.fields import FieldInfo
from typing_extensions import Unpack
from typing_extensions import deprecated as deprecated_marker

from ._compat import Undefined
from ._signature import shows_options
from .concurrency import _DependencyConcurrency
from .datastructures import _Unset
from .exceptions import FastAPIDeprecationWarning

if TYPE_CHECKING:
    from pydantic import AliasChoices, AliasPath, Discriminator

    from .openapi.models import Example


# FieldInfo is final for type checkers; FastAPI's declarations are subclasses all the same.
_FieldInfo: Any = FieldInfo


class ParamTypes(Enum):
    """The parts of a request, besides its body, that a parameter can be read from."""

    query = "query"
    header = "header"
    path = "path"
    cookie = "cookie"


class FieldOptions(TypedDict, total=False):
    """Keyword options that every declaration takes; one left out keeps pydantic's meaning.

    Names on the wire: ``alias``, ``validation_alias`` (what is read), ``serialization_alias``,
    ``alias_priority``. Constraints: ``gt ge lt le multiple_of`` (numbers), ``min_length
    max_length pattern`` (text and collections), ``allow_inf_nan max_digits decimal_places``,
    ``strict``, ``discriminator``, ``union_mode``, ``fail_fast``. Defaults: ``default_factory``,
    ``validate_default`` (defaults are passed on unvalidated without it). Documents: ``title
    description examples openapi_examples deprecated include_in_schema json_schema_extra``.
    ``regex`` and ``example`` are deprecated spellings of ``pattern`` and ``examples``.
    """

    default_factory: Callable[[], Any] | None
    annotation: Any
    alias: str | None
    alias_priority: int | None
    validation_alias: str | AliasPath | AliasChoices | None
    serialization_alias: str | None
    title: str | None
    description: str | None
    gt: float | None
    ge: float | None
    lt: float | None
    le: float | None
    min_length: int | None
    max_length: int | None
    pattern: str | re.Pattern[str] | None
    regex: str | None
    discriminator: str | Discriminator | None
    strict: bool | None
    validate_default: bool | None
    union_mode: Literal["smart", "left_to_right"] | None
    fail_fast: bool | None
    multiple_of: float | None
    allow_inf_nan: bool | None
    max_digits: int | None
    decimal_places: int | None
    examples: list[Any] | None
    example: Any
    openapi_examples: dict[str, Example] | None
    deprecated: deprecated_marker | str | bool | None
    include_in_schema: bool
    json_schema_extra: dict[str, Any] | Callable[[dict[str, Any]], None] | None


_NOT_UNSET: dict[str, Any] = {
    "include_in_schema": True,
    **dict.fromkeys(
        ("annotation", "gt", "ge", "lt", "le", "min_length", "max_length", "pattern", "regex")
    ),
    "openapi_examples": None,
}
FIELD_DEFAULTS: Mapping[str, Any] = {
    name: _NOT_UNSET.get(name, _Unset) for name in FieldOptions.__annotations__
}
"""The default of every option; ``_Unset`` leaves the matter to pydantic."""


class _Declaration(_FieldInfo):  # type: ignore[misc]
    """What parameters and bodies have in common: their options, given to pydantic."""

    example: Any
    openapi_examples: dict[str, Example] | None
    include_in_schema: bool

    # Frames between the warning and the line that called Query(...) or its siblings.
    _frames_to_caller = 6

    def __init__(self, default: Any, options: dict[str, Any]) -> None:
        unknown = options.keys() - FIELD_DEFAULTS.keys()
        if unknown:
            name = type(self).__name__
            raise TypeError(f"{name}() got an unexpected keyword argument {min(unknown)!r}")
        given = {name: value for name, value in options.items() if value is not _Unset}
        self.example = given.pop("example", _Unset)
        self.openapi_examples = given.pop("openapi_examples", None)
        self.include_in_schema = given.pop("include_in_schema", True)
        regex = given.pop("regex", None)
        if self.example is not _Unset:
            self._warn_deprecated("example", "examples")
        if regex is not None:
            self._warn_deprecated("regex", "pattern")
        given["pattern"] = given.get("pattern") or regex
        given.setdefault("annotation", None)
        self._complete_aliases(given)
        super().__init__(default=default, **given)

    def _warn_deprecated(self, old: str, new: str) -> None:
        warnings.warn(
            f"`{old}` has been deprecated, please use `{new}` instead",
            category=FastAPIDeprecationWarning,
            stacklevel=self._frames_to_caller,
        )

    @staticmethod
    def _complete_aliases(given: dict[str, Any]) -> None:
        """A plain alias also names what is read and what is documented, unless these are given."""
        if "alias" not in given:
            return
        alias = given["alias"]
        if given.get("validation_alias") is None:
            given["validation_alias"] = alias
        if given.get("serialization_alias") is None and isinstance(alias, str):
            given["serialization_alias"] = alias

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.default})"


class Param(_Declaration):
    """A value read from the path, the query, a header or a cookie."""

    in_: ParamTypes

    @shows_options(FieldOptions, FIELD_DEFAULTS)
    def __init__(self, default: Any = Undefined, **options: Unpack[FieldOptions]) -> None:
        super().__init__(default, dict(options))


class Path(Param):
    """A part of the path. Always required."""

    in_ = ParamTypes.path

    @shows_options(FieldOptions, FIELD_DEFAULTS)
    def __init__(self, default: Any = ..., **options: Unpack[FieldOptions]) -> None:
        assert default is ..., "Path parameters cannot have a default value"
        super().__init__(default, **options)


class Query(Param):
    """A key of the query string, or a model whose fields are keys."""

    in_ = ParamTypes.query

    @shows_options(FieldOptions, FIELD_DEFAULTS)
    def __init__(self, default: Any = Undefined, **options: Unpack[FieldOptions]) -> None:
        super().__init__(default, **options)


class Header(Param):
    """A request header. Underscores in the Python name become dashes unless told otherwise."""

    in_ = ParamTypes.header

    @shows_options(FieldOptions, FIELD_DEFAULTS)
    def __init__(
        self,
        default: Any = Undefined,
        *,
        convert_underscores: bool = True,
        **options: Unpack[FieldOptions],
    ) -> None:
        self.convert_underscores = convert_underscores
        super().__init__(default, **options)


class Cookie(Param):
    """A cookie of the request."""

    in_ = ParamTypes.cookie

    @shows_options(FieldOptions, FIELD_DEFAULTS)
    def __init__(self, default: Any = Undefined, **options: Unpack[FieldOptions]) -> None:
        super().__init__(default, **options)


class Body(_Declaration):
    """The JSON body, or a key of it when ``embed`` is set or there are several."""

    _frames_to_caller = 5

    @shows_options(FieldOptions, FIELD_DEFAULTS)
    def __init__(
        self,
        default: Any = Undefined,
        *,
        embed: bool | None = None,
        media_type: str = "application/json",
        **options: Unpack[FieldOptions],
    ) -> None:
        self.embed = embed
        self.media_type = media_type
        super().__init__(default, dict(options))


class Form(Body):
    """A field of a form, or a model whose fields are form fields."""

    _frames_to_caller = 6

    @shows_options(FieldOptions, FIELD_DEFAULTS)
    def __init__(
        self,
        default: Any = Undefined,
        *,
        media_type: str = "application/x-www-form-urlencoded",
        **options: Unpack[FieldOptions],
    ) -> None:
        super().__init__(default, media_type=media_type, **options)


class File(Form):
    """An uploaded file, as bytes or as an ``UploadFile``."""

    _frames_to_caller = 7

    @shows_options(FieldOptions, FIELD_DEFAULTS)
    def __init__(
        self,
        default: Any = Undefined,
        *,
        media_type: str = "multipart/form-data",
        **options: Unpack[FieldOptions],
    ) -> None:
        super().__init__(default, media_type=media_type, **options)


@dataclass(frozen=True)
class Depends:
    """A declared dependency. Hashable; two with a concurrency limit are never equal."""

    dependency: Callable[..., Any] | None = None
    use_cache: bool = True
    scope: Literal["function", "request"] | None = None
    max_concurrency: int | None = field(default=None, kw_only=True)
    _concurrency: _DependencyConcurrency | None = field(default=None, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        limit = self.max_concurrency
        if limit is None:
            object.__setattr__(self, "_concurrency", None)
            return
        if type(limit) is not int or limit < 1:
            raise ValueError("max_concurrency must be a positive integer or None")
        # A copy made by dataclasses.replace() shares the limiter of the original.
        if self._concurrency is None or self._concurrency.max_concurrency != limit:
            object.__setattr__(self, "_concurrency", _DependencyConcurrency(limit))


@dataclass(frozen=True)
class Security(Depends):
    """A dependency that also asks for OAuth2 scopes."""

    scopes: Sequence[str] | None = None
