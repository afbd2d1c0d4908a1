"""Lists what a package offers: ``python -m audit.inventory`` prints FastAPI's list (surface.json).

The list has facts only: modules, names, the kind of each, parameters with their kind and default,
bases, fields, members of enumerations, values of constants. The same program describes FastAPI and this
package; the package's own name is written as ``fastapi`` in both lists.
"""

from __future__ import annotations

import dataclasses
import enum
import importlib
import inspect
import json
import pkgutil
import re
import types
import typing
import warnings
from types import ModuleType
from typing import Any

from pydantic import BaseModel

_SPECIAL = ("__call__", "__iter__", "__aenter__", "__aexit__", "__bool__")
_FACADES = {
    "",
    "background",
    "concurrency",
    "datastructures",
    "requests",
    "responses",
    "security",
    "sse",
    "staticfiles",
    "telemetry",
    "templating",
    "testclient",
    "types",
    "websockets",
    "middleware",
    "middleware.cors",
    "middleware.gzip",
    "middleware.httpsredirect",
    "middleware.trustedhost",
    "middleware.wsgi",
}
"""Modules whose purpose includes names of other packages."""

_HELPERS = {"Annotated", "Any", "AsyncExitStack", "AsyncGenerator", "Callable", "Doc", "TypeVar"}
_HELPERS |= {"GetJsonSchemaHandler", "Mapping", "BaseModel", "Field", "AfterValidator", "P"}
_HELPERS |= {"AbstractAsyncContextManager", "AbstractContextManager", "CancelScope", "RunVar"}
_HELPERS |= {"CapacityLimiter", "Semaphore", "WeakKeyDictionary", "checkpoint_if_cancelled"}
_HELPERS |= {"ParamSpec", "BinaryIO", "cast", "model_validator", "contextmanager", "deprecated"}


