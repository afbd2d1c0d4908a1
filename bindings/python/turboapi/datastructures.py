"""Upload file, default marker and Starlette's data structures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

from starlette.datastructures import URL as URL
from starlette.datastructures import Address as Address
from starlette.datastructures import FormData as FormData
from starlette.datastructures import Headers as Headers
from starlette.datastructures import QueryParams as QueryParams
from starlette.datastructures import State as State
from starlette.datastructures import UploadFile as StarletteUploadFile

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler


class UploadFile(StarletteUploadFile):
    """A file sent in a multipart form; declare a parameter of this type to receive it.

    The file is kept in memory up to a limit and on disk above it. The coroutine methods run the blocking
    file call in a worker thread; `file` is the plain Python file object.
    """

    file: BinaryIO
    filename: str | None
    size: int | None
    headers: Headers
    # Starlette gives it as a property.
    content_type: str | None  # pyright: ignore[reportIncompatibleMethodOverride]

    async def write(self, data: bytes) -> None:
        """Write `data` at the current position."""
        return await super().write(data)

    async def read(self, size: int = -1) -> bytes:
        """Read at most `size` bytes; all of the rest when negative."""
        return await super().read(size)

    async def seek(self, offset: int) -> None:
        """Go to byte `offset`, counted from the start of the file."""
        return await super().seek(offset)

    async def close(self) -> None:
        """Close the file; a temporary file on disk is deleted by this."""
        return await super().close()

    @classmethod
    def _validate(cls, value: Any, _: Any, /) -> UploadFile:
        if not isinstance(value, StarletteUploadFile):
            raise ValueError(f"Expected UploadFile, received: {type(value)}")
        return cast(UploadFile, value)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: Mapping[str, Any], handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """A string of raw bytes, in JSON Schema 2020-12's words."""
        return {"type": "string", "contentMediaType": "application/octet-stream"}

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[Any], handler: Callable[[Any], Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """Accepts Starlette's upload files (and so ours) as they are, nothing else."""
        from pydantic_core.core_schema import with_info_plain_validator_function

        return cast(Mapping[str, Any], with_info_plain_validator_function(cls._validate))


class DefaultPlaceholder:
    """Wraps a default value, so that "not given" differs from "given, and equal to the default".

    It is as true or false as the value it wraps. Immutable by convention.
    """

    def __init__(self, value: Any) -> None:
        self.value = value

    def __bool__(self) -> bool:
        return bool(self.value)

    def __eq__(self, o: object) -> bool:
        return isinstance(o, DefaultPlaceholder) and bool(o.value == self.value)


DefaultType = TypeVar("DefaultType")


def Default(value: DefaultType) -> DefaultType:
    """Mark `value` as a default that nobody gave; typed as the value so that signatures stay readable."""
    return cast(DefaultType, DefaultPlaceholder(value))


_Unset = Default(None)
