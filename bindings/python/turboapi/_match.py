"""Find the route of a request in one step, keeping the rule that the first full match wins.

A :class:`RouteTable` is the flat list of a router's routes, included ones in their places. Runs of
ordinary routes become an index: a dictionary of the paths without parameters, and a tree of path
segments for the others; of all that match, the one that was registered first is taken. A route or
router whose class decides about matching itself stays *opaque*: it is asked, at its place in the
order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from starlette import routing
from starlette.convertors import FloatConvertor, IntegerConvertor, StringConvertor
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from ._connection import OwnMethods
from ._include import _EffectiveRouteContext, _IncludedRouter, match_context
from ._route import APIRoute, APIWebSocketRoute
from ._route_list import changes
from ._scope import INCLUDED_ROUTER_KEY, ROUTE_CONTEXT_KEY, apply_router_form_limits, own_scope
from ._template import Parts, PathTemplate, pattern_of, split_template

if TYPE_CHECKING:
    from .routing import APIRouter

# A name, the position of its segment, and what makes a value of the text (None: nothing).
_Capture = tuple[str, int, Callable[[str], Any] | None]
_NEVER = 1 << 62  # After every route.
# How a route matches, as it is compiled here.
_MATCHING = OwnMethods((routing.Route, "matches"), (APIRoute, "matches"))


class Entry:
    """One ordinary HTTP route, and the included routers it is reached through."""

    __slots__ = (
        "_captures",
        "_is_operation",
        "context",
        "endpoint",
        "includes",
        "order",
        "route",
        "template",
    )

    def __init__(
        self,
        route: Any,
        template: PathTemplate,
        includes: tuple[_IncludedRouter, ...] = (),
        context: _EffectiveRouteContext | None = None,
    ) -> None:
        self.route = route
        self.template = template
        self.context = context
        self.includes = includes
        self.endpoint = route.endpoint
        self.order = 0
        self._is_operation = isinstance(route, APIRoute)
        self._captures: tuple[_Capture, ...] | None = ()

    def serves(self, method: str | None) -> bool:
        """Whether the route's methods, as they are now, include one; None stands for any."""
        methods = self.route.methods
        return method is None or not methods or method in methods

    @property
    def path_format(self) -> str:
        """The full template without convertors."""
        return self.template.format

    def capture(self, segments: list[Parts], is_tail: bool) -> None:
        """Decide how parameters are read: from their segments, or by the expression."""
        captures: list[_Capture] = []
        for position, segment in enumerate(segments):
            if len(segment) == 1 and isinstance(segment[0], tuple):
                name, convertor = segment[0]
                kind = type(convertor)
                if kind is StringConvertor:
                    captures.append((name, position, None))
                elif kind in (IntegerConvertor, FloatConvertor):
                    captures.append((name, position, convertor.convert))
        complete = not is_tail and len(captures) == len(self.template.convertors)
        self._captures = tuple(captures) if complete else None

    def enter(self, scope: Scope, path: str) -> None:
        """Add to the scope what the match says, and the included routers on the way."""
        scope.update(self.child_scope(path, scope))
        if self.includes:
            _enter(self.includes, scope)[ROUTE_CONTEXT_KEY] = self.context

    def child_scope(self, path: str, scope: Scope) -> Scope:
        """What the match adds to the scope, as the route's own ``matches`` would."""
        outer = scope.get("path_params")
        path_params: dict[str, Any] = dict(outer) if outer else {}
        if self._captures is None:
            self._read_groups(path, path_params)
        elif self._captures:
            segments = path.split("/")
            for name, position, convert in self._captures:
                text = segments[position]
                path_params[name] = text if convert is None else convert(text)
        if self._is_operation:
            return {"endpoint": self.endpoint, "path_params": path_params, "route": self.route}
        return {"endpoint": self.endpoint, "path_params": path_params}

    def _read_groups(self, path: str, path_params: dict[str, Any]) -> None:
        found = self.template.regex.match(path)
        assert found is not None
        convertors = self.template.convertors
        for name, text in found.groupdict().items():
            path_params[name] = convertors[name].convert(text)


class IncludedPart(BaseRoute):
    """A route of an included router that must be asked whether it matches."""

    def __init__(
        self, context: _EffectiveRouteContext, includes: tuple[_IncludedRouter, ...]
    ) -> None:
        self.context = context
        self.includes = includes

    @property
    def innermost(self) -> Any:
        """What has the route's full path."""
        return self.context.starlette_route or self.context

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the route, as it is included, serves a connection."""
        match, _ = match_context(self.context, scope)
        return match, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection as the router that includes the route would."""
        _enter(self.includes, scope)
        node = self.includes[-1]
        await node.serve_candidate(node.match_candidate(self.context, scope), scope, receive, send)


