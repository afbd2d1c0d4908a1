"""Every public name of FastAPI 0.165.0 is there, with the same parameters, bases, fields and values.

``surface.json`` lists them (facts, made by ``python -m audit.inventory`` where FastAPI is installed).
Here may be more than there: names, optional keywords, private bases. How a thing shows itself depends
on the interpreter: on another one than the list was made with, FastAPI itself is asked, if it is there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from parity.ways import reference_python

from .inventory import Inventory

_HERE = Path(__file__).parent
_SURFACE: dict[str, dict[str, Any]] = json.loads((_HERE / "surface.json").read_text())

_NOT_KEPT = {
    "routing/KEEPALIVE_COMMENT": "imported there, defined in sse",
    "routing/MAX_BODY_SIZE_SCOPE_KEY": "imported there, defined by Starlette",
    "types/ModelNameMap/value": "the same alias, written as text so that it loads nothing",
}


_MADE_WITH = (3, 11)  # the CPython that made surface.json

# A JSON package that is not installed is a constant, None, in place of a module.
_OPTIONAL = ("responses/orjson", "responses/ujson")


def fastapi_surface() -> dict[str, dict[str, Any]]:
    python = reference_python()
    if python is None:
        pytest.skip("no FastAPI: name the Python of its environment in PARITY_FASTAPI")
    environment = {**os.environ, "PYTHONPATH": str(_HERE.parent)}
    command = [str(python), "-W", "ignore", "-m", "audit.inventory"]
    made = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(made.stdout)


@pytest.fixture(scope="module")
def theirs() -> dict[str, dict[str, Any]]:
    return _SURFACE if sys.version_info[:2] == _MADE_WITH else fastapi_surface()


@pytest.fixture(scope="module")
def ours(theirs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return Inventory("turboapi").describe_same(theirs)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("module", _SURFACE, ids=lambda name: name or "fastapi")
def test_module_offers_the_same(
    module: str, theirs: dict[str, dict[str, Any]], ours: dict[str, Any]
) -> None:
    found = differences(module, theirs[module], ours[module])
    assert [line for line in found if not excepted(line)] == []


def excepted(line: str) -> bool:
    return line.partition(":")[0] in _NOT_KEPT or any(name in line for name in _OPTIONAL)


@pytest.mark.filterwarnings("ignore")
def test_exceptions_to_the_rule_are_needed(
    theirs: dict[str, dict[str, Any]], ours: dict[str, Any]
) -> None:
    found = {line.partition(":")[0] for line in differences("", theirs, ours)}
    assert {name for name in _NOT_KEPT if f"/{name}" not in found} == set()


@pytest.mark.skipif(sys.version_info[:2] != _MADE_WITH, reason="the list is another CPython's")
def test_the_list_is_that_of_fastapi() -> None:
    optional = (*_OPTIONAL, "encoders")  # its table has what is installed
    found = differences("", fastapi_surface(), _SURFACE)
    assert [line for line in found if not any(name in line for name in optional)] == []


def test_modules_are_one_object_under_both_names() -> None:
    script = """
import importlib, sys, turboapi
turboapi.install_as_fastapi()
for name in sys.argv[1:]:
    there = importlib.import_module("fastapi" + name)
    assert there is importlib.import_module("turboapi" + name), name
    assert sys.modules["fastapi" + name] is sys.modules["turboapi" + name], name
"""
    names = [f".{module}" if module else "" for module in _SURFACE]
    subprocess.run([sys.executable, "-W", "ignore", "-c", script, *names], check=True)


def differences(path: str, wanted: Any, found: Any) -> list[str]:
    return list(_differences(path, wanted, found))


def _differences(path: str, wanted: Any, found: Any) -> Iterator[str]:
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key, value in wanted.items():
            if key in found:
                yield from _differences(f"{path}/{key}", value, found[key])
            else:
                yield f"{path}/{key}: missing"
        if path.endswith("/parameters"):
            yield from _unexpected_parameters(path, wanted, found)
    elif path.endswith("/bases"):
        if missing := set(wanted) - set(found):
            yield f"{path}: without {sorted(missing)}"
    elif wanted is not None and wanted != found:
        yield f"{path}: {wanted} there, {found} here"


def _unexpected_parameters(path: str, wanted: Any, found: Any) -> Iterator[str]:
    for name, (kind, _, default) in found.items():
        if name not in wanted and (kind != "keyword_only" or default is None):
            yield f"{path}/{name}: {kind}, not there"
