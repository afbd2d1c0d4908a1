"""Server-sent events: the event model and its wire format (WHATWG HTML, 9.2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.responses import StreamingResponse

from ._lazy import late_attributes

if TYPE_CHECKING:
    from ._sse_event import ServerSentEvent as ServerSentEvent
else:
    __getattr__ = late_attributes(__name__, {"turboapi._sse_event": ("ServerSentEvent",)})

KEEPALIVE_COMMENT = b": ping\n\n"
"""Sent when a stream was silent for `_PING_INTERVAL`, so that proxies keep the connection."""

_PING_INTERVAL: float = 15.0  # seconds

# What one event looks like, for the OpenAPI document.
_SSE_EVENT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "data": {"type": "string"},
        "event": {"type": "string"},
        "id": {"type": "string"},
        "retry": {"type": "integer", "minimum": 0},
    },
}

_LINE_END = re.compile("\r\n|\r|\n")


class EventSourceResponse(StreamingResponse):
    """A stream of server-sent events: give it as `response_class` and let the endpoint yield.

    Every yielded value becomes the JSON `data` of one event; a `ServerSentEvent` sets the other fields too.
    """

    media_type = "text/event-stream"


def _split_sse_lines(value: str) -> list[str]:
    """Split where an event stream's parser does: CR LF, LF or CR, and nowhere else."""
    return _LINE_END.split(value)


def format_sse_event(
    *,
    data_str: str | None = None,
    event: str | None = None,
    id: str | None = None,
    retry: int | None = None,
    comment: str | None = None,
) -> bytes:
    """One event in UTF-8 with its closing empty line. Fields that are None are left out.

    `data_str` and `comment` may have several lines, each gets its own field. `event` and `id` must be single
    lines; `ServerSentEvent` checks that, this function does not. `retry` is in milliseconds.
    """
    lines: list[str] = []
    if comment is not None:
        lines.extend(f": {line}" for line in _split_sse_lines(comment))
    if event is not None:
        lines.append(f"event: {event}")
    if data_str is not None:
        lines.extend(f"data: {line}" for line in _split_sse_lines(data_str))
    if id is not None:
        lines.append(f"id: {id}")
    if retry is not None:
        lines.append(f"retry: {retry}")
    return "".join(f"{line}\n" for line in [*lines, ""]).encode("utf-8")
