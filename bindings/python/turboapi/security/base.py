"""What every security scheme is, and the scopes that are asked for."""

from __future__ import annotations

from typing import Any


class SecurityBase:
    """A dependency that is listed under `securitySchemes` as `scheme_name` with the description `model`."""

    model: Any  # one of the schemes in turboapi.openapi.models
    scheme_name: str


class SecurityScopes:
    """Parameter type: every scope asked for by the dependencies above, as a list and as one string."""

    def __init__(self, scopes: list[str] | None = None) -> None:
        self.scopes: list[str] = scopes or []
        self.scope_str: str = " ".join(self.scopes)
