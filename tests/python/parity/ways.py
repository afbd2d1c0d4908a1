"""Four ways for a request to reach an application."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol, Self
from urllib.parse import unquote

import httpx2
from turboapi.server import Server
from turboapi.testclient import TestClient
from wire import Wire

from .loading import load_app
from .model import Answer, Ask, Header


class Sender(Protocol):
    """One way to one application."""

    def send(self, ask: Ask) -> Answer: ...


# --- in the process ------------------------------------------------------------------------------


class ASGI:
    """Calls the application as a server does.

    It applies what HTTP says of bodies: none in an answer to HEAD, in a 204 or a 304
    (RFC 9110 §6.4.1).
    """

    def __init__(self, app: Any, stack: ExitStack) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self._loop.run_forever)
        thread.start()
        stack.callback(self._loop.close)
        stack.callback(thread.join)
        stack.callback(self._loop.call_soon_threadsafe, self._loop.stop)
        self._state: dict[str, Any] = {}
        lifespan = _Lifespan(app, self._state)
        self._run(lifespan.start())
        stack.callback(lambda: self._run(lifespan.stop()))

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def send(self, ask: Ask) -> Answer:
        answer: Answer = self._run(self._call(ask))
        return answer

    async def _call(self, ask: Ask) -> Answer:
        call = _Call(ask)
        try:
            await self._app(self._scope(ask), call.receive, call.send)
        except Exception as exc:  # a server logs it; the answer is what came before
            logging.getLogger(__name__).debug("%r", exc)
        return call.answer()

    def _scope(self, ask: Ask) -> dict[str, Any]:
        path, _, query = ask.origin_form.partition(b"?")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": ask.version.decode(),
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 50000),
            "scheme": "http",
            "method": ask.method.decode("ascii"),
            "root_path": "",
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "query_string": query,
            "headers": [(name.lower(), value.strip(b" \t")) for name, value in ask.all_headers],
            "state": self._state.copy(),
        }


class _Call:
    """receive() and send() of one request."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._left = list(ask.parts)
        self._start: dict[str, Any] | None = None
        self._body = bytearray()
        self._complete = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        if self._left:
            part = self._left.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(self._left)}
        await self._complete.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            assert self._start is None
            self._start = message
        elif message["type"] == "http.response.body":
            assert self._start is not None and not self._complete.is_set()
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                self._complete.set()
        else:
            raise RuntimeError(f"the scope offers no extension for {message['type']}")

    def answer(self) -> Answer:
        if self._start is None:  # what servers say when an application has not answered
            return Answer(500, _PLAIN, b"Internal Server Error")
        status = self._start["status"]
        body = b"" if _has_no_body(self._ask, status) else bytes(self._body)
        headers = tuple((bytes(n), bytes(v)) for n, v in self._start.get("headers", ()))
        return Answer(status, headers, body, self._complete.is_set())


_PLAIN = ((b"content-type", b"text/plain; charset=utf-8"),)


def _has_no_body(ask: Ask, status: int) -> bool:
    return ask.method == b"HEAD" or status in (204, 304)


class _Lifespan:
    """Runs an application's lifespan; one that raises at once has none."""

    def __init__(self, app: Any, state: dict[str, Any]) -> None:
        self._app = app
        self._scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": state,
        }

    async def start(self) -> None:
        self._inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._outbox: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._task = asyncio.ensure_future(self._work())
        await self._ask("startup")

    async def stop(self) -> None:
        if not self._task.done():
            await self._ask("shutdown")
        await self._task

    async def _work(self) -> None:
        try:
            await self._app(self._scope, self._inbox.get, self._outbox.put)
        except Exception as exc:
            logging.getLogger(__name__).debug("no lifespan: %r", exc)
        finally:
            self._outbox.put_nowait(None)

    async def _ask(self, what: str) -> None:
        await self._inbox.put({"type": f"lifespan.{what}"})
        said = await self._outbox.get()
        if said is not None and said["type"] != f"lifespan.{what}.complete":
            raise RuntimeError(f"lifespan: {said}")


class InClient:
    """Starlette's TestClient, which adds no header of its own."""

    def __init__(self, app: Any, stack: ExitStack) -> None:
        client = TestClient(app, raise_server_exceptions=False, follow_redirects=False)
        self._client = stack.enter_context(client)
        for name in list(client.headers):
            del client.headers[name]

    def send(self, ask: Ask) -> Answer:
        url = httpx2.URL("http://testserver").copy_with(raw_path=ask.target)
        assert url.raw_path == ask.target, f"the client would send {url.raw_path!r}"
        content: Any = None
        if ask.body is not None:
            content = iter(ask.body) if ask.chunked else b"".join(ask.body)
        request = self._client.build_request(
            ask.method.decode("ascii"), url, headers=ask.all_headers, content=content
        )
        response = self._client.send(request, stream=True)
        try:
            body = b"".join(response.iter_raw())
        finally:
            response.close()
            self._client.cookies.clear()
        return Answer(response.status_code, tuple(response.headers.raw), body, None)


