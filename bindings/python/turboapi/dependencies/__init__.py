"""The dependency graph of an endpoint: what it needs, read from its signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import late_attributes

if not TYPE_CHECKING:  # Checkers must know which names there are.
    __getattr__ = late_attributes(__name__, {"models": (), "utils": ()})
