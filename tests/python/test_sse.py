"""Server-sent events: what is written, and what cannot be injected."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from turboapi import FastAPI
from turboapi.sse import EventSourceResponse, ServerSentEvent, format_sse_event
from turboapi.testclient import TestClient


class Item(BaseModel):
    name: str


def test_fields_are_written_one_per_line_and_end_with_an_empty_line() -> None:
    event = format_sse_event(data_str="d", event="e", id="1", retry=5, comment="c")
    assert event == b": c\nevent: e\ndata: d\nid: 1\nretry: 5\n\n"


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_every_line_of_data_and_comment_gets_its_field(end: str) -> None:
    assert format_sse_event(data_str=f"a{end}b") == b"data: a\ndata: b\n\n"
    assert format_sse_event(comment=f"a{end}b") == b": a\n: b\n\n"


def test_other_separators_are_data() -> None:
    text = "a\u2028b\x0bc\x85d"
    assert format_sse_event(data_str=text) == f"data: {text}\n\n".encode()


def test_an_empty_string_is_written() -> None:
    assert format_sse_event(data_str="") == b"data: \n\n"
    assert format_sse_event() == b"\n"


@pytest.mark.parametrize(
    "fields",
    [
        {"event": "a\nb"},
        {"event": "a\rb"},
        {"id": "a\nb"},
        {"id": "a\0b"},
        {"retry": -1},
        {"data": 1, "raw_data": "x"},
    ],
)
def test_fields_that_would_break_the_stream_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ServerSentEvent(**fields)


def make_client() -> TestClient:
    app = FastAPI()

    @app.get("/models", response_class=EventSourceResponse)
    async def models() -> AsyncIterator[Item]:
        yield Item(name="ä")
        yield Item(name="b")

    @app.get("/events", response_class=EventSourceResponse)
    def events() -> Iterator[ServerSentEvent]:
        yield ServerSentEvent(data="text", event="e", id="7", retry=10)
        yield ServerSentEvent(raw_data="a\nb")
        yield ServerSentEvent(comment="only")

    @app.get("/wrong", response_class=EventSourceResponse)
    async def wrong() -> AsyncIterator[Item]:
        yield Item(name="first")
        yield {"other": 1}  # type: ignore[misc]

    return TestClient(app)


def test_yielded_models_become_data() -> None:
    response = make_client().get("/models")
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-accel-buffering"] == "no"
    assert response.text == 'data: {"name":"ä"}\n\ndata: {"name":"b"}\n\n'


def test_yielded_events_keep_their_fields() -> None:
    assert make_client().get("/events").text == (
        'event: e\ndata: "text"\nid: 7\nretry: 10\n\ndata: a\ndata: b\n\n: only\n\n'
    )


def test_a_wrong_item_ends_the_stream_with_an_exception() -> None:
    from turboapi.exceptions import ResponseValidationError

    with pytest.raises(ExceptionGroup) as caught:  # the producer runs in a task group, as FastAPI's
        make_client().get("/wrong")
    assert caught.group_contains(ResponseValidationError)


def test_the_document_describes_the_items() -> None:
    document = make_client().get("/openapi.json").json()
    content = document["paths"]["/models"]["get"]["responses"]["200"]["content"]
    data = content["text/event-stream"]["itemSchema"]["properties"]["data"]
    assert data["contentMediaType"] == "application/json"
    assert data["contentSchema"] == {"$ref": "#/components/schemas/Item"}
