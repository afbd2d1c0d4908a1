"""What importing costs, and that names which are loaded late behave like any others."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import turboapi


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def loaded_by(code: str) -> set[str]:
    return set(run(f"{code}\nimport sys\nprint(*sys.modules)").split())


def test_the_package_alone_loads_nothing():
    loaded = loaded_by("import turboapi")
    assert not loaded & {"starlette", "pydantic", "asyncio", "http.client", "turboapi._native"}


def test_the_application_class_does_not_load_pydantic():
    loaded = loaded_by("from turboapi import FastAPI")
    assert "starlette.applications" in loaded
    assert not loaded & {"pydantic", "turboapi.routing", "opentelemetry", "turboapi._native"}


def test_an_application_with_a_route_loads_no_documents_and_no_optional_packages():
    loaded = loaded_by(
        "from turboapi import FastAPI\n"
        "app = FastAPI()\n"
        "@app.get('/{x}')\n"
        "def read(x: int, q: str = ''): ...\n"
    )
    assert "pydantic" in loaded
    unwanted = {"turboapi.openapi.models", "turboapi.openapi.utils", "turboapi._native_view"}
    assert not loaded & {*unwanted, "turboapi._sse_event", "opentelemetry"}


def test_every_public_name_is_there():
    for name in turboapi.__all__:
        assert getattr(turboapi, name) is not None
    assert set(turboapi.__all__) <= set(dir(turboapi))
    names: dict[str, Any] = {}
    exec("from turboapi import *", names)
    assert {"FastAPI", "TurboAPI", "Depends", "status", "routing", "run"} <= names.keys()
    assert names["FastAPI"] is turboapi.FastAPI is turboapi.applications.TurboAPI
    with pytest.raises(AttributeError, match="module 'turboapi' has no attribute 'Nothing'"):
        _ = turboapi.Nothing
    with pytest.raises(ImportError):
        exec("from turboapi import Nothing", {})


def test_what_checkers_see_is_what_there_is():
    tree = ast.parse(Path(turboapi.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    declared = {
        alias.asname or alias.name
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert declared - {"ASGIApp"} == set(turboapi.__all__) - {"run"}
    late = {name.rpartition(".")[2] for name in turboapi._HOMES}
    late |= {name for names in turboapi._HOMES.values() for name in names}
    assert {name for name in late if not name.startswith("_")} == declared - {"ASGIApp"}


PATHS = (
    "status",
    "_compat.v2",
    "dependencies.utils.solve_dependencies",
    "dependencies.models.Dependant",
    "middleware.asyncexitstack.AsyncExitStackMiddleware",
    "openapi.constants.REF_PREFIX",
    "openapi.docs.get_redoc_html",
    "openapi.models.OpenAPI",
    "openapi.utils.get_openapi",
    "security.api_key.APIKeyHeader",
    "security.base.SecurityBase",
    "security.http.HTTPBearer",
    "security.oauth2.OAuth2",
    "security.open_id_connect_url.OpenIdConnect",
    "security.utils.get_authorization_scheme_param",
    "security.HTTPBasic",
    "sse.ServerSentEvent",
    "telemetry.get_telemetry_data",
    "types.ModelNameMap",
    "utils.create_model_field",
    "applications.get_openapi",
    "applications.get_swagger_ui_html",
    "applications.routing",
    "exceptions.RequestErrorModel",
)


def test_attributes_need_no_import_of_their_own():
    # Each is asked for in a process in which nobody else has loaded anything.
    code = (
        "import os, turboapi\n"
        f"for path in {PATHS}:\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        value = turboapi\n"
        "        for name in path.split('.'):\n"
        "            value = getattr(value, name, None)\n"
        "        os._exit(value is None)\n"
        "    if os.waitpid(child, 0)[1] != 0:\n"
        "        print(path)\n"
    )
    assert run(code) == ""


def test_the_application_is_starlettes_and_says_where_it_comes_from():
    from starlette.applications import Starlette

    assert issubclass(turboapi.FastAPI, Starlette)
    assert turboapi.FastAPI.__module__ == "turboapi.applications"
    from turboapi.sse import ServerSentEvent

    assert ServerSentEvent.__module__ == "turboapi.sse"


def test_functions_of_the_documents_may_be_replaced(monkeypatch: pytest.MonkeyPatch):
    seen: list[str] = []

    def replaced(**options: Any) -> dict[str, Any]:
        seen.append(options["title"])
        return {"replaced": True}

    monkeypatch.setattr("turboapi.applications.get_openapi", replaced)
    assert turboapi.FastAPI(title="T").openapi() == {"replaced": True}
    assert seen == ["T"]


def test_names_that_many_threads_ask_for_at_once():
    code = (
        "import threading, turboapi\n"
        "names = ['FastAPI', 'APIRouter', 'Query', 'Depends', 'security', 'routing'] * 4\n"
        "start = threading.Barrier(len(names))\n"
        "found = []\n"
        "def ask(name):\n"
        "    start.wait()\n"
        "    found.append((name, id(getattr(turboapi, name))))\n"
        "threads = [threading.Thread(target=ask, args=(name,)) for name in names]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "print(len(found), len(set(found)))\n"
    )
    assert run(code) == "24 6"


def test_displayed_signatures_show_every_option():
    signature = inspect.signature(turboapi.FastAPI.get)
    assert list(signature.parameters)[:3] == ["self", "path", "response_model"]
    assert signature.parameters["response_description"].default == "Successful Response"
    assert "options" not in signature.parameters
    assert next(iter(inspect.signature(turboapi.FastAPI().get).parameters)) == "path"
    assert "max_length" in inspect.signature(turboapi.params.Query).parameters
    assert signature.replace(return_annotation=int).return_annotation is int
    assert "response_model" in str(signature)
    with pytest.raises(TypeError):
        signature.bind("self", "/x", nothing=1)
