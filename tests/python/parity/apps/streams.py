"""JSON Lines, raw streams and server-sent events from generators."""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Annotated, Any

import anyio
from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel

app = FastAPI()


class Item(BaseModel):
    name: str
    price: float = 1.0


ITEMS = [Item(name="a"), Item(name="b\u00e9\n", price=2.5)]


@app.get("/lines")
async def lines() -> AsyncIterable[Item]:
    for item in ITEMS:
        yield item


@app.get("/def-lines")
def lines_in_thread() -> Iterable[Item]:
    yield from ITEMS


@app.get("/lines-plain")
async def lines_plain():
    yield {"a": 1}
    yield [float("nan"), float("inf")]
    yield None
    yield "\u2028"


@app.get("/lines-invalid")
async def lines_invalid() -> AsyncIterable[Item]:
    yield ITEMS[0]
    yield {"price": "x"}  # type: ignore[misc]


@app.get("/lines-raise")
async def lines_raise() -> AsyncIterable[Item]:
    yield ITEMS[0]
    raise RuntimeError("middle")


@app.get("/lines-first-raise")
async def lines_first_raise() -> AsyncIterable[Item]:
    raise HTTPException(404, "before the first")
    yield ITEMS[0]


@app.get("/lines-none")
async def lines_none() -> AsyncIterable[Item]:
    for item in ():
        yield item


@app.get("/raw", response_class=StreamingResponse)
async def raw() -> AsyncIterable[bytes]:
    yield b"one\xff"
    yield b""
    yield b"two"


@app.get("/def-raw", response_class=StreamingResponse)
def raw_in_thread() -> Iterable[str]:
    yield "one"
    yield "é"


class Png(StreamingResponse):
    media_type = "image/png"


@app.get("/raw-class", response_class=Png, status_code=203)
async def raw_class() -> AsyncIterable[bytes]:
    yield b"png"


@app.get("/events", response_class=EventSourceResponse)
async def events() -> AsyncIterable[Item]:
    for item in ITEMS:
        yield item


@app.get("/def-events", response_class=EventSourceResponse)
def events_in_thread() -> Iterable[Item]:
    yield from ITEMS


@app.get("/events-plain", response_class=EventSourceResponse)
async def events_plain():
    yield "text\nof two lines"
    yield {"a": [1, None]}
    yield 3


@app.get("/events-objects", response_class=EventSourceResponse)
async def events_objects() -> AsyncIterable[ServerSentEvent]:
    yield ServerSentEvent(data=ITEMS[1], event="item", id="1", retry=500)
    yield ServerSentEvent(raw_data="raw\r\nlines\n", id="2")
    yield ServerSentEvent(comment="a comment\nof two")
    yield ServerSentEvent(data=None)
    yield ServerSentEvent(data="")


@app.post("/events-post", response_class=EventSourceResponse)
async def events_post(item: Item, last_event_id: Annotated[int | None, Header()] = None):
    yield item
    yield last_event_id


closed: list[str] = []


async def resource() -> AsyncIterator[str]:
    yield "resource"
    closed.append("closed")


@app.get("/events-resource", response_class=EventSourceResponse)
async def events_resource(value: Annotated[str, Depends(resource)]):
    yield value
    yield len(closed)


@app.get("/closed")
async def wait_until_closed() -> list[str]:
    while not closed:
        await anyio.sleep(0.001)
    return [closed.pop()]


@app.get("/lines/{count}")
async def counted(count: int, size: int = 10) -> AsyncIterator[dict[str, Any]]:
    for n in range(count):
        yield {"n": n, "text": "x" * size}


@app.get("/def-lines/{count}")
def counted_in_thread(count: int) -> Iterator[int]:
    yield from range(count)
