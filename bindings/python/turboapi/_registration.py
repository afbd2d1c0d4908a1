"""Puts the routes of an application on a native server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus
from importlib import import_module
from typing import Any

from . import _native, routing
from ._loop import ASGIApp
from ._native_view import NativeRouteEntry
from .applications import TurboAPI
from .encoders import jsonable_encoder
from .responses import JSONResponse, Response
from .telemetry._gate import _SIGNALS

_ANYTHING = "/{path:path}"  # to Starlette: a line feed is not in it
_EVERYTHING = "/{path:any}"
_CONVERTOR = re.compile(r"{([a-zA-Z_][a-zA-Z0-9_]*)(?::([^{}]*))?}")
_LONGEST = 4096  # bytes in a template; the C router's own limit
_KNOWN_CONVERTORS = frozenset({"str", "int", "float", "path", "uuid"})
_JSON = (b"content-type", b"application/json")
# What instrumentation replaces; see the module `routing`.
_HOOKS = (
    "get_request_handler",
    "solve_dependencies",
    "run_endpoint_function",
    "serialize_response",
)

Watch = tuple[dict[str, Any], str, Any]


# --- what must not change ----------------------------------------------------------------------


def watches(app: TurboAPI) -> tuple[Watch, ...]:
    """What must stay as it is for the registered routes to be the application's."""
    found = [_watch(routing, name) for name in _HOOKS]
    found += [_watch(router, "_routes_version") for router in _routers(app.router, set())]
    # Imported now, as a provider that is set later could not be noticed otherwise.
    for home, variable, public, getter in _SIGNALS.values():
        found.append(_watch(import_module(home), variable))
        found.append(_watch(import_module(public), getter))
    return tuple(found)


def _watch(owner: Any, name: str) -> Watch:
    return vars(owner), name, vars(owner)[name]


def _routers(router: Any, seen: set[int]) -> Iterator[Any]:
    """A router and those it includes, at any depth."""
    if id(router) in seen:
        return
    seen.add(id(router))
    yield router
    for route in router.routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from _routers(included, seen)


# --- paths ---------------------------------------------------------------------------------------


def is_plain(path: str) -> bool:
    """Whether the C router understands a path.

    To Starlette a brace that begins no parameter is a literal, as in "/{item-id}"; C has none.
    """
    kinds = {kind or "str" for _, kind in _CONVERTOR.findall(path)}
    literals = _CONVERTOR.sub("", path)
    if "{" in literals or "}" in literals or "\0" in path or len(path.encode()) > _LONGEST:
        return False
    return path.startswith("/") and kinds <= _KNOWN_CONVERTORS


def takes_text(entry: NativeRouteEntry) -> bool:
    """Whether an endpoint's path parameters are made from the text in the path.

    A convertor makes numbers of it first; an endpoint that wants a ``str`` then gets a 422.
    """
    assert entry.plan is not None
    kinds = dict(_CONVERTOR.findall(entry.path))
    return all(
        step.scalar in ("int", "float") or kinds.get(step.alias) in ("", "str", "path")
        for step in entry.plan.params
        if step.location == "path"
    )


def redirect_sources(path: str) -> Iterator[str]:
    """Paths without a last slash that Starlette redirects to one which ``path`` matches."""
    stem, slash, last = path.rpartition("/")
    if slash and stem and (not last or re.fullmatch(r"{[^{}:]*:path}", last)):
        yield stem


# --- registration --------------------------------------------------------------------------------


