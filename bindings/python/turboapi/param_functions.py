"""The functions that declare parameters: ``q: str = Query(max_length=50)``.

They return objects of :mod:`turboapi.params`; their type is ``Any`` so that a declaration may be
the default value of a parameter of any type.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from typing_extensions import Unpack

from . import params
from ._compat import Undefined
from ._signature import shows_options
from .params import FIELD_DEFAULTS, FieldOptions

# The annotation is the parameter's own: only the classes take it as an option.
_SHOWN = {name: default for name, default in FIELD_DEFAULTS.items() if name != "annotation"}


@shows_options(FieldOptions, _SHOWN)
def Path(default: Any = ..., **options: Unpack[FieldOptions]) -> Any:
    """Declare a part of the path; ``options`` are those of :class:`params.FieldOptions`."""
    return params.Path(default=default, **options)


@shows_options(FieldOptions, _SHOWN)
def Query(default: Any = Undefined, **options: Unpack[FieldOptions]) -> Any:
    """Declare a key of the query string, or a model of keys."""
    return params.Query(default=default, **options)


@shows_options(FieldOptions, _SHOWN)
def Header(
    default: Any = Undefined,
    *,
    convert_underscores: bool = True,
    **options: Unpack[FieldOptions],
) -> Any:
    """Declare a request header; ``x_token`` reads ``x-token`` unless told not to convert."""
    return params.Header(default=default, convert_underscores=convert_underscores, **options)


@shows_options(FieldOptions, _SHOWN)
def Cookie(default: Any = Undefined, **options: Unpack[FieldOptions]) -> Any:
    """Declare a cookie of the request."""
    return params.Cookie(default=default, **options)


@shows_options(FieldOptions, _SHOWN)
def Body(
    default: Any = Undefined,
    *,
    embed: bool | None = None,
    media_type: str = "application/json",
    **options: Unpack[FieldOptions],
) -> Any:
    """Declare the body; with ``embed`` it is the value of a key named like the parameter."""
    return params.Body(default=default, embed=embed, media_type=media_type, **options)


@shows_options(FieldOptions, _SHOWN)
def Form(
    default: Any = Undefined,
    *,
    media_type: str = "application/x-www-form-urlencoded",
    **options: Unpack[FieldOptions],
) -> Any:
    """Declare a form field, or a model of form fields."""
    return params.Form(default=default, media_type=media_type, **options)


@shows_options(FieldOptions, _SHOWN)
def File(
    default: Any = Undefined,
    *,
    media_type: str = "multipart/form-data",
    **options: Unpack[FieldOptions],
) -> Any:
    """Declare an uploaded file."""
    return params.File(default=default, media_type=media_type, **options)


def Depends(
    dependency: Callable[..., Any] | None = None,
    *,
    use_cache: bool = True,
    scope: Literal["function", "request"] | None = None,
    max_concurrency: int | None = None,
) -> Any:
    """Declare a dependency: its value is what ``dependency`` returns or yields.

    ``dependency`` defaults to the parameter's type. Within one request it runs once unless
    ``use_cache`` is false. ``scope`` says when code after ``yield`` runs: before the response is
    sent (``"function"``) or after (``"request"``, the default). ``max_concurrency`` bounds how
    many calls run at a time on one event loop, among all uses of the returned object.
    """
    return params.Depends(
        dependency=dependency, use_cache=use_cache, scope=scope, max_concurrency=max_concurrency
    )


def Security(
    dependency: Callable[..., Any] | None = None,
    *,
    scopes: Sequence[str] | None = None,
    use_cache: bool = True,
) -> Any:
    """Declare a dependency that asks for the given OAuth2 scopes."""
    return params.Security(dependency=dependency, scopes=scopes, use_cache=use_cache)