class NestedRouter(BaseRoute):
    """A router whose class decides about matching, inside routers that leave that as it is."""

    def __init__(self, includes: tuple[_IncludedRouter, ...]) -> None:
        self.includes = includes

    @property
    def innermost(self) -> _IncludedRouter:
        """The router itself, where it is included."""
        return self.includes[-1]

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the router, asked where it is included, serves a connection."""
        return self.innermost.matches(scope)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the router serve a connection there."""
        _enter(self.includes, scope)
        await self.innermost.handle(scope, receive, send)


def _enter(includes: tuple[_IncludedRouter, ...], scope: Scope) -> dict[str, Any]:
    """Add what included routers do on the way to a route; returns our part of the scope."""
    for node in includes:
        apply_router_form_limits(scope, node.include_context.form_limits)
    own = own_scope(scope)
    own[INCLUDED_ROUTER_KEY] = includes[-1]
    return own


# --- the index -----------------------------------------------------------------------------------


class _Node:
    """What may follow a number of segments. Filled in order of registration, then left alone."""

    __slots__ = ("any_text", "ends", "first", "patterns", "tails", "texts")

    def __init__(self, first: int) -> None:
        self.first = first  # the order of the first route below
        self.texts: dict[str, _Node] = {}
        self.any_text: _Node | None = None
        self.patterns: dict[str, _Pattern] = {}
        self.ends: list[Entry] = []
        self.tails: list[Entry] = []  # routes that only their expression can decide about

    def below(self, segment: Parts, order: int) -> _Node:
        """The node after one more segment, made if it is not there yet."""
        part = segment[0] if segment else ""
        if len(segment) > 1:
            return self._below_pattern(segment, order)
        if isinstance(part, str):
            node = self.texts.get(part)
            if node is None:
                node = self.texts[part] = _Node(order)
            return node
        if type(part[1]) is not StringConvertor:
            return self._below_pattern(segment, order)
        if self.any_text is None:
            self.any_text = _Node(order)
        return self.any_text

    def _below_pattern(self, segment: Parts, order: int) -> _Node:
        text = pattern_of(segment)
        pattern = self.patterns.get(text)
        if pattern is None:
            pattern = self.patterns[text] = _Pattern(text, _Node(order))
        return pattern.node

    def find(
        self, path: str, segments: list[str], depth: int, method: str | None, limit: int
    ) -> Entry | None:
        """The first route before ``limit`` in the order; ``depth`` segments led here."""
        node, count = self, len(segments)
        # As long as there is only one way to go on, just go.
        while depth < count and not node.tails and not node.patterns:
            text = segments[depth]
            exact = node.texts.get(text)
            any_text = node.any_text if text else None
            if exact is not None and any_text is not None:
                break
            following = exact or any_text
            if following is None or following.first >= limit:
                return None
            node = following
            depth += 1
        if depth == count and not node.tails:
            return _first_serving(node.ends, method, limit)
        return node._find_best(path, segments, depth, method, limit)

    def _find_best(
        self, path: str, segments: list[str], depth: int, method: str | None, limit: int
    ) -> Entry | None:
        best: Entry | None = None
        if depth == len(segments):
            best = _first_serving(self.ends, method, limit)
            limit = limit if best is None else best.order
        else:
            for node in self._matching(segments[depth]):
                if node is not None and node.first < limit:
                    found = node.find(path, segments, depth + 1, method, limit)
                    if found is not None:
                        best, limit = found, found.order
        for entry in self.tails:
            if entry.order >= limit:
                break
            if entry.serves(method) and entry.template.regex.match(path):
                return entry
        return best

    def _matching(self, text: str) -> list[_Node | None]:
        if not text:
            return [self.texts.get("")]
        nodes = [self.texts.get(text), self.any_text]
        if self.patterns:
            nodes += [each.node for each in self.patterns.values() if each.matches(text)]
        return nodes


class _Pattern:
    """A segment that an expression decides about, and what follows it."""

    __slots__ = ("_regex", "_text", "node")

    def __init__(self, text: str, node: _Node) -> None:
        self._text = text
        self._regex: re.Pattern[str] | None = None
        self.node = node

    def matches(self, text: str) -> bool:
        regex = self._regex
        if regex is None:
            regex = self._regex = re.compile(self._text)
        return regex.fullmatch(text) is not None


def _first_serving(entries: list[Entry], method: str | None, limit: int) -> Entry | None:
    for entry in entries:
        if entry.order >= limit:
            return None
        methods = entry.route.methods
        if method is None or not methods or method in methods:
            return entry
    return None