class Registration:
    """Registers one application on one server, in the order of its routes.

    What a native route cannot do goes to ``entry``, the application on the event loop ``loop``.
    """

    def __init__(self, server: _native.Server, app: ASGIApp, loop: Any, entry: Any) -> None:
        self._server = server
        self._app = app
        self._loop = loop
        self._entry = entry

    def register(self) -> None:
        """Adds every route. Raises :class:`turboapi._native.TurboError`."""
        app = self._app
        if isinstance(app, TurboAPI):
            if app.native_ready() is None:
                self._register_native(app)
                return
            self._register_libraries(app)
        self._server.add_asgi(None, _EVERYTHING, self._entry)

    def _register_libraries(self, app: TurboAPI) -> None:
        """Functions of shared objects have no other executor: their routes must always exist."""
        for entry in app.native_routes():
            if isinstance(entry.route, routing.NativeRoute):
                self._add_library(entry.path, entry.route)

    def _register_native(self, app: TurboAPI) -> None:
        gate = _native.Gate(watches(app))
        entries = app.native_routes()
        for entry in entries:
            if not is_plain(entry.path) or entry.path == _ANYTHING:
                # From here on the Python executor decides: the order of routes must hold.
                self._register_libraries(app)
                self._server.add_asgi(None, _EVERYTHING, self._entry)
                return
            self._add_entry(entry, gate)
        self._add_misses(app, entries, gate)

    def _add_entry(self, entry: NativeRouteEntry, gate: Any) -> None:
        route = entry.route
        try:
            if isinstance(route, routing.StaticRoute):
                self._add_static(entry.path, route)
            elif isinstance(route, routing.NativeRoute):
                self._add_library(entry.path, route)
            elif entry.plan is not None and entry.plan.reason is None and takes_text(entry):
                self._server.add_plan(
                    entry.methods,
                    entry.path,
                    entry.plan,
                    self._entry,
                    self._loop,
                    gate,
                    jsonable_encoder,
                    Response,
                )
            else:
                self._server.add_asgi(entry.methods, entry.path, self._entry)
        except _native.ConflictError:
            return  # An earlier route with the same path and method always wins.

    def _add_static(self, path: str, route: routing.StaticRoute) -> None:
        for method in sorted(route.methods or {"GET"}):
            self._server.add_static(
                method,
                path,
                route.body,
                status=route.status_code,
                content_type=route.content_type,
            )

    def _add_library(self, path: str, route: routing.NativeRoute) -> None:
        for method in sorted(route.methods or {"GET"}):
            try:
                self._server.add_library(method, path, route.library, route.symbol)
            except _native.ConflictError:
                continue  # As above.

    # --- what no route answers -------------------------------------------------------------------

    def _add_misses(self, app: TurboAPI, entries: list[NativeRouteEntry], gate: Any) -> None:
        """404 and 405 as fixed answers; what might be a redirect is the application's to tell."""
        for entry in entries:
            self._add_method_miss(entry, gate)
        if app.router.redirect_slashes:
            self._add_application("/{path:any}/")
            for entry in entries:
                for path in redirect_sources(entry.path):
                    self._add_application(path)
        self._add_answer(_EVERYTHING, HTTPStatus.NOT_FOUND, (), gate)

    def _add_method_miss(self, entry: NativeRouteEntry, gate: Any) -> None:
        if entry.methods is None:
            return
        if not isinstance(entry.route, routing.APIRoute) or len(entry.methods) != 1:
            self._add_application(entry.path)  # Starlette lists several methods in a set's order.
            return
        allow = (b"allow", entry.methods[0].encode())
        self._add_answer(entry.path, HTTPStatus.METHOD_NOT_ALLOWED, (allow,), gate)

    def _add_answer(
        self, path: str, status: HTTPStatus, headers: tuple[tuple[bytes, bytes], ...], gate: Any
    ) -> None:
        body = JSONResponse({"detail": status.phrase}).body
        length = (b"content-length", str(len(body)).encode())
        try:
            self._server.add_answer(
                None, path, self._entry, gate, int(status), bytes(body), (*headers, length, _JSON)
            )
        except _native.ConflictError:
            return  # The first route of a path says which methods are allowed.

    def _add_application(self, path: str) -> None:
        try:
            self._server.add_asgi(None, path, self._entry)
        except _native.ConflictError:
            return  # Somebody answers it already.
