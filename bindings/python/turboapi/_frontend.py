"""Built frontends (files of a single page application) served behind all other routes."""

from __future__ import annotations

import email.message
import errno
import os
import stat
import warnings
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal

from starlette._utils import get_route_path
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import URL, Headers, URLPath
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from . import params
from ._scope import (
    FASTAPI_KEY,
    FRONTEND_PATH_KEY,
    FRONTEND_SPECIFICITY_KEY,
    MISSING,
    ROUTE_CONTEXT_KEY,
    own_scope,
    own_value,
    update_scope,
)
from .exceptions import RequestValidationError
from .telemetry._api import _route_selected

if TYPE_CHECKING:
    from ._executor import SolvedDependency
    from .dependencies.models import Dependant

Fallback = Literal["auto", "index.html", "404.html"] | None
Directory = str | os.PathLike[str]

_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_STACK_KEYS = ("fastapi_inner_astack", "fastapi_function_astack")


def frontend_endpoint() -> None:
    """Stands for the endpoint in the dependency graph of a frontend."""


def resolve_check_dir(*, directory: Directory, check_dir: bool | Literal["auto"]) -> bool:
    """Whether a missing directory is an error; ``"auto"`` only warns during development."""
    if check_dir != "auto":
        return check_dir
    if os.environ.get("FASTAPI_ENV") != "development":
        return True
    if not os.path.isdir(directory):
        warnings.warn(_missing_directory(directory), stacklevel=3)
    return False


def _absolute(path: Directory) -> str:
    return os.path.realpath(os.fspath(path))


def _missing_directory(directory: Directory) -> str:
    return (
        f"Frontend directory '{directory}' does not exist. "
        f"Resolved absolute path: '{_absolute(directory)}'"
    )


def normalize_frontend_path(path: str) -> str:
    """A frontend's path without a slash at its end."""
    assert path, "A frontend path cannot be empty"
    assert path.startswith("/"), "A frontend path must start with '/'"
    return path if path == "/" else path.rstrip("/")


def join_frontend_paths(prefix: str, path: str) -> str:
    """A frontend's path below a prefix."""
    if prefix and path == "/":
        return prefix
    return prefix + path


def _specificity(path: str) -> int:
    """Of two frontends that match, the one with the longer path serves."""
    return 0 if path == "/" else len(path)


def _wants_html(scope: Scope) -> bool:
    """Whether a browser navigates, in contrast to a script or an asset that is not there."""
    accept = Headers(scope=scope).get("accept", "")
    return any(kind in _HTML_TYPES and q != 0 for kind, q in _accepted(accept))