class _Run:
    """Consecutive ordinary routes."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._literals: dict[str, list[Entry]] = {}
        self._tree: _Node | None = None

    def add(self, entry: Entry) -> None:
        """Index one more route. The table's own thread only, before anybody searches."""
        order = entry.order = len(self._entries)
        self._entries.append(entry)
        template = entry.template
        if template.is_literal:
            self._literals.setdefault(template.format, []).append(entry)
            return
        if self._tree is None:
            self._tree = _Node(order)
        node = self._tree
        segments, is_tail = split_template(template)
        for segment in segments:
            node = node.below(segment, order)
        (node.tails if is_tail else node.ends).append(entry)
        entry.capture(segments, is_tail)

    def find(self, path: str, method: str | None) -> Entry | None:
        """The first route that serves a path; ``method`` None stands for any method."""
        if path.endswith("\n"):
            return self._find_by_expression(path, method)
        literals = self._literals.get(path)
        best = None if literals is None else _first_serving(literals, method, _NEVER)
        tree = self._tree
        if tree is None:
            return best
        limit = _NEVER if best is None else best.order
        if tree.first < limit:
            return tree.find(path, path.split("/"), 0, method, limit) or best
        return best

    def _find_by_expression(self, path: str, method: str | None) -> Entry | None:
        """Starlette's expressions also match one line feed after the path."""
        for entry in self._entries:
            if entry.serves(method) and entry.template.regex.match(path):
                return entry
        return None


# --- the table -----------------------------------------------------------------------------------


class RouteTable:
    """A router's routes, indexed. Immutable; any thread may search it."""

    def __init__(self, router: APIRouter) -> None:
        self._seen_changes = changes.count
        self._versions: list[tuple[APIRouter, int]] = []
        self._parts: list[_Run | BaseRoute] = []
        run: _Run | None = None
        for item in self._flatten(router):
            if not isinstance(item, Entry):
                self._parts.append(item)
                run = None
                continue
            if run is None:
                run = _Run()
                self._parts.append(run)
            run.add(item)

    def is_current(self) -> bool:
        """Whether the router and those it includes are still as they were."""
        count = changes.count
        if count == self._seen_changes:
            return True
        if all(router._routes_version == version for router, version in self._versions):
            self._seen_changes = count  # Routers elsewhere have changed.
            return True
        return False

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

    def find_any(self, scope: Scope, path: str) -> Entry | tuple[BaseRoute, Scope] | None:
        """As :meth:`find`, but the first match of any kind; without one it is certainly 404."""
        for part in self._parts:
            if isinstance(part, _Run):
                entry = part.find(path, None)
                if entry is not None:
                    return entry
            else:
                match, child_scope = part.matches(scope)
                if match is not Match.NONE:
                    return part, child_scope
        return None

    def may_match(self, scope: Scope, path: str) -> bool:
        """Whether any route matches at least partly; without that it is certainly 404."""
        return self.find_any(scope, path) is not None

    def _flatten(self, router: APIRouter) -> Iterator[Entry | BaseRoute]:
        # The version is noted first: a route that is added meanwhile makes the table outdated.
        self._versions.append((router, router._routes_version))
        for route in list(router.routes):
            if isinstance(route, _IncludedRouter):
                yield from self._flatten_included(route, (route,))
                continue
            template = _template_of(route) if is_ordinary(route) else None
            if template is not None:
                yield Entry(route, template)
            elif not _is_websocket(route):
                yield route

    def _flatten_included(
        self, node: _IncludedRouter, includes: tuple[_IncludedRouter, ...]
    ) -> Iterator[Entry | BaseRoute]:
        """The routes of an included router; the router itself if its class decides."""
        router = node.original_router
        self._versions.append((router, router._routes_version))
        if not _routes_plainly(router) or type(node) is not _IncludedRouter:
            yield node if len(includes) == 1 else NestedRouter(includes)
            return
        for candidate in node.effective_candidates():
            if isinstance(candidate, _IncludedRouter):
                yield from self._flatten_included(candidate, (*includes, candidate))
                continue
            route = candidate.original_route
            if isinstance(route, APIRoute) and is_ordinary(route):
                yield Entry(route, candidate._template, includes, candidate)
            elif not _is_websocket(candidate.starlette_route or route):
                yield IncludedPart(candidate, includes)


def _template_of(route: Any) -> PathTemplate | None:
    """The template of an ordinary route, unless its expression is not the one of its path."""
    if isinstance(route, APIRoute):
        given = vars(route).get("path_regex")
        template = route._template
        return template if given is None or given is template.regex else None
    template = PathTemplate(route.path)
    return template if template.regex == route.path_regex else None


def is_ordinary(route: BaseRoute) -> bool:
    """Whether a route matches by method and path, in the way that is compiled here."""
    if not _MATCHING.are_original() or not vars(route).keys().isdisjoint(("matches", "handle")):
        return False  # Instrumentation has replaced something, in all routes or in this one.
    cls = type(route)
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
    from .routing import ROUTER_METHODS, APIRouter

    cls = type(router)
    return (
        ROUTER_METHODS.are_original()
        and cls.matches is APIRouter.matches
        and cls.handle is APIRouter.handle
        and vars(router).keys().isdisjoint(("matches", "handle"))
    )
