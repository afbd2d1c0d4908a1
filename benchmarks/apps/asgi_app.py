"""A raw ASGI application, no framework, hosted by turboapi.

Usage: `python asgi_app.py PORT`; the console prints the URL, with the real port for port 0.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import turboapi

Message = MutableMapping[str, Any]


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Answers every HTTP request with the greeting, encoded anew each time."""
    if scope["type"] == "lifespan":
        await serve_lifespan(receive, send)
        return
    body = json.dumps({"message": "Hello World"}, separators=(",", ":")).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def serve_lifespan(
    receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Acknowledges start-up and shutdown."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


if __name__ == "__main__":
    turboapi.run(app, host="127.0.0.1", port=int(sys.argv[1]))
