"""HTTP and WebSocket status codes of Starlette, deprecated names included."""

from typing import Any

from starlette import status as _status
from starlette.status import *  # noqa: F403  # pyright: ignore[reportWildcardImportFromLibrary]


def __getattr__(name: str) -> Any:
    # Starlette answers its renamed constants in a function like this one, with a warning.
    return getattr(_status, name)


def __dir__() -> list[str]:
    return dir(_status)