def _accepted(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.split(","):
        message = email.message.Message()
        message["content-type"] = part.strip()
        quality = 1.0
        given = message.get_param("q")
        if isinstance(given, str):
            with suppress(ValueError):  # Nonsense says nothing about preference.
                quality = float(given)
        yield f"{message.get_content_maintype()}/{message.get_content_subtype()}", quality


def _is_file(result: os.stat_result | None) -> bool:
    return result is not None and stat.S_ISREG(result.st_mode)


class FrontendFiles(StaticFiles):
    """Files of a frontend, and the page that stands in for paths which are routes of its own."""

    def __init__(self, *, directory: Directory, fallback: Fallback, check_dir: bool) -> None:
        self.fallback = fallback
        if check_dir and not os.path.isdir(directory):
            raise RuntimeError(_missing_directory(directory))
        super().__init__(directory=directory, html=True, check_dir=check_dir, follow_symlink=False)
        if check_dir and fallback in ("index.html", "404.html"):
            self._fallback_path(fallback)

    def _fallback_path(self, fallback: str) -> tuple[str, os.stat_result]:
        path, result = self.lookup_path(fallback)
        if result is None or not _is_file(result):
            assert self.directory is not None
            raise RuntimeError(
                f"Frontend fallback file '{fallback}' does not exist in directory "
                f"'{self.directory}'. Resolved absolute directory: '{_absolute(self.directory)}'"
            )
        return path, result

    def get_path(self, scope: Scope) -> str:
        """The file's path below the directory, as the matched route found it."""
        path = own_scope(scope).get(FRONTEND_PATH_KEY, "")
        assert isinstance(path, str)
        return os.path.normpath(os.path.join(*path.split("/")))

    async def get_response_for_scope(self, scope: Scope) -> Response:
        """The file, the fallback page, or an ``HTTPException``."""
        if not self.config_checked:
            await self.check_config()
            self.config_checked = True
        return await self.get_response(self.get_path(scope), scope)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """As :meth:`get_response_for_scope`, for a known path below the directory."""
        found = await self._find(path)
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(status_code=404 if found is None else 405)
        if found is None:
            return await self._fallback_response(scope)
        full_path, result, is_index = found
        if is_index and not scope["path"].endswith("/"):
            url = URL(scope=scope)
            return RedirectResponse(url=url.replace(path=f"{url.path}/"))
        return self.file_response(full_path, result, scope)

    async def _find(self, path: str) -> tuple[str, os.stat_result, bool] | None:
        """The file under a path, or the index page of the directory there."""
        full_path, result = await self._lookup(path)
        if result is None:
            return None
        if stat.S_ISREG(result.st_mode):
            return full_path, result, False
        if stat.S_ISDIR(result.st_mode):
            full_path, result = await self._lookup(os.path.join(path, "index.html"))
            if result is not None and stat.S_ISREG(result.st_mode):
                return full_path, result, True
        return None

    async def _lookup(self, path: str) -> tuple[str, os.stat_result | None]:
        try:
            return await run_in_threadpool(self.lookup_path, path)
        except PermissionError:
            raise HTTPException(status_code=401) from None
        except ValueError:
            raise HTTPException(status_code=404) from None
        except OSError as exc:
            if exc.errno == errno.ENAMETOOLONG:
                raise HTTPException(status_code=404) from None
            raise

    async def _fallback_response(self, scope: Scope) -> Response:
        """``404.html`` for anything, ``index.html`` for navigation, otherwise 404."""
        if await self._falls_back_to("404.html"):
            return await self._page("404.html", scope, 404)
        if await self._falls_back_to("index.html") and _wants_html(scope):
            return await self._page("index.html", scope, 200)
        raise HTTPException(status_code=404)

    async def _falls_back_to(self, name: str) -> bool:
        if self.fallback != "auto":
            return self.fallback == name
        _, result = await run_in_threadpool(self.lookup_path, name)
        return _is_file(result)

    async def _page(self, name: str, scope: Scope, status_code: int) -> Response:
        path, result = await run_in_threadpool(self._fallback_path, name)
        return self.file_response(path, result, scope, status_code=status_code)


class FrontendRoute(BaseRoute):
    """One frontend under one path."""

    def __init__(
        self, path: str, *, directory: Directory, fallback: Fallback, check_dir: bool
    ) -> None:
        assert fallback in ("auto", "index.html", "404.html", None), (
            "fallback must be 'auto', 'index.html', '404.html', or None"
        )
        self.path = normalize_frontend_path(path)
        self.methods = {"GET", "HEAD"}
        self.app = FrontendFiles(directory=directory, fallback=fallback, check_dir=check_dir)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether a request is for something below the frontend's path."""
        return self.matches_with_path(scope, self.path)

    def matches_with_path(self, scope: Scope, path: str) -> tuple[Match, Scope]:
        """As :meth:`matches`, for a frontend that is included under another path."""
        if scope["type"] != "http":
            return Match.NONE, {}
        below = _path_below(path, get_route_path(scope))
        if below is None:
            return Match.NONE, {}
        own = {FRONTEND_PATH_KEY: below, FRONTEND_SPECIFICITY_KEY: _specificity(path)}
        match = Match.FULL if scope["method"] in self.methods else Match.PARTIAL
        return match, {FASTAPI_KEY: own}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file or the page that stands in for it."""
        response = await self.app.get_response_for_scope(scope)
        await response(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """A frontend has no name."""
        raise NoMatchFound(name, path_params)


def _path_below(path: str, route_path: str) -> str | None:
    if path == "/":
        return route_path.lstrip("/")
    if route_path == path:
        return ""
    return route_path[len(path) + 1 :] if route_path.startswith(f"{path}/") else None


class FrontendGroup(BaseRoute):
    """All frontends of one router, behind the router's dependencies."""

    def __init__(
        self,
        *,
        dependencies: Sequence[params.Depends] | None = None,
        dependency_overrides_provider: Any | None = None,
    ) -> None:
        from ._route import build_dependant

        self.routes: list[FrontendRoute] = []
        self.dependencies = list(dependencies or [])
        self.dependency_overrides_provider = dependency_overrides_provider
        self.dependant, _, self._embed_body_fields = build_dependant(
            path="", call=frontend_endpoint, dependencies=self.dependencies
        )

    def add_frontend_route(
        self, path: str, *, directory: Directory, fallback: Fallback, check_dir: bool
    ) -> None:
        """Add one frontend."""
        route = FrontendRoute(path, directory=directory, fallback=fallback, check_dir=check_dir)
        self.routes.append(route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether one of the frontends serves a request."""
        return self.matches_with_prefix(scope, "")

    def matches_with_prefix(self, scope: Scope, prefix: str) -> tuple[Match, Scope]:
        """As :meth:`matches`, where the router is included under a prefix."""
        match, child_scope, _ = self._match(scope, prefix)
        return match, child_scope

    def _match(self, scope: Scope, prefix: str) -> tuple[Match, Scope, FrontendRoute | None]:
        best: tuple[Match, Scope, FrontendRoute | None] = (Match.NONE, {}, None)
        rank = (Match.NONE.value, -1)
        for route in self.routes:
            path = join_frontend_paths(prefix, route.path)
            match, child_scope = route.matches_with_path(scope, path)
            if match is not Match.NONE and (match.value, _specificity(path)) > rank:
                best = (match, child_scope, route)
                rank = (match.value, _specificity(path))
        return best

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the dependencies, then serve the frontend with the longest path."""
        context = own_value(scope, ROUTE_CONTEXT_KEY)
        included = getattr(context, "original_route", None) is self
        prefix = context.frontend_prefix if included else ""
        source = context if included else self
        match, child_scope, route = self._match(scope, prefix)
        if route is None:
            raise HTTPException(status_code=404)
        update_scope(scope, child_scope)
        path = join_frontend_paths(prefix, route.path).rstrip("/")
        _route_selected(scope=scope, path=f"{path}/{{path}}")
        dependant: Dependant = source.dependant
        if match is not Match.FULL or not dependant.dependencies:
            await route.handle(scope, receive, send)
            return
        async with _solved(Request(scope, receive, send), source) as solved:
            response = await route.app.get_response_for_scope(scope)
            if response.background is None:
                response.background = solved.background_tasks
            response.headers.raw.extend(solved.response.headers.raw)
            await response(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """Frontends have no names."""
        raise NoMatchFound(name, path_params)


@asynccontextmanager
async def _solved(request: Request, source: Any) -> AsyncIterator[SolvedDependency]:
    """Solve a frontend's dependencies in stacks of its own; those of the scope are put back."""
    from . import routing as own_routing

    scope = request.scope
    previous = {key: scope.get(key, MISSING) for key in _STACK_KEYS}
    try:
        async with AsyncExitStack() as request_stack, AsyncExitStack() as function_stack:
            scope.update(zip(_STACK_KEYS, (request_stack, function_stack), strict=True))
            solved = await own_routing.solve_dependencies(
                request=request,
                dependant=source.dependant,
                dependency_overrides_provider=source.dependency_overrides_provider,
                async_exit_stack=request_stack,
                embed_body_fields=source._embed_body_fields,
            )
            if solved.errors:
                raise RequestValidationError(solved.errors)
            yield solved
    finally:
        for key, value in previous.items():
            if value is MISSING:
                scope.pop(key, None)
            else:
                scope[key] = value
