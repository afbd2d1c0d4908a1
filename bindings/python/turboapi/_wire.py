"""Query strings and JSON, read and written as Starlette and the json module do, only sooner done.

Every function here gives exactly what the slower call named in its docstring gives. What is unusual is
handed to that call.
"""

from __future__ import annotations

import json
import json.encoder
import math
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

# --- query strings -------------------------------------------------------------------------------


def parse_query(query: bytes) -> list[tuple[str, str]]:
    """The pairs of a query string, as ``starlette.datastructures.QueryParams`` reads them.

    Bytes are Latin-1 until they are percent-decoded as UTF-8; a name without "=" has the value "".
    """
    pairs = []
    for part in query.decode("latin-1").split("&"):
        if part:
            name, _, value = part.partition("=")
            pairs.append((name, value))
    if b"%" in query or b"+" in query:
        return [(unquote_plus(name), unquote_plus(value)) for name, value in pairs]
    return pairs


class QueryValues(dict[str, str]):
    """A parsed query string: the interface of ``QueryParams`` that parameters need. Not changed."""

    __slots__ = ("_pairs",)

    def __init__(self, query: bytes) -> None:
        self._pairs = parse_query(query)
        super().__init__(self._pairs)  # Of a repeated name the last value counts.

    def getlist(self, name: str) -> list[str]:
        """All values of a name, in order."""
        return [value for each, value in self._pairs if each == name]

    def multi_items(self) -> list[tuple[str, str]]:
        """All pairs, in order."""
        return self._pairs


# --- JSON ----------------------------------------------------------------------------------------

_loads = json.loads
_scan: Callable[[str, int], tuple[Any, int]] = vars(json.JSONDecoder())["scan_once"]
_OPENING = frozenset(b"{[")


def load_json(content: bytes) -> Any:
    """``json.loads(content)``, which also finds out the encoding and says what is wrong."""
    # An ASCII character and then one that is no NUL: this is UTF-8 without a byte order mark.
    # (Somebody may have put another parser in the place of the json module's.)
    if len(content) > 1 and content[0] in _OPENING and content[1] and json.loads is _loads:
        try:
            text = content.decode()
            value, end = _scan(text, 0)
        except (ValueError, StopIteration):
            return json.loads(content)
        if end == len(text):
            return value
    return json.loads(content)


def _json_writer() -> Any:
    """The compiled encoder of ``json.dumps``, made once. It cannot notice cycles."""
    make = getattr(json.encoder, "c_make_encoder", None)
    quote = getattr(json.encoder, "c_encode_basestring", None)
    if make is None or quote is None:
        encode = json.JSONEncoder(
            ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
        ).encode
        return lambda value, _: (encode(value),)
    return make(None, json.JSONEncoder().default, quote, None, ":", ",", False, False, False)


_write = _json_writer()


def dump_json(value: Any) -> bytes:
    """The body that ``JSONResponse`` makes of a value: compact, not escaped, without NaN."""
    try:
        return "".join(_write(value, 0)).encode()
    except RecursionError:
        # Too deep, or a cycle, which the json module names as such.
        separators = (",", ":")
        return json.dumps(
            value, ensure_ascii=False, allow_nan=False, separators=separators
        ).encode()


def normalize_non_finite_floats(data: Any) -> Any:
    """Plain data with NaN and infinities, which JSON does not have, replaced by None."""
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    # No comprehensions: on Python 3.11 these are frames, and data may be nested as deeply as it could be read.
    if isinstance(data, dict):
        pairs = {}
        for key, value in data.items():
            pairs[key] = normalize_non_finite_floats(value)
        return pairs
    if isinstance(data, list):
        values = []
        for value in data:
            values.append(normalize_non_finite_floats(value))
        return values
    return data
