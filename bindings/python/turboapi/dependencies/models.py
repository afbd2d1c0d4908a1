"""The description of one callable: what it takes from the request and what it depends on."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from types import FunctionType
from typing import Any, Literal

from .._compat import ModelField
from ..concurrency import _DependencyConcurrency
from ..security.base import SecurityBase
from ..types import DependencyCacheKey

if sys.version_info >= (3, 13):
    from inspect import iscoroutinefunction
else:
    from asyncio import iscoroutinefunction

_UsesScopesCache = dict[int, "tuple[Dependant, bool]"]


@dataclass(slots=True)
class Dependant:
    """One node of a dependency graph, made by ``get_dependant``.

    The lists may be changed after registration (extensions append dependencies); executors
    notice a changed ``dependencies`` list and compile the graph again.
    """

    path_params: list[ModelField] = field(default_factory=list)
    query_params: list[ModelField] = field(default_factory=list)
    header_params: list[ModelField] = field(default_factory=list)
    cookie_params: list[ModelField] = field(default_factory=list)
    body_params: list[ModelField] = field(default_factory=list)
    dependencies: list[Dependant] = field(default_factory=list)
    name: str | None = None
    call: Callable[..., Any] | None = None
    request_param_name: str | None = None
    websocket_param_name: str | None = None
    http_connection_param_name: str | None = None
    response_param_name: str | None = None
    background_tasks_param_name: str | None = None
    security_scopes_param_name: str | None = None
    own_oauth_scopes: list[str] | None = None
    parent_oauth_scopes: list[str] | None = None
    use_cache: bool = True
    path: str | None = None
    scope: Literal["function", "request"] | None = None
    concurrency: _DependencyConcurrency | None = None
    # The compiled graph, kept by the executor that made it.
    _graph: Any = field(default=None, init=False, repr=False, compare=False)


# --- what kind of callable ---------------------------------------------------------------------


def _impartial(func: Any) -> Any:
    """The function below any number of ``functools.partial`` objects."""
    while isinstance(func, partial):
        func = func.func
    return func


def _unwrapped_call(call: Any) -> Any:
    """The function below partial objects and decorators that use ``functools.wraps``."""
    return None if call is None else inspect.unwrap(_impartial(call))


def _functions_behind(call: Callable[..., Any]) -> Iterator[Any]:
    """Every function that may be what runs when ``call`` is called, outermost first."""
    outer, inner = _impartial(call), _unwrapped_call(call)
    yield outer
    yield inner
    if inspect.isclass(inner):
        return  # Calling a class makes an instance; its __call__ is not run.
    for target in (outer, inner):
        method = getattr(target, "__call__", None)  # noqa: B004  (the method itself is wanted)
        if method is None:
            return
        yield _impartial(method)
        yield _unwrapped_call(method)


def _code_flags(call: Any) -> int | None:
    """The flags of a plain function that nothing stands before or behind; None for the rest."""
    # Decorators and markers of the standard library leave something in the dictionary.
    if type(call) is FunctionType and not call.__dict__:
        return call.__code__.co_flags
    return None


def _is_gen_callable(call: Callable[..., Any] | None) -> bool:
    """Whether calling it makes a generator."""
    flags = _code_flags(call)
    if flags is not None:
        return bool(flags & inspect.CO_GENERATOR)
    return call is not None and any(map(inspect.isgeneratorfunction, _functions_behind(call)))


def _is_async_gen_callable(call: Callable[..., Any] | None) -> bool:
    """Whether calling it makes an async generator."""
    flags = _code_flags(call)
    if flags is not None:
        return bool(flags & inspect.CO_ASYNC_GENERATOR)
    return call is not None and any(map(inspect.isasyncgenfunction, _functions_behind(call)))


def _is_coroutine_callable(call: Callable[..., Any] | None) -> bool:
    """Whether the result of calling it must be awaited."""
    flags = _code_flags(call)
    if flags is not None:
        return bool(flags & inspect.CO_COROUTINE)
    if call is None:
        return False
    # asyncio marks objects other than functions, too; those count only through their __call__.
    return any(
        iscoroutinefunction(function) and inspect.isroutine(function)
        for function in _functions_behind(call)
    )


def _get_computed_scope(*, dependant: Dependant) -> str | None:
    """When a generator is closed: as declared, otherwise after the response."""
    if dependant.scope:
        return dependant.scope
    is_generator = _is_gen_callable(dependant.call) or _is_async_gen_callable(dependant.call)
    return "request" if is_generator else None


# --- OAuth2 scopes and the cache key -----------------------------------------------------------


def _get_oauth_scopes(*, dependant: Dependant) -> list[str]:
    """The scopes asked for above and by this node, each once, in that order."""
    scopes = list(dependant.parent_oauth_scopes or ())
    for scope in dependant.own_oauth_scopes or ():
        if scope not in scopes:
            scopes.append(scope)
    return scopes


def _is_security_scheme(*, dependant: Dependant) -> bool:
    """Whether the callable is a security scheme that documents describe."""
    return isinstance(_unwrapped_call(dependant.call), SecurityBase)


def _get_security_scheme(*, dependant: Dependant) -> SecurityBase:
    """The security scheme of a node for which :func:`_is_security_scheme` holds."""
    scheme = _unwrapped_call(dependant.call)
    assert isinstance(scheme, SecurityBase)
    return scheme


def _uses_scopes(*, dependant: Dependant, cache: _UsesScopesCache | None = None) -> bool:
    """Whether the result may depend on the scopes that are asked for."""
    cache = {} if cache is None else cache
    known = cache.get(id(dependant))
    if known is not None and known[0] is dependant:
        return known[1]
    answer = (
        bool(dependant.own_oauth_scopes)
        or dependant.security_scopes_param_name is not None
        or _is_security_scheme(dependant=dependant)
        or any(_uses_scopes(dependant=sub, cache=cache) for sub in dependant.dependencies)
    )
    cache[id(dependant)] = (dependant, answer)  # The reference keeps the id from being reused.
    return answer


def _get_cache_key(
    *, dependant: Dependant, uses_scopes_cache: _UsesScopesCache | None = None
) -> DependencyCacheKey:
    """What two uses of a dependency must share to share one call."""
    scopes: tuple[str, ...] = ()
    if _uses_scopes(dependant=dependant, cache=uses_scopes_cache):
        scopes = tuple(sorted(set(_get_oauth_scopes(dependant=dependant))))
    return dependant.call, scopes, _get_computed_scope(dependant=dependant) or ""
