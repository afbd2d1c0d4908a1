"""The model of a server-sent event, which only applications that send some need."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


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

    __module__ = "turboapi.sse"  # where applications find it
    model_config = ConfigDict(defer_build=True)  # importing this module must not cost a schema

    data: Any = None
    raw_data: str | None = None
    event: Annotated[str | None, AfterValidator(_check_event_single_line)] = None
    id: Annotated[str | None, AfterValidator(_check_id_valid)] = None
    retry: Annotated[int | None, Field(ge=0)] = None
    comment: str | None = None

    @model_validator(mode="after")
    def _check_data_exclusive(self) -> "ServerSentEvent":
        if self.data is not None and self.raw_data is not None:
            raise ValueError(
                "Cannot set both 'data' and 'raw_data' on the same ServerSentEvent. "
                "Use 'data' for JSON-serialized payloads or 'raw_data' for pre-formatted strings."
            )
        return self
