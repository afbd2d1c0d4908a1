"""Security schemes: dependencies that read credentials and document themselves.

The names below are loaded when they are asked for: the rest of the package needs `.base` only, and an
application without security should not pay for the OpenAPI models behind the schemes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import late_attributes
from .base import SecurityScopes as SecurityScopes

if TYPE_CHECKING:
    from .api_key import APIKeyCookie as APIKeyCookie
    from .api_key import APIKeyHeader as APIKeyHeader
    from .api_key import APIKeyQuery as APIKeyQuery
    from .http import HTTPAuthorizationCredentials as HTTPAuthorizationCredentials
    from .http import HTTPBasic as HTTPBasic
    from .http import HTTPBasicCredentials as HTTPBasicCredentials
    from .http import HTTPBearer as HTTPBearer
    from .http import HTTPDigest as HTTPDigest
    from .oauth2 import OAuth2 as OAuth2
    from .oauth2 import OAuth2AuthorizationCodeBearer as OAuth2AuthorizationCodeBearer
    from .oauth2 import OAuth2PasswordBearer as OAuth2PasswordBearer
    from .oauth2 import OAuth2PasswordRequestForm as OAuth2PasswordRequestForm
    from .oauth2 import OAuth2PasswordRequestFormStrict as OAuth2PasswordRequestFormStrict
    from .open_id_connect_url import OpenIdConnect as OpenIdConnect

_HOMES = {
    "api_key": ("APIKeyCookie", "APIKeyHeader", "APIKeyQuery"),
    "http": (
        "HTTPAuthorizationCredentials",
        "HTTPBasic",
        "HTTPBasicCredentials",
        "HTTPBearer",
        "HTTPDigest",
    ),
    "oauth2": (
        "OAuth2",
        "OAuth2AuthorizationCodeBearer",
        "OAuth2PasswordBearer",
        "OAuth2PasswordRequestForm",
        "OAuth2PasswordRequestFormStrict",
    ),
    "open_id_connect_url": ("OpenIdConnect",),
    "utils": (),
}
__all__ = [
    "APIKeyCookie",
    "APIKeyHeader",
    "APIKeyQuery",
    "HTTPAuthorizationCredentials",
    "HTTPBasic",
    "HTTPBasicCredentials",
    "HTTPBearer",
    "HTTPDigest",
    "OAuth2",
    "OAuth2AuthorizationCodeBearer",
    "OAuth2PasswordBearer",
    "OAuth2PasswordRequestForm",
    "OAuth2PasswordRequestFormStrict",
    "OpenIdConnect",
    "SecurityScopes",
]

if not TYPE_CHECKING:  # Checkers must know which names there are.
    __getattr__ = late_attributes(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_HOMES})
