"""The data plane, made by the C sources in ``src``. Handlers cross as their addresses."""

from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Any, final

ERRORS: tuple[tuple[str, int, str, str], ...]

@final
class Gate:
    def __new__(cls, watches: tuple[tuple[dict[str, Any], str, object], ...], /) -> Gate: ...
    @property
    def open(self) -> bool: ...

@final
class Loop:
    def __new__(cls, loop: AbstractEventLoop) -> Loop: ...
    def close(self) -> None: ...

@final
class Application:
    def __new__(
        cls,
        loop: Loop,
        app: Callable[..., Any],
        *,
        root_path: str = "",
        state: dict[str, Any] | None = None,
    ) -> Application: ...

def new_plan_handler(
    plan: object,
    application: Application,
    loop: Loop,
    gate: Gate,
    encode: Callable[[Any], Any],
    response_class: type,
    /,
) -> int: ...
def new_answer_handler(
    application: Application,
    gate: Gate,
    status: int,
    body: bytes,
    headers: tuple[tuple[bytes, bytes], ...],
    /,
) -> int: ...
def new_asgi_handler(application: Application, /) -> int: ...
def drain() -> None: ...
def json_read(data: bytes | bytearray | memoryview, /) -> Any: ...
def json_write(value: object, /) -> Any: ...
