"""Runs the probes with one package: ``python -m audit.running PACKAGE`` prints the results as JSON."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

from parity.loading import rename_imports

from . import probes
from .tools import Probes

MODULES = sorted(module.name for module in pkgutil.iter_modules(probes.__path__))


def load(name: str, package: str) -> Probes:
    """The probes of one module, with ``fastapi`` replaced by ``package`` in its imports."""
    path = Path(probes.__path__[0]) / f"{name}.py"
    module = ModuleType(f"probes.{name}")
    sys.modules[module.__name__] = module
    exec(
        compile(rename_imports(path, package), str(path), "exec", dont_inherit=True),
        module.__dict__,
    )
    found: Probes = module.__dict__["probes"]
    return found


def run(name: str, package: str) -> dict[str, Any]:
    return {key: _result(probe, package) for key, probe in load(name, package).items()}


def _result(probe: Any, package: str) -> Any:
    """As JSON has it; the package is called ``fastapi``, addresses are left out."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = probe()
    except Exception as error:
        result = ["failed", type(error).__name__, str(error)]
    text = json.dumps(result, default=repr)
    text = re.sub(r" at 0x[0-9a-f]+", "", re.sub(rf"\b{package}\b", "fastapi", text))
    text = text.replace("TurboAPI", "FastAPI")
    return json.loads(text)


if __name__ == "__main__":
    importlib.import_module(sys.argv[1])
    names = sys.argv[2:] or MODULES
    json.dump({name: run(name, sys.argv[1]) for name in names}, sys.stdout, indent=1)
