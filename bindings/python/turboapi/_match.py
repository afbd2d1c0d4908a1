"""Find the route of a request in one step, keeping the rule that the first full match wins.

A :class:`RouteTable` is the flat list of a router's routes, included ones in their places. Runs of
ordinary routes are compiled into one regular expression per method, whose alternatives stand in
order of registration. A route or router whose class decides about matching itself stays *opaque*:
it is asked, at its place in the order. Only full matches are found here; what does not match fully
(405, slash redirect, 404) goes the ordinary way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from starlette import routing
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from ._include import _EffectiveRouteContext, _IncludedRouter
from ._route import APIRoute, APIWebSocketRoute

if TYPE_CHECKING:
    from .routing import APIRouter


_EVERY = object()  # Stands for every method.


class Entry:
    """One ordinary HTTP route, and the included routers it is reached through."""

    __slots__ = ("context", "convertors", "endpoint", "includes", "methods", "regex", "route")

    def __init__(
        self,
        route: BaseRoute,
        source: Any,
        includes: tuple[_IncludedRouter, ...],
        context: _EffectiveRouteContext | None,
    ) -> None:
        self.route = route
        self.context = context
        self.includes = includes
        self.regex: re.Pattern[str] = source.path_regex
        self.convertors: dict[str, Any] = source.param_convertors
        self.methods: set[str] | None = source.methods or None
        self.endpoint = source.endpoint

    def child_scope(self, path: str, scope: Scope) -> Scope:
        """What the match adds to the scope, as the route's own ``matches`` would."""
        path_params = dict(scope.get("path_params", ()))
        if self.convertors:
            found = self.regex.match(path)
            assert found is not None
            for name, text in found.groupdict().items():
                path_params[name] = self.convertors[name].convert(text)
        child_scope: Scope = {"endpoint": self.endpoint, "path_params": path_params}
        if isinstance(self.route, APIRoute):
            child_scope["route"] = self.route
        return child_scope


class _Run:
    """Consecutive ordinary routes."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        methods = {method for entry in entries for method in entry.methods or ()}
        self._by_method = {method: _Alternatives(entries, method) for method in methods}
        self._any_method = _Alternatives(entries, None)
        self._paths = _Alternatives(entries, _EVERY)

    def find(self, path: str, method: str) -> Entry | None:
        return self._by_method.get(method, self._any_method).find(path)

    def knows(self, path: str) -> bool:
        return self._paths.find(path) is not None


class _Alternatives:
    """The routes that serve one method, as one expression: its last group says which matched."""

    __slots__ = ("_entries", "_match")

    def __init__(self, entries: Sequence[Entry], method: str | object | None) -> None:
        self._entries: dict[int, Entry] = {}
        parts: list[str] = []
        groups = 0
        for entry in entries:
            serves = entry.methods is None or method is _EVERY or method in entry.methods
            if not serves:
                continue
            self._entries[groups + 1] = entry
            # Names may come twice in one expression only if they name nothing.
            pattern = re.sub(r"\(\?P<\w+>", "(?:", entry.regex.pattern)
            groups += 1 + re.compile(pattern).groups
            parts.append(f"({pattern})")
        self._match = re.compile("|".join(parts)).match if parts else None

    def find(self, path: str) -> Entry | None:
        found = self._match(path) if self._match is not None else None
        return None if found is None else self._entries[found.lastindex or 0]


class RouteTable:
    """A router's routes, compiled. Immutable; any thread may search it."""

    def __init__(self, router: APIRouter) -> None:
        self._versions: list[tuple[APIRouter, int]] = []
        self._parts: list[_Run | BaseRoute] = []
        run: list[Entry] = []
        for item in self._flatten(router):
            if isinstance(item, Entry):
                run.append(item)
                continue
            self._close(run)
            self._parts.append(item)
            run = []
        self._close(run)

    def _close(self, run: list[Entry]) -> None:
        if run:
            self._parts.append(_Run(run))

    def is_current(self) -> bool:
        """Whether the router and those it includes are still as they were."""
        return all(router._routes_version == version for router, version in self._versions)

    def find(self, scope: Scope, path: str) -> Entry | tuple[BaseRoute, Scope] | None:
        """The first full match: an ordinary route, or an opaque one and its child scope."""
        method = scope["method"]
        for part in self._parts:
            if isinstance(part, _Run):
                entry = part.find(path, method)
                if entry is not None:
                    return entry
            else:
                match, child_scope = part.matches(scope)
                if match is Match.FULL:
                    return part, child_scope
        return None

    def may_match(self, scope: Scope, path: str) -> bool:
        """Whether any route matches at least partly; without that it is certainly 404."""
        for part in self._parts:
            if isinstance(part, _Run):
                if part.knows(path):
                    return True
            elif part.matches(scope)[0] is not Match.NONE:
                return True
        return False

    def _flatten(self, router: APIRouter) -> Iterator[Entry | BaseRoute]:
        # The version is noted first: a route that is added meanwhile makes the table outdated.
        self._versions.append((router, router._routes_version))
        for route in list(router.routes):
            if isinstance(route, _IncludedRouter):
                yield from self._flatten_included(route)
            elif is_ordinary(route):
                yield Entry(route, route, (), None)
            elif not _is_websocket(route):
                yield route

    def _flatten_included(self, node: _IncludedRouter) -> Iterator[Entry | BaseRoute]:
        """The routes of an included router; the router itself if any part of it must be asked."""
        entries = list(self._included_entries(node, (node,)))
        if None in entries:
            yield node
        else:
            yield from (entry for entry in entries if entry is not None)

    def _included_entries(
        self, node: _IncludedRouter, includes: tuple[_IncludedRouter, ...]
    ) -> Iterator[Entry | None]:
        router = node.original_router
        self._versions.append((router, router._routes_version))
        if not _routes_plainly(router) or type(node) is not _IncludedRouter:
            yield None
            return
        for candidate in node.effective_candidates():
            if isinstance(candidate, _IncludedRouter):
                yield from self._included_entries(candidate, (*includes, candidate))
                continue
            route = candidate.original_route
            if isinstance(route, APIRoute) and is_ordinary(route):
                yield Entry(route, candidate, includes, candidate)
            elif not _is_websocket(candidate.starlette_route or route):
                yield None


# What refers to another group of the same expression does not survive being one part of many.
_REFERENCE = re.compile(r"\\[1-9]|\(\?P=|\(\?\(")


def is_ordinary(route: BaseRoute) -> bool:
    """Whether a route matches by method and path, in the way that is compiled here."""
    cls = type(route)
    convertors: dict[str, Any] = getattr(route, "param_convertors", {})
    if any(_REFERENCE.search(convertor.regex) for convertor in convertors.values()):
        return False
    if isinstance(route, APIRoute):
        return cls.matches is APIRoute.matches and cls.handle is APIRoute.handle
    if not isinstance(route, routing.Route):
        return False
    return cls.matches is routing.Route.matches and cls.handle is routing.Route.handle


def _is_websocket(route: BaseRoute) -> bool:
    """Whether a route never matches HTTP."""
    return type(route) in (APIWebSocketRoute, routing.WebSocketRoute)


def _routes_plainly(router: APIRouter) -> bool:
    """Whether a router's class leaves matching and handling as they are."""
    from .routing import APIRouter

    cls = type(router)
    return (
        cls.matches is APIRouter.matches
        and cls.handle is APIRouter.handle
        and not {"matches", "handle"} & vars(router).keys()
    )
