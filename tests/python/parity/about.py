"""What both sides must have in common."""

from __future__ import annotations

import importlib.metadata
import platform

SHARED = ("starlette", "pydantic", "pydantic_core", "anyio", "python-multipart", "itsdangerous")
"""Packages whose work shows in answers: both sides must run the same release of each."""


def versions() -> dict[str, str]:
    found = {name: importlib.metadata.version(name) for name in SHARED}
    return {**found, "python": platform.python_version()}
