"""Small helpers used by routing and the OpenAPI document."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

from ._lazy import late_attributes
from .datastructures import DefaultPlaceholder, DefaultType
from .exceptions import FastAPIDeprecationWarning

if TYPE_CHECKING:
    from ._field import create_model_field as create_model_field
    from .routing import APIRoute
else:
    __getattr__ = late_attributes(__name__, {"turboapi._field": ("create_model_field",)})

_NO_BODY_STATUS = frozenset({204, 205, 304})
_STATUS_PATTERNS = frozenset({"default", "1XX", "2XX", "3XX", "4XX", "5XX"})
_PATH_PARAM = re.compile("{(.*?)}")
_NON_WORD = re.compile(r"\W")


def is_body_allowed_for_status_code(status_code: int | str | None) -> bool:
    """Whether an answer with this status may have a body (RFC 9110, 15.2, 15.3.5, 15.3.6 and 15.4.5).

    OpenAPI's ranges ("4XX") and "default" may. Raises ValueError for any other text that is not a number.
    """
    if status_code is None or status_code in _STATUS_PATTERNS:
        return True
    code = int(status_code)
    return code >= 200 and code not in _NO_BODY_STATUS


def get_path_param_names(path: str) -> set[str]:
    """What stands between braces in a path template."""
    return set(_PATH_PARAM.findall(path))


def generate_operation_id_for_path(*, name: str, path: str, method: str) -> str:
    """Deprecated in FastAPI: an operation id made of name, path and lower-case method."""
    warnings.warn(
        f"{__name__}.generate_operation_id_for_path() was deprecated, "
        "it is not used internally, and will be removed soon",
        category=FastAPIDeprecationWarning,
        stacklevel=2,
    )
    return f"{_NON_WORD.sub('_', f'{name}{path}')}_{method.lower()}"


def generate_unique_id(route: APIRoute) -> str:
    """The default operation id: name and path with "_" for every non-word character, then one method."""
    assert route.methods
    method = next(iter(route.methods))
    return f"{_NON_WORD.sub('_', f'{route.name}{route.path_format}')}_{method.lower()}"


def deep_dict_update(main_dict: dict[Any, Any], update_dict: dict[Any, Any]) -> None:
    """Merge `update_dict` into `main_dict` in place: dicts are merged, lists appended, the rest replaced."""
    for key, value in update_dict.items():
        present = main_dict.get(key)
        if isinstance(present, dict) and isinstance(value, dict):
            deep_dict_update(present, value)
        elif isinstance(present, list) and isinstance(value, list):
            main_dict[key] = present + value
        else:
            main_dict[key] = value


def get_value_or_default(
    first_item: DefaultPlaceholder | DefaultType,
    *extra_items: DefaultPlaceholder | DefaultType,
) -> DefaultPlaceholder | DefaultType:
    """The first item that somebody gave; the first one when all of them are placeholders."""
    for item in (first_item, *extra_items):
        if not isinstance(item, DefaultPlaceholder):
            return item
    return first_item
