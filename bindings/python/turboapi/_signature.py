"""Let functions that take shared keyword options show them one by one in their signatures."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ForwardRef, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])


def shows_options(options: type[Any], defaults: Mapping[str, Any]) -> Callable[[_F], _F]:
    """Replace ``**options`` in a function's displayed signature by the keys of ``defaults``.

    ``options`` is the TypedDict that ``**options`` is typed with; it gives the annotations. Only
    what ``inspect`` and ``help`` show is changed, not how the function is called.
    """
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

    def decorator(function: _F) -> _F:
        signature = inspect.signature(function)
        own = [
            parameter
            for parameter in signature.parameters.values()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        function.__signature__ = signature.replace(parameters=[*own, *shown])  # type: ignore[attr-defined]
        return function

    return decorator


def _text(hint: Any) -> Any:
    return hint.__forward_arg__ if isinstance(hint, ForwardRef) else hint
