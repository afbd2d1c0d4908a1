"""Middleware declaration of Starlette."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.middleware import Middleware as Middleware

from .._lazy import late_attributes

if not TYPE_CHECKING:  # Checkers must know which names there are.
    __getattr__ = late_attributes(__name__, {"asyncexitstack": ()})
