"""What the probes share: asking an application, and writing down what came of it."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx2

Probe = Callable[[], Any]


class Probes(dict[str, Probe]):
    """The probes of one module by name: ``@probes`` adds a function."""

    def __call__(self, function: Probe) -> Probe:
        return self.named(function.__name__)(function)

    def named(self, name: str) -> Callable[[Probe], Probe]:
        """Adds a function under this name."""

        def add(function: Probe) -> Probe:
            if name in self:
                raise ValueError(f"two probes are called {name}")
            self[name] = function
            return function

        return add


_loops: list[asyncio.Runner] = []


def ask(app: Any, method: str, path: str, **options: Any) -> list[Any]:
    """Status, headers in order, and text of the answer.

    All go through one event loop: Starlette's client starts a thread and a loop for each request,
    which takes longer than everything else.
    """
    if not _loops:
        _loops.append(asyncio.Runner())
    return _loops[0].run(_ask(app, method, path, options))


async def _ask(app: Any, method: str, path: str, options: dict[str, Any]) -> list[Any]:
    content = options.get("content")
    if isinstance(content, Iterator):
        options = {**options, "content": _later(content)}
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False, client=("testclient", 50000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as client:
        answer = await client.request(method, path, **options)
    headers = [f"{name}: {value}" for name, value in answer.headers.multi_items()]
    return [answer.status_code, headers, answer.content.decode("utf-8", "backslashreplace")]


async def _later(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def gets(app: Any, *paths: str, **options: Any) -> list[Any]:
    return [ask(app, "GET", path, **options) for path in paths]


def document(app: Any) -> str:
    """The OpenAPI document as text: the order of keys counts."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        text = json.dumps(app.openapi(), ensure_ascii=False)
    return text + "".join(f"\n{w.category.__name__}: {w.message}" for w in caught)


def outcome(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """The result, or the exception, and what was warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = function(*args, **options)
            if asyncio.iscoroutine(result):
                result = asyncio.run(result)
        except Exception as error:
            result = [type(error).__name__, str(error)]
    return [result, [[w.category.__name__, str(w.message)] for w in caught]]
