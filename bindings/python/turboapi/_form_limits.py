"""Limits on what a form parser accepts, checked when they are configured."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from typing_extensions import TypedDict

if TYPE_CHECKING:
    from pydantic import TypeAdapter


class _FormLimits(TypedDict, total=False):
    """``max_fields`` and ``max_files`` are counts, ``max_part_size`` is in bytes; none is negative."""

    max_fields: int
    max_files: int
    max_part_size: int


@cache
def _adapter() -> TypeAdapter[Any]:
    """The same type with its constraints. Made when first needed, as few set limits."""
    from pydantic import ConfigDict, NonNegativeInt, TypeAdapter, with_config

    @with_config(ConfigDict(strict=True, extra="forbid"))
    class _FormLimits(TypedDict, total=False):
        max_fields: NonNegativeInt
        max_files: NonNegativeInt
        max_part_size: NonNegativeInt

    return TypeAdapter(_FormLimits)


def _validate_form_limits(limits: _FormLimits | None) -> _FormLimits:
    """The limits, or a pydantic ``ValidationError``; ``None`` sets no limit."""
    if limits is None:
        return {}
    checked: _FormLimits = _adapter().validate_python(limits)
    return checked
