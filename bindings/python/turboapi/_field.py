"""The field of a declared value; see :class:`turboapi._compat.ModelField`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic.errors import PydanticSchemaGenerationError
from pydantic.fields import FieldInfo

from ._compat import ModelField, Undefined, annotation_is_pydantic_v1
from ._dhi import pydantic_form
from .exceptions import FastAPIError, PydanticV1NotSupportedError

_invalid_args_message = (
    "Invalid args for response field! Hint: check that {type_} is a valid Pydantic field type. "
    "If you are using a return type annotation that is not a valid Pydantic field "
    "(e.g. Union[Response, dict, None]) you can disable generating the response model from the type "
    "annotation with the path operation decorator parameter response_model=None. "
    "Read more: https://fastapi.tiangolo.com/tutorial/response-model/"
)


def create_model_field(
    name: str,
    type_: Any,
    default: Any | None = Undefined,
    field_info: FieldInfo | None = None,
    alias: str | None = None,
    mode: Literal["validation", "serialization"] = "validation",
) -> ModelField:
    """A field that validates or serialises `type_`; FastAPIError when pydantic has no schema for it."""
    if annotation_is_pydantic_v1(type_):
        raise PydanticV1NotSupportedError(
            "pydantic.v1 models are no longer supported by FastAPI. "
            f"Please update the response model {type_!r}."
        )
    info = field_info
    if info is None:
        info = FieldInfo(annotation=pydantic_form(type_), default=default, alias=alias)
    try:
        return ModelField(field_info=info, name=name, mode=mode)
    except PydanticSchemaGenerationError:
        raise FastAPIError(_invalid_args_message.format(type_=type_)) from None
