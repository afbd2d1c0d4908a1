"""Let functions that take shared keyword options show them one by one in their signatures."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, ForwardRef, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])


def shows_options(options: type[Any], defaults: Mapping[str, Any]) -> Callable[[_F], _F]:
    """Replace ``**options`` in a function's displayed signature by the keys of ``defaults``.

    ``options`` is the TypedDict that ``**options`` is typed with; it gives the annotations. Only
    what ``inspect`` and ``help`` show is changed, not how the function is called.
    """

    def decorator(function: _F) -> _F:
        function.__signature__ = _LateSignature(function, options, defaults)  # type: ignore[attr-defined]
        return function

    return decorator


class _LateSignature(inspect.Signature):
    """A signature that is put together when somebody looks at it; few programs ever do."""

    __slots__ = ("_made", "_source")

    def __init__(
        self, function: Callable[..., Any], options: type[Any], defaults: Mapping[str, Any]
    ) -> None:
        self._source = (function, options, defaults)
        self._made: inspect.Signature | None = None

    def _complete(self) -> inspect.Signature:
        # Two threads may both make it; one is as good as the other.
        if self._made is None:
            self._made = _with_options(*self._source)
        return self._made

    # What the base class keeps in slots of these names is all that it works with.
    @property
    def _parameters(self) -> Any:
        return self._complete().parameters

    @property
    def _return_annotation(self) -> Any:
        return self._complete().return_annotation

    def replace(self, **changes: Any) -> Any:
        """As the base class, which would make another of this class."""
        return self._complete().replace(**changes)

    __replace__ = replace  # for copy.replace(), since Python 3.13

    def __reduce__(self) -> Any:
        return self._complete().__reduce__()


def _with_options(
    function: Callable[..., Any], options: type[Any], defaults: Mapping[str, Any]
) -> inspect.Signature:
    signature = inspect.signature(_bare(function))
    own = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    annotations = {name: _text(hint) for name, hint in options.__annotations__.items()}
    shown = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=default,
            annotation=annotations.get(name, inspect.Parameter.empty),
        )
        for name, default in defaults.items()
    ]
    return signature.replace(parameters=[*own, *shown])


def _bare(function: Any) -> Callable[..., Any]:
    """The function without the signature that is displayed for it."""
    bare = FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    bare.__kwdefaults__ = function.__kwdefaults__
    bare.__annotations__ = function.__annotations__
    return bare


def _text(hint: Any) -> Any:
    return hint.__forward_arg__ if isinstance(hint, ForwardRef) else hint
