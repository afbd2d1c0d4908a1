"""The Python executor: runs a compiled graph for one request and turns the result into a response.

Solving is written once, as a generator that pauses wherever something must be awaited or must move
to a worker thread. So consecutive plain functions (dependencies, then the endpoint and its response
model) share one stay in one thread, while each of them still gets a copy of the context of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

import anyio.to_thread
from starlette.background import BackgroundTasks as StarletteBackgroundTasks
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import ClientDisconnect, Request, empty_receive, empty_send
from starlette.responses import Response
from starlette.types import Message, Receive, Scope
from starlette.websockets import WebSocket

from ._compat import Undefined
from ._connection import StartNotingSend
from ._extract import Errors, Values
from ._forms import read_form_body, read_json_body
from ._plan import (
    CallKind,
    DependencyStep,
    Graph,
    Overrides,
    compile_step,
    graph_of,
    same_overrides,
)
from ._wire import QueryValues
from ._workers import run_in_worker
from .background import BackgroundTasks
from .concurrency import (
    ShieldedManager,
    _contextmanager_with_concurrency_limit,
    contextmanager_in_threadpool,
    may_be_cancelled,
)
from .dependencies.models import Dependant
from .security.base import SecurityScopes
from .types import DependencyCacheKey

# A paused solver yields an awaitable, or this: go on in a worker thread.
_TO_THREAD = None
_Effect = Awaitable[Any] | None
_Solver = Generator[_Effect, Any, Any]


@dataclass
class SolvedDependency:
    """The arguments of an endpoint, or what is wrong with the request."""

    values: dict[str, Any]
    errors: list[Any]
    background_tasks: StarletteBackgroundTasks | None
    response: Response
    dependency_cache: dict[DependencyCacheKey, Any]


def new_response() -> Response:
    """The response that dependencies and endpoints may put headers and a status on."""
    response = Response()
    del response.headers["content-length"]
    response.status_code = None  # type: ignore[assignment]
    return response


_NO_OVERRIDES: Overrides = {}


class RequestState:
    """What the parts of one request share. Used by one thread at a time.

    The request object is made when somebody asks for it; it then knows the body that was read.
    """

    body: Any = Undefined
    content: bytes | None = None
    parsed: Any = Undefined  # what the content is as JSON, if it was parsed
    background: StarletteBackgroundTasks | None = None
    response: Response | None = None
    provider: Any = None
    embed = False
    overrides: Overrides = _NO_OVERRIDES
    in_thread = False
    _request: Request | WebSocket | None = None
    _query: QueryValues | None = None
    _has_cleanup_scope = False
    _cleanup_scope: anyio.CancelScope | None = None

    def __init__(self, scope: Scope, receive: Receive, send: StartNotingSend) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.cache: dict[DependencyCacheKey, Any] = {}
        self.errors: Errors = []

    def use(self, provider: Any, *, embed: bool) -> None:
        """Take the overrides of a provider as they are now, for the whole request."""
        self.embed = embed
        overrides = getattr(provider, "dependency_overrides", None)
        if overrides is not None:
            self.provider = provider
            if overrides:
                # What the graph is compiled with: a copy, as the provider's may change meanwhile.
                self.overrides = dict(overrides)

    @property
    def request(self) -> Request | WebSocket:
        """The connection's object, one for the whole request."""
        request = self._request
        if request is None:
            request = self.new_request()
            if self.content is not None:
                request._body = self.content
                request._stream_consumed = True
            if self.parsed is not Undefined:
                request._json = self.parsed
        return request

    @request.setter
    def request(self, request: Request | WebSocket) -> None:
        self._request = request

    def new_request(self) -> Request:
        """The connection's object, before its body is read."""
        request = self._request = Request(self.scope, self.receive, self.send)
        return request

    async def read_content(self) -> bytes:
        """Read the whole body, as ``Request.body`` does."""
        message = await self.receive()
        if message["type"] != "http.request" or message.get("more_body", False):
            return await self._read_rest(message)
        content = self.content = bytes(message.get("body", b""))  # Servers may send a bytearray.
        return content

    async def _read_rest(self, message: Message) -> bytes:
        chunks: list[bytes] = []
        while True:
            if message["type"] == "http.request":
                chunks.append(message.get("body", b""))
                if not message.get("more_body", False):
                    self.content = b"".join(chunks)
                    return self.content
            elif message["type"] == "http.disconnect":
                assert isinstance(self.request, Request)
                self.request._is_disconnected = True
                raise ClientDisconnect()
            message = await self.receive()

    @property
    def path_params(self) -> Mapping[str, Any]:
        """The parameters of the path, as the route's convertors made them."""
        request = self._request
        found: Mapping[str, Any]
        found = self.scope.get("path_params", {}) if request is None else request.path_params
        return found

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the query string, parsed once."""
        request = self._request
        if request is not None and not _has_own_query(request):
            return request.query_params
        if self._query is None:
            self._query = QueryValues(self.scope["query_string"])
        return self._query

    @property
    def cleanup_scope(self) -> anyio.CancelScope | None:
        """The one cancel scope of a request that shields the code after ``yield``.

        None if there is nothing to shield it from: the request runs in no cancel scope.
        """
        if not self._has_cleanup_scope:
            self._has_cleanup_scope = True
            if may_be_cancelled():
                stack: AsyncExitStack = self.scope["fastapi_inner_astack"]
                self._cleanup_scope = stack.enter_context(anyio.CancelScope())
        return self._cleanup_scope

    def graph_of(self, dependant: Dependant) -> Graph:
        """The compiled graph under the overrides that held when the request began."""
        return graph_of(dependant, self.embed, self.overrides)

    def solved(self, values: Values) -> SolvedDependency:
        """The outcome, in the form that instrumentation knows."""
        return SolvedDependency(
            values=values,
            errors=self.errors,
            background_tasks=self.background,
            response=new_response() if self.response is None else self.response,
            dependency_cache=self.cache,
        )


def _has_own_query(request: Request | WebSocket) -> bool:
    """Whether a request reads its query from the scope, as it does unless somebody changed that."""
    return type(request) is Request and "_query_params" not in vars(request)


def state_of(request: Request | WebSocket) -> RequestState:
    """The state of a request whose object exists already."""
    state = RequestState(request.scope, empty_receive, StartNotingSend(empty_send))
    state.request = request
    return state


# --- arguments ---------------------------------------------------------------------------------


def read_arguments(graph: Graph, state: RequestState, values: Values) -> None:
    """Store what a callable takes from the request itself, except from a form."""
    errors = state.errors
    if graph.path:
        path_params = state.path_params
        for reader in graph.path:
            reader.read(path_params, values, errors)
    if graph.query:
        query = state.query
        for reader in graph.query:
            reader.read(query, values, errors)
    if graph.header:
        headers = state.request.headers
        for reader in graph.header:
            reader.read(headers, values, errors)
    if graph.cookie:
        cookies = state.request.cookies
        for reader in graph.cookie:
            reader.read(cookies, values, errors)
    if graph.body and not isinstance(state.body, FormData):
        read_json_body(graph.body, state.body, graph.single_body, values, errors)
    if graph.injects:
        _inject(graph, state, values)


def _inject(graph: Graph, state: RequestState, values: Values) -> None:
    """Store the objects of the framework that a callable asks for."""
    request = state.request
    if graph.connection_name:
        values[graph.connection_name] = request
    if graph.request_name and isinstance(request, Request):
        values[graph.request_name] = request
    elif graph.websocket_name and isinstance(request, WebSocket):
        values[graph.websocket_name] = request
    if graph.background_name:
        if state.background is None:
            state.background = BackgroundTasks()
        values[graph.background_name] = state.background
    if graph.response_name:
        if state.response is None:
            state.response = new_response()
        values[graph.response_name] = state.response
    if graph.scopes_name:
        values[graph.scopes_name] = SecurityScopes(scopes=list(graph.scopes))


# --- solving -----------------------------------------------------------------------------------


def _needs_solving(graph: Graph, state: RequestState) -> bool:
    """Whether more is to be done for a callable than to read its own arguments."""
    return bool(graph.steps) or (bool(graph.body) and isinstance(state.body, FormData))


def _solve(graph: Graph, state: RequestState) -> Generator[_Effect, Any, Values]:
    """Run the dependencies in order, then read the callable's own arguments.

    A dependency whose arguments are wrong is skipped; the ones after it still run, so that all
    errors are reported together.
    """
    values: Values = {}
    cache, errors, provider = state.cache, state.errors, state.provider
    for step in graph.steps:
        if provider is not None and not same_overrides(
            provider.dependency_overrides, state.overrides
        ):
            # An earlier dependency overrode a later one.
            step = compile_step(step.declared, state.embed, provider.dependency_overrides)
        if not (step.use_cache and step.graph.pure and step.key in cache):
            seen = len(errors)
            if _needs_solving(step.graph, state):
                arguments = yield from _solve(step.graph, state)
            else:
                arguments = {}
                read_arguments(step.graph, state, arguments)
            if len(errors) > seen:
                continue
            if not (step.use_cache and step.key in cache):
                solved = yield from _call_dependency(step, arguments, state)
                cache.setdefault(step.key, solved)
                if step.name is not None:
                    values[step.name] = solved
                continue
        if step.name is not None:
            values[step.name] = cache[step.key]
    read_arguments(graph, state, values)
    if graph.body and isinstance(state.body, FormData):
        yield read_form_body(graph.body, state.body, graph.single_body, values, errors)
    return values


def _call_dependency(step: DependencyStep, arguments: Values, state: RequestState) -> _Solver:
    kind = step.kind
    if kind is CallKind.PLAIN:
        if step.concurrency is not None:
            return (yield _limited(step, arguments))
        if not state.in_thread:
            yield _TO_THREAD
        return copy_context().run(step.call, **arguments)
    if kind is CallKind.COROUTINE:
        if step.concurrency is not None:
            return (yield _limited(step, arguments))
        if state.in_thread:
            # The coroutine must be made, as it must be awaited, on the event loop's thread.
            return (yield _on_loop(step.call, arguments))
        return (yield step.call(**arguments))
    if kind is CallKind.GENERATOR and step.concurrency is None:
        if not state.in_thread:
            yield _TO_THREAD
        return _enter_in_thread(step, arguments, state)
    return (yield _enter(step, arguments, state))


async def _on_loop(call: Callable[..., Awaitable[Any]], arguments: Values) -> Any:
    return await call(**arguments)


async def _limited(step: DependencyStep, arguments: Values) -> Any:
    """Wait for a free slot first: a waiting call must not hold a worker thread."""
    assert step.concurrency is not None
    async with step.concurrency.get_semaphore():
        if step.kind is CallKind.COROUTINE:
            return await step.call(**arguments)
        return await run_in_threadpool(step.call, **arguments)


def _stack_of(step: DependencyStep, state: RequestState) -> AsyncExitStack:
    """The stack that closes a generator: before the response is sent, or after it."""
    name = "fastapi_function_astack" if step.closed_early else "fastapi_inner_astack"
    stack: AsyncExitStack = state.scope[name]
    return stack


def _enter_in_thread(step: DependencyStep, arguments: Values, state: RequestState) -> Any:
    """Run a generator up to its ``yield`` in this worker thread, while the event loop waits."""
    assert step.manager is not None
    manager = step.manager(**arguments)
    value = copy_context().run(manager.__enter__)

    async def leave(*exc_info: Any) -> bool:
        # Not among the threads that requests share: these could all wait for what is freed here.
        suppressed: bool | None = False
        with anyio.CancelScope(shield=True):
            suppressed = await anyio.to_thread.run_sync(
                manager.__exit__, *exc_info, limiter=anyio.CapacityLimiter(1)
            )
        return bool(suppressed)

    _stack_of(step, state).push_async_exit(leave)
    return value


async def _enter(step: DependencyStep, arguments: Values, state: RequestState) -> Any:
    """Run a generator up to its ``yield``; the stack that its scope names closes it."""
    assert step.manager is not None
    stack = _stack_of(step, state)
    manager: AbstractAsyncContextManager[Any]
    if step.kind is CallKind.ASYNC_GENERATOR:
        manager = ShieldedManager(step.manager(**arguments), state.cleanup_scope)
    else:
        manager = contextmanager_in_threadpool(step.manager(**arguments))
    if step.concurrency is not None:
        semaphore = step.concurrency.get_semaphore()
        manager = _contextmanager_with_concurrency_limit(manager, semaphore)
    return await stack.enter_async_context(manager)


# --- driving -----------------------------------------------------------------------------------


def _advance(solver: _Solver, state: RequestState) -> tuple[bool, Any]:
    """Let a solver go on in this worker thread until it needs the event loop.

    Returns whether it came to its end, and its result or what it needs. (A bare awaitable must
    not be returned: Trio takes it for the sign of an asynchronous function.)
    """
    state.in_thread = True
    try:
        return False, solver.send(None)
    except StopIteration as end:
        return True, end.value
    finally:
        state.in_thread = False


async def drive(solver: _Solver, state: RequestState) -> Any:
    """Run a solver to its end, on the event loop and, where it asks for that, in threads."""
    try:
        effect: Any = solver.send(None)
        while True:
            if effect is _TO_THREAD:
                finished, effect = await run_in_worker(_advance, solver, state)
                if finished:
                    return effect
                continue
            try:
                value = await effect
            except BaseException as exc:
                effect = solver.throw(exc)
            else:
                effect = solver.send(value)
    except StopIteration as end:
        return end.value


def check_stacks(request: Request | WebSocket) -> None:
    """Dependencies need the exit stacks that ``request_response`` puts into the scope."""
    for name in ("fastapi_inner_astack", "fastapi_function_astack"):
        assert isinstance(request.scope.get(name), AsyncExitStack), (
            f"{name} not found in request scope"
        )


async def solve(
    *,
    request: Request | WebSocket,
    dependant: Dependant,
    body: Any,
    background_tasks: StarletteBackgroundTasks | None,
    response: Response | None,
    overrides_provider: Any | None,
    cache: dict[DependencyCacheKey, Any] | None,
    embed_body_fields: bool,
) -> SolvedDependency:
    """Solve a graph without calling what it belongs to."""
    check_stacks(request)
    state = state_of(request)
    state.use(overrides_provider, embed=embed_body_fields)
    state.body = body
    state.background = background_tasks
    state.response = response
    if cache is not None:
        state.cache = cache
    values = await drive(_solve(state.graph_of(dependant), state), state)
    return state.solved(values)


def _solve_and_call(
    graph: Graph, state: RequestState, finish: Callable[[Any], Any] | None
) -> _Solver:
    values: Values = {}
    if _needs_solving(graph, state):
        values = yield from _solve(graph, state)
    else:
        read_arguments(graph, state, values)
    if state.errors:
        return None
    if not state.in_thread:
        yield _TO_THREAD
    result = copy_context().run(graph.call, **values)
    return result if finish is None else finish(result)


async def call_in_thread(
    graph: Graph, state: RequestState, finish: Callable[[Any], Any] | None
) -> Any:
    """Solve the graph of a plain function and call it; ``finish`` gets its result in that thread.

    Returns None without calling it if ``state.errors`` is not empty.
    """
    return await drive(_solve_and_call(graph, state, finish), state)


async def call_coroutine(graph: Graph, state: RequestState) -> Any:
    """Solve the graph of a coroutine function and await it, unless ``state.errors`` is filled."""
    values: Values = {}
    if _needs_solving(graph, state):
        values = await drive(_solve(graph, state), state)
    else:
        read_arguments(graph, state, values)
    if state.errors:
        return None
    return await graph.call(**values)