# --- over a socket -------------------------------------------------------------------------------


class Socket:
    """A server on a port of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port

    def send(self, ask: Ask) -> Answer:
        with self.connect() as wire:
            return self.send_on(wire, ask)

    def connect(self) -> Wire:
        return Wire(self._port)

    def send_on(self, wire: Wire, ask: Ask) -> Answer:
        """Sends it on a connection that others may have used before."""
        wire.send(_message(ask))
        return _read(wire, ask)


def _message(ask: Ask) -> bytes:
    lines = [b"%s %s HTTP/%s" % (ask.method, ask.target, ask.version)]
    lines += [b"%s: %s" % field for field in ask.all_headers]
    head = b"\r\n".join([*lines, b"", b""])
    if not ask.chunked:
        return head + b"".join(ask.parts)
    chunks = [b"%x\r\n%s\r\n" % (len(part), part) for part in ask.parts if part]
    return head + b"".join(chunks) + b"0\r\n\r\n"


def _read(wire: Wire, ask: Ask) -> Answer:
    try:
        status, headers = _read_head(wire)
        while status < 200:
            status, headers = _read_head(wire)
    except EOFError:  # closed without a word
        return Answer(0, (), b"", False)
    answer = Answer(status, headers, b"")
    if _has_no_body(ask, status):
        return answer
    body, complete = _read_body(wire, answer)
    return Answer(status, headers, body, complete)


def _read_head(wire: Wire) -> tuple[int, tuple[Header, ...]]:
    first, *lines = wire.head()[:-4].split(b"\r\n")
    pairs = (line.partition(b":") for line in lines)
    return int(first.split()[1]), tuple((name, value.strip(b" ")) for name, _, value in pairs)


def _read_body(wire: Wire, head: Answer) -> tuple[bytes, bool]:
    """The body as RFC 9112 §6.3 frames it, and whether all of it came."""
    length = head.values(b"content-length")
    if head.values(b"transfer-encoding"):
        return _read_chunks(wire)
    if length:
        try:
            return wire.exactly(int(length[0])), True
        except EOFError:
            return wire.rest(), False
    assert head.values(b"connection") == [b"close"], head
    return wire.rest(), True


def _read_chunks(wire: Wire) -> tuple[bytes, bool]:
    body = bytearray()
    try:
        while size := int(wire.until(b"\r\n"), 16):
            body += wire.exactly(size)
            wire.exactly(2)
        wire.exactly(2)
    except (EOFError, ValueError):
        return bytes(body), False
    return bytes(body), True


class Live(Socket):
    """turboapi's own server, in this process."""

    def __init__(self, app: Any, stack: ExitStack) -> None:
        super().__init__(stack.enter_context(Server(app, port=0)).port)


class Reference:
    """FastAPI on uvicorn, in a process of its own."""

    def __init__(self, python: Path, specs: list[str]) -> None:
        self._process = subprocess.Popen(
            [str(python), "-m", "parity.reference", *specs],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"{python} could not serve the applications; its error is above"
        about = json.loads(line)
        self.versions: Mapping[str, str] = about["versions"]
        self._ports: Mapping[str, int] = about["ports"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.communicate()

    def way_to(self, spec: str) -> Socket:
        return Socket(self._ports[spec])


class Ours:
    """turboapi's ways to the applications, each begun when it is first asked for."""

    _KINDS: Mapping[str, Callable[[Any, ExitStack], Sender]] = {
        "asgi": ASGI,
        "testclient": InClient,
        "live": Live,
    }

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._senders: dict[tuple[str, str], Sender] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def way_to(self, spec: str, way: str) -> Sender:
        if (spec, way) not in self._senders:
            app = load_app(spec, "turboapi")
            self._senders[spec, way] = self._KINDS[way](app, self._stack)
        return self._senders[spec, way]


def reference_python() -> Path | None:
    """The interpreter with FastAPI in it that the environment names, or the one beside ours."""
    if named := os.environ.get("PARITY_FASTAPI"):
        return Path(named)
    suffix = "-3.14t" if "free-threading" in sys.version else ""
    beside = Path(__file__).parents[3] / f".venv-fastapi{suffix}" / "bin" / "python"
    return beside if beside.exists() else None
