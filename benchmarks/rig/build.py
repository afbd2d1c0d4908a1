"""Makes what the rows need: two C programs, the C library, the FastAPI environment."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import RigError

BENCHMARKS = Path(__file__).resolve().parent.parent
ROOT = BENCHMARKS.parent
BUILD_SECONDS = 1800  # Of any one build or installation step.
SETUP_OPTIONS = ("--buildtype=release", "-Dtests=false", "-Dexamples=false")
C_FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra")
REQUIREMENTS = BENCHMARKS / "requirements-fastapi.txt"
DESCRIBE = """
import json, platform, sys, sysconfig
print(json.dumps({
    "version": platform.python_version(),
    "implementation": platform.python_implementation(),
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "prefix": sys.base_prefix,
}))
"""


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter that runs applications under test."""

    executable: str
    version: str
    implementation: str
    free_threaded: bool
    prefix: str

    def __str__(self) -> str:
        threads = ", free-threaded" if self.free_threaded else ""
        return f"{self.implementation} {self.version}{threads}"


def say(text: str) -> None:
    """Progress goes to stderr, so that stdout holds the report alone."""
    print(text, file=sys.stderr, flush=True)


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """Output of a build step; RigError with its whole console when it fails."""
    try:
        finished = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **(environment or {})},
            timeout=BUILD_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RigError(f"cannot run a build step: {error}") from None
    if finished.returncode != 0:
        raise RigError(f"{shlex.join(command)}: failed\n{finished.stdout}")
    return finished.stdout


def require_tools(*names: str) -> None:
    """Raises RigError naming the Debian packages of programs that are not installed."""
    packages = {
        "wrk": "wrk",
        "taskset": "util-linux",
        "setpriv": "util-linux",
        "pkg-config": "pkg-config",
    }
    missing = sorted({packages[name] for name in names if shutil.which(name) is None})
    if missing:
        raise RigError(f"missing programs: apt-get install {' '.join(missing)}")


def compile_c(source: Path, output: Path, flags: Sequence[str] = ()) -> Path:
    """Compiles one file into a program with $CC, default `cc`."""
    compiler = shlex.split(os.environ.get("CC", "cc"))
    run([*compiler, *C_FLAGS, str(source), "-o", str(output), *flags])
    return output


def build_library(builddir: Path, python: str | None) -> None:
    """Brings the C library in `builddir` up to date; sets up a release build when it is missing."""
    meson = find_meson(python)
    if not (builddir / "build.ninja").exists():
        say(f"meson setup {builddir}")
        run([meson, "setup", *SETUP_OPTIONS, str(builddir), str(ROOT)])
    say(f"meson compile -C {builddir}")
    run([meson, "compile", "-C", str(builddir), "-j2"])


def library_build_type(builddir: Path, python: str | None) -> str:
    """Meson's `buildtype` of the build directory, for the report."""
    options = json.loads(run([find_meson(python), "introspect", "--buildoptions", str(builddir)]))
    return str(next(option["value"] for option in options if option["name"] == "buildtype"))


def find_meson(python: str | None) -> str:
    """Meson from PATH, else the one installed beside the interpreter."""
    beside = Path(python).parent / "meson" if python else None
    found = shutil.which("meson") or (str(beside) if beside and beside.exists() else None)
    if found is None:
        raise RigError("meson is neither on PATH nor beside the --python interpreter")
    return found


def compile_hello(builddir: Path, output: Path) -> Path:
    """Links hello.c with the library of `builddir`, as the pkg-config file there says."""
    environment = {"PKG_CONFIG_PATH": str(builddir / "meson-uninstalled")}
    flags = shlex.split(run(["pkg-config", "--cflags", "--libs", "turbo"], environment))
    folders = [flag[2:] for flag in flags if flag.startswith("-L")]
    return compile_c(
        BENCHMARKS / "hello.c", output, [*flags, *(f"-Wl,-rpath,{folder}" for folder in folders)]
    )


def describe_python(executable: str) -> Python:
    """Asks an interpreter what it is."""
    if shutil.which(executable) is None:
        raise RigError(f"no interpreter {executable}: run `make` first, or give --python")
    return Python(executable, **json.loads(run([executable, "-c", DESCRIBE])))


def cache_folder() -> Path:
    """Where environments are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "turbo-benchmarks"


def fastapi_python(base: Python) -> str:
    """The interpreter of an environment with FastAPI and uvicorn, made from `base` at first use.

    Keyed by interpreter and pinned requirements; one whose installation was cut short is redone.
    """
    key = hashlib.sha256(REQUIREMENTS.read_bytes() + f"{base} {base.prefix}".encode()).hexdigest()[
        :12
    ]
    folder = cache_folder() / f"fastapi-{base.version}-{key}"
    python = folder / "bin" / "python"
    complete = folder / "complete"
    if not complete.exists():
        say(f"installing FastAPI and uvicorn into {folder}")
        run([base.executable, "-m", "venv", "--clear", str(folder)])
        run([str(python), "-m", "pip", "install", "-r", str(REQUIREMENTS)])
        complete.touch()
    return str(python)


def package_versions(python: str) -> str:
    """The packages that decide the speed of the FastAPI rows, with their versions."""
    names = ("fastapi", "uvicorn", "uvloop", "httptools")
    code = "import sys; from importlib.metadata import version as v; "
    code += "print(', '.join(f'{name} {v(name)}' for name in sys.argv[1:]))"
    return run([python, "-c", code, *names]).strip()
