"""What every security scheme is, and the scopes that are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..openapi.models import SecurityBase as SecurityBaseModel


class SecurityBase:
    """A dependency that is listed under `securitySchemes` as `scheme_name` with the description `model`."""

    model: SecurityBaseModel
    scheme_name: str


class SecurityScopes:
    """Parameter type: every scope asked for by the dependencies above, as a list and as one string."""

    def __init__(self, scopes: list[str] | None = None) -> None:
        self.scopes: list[str] = scopes or []
        self.scope_str: str = " ".join(self.scopes)
