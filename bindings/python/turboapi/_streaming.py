"""Responses whose content an endpoint yields: server-sent events, JSON lines and raw chunks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio
from anyio.abc import ObjectReceiveStream
from starlette.concurrency import iterate_in_threadpool

from . import sse
from ._compat import ModelField
from ._plan import json_dumper
from ._wire import normalize_non_finite_floats
from .encoders import jsonable_encoder
from .sse import KEEPALIVE_COMMENT, format_sse_event

ItemEncoder = Callable[[Any], bytes]


def _to_json(data: Any) -> str:
    return json.dumps(normalize_non_finite_floats(jsonable_encoder(data)))


def item_encoder(
    field: ModelField | None,
    dump_options: dict[str, Any],
    invalid: Callable[[Any, Any], Exception],
) -> ItemEncoder:
    """Encode one yielded item as JSON; ``invalid(errors, item)`` makes the error to raise."""
    if field is None:
        return lambda item: _to_json(item).encode()
    dump = json_dumper(field, dump_options)

    def encode(item: Any) -> bytes:
        value, errors = field.validate(item, loc=("response",))
        if errors:
            raise invalid(errors, item)
        return dump(value)

    return encode


def event_encoder(encode: ItemEncoder) -> ItemEncoder:
    """Encode one yielded item as a server-sent event."""

    def encode_event(item: Any) -> bytes:
        if not isinstance(item, sse.ServerSentEvent):
            return format_sse_event(data_str=encode(item).decode())
        data = item.raw_data
        if data is None and item.data is not None:
            dump = getattr(item.data, "model_dump_json", None)
            data = _to_json(item.data) if dump is None else dump()
        return format_sse_event(
            data_str=data, event=item.event, id=item.id, retry=item.retry, comment=item.comment
        )

    return encode_event


def as_async_iterator(items: Any) -> AsyncIterator[Any]:
    """The items of an async iterable, or of an iterable advanced in worker threads."""
    if hasattr(items, "__aiter__"):
        iterator: AsyncIterator[Any] = items.__aiter__()
        return iterator
    return iterate_in_threadpool(items)


async def with_checkpoints(items: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """The items, letting other tasks run (and cancellation arrive) after each of them."""
    async for item in items:
        yield item
        await anyio.sleep(0)


def json_lines(items: Any, encode: ItemEncoder) -> AsyncIterator[bytes] | Iterator[bytes]:
    """One line of JSON per item."""
    if hasattr(items, "__aiter__"):
        return with_checkpoints(_encoded_lines(items, encode))
    return (encode(item) + b"\n" for item in items)


async def _encoded_lines(items: Any, encode: ItemEncoder) -> AsyncIterator[bytes]:
    async for item in items:
        yield encode(item) + b"\n"


def raw_chunks(items: Any) -> Any:
    """The chunks as they are."""
    return with_checkpoints(items) if hasattr(items, "__aiter__") else items


@asynccontextmanager
async def _producing(
    items: AsyncIterator[Any], encode: ItemEncoder
) -> AsyncIterator[ObjectReceiveStream[bytes]]:
    """Encode items in a task of their own, so that waiting for one can time out."""
    sender, receiver = anyio.create_memory_object_stream[bytes](max_buffer_size=1)

    async def produce() -> None:
        async with sender:
            async for item in items:
                await sender.send(encode(item))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(produce)
        try:
            yield receiver
        finally:
            tasks.cancel_scope.cancel()  # First: a producer must not fail for want of a receiver.
            receiver.close()


async def _with_keepalive(
    events: ObjectReceiveStream[bytes], interval: float
) -> AsyncIterator[bytes]:
    """The events, and a comment whenever none came for ``interval`` seconds."""
    while True:
        event = KEEPALIVE_COMMENT
        with anyio.move_on_after(interval):
            try:
                event = await events.receive()
            except anyio.EndOfStream:
                return
        yield event


async def server_sent_events(
    items: Any, encode: ItemEncoder, interval: float, stack: AsyncExitStack
) -> AsyncIterator[bytes]:
    """Start producing events; ``stack`` ends the producer when the response is done."""
    producing = _producing(as_async_iterator(items), event_encoder(encode))
    receiver = await stack.enter_async_context(producing)
    return with_checkpoints(_with_keepalive(receiver, interval))
