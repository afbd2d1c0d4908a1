"""One HTTP route on the Python executor: read the body, run the graph, build the response."""

from __future__ import annotations

import email.message
import inspect
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import lru_cache
from types import ModuleType
from typing import Any, cast

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Scope

from . import params
from ._body_limit import get_body_limit_error
from ._compat import ModelField, Undefined, lenient_issubclass
from ._compat.v2 import errors_at
from ._connection import NOT_AWAITED, ExitStack, OwnMethods, own_method
from ._executor import (
    RequestState,
    SolvedDependency,
    call_coroutine,
    call_in_thread,
    check_stacks,
    new_response,
    solve,
    state_of,
)
from ._extract import validator_of
from ._form_limits import _FormLimits
from ._plan import CallKind, Graph, call_kind, json_dumper
from ._scope import FASTAPI_KEY, resolve_form_limits
from ._streaming import item_encoder, json_lines, raw_chunks, server_sent_events
from ._wire import dump_json, load_json
from .datastructures import DefaultPlaceholder
from .dependencies.models import Dependant
from .exceptions import (
    EndpointContext,
    FastAPIError,
    RequestValidationError,
    ResponseValidationError,
)
from .sse import EventSourceResponse
from .telemetry._api import TelemetryData, _operation, _validation_failed, get_telemetry_data
from .utils import is_body_allowed_for_status_code

OUTCOME_KEY = "turboapi.outcome"
"""Set by the native executor when it has called the endpoint already: ("return", value) or
("raise", exception). Everything before and including the call is then skipped."""

_TELEMETRY_KEY = "fastapi.telemetry"
_JSON_HEADER = (b"content-type", b"application/json")
# What makes the head of a response.
_HEAD_METHODS = OwnMethods(
    (JSONResponse, "__init__"), (Response, "__init__"), (Response, "init_headers")
)
_REQUEST_BODY = own_method(Request, "body")
_REQUEST_JSON = own_method(Request, "json")


@lru_cache(maxsize=64)  # The peer chooses the text, so only so many are remembered.
def is_json_content_type(value: str) -> bool:
    """Whether a Content-Type header says JSON: ``application/json`` or ``application/*+json``."""
    message = email.message.Message()
    message["content-type"] = value
    subtype = message.get_content_subtype()
    is_json = subtype == "json" or subtype.endswith("+json")
    return is_json and message.get_content_maintype() == "application"


@lru_cache(maxsize=1024)
def _source_of(func: Callable[..., Any]) -> EndpointContext:
    found = EndpointContext()
    try:
        source_file = inspect.getsourcefile(func)
        if source_file is not None:
            found["file"] = source_file
        found["line"] = inspect.getsourcelines(func)[1]
        name = getattr(func, "__name__", None)
        if name is not None:
            found["function"] = name
    except (OSError, TypeError):
        return EndpointContext()  # No source at hand: built at run time, or not a function.
    return found


def endpoint_context(dependant: Dependant, method: str, root_path: str) -> EndpointContext:
    """Where an endpoint is, for error texts. ``method`` is "WS" for WebSocket routes."""
    found = EndpointContext()
    try:
        if dependant.call is not None:
            found.update(_source_of(dependant.call))
    except TypeError:
        pass  # A callable that is not hashable has no source worth remembering.
    if dependant.path:
        found["path"] = f"{method} {root_path.rstrip('/')}{dependant.path}"
    return found


