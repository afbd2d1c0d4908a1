"""Type aliases shared by the package and by applications."""

import types
from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar, Union

if TYPE_CHECKING:
    from pydantic import BaseModel

DecoratedCallable = TypeVar("DecoratedCallable", bound=Callable[..., Any])
UnionType = types.UnionType
ModelNameMap = dict["type[BaseModel | Enum]", str]
IncEx = (
    set[int] | set[str] | Mapping[int, Union["IncEx", bool]] | Mapping[str, Union["IncEx", bool]]
)
DependencyCacheKey = tuple[Callable[..., Any] | None, tuple[str, ...], str]
