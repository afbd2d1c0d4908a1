"""Loads the applications under either name of the framework."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

_APPS = Path(__file__).parent / "apps"


class _Rename(ast.NodeTransformer):
    """Puts another package in the place of ``fastapi`` in import statements."""

    def __init__(self, package: str) -> None:
        self._package = package

    def _new(self, name: str) -> str:
        head, dot, rest = name.partition(".")
        return f"{self._package}{dot}{rest}" if head == "fastapi" else name

    def visit_Import(self, node: ast.Import) -> ast.Import:
        for alias in node.names:
            if alias.name.partition(".")[0] == "fastapi":
                alias.asname = alias.asname or "fastapi"
                alias.name = self._new(alias.name)
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        if node.module is not None and not node.level:
            node.module = self._new(node.module)
        return node


def rename_imports(path: Path, package: str) -> ast.Module:
    """The source of a file, with ``fastapi`` replaced by ``package`` where it is imported."""
    tree = _Rename(package).visit(ast.parse(path.read_text(), str(path)))
    return ast.fix_missing_locations(tree)


def load(name: str, package: str) -> ModuleType:
    """A fresh copy of the module ``name`` of ``apps``, with ``fastapi`` replaced by ``package``.

    Each copy has the same ``__name__``, which shows in some OpenAPI documents.
    """
    path = _APPS / f"{name}.py"
    full_name = f"parity.apps.{name}"
    module = ModuleType(full_name)
    module.__file__ = str(path)
    importlib.import_module("parity.apps")
    sys.modules[full_name] = module
    exec(compile(rename_imports(path, package), str(path), "exec"), module.__dict__)
    return module


def load_app(spec: str, package: str) -> Any:
    """The application "module:attribute" ("app" if no attribute is named)."""
    module, _, attribute = spec.partition(":")
    return getattr(load(module, package), attribute or "app")