class RouteHandler:
    """What ``get_request_handler`` returns the :meth:`handle` method of.

    Made once per route and inclusion. Immutable, so any number of requests may use it at once.
    """

    def __init__(
        self,
        hooks: ModuleType,
        *,
        dependant: Dependant,
        body_field: ModelField | None,
        status_code: int | None,
        response_class: type[Response] | DefaultPlaceholder,
        response_field: ModelField | None,
        dump_options: dict[str, Any],
        dependency_overrides_provider: Any | None,
        embed_body_fields: bool,
        strict_content_type: bool | DefaultPlaceholder,
        stream_item_field: ModelField | None,
        is_json_stream: bool,
        form_limits: _FormLimits | None,
    ) -> None:
        assert dependant.call is not None, "dependant.call must be a function"
        given_class = not isinstance(response_class, DefaultPlaceholder)
        self.hooks = hooks
        self.dependant = dependant
        self.kind = call_kind(dependant.call)
        self.body_field = body_field
        self.reads_form = body_field is not None and isinstance(body_field.field_info, params.Form)
        self.status_code = status_code
        self.response_class: type[Response] = _value(response_class)
        self.response_field = response_field
        self.dump_options = dump_options
        self.overrides_provider = dependency_overrides_provider
        self.embed = embed_body_fields
        self.strict_content_type = bool(_value(strict_content_type))
        self.stream_item_field = stream_item_field
        self.is_json_stream = is_json_stream
        self.is_event_stream = lenient_issubclass(self.response_class, EventSourceResponse)
        self.form_limits = form_limits
        # Whether the endpoint yields the content of its response.
        generators = (CallKind.GENERATOR, CallKind.ASYNC_GENERATOR)
        self.streams = self.is_event_stream or is_json_stream or self.kind in generators
        # pydantic writes the JSON itself unless the route has a response class that must do it.
        self.writes_json = response_field is not None and not given_class
        self.is_plain = not self.streams and not self.reads_form
        # Whether a response is JSON, and a response object would say nothing else about it.
        self.sends_json = (
            (self.writes_json or self.response_class is JSONResponse)
            and is_body_allowed_for_status_code(status_code)
            and _HEAD_METHODS.are_original()
            and JSONResponse.media_type == "application/json"
        )
        self._validate = None if response_field is None else validator_of(response_field)
        self._dump_json = None
        if response_field is not None and self.writes_json:
            self._dump_json = json_dumper(response_field, dump_options)

    async def handle(self, request: Request) -> Response:
        """Answer one request; errors of the client are raised as ``RequestValidationError``."""
        scope = request.scope
        file_stack = scope.get("fastapi_middleware_astack")
        assert isinstance(file_stack, AsyncExitStack), (
            "fastapi_middleware_astack not found in request scope"
        )
        outcome = scope.pop(OUTCOME_KEY, None)
        if outcome is not None:
            return self._resume(request, *outcome)
        telemetry = get_telemetry_data() if _TELEMETRY_KEY in scope else None
        if telemetry is not None:
            telemetry.request = request
        body: Any = Undefined
        if self.body_field is not None:
            body = await self._read_body(request, file_stack)
        if telemetry is None and self.hooks._hooks_are_original():
            return await self._run(request, body)
        return await self._run_observed(request, body, telemetry)

    # --- the body ------------------------------------------------------------------------------

    async def _read_body(self, request: Request, file_stack: AsyncExitStack) -> Any:
        try:
            if not self.reads_form:
                return await self._read_json(request)
            limits = resolve_form_limits(request.scope.get(FASTAPI_KEY, {}), self.form_limits)
            form = await request.form(**limits)
            file_stack.push_async_callback(form.close)
            return form
        except HTTPException:
            raise
        except Exception as exc:
            raise self._body_error(exc, request.scope) from exc

    async def _read_json(self, request: Request) -> Any:
        """The parsed body, its bytes if they are not declared as JSON, ``Undefined`` if empty."""
        content = await request.body()
        if not content:
            return Undefined
        return await request.json() if self._is_json(request.scope) else content

    def _is_json(self, scope: Scope) -> bool:
        """Whether a body that is not empty is declared as JSON."""
        for name, value in scope["headers"]:
            if name == b"content-type":
                if value == b"application/json":
                    return True
                if value:
                    return is_json_content_type(value.decode("latin-1"))
                break
        return not self.strict_content_type

    def _body_error(self, exc: Exception, scope: Scope) -> Exception:
        """What is raised where the body could not be read or parsed."""
        if isinstance(exc, json.JSONDecodeError):
            error = {
                "type": "json_invalid",
                "loc": ("body", exc.pos),
                "msg": "JSON decode error",
                "input": {},
                "ctx": {"error": exc.msg},
            }
            return self._request_error(scope, [error], exc.doc)
        if MAX_BODY_SIZE_SCOPE_KEY in scope:
            limit_error = get_body_limit_error(exc)
            if limit_error is not None:
                return limit_error
        return HTTPException(status_code=400, detail="There was an error parsing the body")

    # --- the endpoint --------------------------------------------------------------------------

    async def _run(self, request: Request, body: Any) -> Response:
        """The short way: nobody watches the single steps."""
        check_stacks(request)
        if self.streams:
            return await self._run_stream(request, body)
        state = state_of(request)
        state.body = body
        state.use(self.overrides_provider, embed=self.embed)
        content = await self._call(state.graph_of(self.dependant), state, self._content)
        return self._respond(content, state.background, state.response)

    async def _call(
        self, graph: Graph, state: RequestState, finish: Callable[[Any, Scope], Any]
    ) -> Any:
        """Solve, call the endpoint and make of its result what is to be sent."""
        if self.kind is CallKind.COROUTINE:
            result = await call_coroutine(graph, state)
            if not state.errors:
                return finish(result, state.scope)
        else:
            result = await call_in_thread(graph, state, lambda value: finish(value, state.scope))
            if not state.errors:
                return result
        raise self._request_error(state.scope, state.errors, _none_if_undefined(state.body))

    # --- without a request object --------------------------------------------------------------

    def is_direct(self, scope: Scope) -> bool:
        """Whether :meth:`answer` stands in for :meth:`handle`: no stream, no form, no watchers."""
        return (
            self.is_plain
            and _TELEMETRY_KEY not in scope
            and OUTCOME_KEY not in scope
            and "fastapi_middleware_astack" in scope
            and self.hooks._hooks_are_original()
        )

    async def answer(self, state: RequestState) -> None:
        """Answer one request as the response of :meth:`handle` would, with its exit stacks."""
        state.use(self.overrides_provider, embed=self.embed)
        graph = state.graph_of(self.dependant)
        if not graph.scoped:
            await self._send(await self._run_direct(graph, state), state)
            return
        scope, content, is_sent = state.scope, None, False
        async with ExitStack() as request_stack:
            scope["fastapi_inner_astack"] = request_stack
            async with ExitStack() as function_stack:
                scope["fastapi_function_astack"] = function_stack
                content = await self._run_direct(graph, state)
            if content is None:
                raise FastAPIError(NOT_AWAITED)
            await self._send(content, state)
            is_sent = True
        if not is_sent:
            raise FastAPIError(NOT_AWAITED)

    async def _run_direct(self, graph: Graph, state: RequestState) -> Any:
        """A response, or the body of one that says nothing but its JSON."""
        if self.body_field is not None:
            try:
                await self._read_direct(state)
            except HTTPException:
                raise
            except Exception as exc:
                raise self._body_error(exc, state.scope) from exc
        content: Any = await self._call(graph, state, self._direct_content)
        if state.background is None and state.response is None and self.sends_json:
            return content
        return self._respond(content, state.background, state.response, is_json=self.sends_json)

    async def _read_direct(self, state: RequestState) -> None:
        """As :meth:`_read_json`."""
        if Request.body is not _REQUEST_BODY or Request.json is not _REQUEST_JSON:
            state.body = await self._read_json(state.new_request())
            return
        content = await state.read_content()
        if content:
            if self._is_json(state.scope):
                state.body = state.parsed = load_json(content)
            else:
                state.body = content

    def _direct_content(self, result: Any, scope: Scope) -> Any:
        """As :meth:`_content`, but JSON if that is what will be sent."""
        content = self._content(result, scope)
        if self.writes_json or not self.sends_json or isinstance(content, Response):
            return content
        return dump_json(content)

    async def _send(self, content: Response | bytes, state: RequestState) -> None:
        """Send a response, or one whose body is the given JSON."""
        if isinstance(content, Response):
            await content(state.scope, state.receive, state.send)
            return
        state.send.started = True
        send = state.send.send
        head = [(b"content-length", b"%d" % len(content)), _JSON_HEADER]
        status = self.status_code or 200
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": content})

    # --- with telemetry, or replaced hooks -----------------------------------------------------

    async def _solve(self, request: Request, body: Any) -> SolvedDependency:
        """Solve the graph through the function that instrumentation may have replaced."""
        solved: SolvedDependency = await self.hooks.solve_dependencies(
            request=request,
            dependant=self.dependant,
            body=body,
            dependency_overrides_provider=self.overrides_provider,
            async_exit_stack=request.scope.get("fastapi_inner_astack"),
            embed_body_fields=self.embed,
        )
        return solved

    async def _run_observed(
        self, request: Request, body: Any, telemetry: TelemetryData | None
    ) -> Response:
        """Step by step, so that telemetry and replaced hooks see each of them."""
        if telemetry is not None:
            telemetry.body = _none_if_undefined(body)
        check_stacks(request)
        with _operation(name="dependencies", function=self.dependant.call):
            solved = await self._solve(request, body)
            if telemetry is not None:
                telemetry.values, telemetry.errors = solved.values, solved.errors
        if solved.errors:
            raise self._request_error(request.scope, solved.errors, _none_if_undefined(body))
        if self.streams:
            return await self._stream(request, solved)
        result = await self.hooks.run_endpoint_function(
            dependant=self.dependant,
            values=solved.values,
            is_coroutine=self.kind is CallKind.COROUTINE,
        )
        if not isinstance(result, Response):
            with _operation(name="serialization", function=self.dependant.call):
                result = await self.hooks.serialize_response(
                    field=self.response_field,
                    response_content=result,
                    **self.dump_options,
                    is_coroutine=self.kind is CallKind.COROUTINE,
                    endpoint_ctx=self._context(request.scope),
                    dump_json=self.writes_json,
                )
        return self._respond(result, solved.background_tasks, solved.response)

    def _resume(self, request: Request, kind: str, value: Any) -> Response:
        """Go on where the native executor stopped: the endpoint returned or raised ``value``."""
        if kind == "raise":
            raise value
        return self._respond(self._content(value, request.scope), None, None)

    # --- the response --------------------------------------------------------------------------

    def _content(self, result: Any, scope: Scope) -> Any:
        """What a response is made of: a response as it is, otherwise JSON bytes or plain data."""
        if isinstance(result, Response):
            return result
        if self._validate is None or self.response_field is None:
            return self.hooks.jsonable_encoder(result)
        try:
            value = self._validate(result)
        except ValidationError as exc:
            raise self._response_error(scope, errors_at(exc, ("response",)), result) from None
        if self._dump_json is not None:
            return self._dump_json(value)
        return self.response_field.serialize(value, **self.dump_options)

    def _respond(
        self, content: Any, background: Any, injected: Response | None, *, is_json: bool = False
    ) -> Response:
        """The response object. ``content`` is JSON already if pydantic wrote it, or ``is_json``."""
        if isinstance(content, Response):
            if content.background is None:
                content.background = background
            return content
        options = self._response_options(background, injected)
        if self.writes_json or is_json:
            response = Response(content=content, media_type="application/json", **options)
        else:
            response = self.response_class(content, **options)
        if not is_body_allowed_for_status_code(response.status_code):
            response.body = b""
        if injected is not None:
            response.headers.raw.extend(injected.headers.raw)
        return response

    def _response_options(self, background: Any, injected: Response | None) -> dict[str, Any]:
        """An injected response's status wins over the route's; without both the class decides."""
        options: dict[str, Any] = {"background": background}
        status = (injected.status_code if injected is not None else None) or self.status_code
        if status:
            options["status_code"] = status
        return options

    # --- streams -------------------------------------------------------------------------------

    async def _run_stream(self, request: Request, body: Any) -> Response:
        solved = await solve(
            request=request,
            dependant=self.dependant,
            body=body,
            background_tasks=None,
            response=None,
            overrides_provider=self.overrides_provider,
            cache=None,
            embed_body_fields=self.embed,
        )
        if solved.errors:
            raise self._request_error(request.scope, solved.errors, _none_if_undefined(body))
        return await self._stream(request, solved)

    async def _stream(self, request: Request, solved: SolvedDependency) -> Response:
        assert self.dependant.call is not None
        items = self.dependant.call(**solved.values)
        options = self._response_options(solved.background_tasks, solved.response)
        encode = item_encoder(
            self.stream_item_field,
            self.dump_options,
            lambda errors, item: self._response_error(request.scope, errors, item),
        )
        if self.is_event_stream:
            stack: AsyncExitStack = request.scope["fastapi_inner_astack"]
            events = await server_sent_events(items, encode, self.hooks._PING_INTERVAL, stack)
            response: Response = StreamingResponse(
                events, media_type="text/event-stream", **options
            )
            response.headers["Cache-Control"] = "no-cache"
            response.headers["X-Accel-Buffering"] = "no"
        elif self.is_json_stream:
            lines = json_lines(items, encode)
            response = StreamingResponse(lines, media_type="application/jsonl", **options)
        else:
            response = cast(Any, self.response_class)(content=raw_chunks(items), **options)
        response.headers.raw.extend(solved.response.headers.raw)
        return response

    # --- errors --------------------------------------------------------------------------------

    def _context(self, scope: Scope) -> EndpointContext:
        return endpoint_context(self.dependant, scope["method"], scope.get("root_path", ""))

    def _request_error(self, scope: Scope, errors: list[Any], body: Any) -> RequestValidationError:
        error = RequestValidationError(errors, body=body, endpoint_ctx=self._context(scope))
        if _TELEMETRY_KEY in scope:
            _validation_failed(error)
        return error

    def _response_error(self, scope: Scope, errors: Any, body: Any) -> ResponseValidationError:
        context = self._context(scope)
        return ResponseValidationError(errors=errors, body=body, endpoint_ctx=context)


def _none_if_undefined(body: Any) -> Any:
    return None if body is Undefined else body


def _value(given: Any) -> Any:
    return given.value if isinstance(given, DefaultPlaceholder) else given


__all__ = [
    "OUTCOME_KEY",
    "RouteHandler",
    "endpoint_context",
    "is_json_content_type",
    "new_response",
]