class Inventory:
    """Describes one package, or of it what another list names."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._with_inherited = False
        self._word = re.compile(rf"\b{package}\b")

    def describe(self) -> dict[str, Any]:
        """Everything public, by module ("" is the package itself) and name."""
        root = importlib.import_module(self._package)
        found = pkgutil.walk_packages(root.__path__, f"{self._package}.")
        names = ["", *(module.name.partition(".")[2] for module in found)]
        return {name: self._module(name) for name in sorted(names) if _is_public(name)}

    def describe_same(self, names: dict[str, Any]) -> dict[str, Any]:
        """The modules and names of such a list, as far as they are there.

        Members inherited from other packages are described, too: FastAPI may define them itself.
        """
        self._with_inherited = True
        found: dict[str, Any] = {}
        for name, wanted in names.items():
            module = self._import(name)
            there = [key for key in wanted if hasattr(module, key)]
            found[name] = {key: self._value(getattr(module, key)) for key in there}
        return found

    def _import(self, name: str) -> ModuleType:
        return importlib.import_module(f"{self._package}.{name}" if name else self._package)

    def _common(self, text: str) -> str:
        """Without what differs between two runs, two names of one thing, or by optional packages."""
        text = re.sub(r"( object)? at 0x[0-9a-f]+|pydantic\.networks\.", "", text)
        text = self._word.sub("fastapi", text)
        return re.sub(r"\bfastapi(\.\w+)*\.(\w+)", r"\2", text)

    def _module(self, name: str) -> dict[str, Any]:
        module = self._import(name)
        return {
            key: self._value(getattr(module, key))
            for key in sorted(dir(module))
            if not key.startswith("_") and _counts(module, key, is_facade=name in _FACADES)
        }

    def _value(self, value: Any) -> Any:
        if inspect.isclass(value):
            return self._class(value) if self._is_own(value) else _foreign(value)
        if inspect.isroutine(value):
            return self._function(value) if self._is_own(value) else _foreign(value)
        if isinstance(value, (set, frozenset, dict)):
            items = (self._common(repr(item)) for item in value)
            return {"value": sorted(item for item in items if "Color" not in item)}
        return {"value": self._common(repr(value))}

    def _is_own(self, value: Any) -> bool:
        return str(value.__module__).partition(".")[0] == self._package

    def _function(self, value: Any) -> dict[str, Any]:
        return {
            "kind": "async" if inspect.iscoroutinefunction(value) else "function",
            "parameters": self._parameters(value),
        }

    def _parameters(self, value: Any) -> dict[str, Any]:
        """By name: those that may be positional with their place, kind and default of all."""
        try:
            parameters = inspect.signature(value).parameters.values()
        except (TypeError, ValueError):
            return {}
        found: dict[str, Any] = {}
        for place, parameter in enumerate(parameters):
            default = parameter.default
            found[parameter.name] = [
                parameter.kind.name.lower(),
                place if parameter.kind is not parameter.KEYWORD_ONLY else None,
                None if default is parameter.empty else self._common(repr(default)),
            ]
        return found

    def _class(self, value: type) -> dict[str, Any]:
        if issubclass(value, BaseModel):
            value.model_rebuild()  # some are completed on first use
        found: dict[str, Any] = {
            "kind": "class",
            "bases": sorted({base.__name__ for base in value.__mro__[1:]}),
            "members": {n: self._member(value, n) for n in sorted(dir(value)) if _is_member(n)},
        }
        if issubclass(value, enum.Enum):
            found["values"] = {member.name: repr(member.value) for member in value}
        elif issubclass(value, BaseModel):
            found["fields"] = self._model_fields(value)
        elif dataclasses.is_dataclass(value):
            found["fields"] = {
                field.name: [self._common(repr(field.default)), field.kw_only, field.compare]
                for field in dataclasses.fields(value)
            }
            found["dataclass"] = repr(getattr(value, "__dataclass_params__", None))
        if not issubclass(value, (BaseModel, enum.Enum)):
            found["parameters"] = self._parameters(value)
        return found

    def _model_fields(self, model: type[BaseModel]) -> dict[str, Any]:
        return {
            name: [
                self._common(_annotation(field.annotation)),
                field.alias,
                self._common(repr(field.default)),
                self._common(repr(field.default_factory)),
            ]
            for name, field in model.model_fields.items()
        }

    def _member(self, owner: type, name: str) -> Any:
        """None if the name alone counts."""
        home = next((base for base in owner.__mro__ if name in vars(base)), None)
        if home is None or home in BaseModel.__mro__:
            return None
        if not self._with_inherited and not self._is_own(home):
            return None
        value = vars(home)[name]
        if isinstance(value, (staticmethod, classmethod)):
            return {type(value).__name__: self._function(value.__func__)}
        if inspect.isfunction(value):
            return self._function(value)
        if isinstance(value, (str, int, float, bool, type(None))):
            return {"value": self._common(repr(value))}
        return "attribute"


def _is_public(module: str) -> bool:
    return module != "cli" and not any(part.startswith("_") for part in module.split("."))


def _counts(module: ModuleType, key: str, *, is_facade: bool) -> bool:
    """Whether this name of a module is there for others."""
    value = getattr(module, key)
    if isinstance(value, ModuleType) or key in _HELPERS:
        return False
    home = getattr(value, "__module__", None)
    if is_facade:
        return home not in ("typing", "__future__")
    if inspect.isclass(value) or inspect.isroutine(value):
        return bool(home == module.__name__)
    return key.isupper() or type(value) in (str, dict)


def _annotation(value: Any) -> str:
    """The same text for the spellings of one union."""
    if typing.get_origin(value) in (typing.Union, types.UnionType):
        return " | ".join(_annotation(choice) for choice in typing.get_args(value))
    if typing.get_origin(value) in (dict, list):
        choices = ", ".join(_annotation(choice) for choice in typing.get_args(value))
        return f"{typing.get_origin(value).__name__}[{choices}]"
    return "None" if value is type(None) else inspect.formatannotation(value)


def _foreign(value: Any) -> dict[str, str]:
    return {"from": f"{value.__module__}.{value.__qualname__}"}


def _is_member(name: str) -> bool:
    return name in _SPECIAL or not name.startswith("_")


def write(found: dict[str, Any]) -> str:
    """As JSON with one name a line, so that a change of one shows as one."""
    modules = []
    for module, names in found.items():
        lines = [f"  {json.dumps(n)}: {json.dumps(names[n], sort_keys=True)}" for n in names]
        modules.append(f" {json.dumps(module)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(modules) + "\n}\n"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(write(Inventory("fastapi").describe()), end="")
