"""What is done, and not done, before the first request: imports, schemas, callables."""

from __future__ import annotations

import functools
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from turboapi import params
from turboapi._compat import ModelField
from turboapi.dependencies.models import (
    _is_async_gen_callable,
    _is_coroutine_callable,
    _is_gen_callable,
)

# --- compiled schemas ----------------------------------------------------------------------------


class Described(BaseModel):
    """A model with a description and a configuration of its own."""

    model_config = {"title": "Own", "extra": "forbid"}

    a: int
    b: list[str] = []


@pytest.mark.filterwarnings("ignore:.*has no effect in the context")
@pytest.mark.parametrize("kind", [Described, int, str, float, bool, list[int], int | None, bytes])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"alias": "x"},
        {"title": "T"},
        {"description": "d"},
        {"examples": [1]},
        {"deprecated": True},
        {"json_schema_extra": {"x": 1}},
        {"validate_default": True},
    ],
)
def test_a_field_has_the_schema_that_its_whole_declaration_has(kind: Any, options: dict[str, Any]):
    field = ModelField(field_info=params.Body(annotation=kind, **options), name="value")
    alone = {name: value for name, value in options.items() if name != "alias"}
    whole: TypeAdapter[Any] = TypeAdapter(Annotated[kind, Field(**alone)])
    for mode in ("validation", "serialization"):
        assert field._type_adapter.json_schema(mode=mode) == whole.json_schema(mode=mode)
    for value in ({"a": "1"}, {"a": 1, "c": 2}, 1, "1", True, None, ["1"], b"x", "x", 1.5):
        ours = field.validate(value, loc=("body",))
        try:
            theirs = (whole.validate_python(value, from_attributes=True), [])
        except ValidationError as exc:
            theirs = (None, [error["type"] for error in exc.errors()])
            ours = (ours[0], [error["type"] for error in ours[1]])
        assert ours == theirs


def test_a_model_may_be_completed_after_its_field_was_made():
    class Later(BaseModel):
        other: Missing  # type: ignore[name-defined]  # noqa: F821

    assert not Later.__pydantic_complete__
    field = ModelField(field_info=params.Body(annotation=Later), name="later")
    Later.model_rebuild(_types_namespace={"Missing": int})
    field._type_adapter.rebuild(_types_namespace={"Missing": int})
    value, errors = field.validate({"other": "1"})
    assert value.other == 1 and errors == []


# --- callables -------------------------------------------------------------------------------------


def plain() -> None: ...


def generator() -> Any:
    yield


async def coroutine() -> None: ...


async def async_generator() -> Any:
    yield


class Called:
    async def __call__(self) -> None: ...


def decorated(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper() -> Any:
        return function()

    return wrapper


@pytest.mark.parametrize(
    ("call", "kinds"),
    [
        (plain, ""),
        (generator, "g"),
        (coroutine, "c"),
        (async_generator, "a"),
        (decorated(plain), ""),
        (decorated(generator), "g"),
        (decorated(coroutine), "c"),
        (decorated(async_generator), "a"),
        (functools.partial(decorated(coroutine)), "c"),
        (functools.partial(generator), "g"),
        (Called(), "c"),
        (Called, ""),
        (None, ""),
    ],
)
def test_kinds_of_callables(call: Any, kinds: str):
    found = {
        "g": _is_gen_callable(call),
        "c": _is_coroutine_callable(call),
        "a": _is_async_gen_callable(call),
    }
    assert "".join(kind for kind, holds in found.items() if holds) == kinds


def test_attributes_of_a_function_do_not_hide_what_it_is():
    async def marked() -> None: ...

    marked.note = "x"  # type: ignore[attr-defined]
    assert _is_coroutine_callable(marked) and not _is_gen_callable(marked)
