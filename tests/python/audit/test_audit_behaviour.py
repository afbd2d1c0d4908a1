"""Each probe gives the same with this package and with FastAPI, where FastAPI is installed.

A probe is a small program (``probes/``): applications with requests, OpenAPI documents, objects.
Both sides run in processes of their own, all probes of a module in one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from parity.about import SHARED, versions
from parity.ways import reference_python

from .running import MODULES, load

_PROBES = [(module, name) for module in MODULES for name in load(module, "turboapi")]
_ROOT = Path(__file__).parents[1]


@cache
def run(python: str, package: str, module: str) -> dict[str, Any]:
    """The results of the probes of one module."""
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    command = [python, "-W", "ignore", "-m", "audit.running", package, module]
    made = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(made.stdout)[module]
    return found


@pytest.fixture(scope="session")
def reference() -> str:
    python = reference_python()
    if python is None:
        pytest.skip("no FastAPI: name the Python of its environment in PARITY_FASTAPI")
    script = f"import importlib.metadata as m; print([m.version(n) for n in {SHARED[:4]}])"
    there = subprocess.run([str(python), "-c", script], check=True, capture_output=True, text=True)
    here = versions()
    assert there.stdout.strip() == str([here[name] for name in SHARED[:4]])
    return str(python)


@pytest.mark.parametrize(("module", "name"), _PROBES, ids=lambda text: text)
def test_same_as_fastapi(module: str, name: str, reference: str) -> None:
    there = run(reference, "fastapi", module)[name]
    assert not (isinstance(there, list) and there[:1] == ["failed"]), there
    assert run(sys.executable, "turboapi", module)[name] == there


@pytest.mark.parametrize("module", MODULES)
def test_probes_run(module: str) -> None:
    found = run(sys.executable, "turboapi", module)
    failed = {k: v for k, v in found.items() if isinstance(v, list) and v[:1] == ["failed"]}
    assert failed == {}
