"""The Python executor: runs a compiled graph for one request and turns the result into a response.

Solving is written once, as a generator that pauses wherever something must be awaited or must move
to a worker thread. So consecutive plain functions (dependencies, then the endpoint and its response
model) share one stay in one thread, while each of them still gets a copy of the context of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

import anyio.to_thread
from anyio import CancelScope, CapacityLimiter
from starlette.background import BackgroundTasks as StarletteBackgroundTasks
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from ._compat import Undefined
from ._extract import Errors, Values
from ._forms import read_form_body, read_json_body
from ._plan import CallKind, DependencyStep, Graph, Overrides, compile_step, graph_of
from .background import BackgroundTasks
from .concurrency import (
    _asynccontextmanager_with_shielded_exit,
    _contextmanager_with_concurrency_limit,
    asynccontextmanager,
    contextmanager_in_threadpool,
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
    """What the parts of one request's graph share. Used by one thread at a time."""

    __slots__ = (
        "background",
        "body",
        "cache",
        "embed",
        "errors",
        "in_thread",
        "overrides",
        "provider",
        "request",
        "response",
    )

    def __init__(
        self,
        request: Request | WebSocket,
        body: Any = Undefined,
        background: StarletteBackgroundTasks | None = None,
        response: Response | None = None,
        cache: dict[DependencyCacheKey, Any] | None = None,
        *,
        provider: Any = None,
        embed: bool = False,
    ) -> None:
        self.request = request
        self.body = body
        overrides = getattr(provider, "dependency_overrides", None)
        self.provider = None if overrides is None else provider
        self.embed = embed
        # What the graph is compiled with: a copy, as the application's may change meanwhile.
        self.overrides = dict(overrides) if overrides else _NO_OVERRIDES
        self.background = background
        self.response = response
        self.cache: dict[DependencyCacheKey, Any] = {} if cache is None else cache
        self.errors: Errors = []
        self.in_thread = False

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


# --- arguments ---------------------------------------------------------------------------------


def read_arguments(graph: Graph, state: RequestState, values: Values) -> None:
    """Store what a callable takes from the request itself, except from a form."""
    errors, request = state.errors, state.request
    for reader in graph.path:
        reader.read(request.path_params, values, errors)
    if graph.query:
        query = request.query_params
        for reader in graph.query:
            reader.read(query, values, errors)
    if graph.header:
        headers = request.headers
        for reader in graph.header:
            reader.read(headers, values, errors)
    if graph.cookie:
        cookies = request.cookies
        for reader in graph.cookie:
            reader.read(cookies, values, errors)
    if graph.body and not isinstance(state.body, FormData):
        read_json_body(graph.body, state.body, graph.single_body, values, errors)


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


def _solve(graph: Graph, state: RequestState) -> Generator[_Effect, Any, Values]:
    """Run the dependencies in order, then read the callable's own arguments.

    A dependency whose arguments are wrong is skipped; the ones after it still run, so that all
    errors are reported together.
    """
    values: Values = {}
    cache = state.cache
    for step in graph.steps:
        provider = state.provider
        if provider is not None and provider.dependency_overrides != state.overrides:
            # An earlier dependency overrode a later one.
            step = compile_step(step.declared, state.embed, provider.dependency_overrides)
        if not (step.use_cache and step.graph.pure and step.key in cache):
            seen = len(state.errors)
            arguments = yield from _solve(step.graph, state)
            if len(state.errors) > seen:
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
        yield read_form_body(graph.body, state.body, graph.single_body, values, state.errors)
    if graph.injects:
        _inject(graph, state, values)
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
    stack: AsyncExitStack = state.request.scope[name]
    return stack


def _enter_in_thread(step: DependencyStep, arguments: Values, state: RequestState) -> Any:
    """Run a generator up to its ``yield`` in this worker thread, while the event loop waits."""
    manager = contextmanager(step.call)(**arguments)
    value = copy_context().run(manager.__enter__)

    async def leave(*exc_info: Any) -> bool:
        # Not among the threads that requests share: these could all wait for what is freed here.
        with CancelScope(shield=True):
            suppressed = await anyio.to_thread.run_sync(
                manager.__exit__, *exc_info, limiter=CapacityLimiter(1)
            )
        return bool(suppressed)

    _stack_of(step, state).push_async_exit(leave)
    return value


async def _enter(step: DependencyStep, arguments: Values, state: RequestState) -> Any:
    """Run a generator up to its ``yield``; the stack that its scope names closes it."""
    scope = state.request.scope
    manager: AbstractAsyncContextManager[Any]
    if step.kind is CallKind.ASYNC_GENERATOR:
        manager = _asynccontextmanager_with_shielded_exit(
            asynccontextmanager(step.call)(**arguments), _cleanup_scope(scope)
        )
    else:
        manager = contextmanager_in_threadpool(contextmanager(step.call)(**arguments))
    if step.concurrency is not None:
        semaphore = step.concurrency.get_semaphore()
        manager = _contextmanager_with_concurrency_limit(manager, semaphore)
    return await _stack_of(step, state).enter_async_context(manager)


def _cleanup_scope(scope: Any) -> CancelScope:
    """The one cancel scope of a request that shields the code after ``yield``."""
    request_stack: AsyncExitStack = scope["fastapi_inner_astack"]
    scopes: dict[AsyncExitStack, CancelScope] = scope.setdefault("fastapi_async_cleanup_scopes", {})
    cleanup_scope = scopes.get(request_stack)
    if cleanup_scope is None:
        cleanup_scope = request_stack.enter_context(CancelScope())
        scopes[request_stack] = cleanup_scope
        request_stack.callback(scopes.pop, request_stack)
    return cleanup_scope


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
        effect = solver.send(None)
        while True:
            if effect is _TO_THREAD:
                finished, effect = await run_in_threadpool(_advance, solver, state)
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
    state = RequestState(
        request,
        body,
        background_tasks,
        response,
        cache,
        provider=overrides_provider,
        embed=embed_body_fields,
    )
    values = await drive(_solve(state.graph_of(dependant), state), state)
    return state.solved(values)


def _solve_and_call(
    graph: Graph, state: RequestState, finish: Callable[[Any], Any] | None
) -> _Solver:
    values: Values
    if graph.steps or isinstance(state.body, FormData):
        values = yield from _solve(graph, state)
    else:
        values = {}
        read_arguments(graph, state, values)
        if graph.injects:
            _inject(graph, state, values)
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
    values: Values
    if graph.steps or isinstance(state.body, FormData):
        values = await drive(_solve(graph, state), state)
    else:
        values = {}
        read_arguments(graph, state, values)
        if graph.injects:
            _inject(graph, state, values)
    if state.errors:
        return None
    return await graph.call(**values)
