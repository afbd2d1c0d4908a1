"""``import fastapi`` as another name of this package."""

from __future__ import annotations

import subprocess
import sys


def run(code: str) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_modules_are_the_same_objects():
    run(
        "import turboapi\n"
        "turboapi.install_as_fastapi(); turboapi.install_as_fastapi()\n"
        "import fastapi, fastapi.routing, fastapi.dependencies.utils as utils\n"
        "from fastapi.security.oauth2 import SecurityScopes\n"
        "import turboapi.routing, turboapi.dependencies.utils\n"
        "assert fastapi is turboapi and fastapi.routing is turboapi.routing\n"
        "assert utils is turboapi.dependencies.utils\n"
        "assert SecurityScopes.__module__.startswith('turboapi.')\n"
        "assert turboapi.routing.__spec__.name == 'turboapi.routing'\n"
        "assert fastapi.FastAPI(title='x').title == 'x'\n"
    )


def test_modules_that_do_not_exist():
    run(
        "import turboapi\n"
        "turboapi.install_as_fastapi()\n"
        "try:\n"
        "    import fastapi.nope\n"
        "except ModuleNotFoundError as exc:\n"
        "    assert exc.name == 'fastapi.nope', exc.name\n"
        "else:\n"
        "    raise SystemExit('imported')\n"
    )


def test_too_late():
    run(
        "import sys, types, turboapi\n"
        "sys.modules['fastapi'] = types.ModuleType('fastapi')\n"
        "try:\n"
        "    turboapi.install_as_fastapi()\n"
        "except RuntimeError as exc:\n"
        "    assert 'earlier' in str(exc)\n"
        "else:\n"
        "    raise SystemExit('installed')\n"
    )
