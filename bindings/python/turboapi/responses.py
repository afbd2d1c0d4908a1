"""Response classes: Starlette's, server-sent events, and two deprecated JSON writers."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any, Protocol, cast

from starlette.responses import FileResponse as FileResponse
from starlette.responses import HTMLResponse as HTMLResponse
from starlette.responses import JSONResponse as JSONResponse
from starlette.responses import PlainTextResponse as PlainTextResponse
from starlette.responses import RedirectResponse as RedirectResponse
from starlette.responses import Response as Response
from starlette.responses import StreamingResponse as StreamingResponse
from typing_extensions import deprecated

from .exceptions import FastAPIDeprecationWarning
from .sse import EventSourceResponse as EventSourceResponse

_DEPRECATED = (
    "{name} is deprecated, FastAPI now serializes data directly to JSON bytes via Pydantic when a return type "
    "or response model is set, which is faster and doesn't need a custom response class. Read more in the "
    "FastAPI docs: https://fastapi.tiangolo.com/advanced/custom-response/#orjson-or-response-model and "
    "https://fastapi.tiangolo.com/tutorial/response-model/"
)


class _UjsonModule(Protocol):
    def dumps(self, obj: Any, /, *, ensure_ascii: bool = ...) -> str: ...


class _OrjsonModule(Protocol):
    OPT_NON_STR_KEYS: int
    OPT_SERIALIZE_NUMPY: int

    def dumps(self, obj: Any, /, *, option: int = ...) -> bytes: ...


@cache
def _optional_module(name: str) -> Any:
    """An optional package, or None. Imported when a response needs it, not with this module."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def __getattr__(name: str) -> Any:
    if name in ("orjson", "ujson"):
        return globals().setdefault(name, _optional_module(name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _json_module(name: str, response: str) -> Any:
    # Looked up through the module's globals first, as applications and tests may replace the name there.
    module = globals()[name] if name in globals() else _optional_module(name)
    assert module is not None, f"{name} must be installed to use {response}"
    return module


@deprecated(
    _DEPRECATED.format(name="UJSONResponse"), category=FastAPIDeprecationWarning, stacklevel=2
)
class UJSONResponse(JSONResponse):
    """JSON written by the package ujson. Deprecated in FastAPI."""

    def render(self, content: Any) -> bytes:
        """Compact text in UTF-8; AssertionError when ujson is not installed."""
        ujson = cast(_UjsonModule, _json_module("ujson", "UJSONResponse"))
        return ujson.dumps(content, ensure_ascii=False).encode("utf-8")


@deprecated(
    _DEPRECATED.format(name="ORJSONResponse"), category=FastAPIDeprecationWarning, stacklevel=2
)
class ORJSONResponse(JSONResponse):
    """JSON written by the package orjson. Deprecated in FastAPI."""

    def render(self, content: Any) -> bytes:
        """JSON bytes, numpy arrays and keys of other types included; AssertionError without orjson."""
        orjson = cast(_OrjsonModule, _json_module("orjson", "ORJSONResponse"))
        options = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY
        return orjson.dumps(content, option=options)
