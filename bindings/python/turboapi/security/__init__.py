"""Security schemes: dependencies that read credentials and document themselves.

The names below are loaded when they are asked for: the rest of the package needs `.base` only, and an
application without security should not pay for the OpenAPI models behind the schemes.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

_MODULES = {
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
    "base": (),
    "utils": (),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}
__all__ = ["SecurityScopes", *_HOME]  # noqa: PLE0604  (a star import asks for each of them)


def __getattr__(name: str) -> Any:
    if (
        name in _MODULES
    ):  # `import turboapi.security` gives access to the submodules, as FastAPI's does
        return import_module(f".{name}", __name__)
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals().setdefault(name, getattr(import_module(f".{_HOME[name]}", __name__), name))


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME, *_MODULES})
