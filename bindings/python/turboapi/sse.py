"""Server-sent events: the event model and its wire format (WHATWG HTML, 9.2)."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from starlette.responses import StreamingResponse

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


def _check_single_line(v: str | None, field_name: str) -> str | None:
    # A line end would end the field on the wire and let its value inject others.
    if v is not None and ("\r" in v or "\n" in v):
        raise ValueError(f"SSE '{field_name}' must be a single line")
    return v


def _check_event_single_line(v: str | None) -> str | None:
    return _check_single_line(v, "event")


def _check_id_valid(v: str | None) -> str | None:
    if v is not None and "\0" in v:
        # WHATWG HTML 9.2.6: a client ignores an id that contains NUL.
        raise ValueError("SSE 'id' must not contain null characters")
    return _check_single_line(v, "id")


class ServerSentEvent(BaseModel):
    """One server-sent event.

    `data` is written as JSON (a string gets quotes), `raw_data` as it is; at most one of the two may be set.
    `event` is the name that `addEventListener` waits for, `id` comes back as `Last-Event-ID` on
    reconnection, `retry` is the reconnection delay in milliseconds, `comment` is ignored by clients.
    """

    model_config = ConfigDict(defer_build=True)  # importing this module must not cost a schema

    data: Any = None
    raw_data: str | None = None
    event: Annotated[str | None, AfterValidator(_check_event_single_line)] = None
    id: Annotated[str | None, AfterValidator(_check_id_valid)] = None
    retry: Annotated[int | None, Field(ge=0)] = None
    comment: str | None = None

    @model_validator(mode="after")
    def _check_data_exclusive(self) -> ServerSentEvent:
        if self.data is not None and self.raw_data is not None:
            raise ValueError(
                "Cannot set both 'data' and 'raw_data' on the same ServerSentEvent. "
                "Use 'data' for JSON-serialized payloads or 'raw_data' for pre-formatted strings."
            )
        return self


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
