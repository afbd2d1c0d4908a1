"""The installed package: complete outside the tree, with its own copy of the library."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import turboapi
from turboapi import _native

ROOT = Path(__file__).resolve().parents[2]


def python(code: str, folder: Path) -> str:
    """What `code` prints, run in another directory without the tree on the path."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_is_imported_from_where_it_was_installed(tmp_path: Path) -> None:
    found = python("import turboapi; print(turboapi.__file__)", tmp_path).strip()
    assert Path(found) == Path(turboapi.__file__)
    assert ROOT / "bindings" not in Path(found).parents


def test_importing_prints_nothing(tmp_path: Path) -> None:
    assert python("import turboapi, turboapi.server, turboapi.cli", tmp_path) == ""


def test_the_library_lies_beside_the_extension_and_is_the_one_loaded(tmp_path: Path) -> None:
    library = Path(_native.__file__).parent / "libturbo.so.0"
    assert library.is_file() and not library.is_symlink()
    assert (library.parent / Path(_native._turbo.__file__).name).is_file()
    code = (
        "import turboapi.server\n"
        "print({line.split()[-1] for line in open('/proc/self/maps') if 'libturbo' in line})"
    )
    assert python(code, tmp_path).strip() == str({str(library)})


def test_versions_agree() -> None:
    version = distribution("turboapi").version
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert _native.version() == version


def test_the_distribution_has_what_it_needs_and_no_more() -> None:
    dist = distribution("turboapi")
    names = {str(path) for path in dist.files or []}
    assert "turboapi/py.typed" in names
    assert not [name for name in names if name.endswith((".h", ".c", ".a"))]
    assert not [name for name in names if name.startswith(("tests/", "include/", "lib/"))]
    (script,) = [entry for entry in dist.entry_points if entry.group == "console_scripts"]
    assert (script.name, script.value) == ("turboapi", "turboapi.cli:main")


def test_it_serves_outside_the_tree(tmp_path: Path) -> None:
    code = (
        "import http.client\n"
        "from turboapi import TurboAPI\n"
        "from turboapi.server import Server\n"
        "app = TurboAPI()\n"
        "@app.get('/')\n"
        "def hello(): return {'message': 'Hello World'}\n"
        "with Server(app, port=0) as server:\n"
        "    connection = http.client.HTTPConnection('127.0.0.1', server.port)\n"
        "    connection.request('GET', '/')\n"
        "    print(connection.getresponse().read().decode())\n"
        "    connection.close()\n"
    )
    assert python(code, tmp_path) == '{"message":"Hello World"}\n'
