"""Limits on what a form parser accepts, checked when they are configured."""

from __future__ import annotations

from pydantic import ConfigDict, NonNegativeInt, TypeAdapter, with_config
from typing_extensions import TypedDict


@with_config(ConfigDict(strict=True, extra="forbid"))
class _FormLimits(TypedDict, total=False):
    """``max_fields`` and ``max_files`` are counts, ``max_part_size`` is in bytes."""

    max_fields: NonNegativeInt
    max_files: NonNegativeInt
    max_part_size: NonNegativeInt


_adapter = TypeAdapter(_FormLimits)


def _validate_form_limits(limits: _FormLimits | None) -> _FormLimits:
    """The limits, or a pydantic ``ValidationError``; ``None`` sets no limit."""
    return {} if limits is None else _adapter.validate_python(limits)
