"""What the declarative layer asks about models of the package dhi.

Applications that do not import dhi pay a look into ``sys.modules`` at registration, nothing more; the
work is done in :mod:`turboapi._dhi_twins`.
"""

from __future__ import annotations

import sys
from copy import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo


def is_dhi_model(value: object) -> bool:
    """Whether a class is a dhi model."""
    base = getattr(sys.modules.get("dhi"), "BaseModel", None)
    return base is not None and isinstance(value, type) and issubclass(value, base)


def pydantic_form(annotation: Any) -> Any:
    """The annotation with each dhi model replaced by a pydantic one; the same object if there is none.

    Raises ``FastAPIError`` for a model that cannot be used. Any thread.
    """
    if "dhi" not in sys.modules:
        return annotation
    from ._dhi_twins import convert

    return convert(annotation)


def with_dhi_values(info: FieldInfo) -> FieldInfo:
    """The declaration of a parameter in :func:`pydantic_form`, made to give dhi's own objects."""
    from pydantic import AfterValidator

    from ._dhi_twins import received

    info = copy(info)
    info.metadata = [*info.metadata, AfterValidator(received)]
    return info


def pydantic_twin(value: Any) -> BaseModel:
    """The pydantic object that is sent for a dhi object."""
    from ._dhi_twins import sent

    twin: BaseModel = sent(value)
    return twin
