"""Let ``import fastapi`` mean this package."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

_ALIAS, _OWN = "fastapi", __name__.partition(".")[0]


class _AliasFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds ``fastapi.x`` as the module ``turboapi.x``: one object under two names."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != _ALIAS and not name.startswith(f"{_ALIAS}."):
            return None
        if importlib.util.find_spec(_own_name(name)) is None:
            return None
        return ModuleSpec(name, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(_own_name(spec.name))
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The import system has just given it the alias' spec; relative imports need its own.
        spec = module.__spec__
        if spec is not None and spec.loader is self:
            module.__spec__ = spec.loader_state


def _own_name(name: str) -> str:
    return _OWN + name.removeprefix(_ALIAS)


def install_as_fastapi() -> None:
    """Make ``fastapi`` and its modules names of this package in this process.

    Call it before anything imports FastAPI; ``RuntimeError`` if the real one is loaded already.
    Calling it again does nothing.
    """
    if any(isinstance(finder, _AliasFinder) for finder in sys.meta_path):
        return
    if _ALIAS in sys.modules:
        raise RuntimeError("fastapi has been imported already; call install_as_fastapi() earlier")
    sys.meta_path.insert(0, _AliasFinder())
