"""Questions about type annotations that do not need pydantic's schema machinery.

Every function here is pure and runs when a route is registered, never per request.
"""

from __future__ import annotations

import types
import typing
import warnings
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Annotated, Any, TypeGuard, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.version import VERSION as PYDANTIC_VERSION
from starlette.datastructures import UploadFile

_T = TypeVar("_T")

PYDANTIC_VERSION_MINOR_TUPLE: tuple[int, ...] = tuple(
    int(part) for part in PYDANTIC_VERSION.split(".")[:2]
)

# A generic alias such as list[int] is no class, although isinstance(alias, type) was once true.
WithArgsTypes: tuple[Any, ...] = (
    typing._GenericAlias,  # type: ignore[attr-defined]
    types.GenericAlias,
    types.UnionType,
)

# What an annotation asks for, and the class a value is given when it says so.
sequence_annotation_to_type: dict[type[Any], type[Any]] = {
    Sequence: list,
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    deque: deque,
}
sequence_types: tuple[type[Any], ...] = tuple(sequence_annotation_to_type)


def lenient_issubclass(
    cls: Any, class_or_tuple: type[_T] | tuple[type[_T], ...] | None
) -> TypeGuard[type[_T]]:
    """``issubclass`` that answers False for anything that is not a class."""
    if not isinstance(cls, type):
        return False
    try:
        return issubclass(cls, class_or_tuple)  # type: ignore[arg-type]
    except TypeError:
        if isinstance(cls, WithArgsTypes):
            return False
        raise


def union_members(annotation: Any) -> tuple[Any, ...]:
    """The members of ``A | B`` or ``Union[A, B]``; empty for anything else."""
    origin = get_origin(annotation)
    if origin is Union or origin is types.UnionType:
        return get_args(annotation)
    return ()


def without_annotated(annotation: Any) -> Any:
    """``T`` for ``Annotated[T, ...]``, otherwise the annotation itself."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _is_sequence_class(annotation: Any) -> bool:
    if lenient_issubclass(annotation, (str, bytes)):
        return False
    return lenient_issubclass(annotation, sequence_types)


def field_annotation_is_sequence(annotation: Any) -> bool:
    """Whether a value of this type can be collected from repeated keys."""
    annotation = without_annotated(annotation)
    members = union_members(annotation)
    if members:
        return any(field_annotation_is_sequence(member) for member in members)
    return _is_sequence_class(annotation) or _is_sequence_class(get_origin(annotation))


def value_is_sequence(value: Any) -> TypeGuard[Sequence[Any]]:
    """Whether a received value holds several items (text and bytes are one item)."""
    return isinstance(value, sequence_types) and not isinstance(value, (str, bytes))


def _is_complex_class(annotation: Any) -> bool:
    if lenient_issubclass(annotation, (BaseModel, Mapping, UploadFile)):
        return True
    return _is_sequence_class(annotation) or is_dataclass(annotation)


def field_annotation_is_complex(annotation: Any) -> bool:
    """Whether a parameter of this type is read from the body unless told otherwise."""
    annotation = without_annotated(annotation)
    members = union_members(annotation)
    if members:
        return any(field_annotation_is_complex(member) for member in members)
    origin = get_origin(annotation)
    if _is_complex_class(annotation) or _is_complex_class(origin):
        return True
    return hasattr(origin, "__pydantic_core_schema__") or hasattr(
        origin, "__get_pydantic_core_schema__"
    )


def field_annotation_is_scalar(annotation: Any) -> bool:
    """Whether one text value can make a value of this type."""
    return annotation is Ellipsis or not field_annotation_is_complex(annotation)


def field_annotation_is_scalar_sequence(annotation: Any) -> bool:
    """Whether the type is a sequence of scalars (or a union with such a sequence)."""
    annotation = without_annotated(annotation)
    members = union_members(annotation)
    if not members:
        return field_annotation_is_sequence(annotation) and all(
            field_annotation_is_scalar(item) for item in get_args(annotation)
        )
    sequences = [field_annotation_is_scalar_sequence(member) for member in members]
    return any(sequences) and all(
        is_sequence or field_annotation_is_scalar(member)
        for member, is_sequence in zip(members, sequences, strict=True)
    )


def _is_class_or_member(annotation: Any, wanted: type[Any]) -> bool:
    candidates = (annotation, *union_members(annotation))
    return any(lenient_issubclass(candidate, wanted) for candidate in candidates)


def _is_sequence_of(annotation: Any, is_item: Callable[[Any], bool]) -> bool:
    members = union_members(annotation)
    if members:
        return any(_is_sequence_of(member, is_item) for member in members)
    return field_annotation_is_sequence(annotation) and all(
        is_item(item) for item in get_args(annotation)
    )


def is_bytes_or_nonable_bytes_annotation(annotation: Any) -> bool:
    """``bytes`` or a union with it."""
    return _is_class_or_member(annotation, bytes)


def is_uploadfile_or_nonable_uploadfile_annotation(annotation: Any) -> bool:
    """``UploadFile`` or a union with it."""
    return _is_class_or_member(annotation, UploadFile)


def is_bytes_sequence_annotation(annotation: Any) -> bool:
    """A sequence of ``bytes`` or a union with one."""
    return _is_sequence_of(annotation, is_bytes_or_nonable_bytes_annotation)


def is_uploadfile_sequence_annotation(annotation: Any) -> bool:
    """A sequence of ``UploadFile`` or a union with one."""
    return _is_sequence_of(annotation, is_uploadfile_or_nonable_uploadfile_annotation)


def _pydantic_v1_base_model() -> type[Any] | None:
    """The base class of pydantic's bundled version 1, which only warns on new interpreters."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            from pydantic import v1
    except ImportError:
        return None
    base: type[Any] = v1.BaseModel
    return base


def is_pydantic_v1_model_class(cls: Any) -> bool:
    """Whether a class is a model of ``pydantic.v1`` (not supported)."""
    # Only a class that says so itself can be one: do not import the old package for the others.
    if not isinstance(cls, type) or not any(
        base.__module__.startswith("pydantic.v1") for base in getattr(cls, "__mro__", ())
    ):
        return False
    base = _pydantic_v1_base_model()
    return base is not None and lenient_issubclass(cls, base)


def is_pydantic_v1_model_instance(obj: Any) -> bool:
    """Whether an object is an instance of a ``pydantic.v1`` model."""
    return is_pydantic_v1_model_class(type(obj))


def annotation_is_pydantic_v1(annotation: Any) -> bool:
    """Whether a ``pydantic.v1`` model is the type, a member of the union or an item of it."""
    if is_pydantic_v1_model_class(annotation):
        return True
    if any(is_pydantic_v1_model_class(member) for member in union_members(annotation)):
        return True
    return field_annotation_is_sequence(annotation) and any(
        annotation_is_pydantic_v1(item) for item in get_args(annotation)
    )
