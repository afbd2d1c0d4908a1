#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks of the public interface: check.py COMMAND ARGUMENTS; exits 1 and says what is wrong.

map INCLUDE MAP               every declared function is in the version script, and vice versa
library INCLUDE LIBRARY       exactly the declared functions are exported, under TURBO_0; the SONAME
                              is libturbo.so.0; no mutable variable but the known ones
frozen INCLUDE FILE...        every struct, member, value and function has its line in a frozen file
headers INCLUDE GENERATED STD COMPILER...  every header compiles alone, without a warning
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import headers

SONAME = "libturbo.so.0"
VERSION_NODE = "TURBO_0"

# Mutable variables of the process: the log sink, and the allocator's test hook. The last error is
# thread-local and therefore in a section of its own.
MUTABLE_VARIABLES = {("log.c", "sink"), ("mem.c", "fail_at"), ("mem.c", "made")}

# Written by the compiler and its start-up files, or by instrumentation.
COMPILER_VARIABLE = re.compile(
    r"completed\.\d+|_.*|\.?L.*|.*__(?:san|asan|ubsan|tsan|gcov|llvm|odr).*|asan\..*"
)


def main(arguments: list[str]) -> int:
    commands = {
        "map": check_map,
        "library": check_library,
        "frozen": check_frozen,
        "headers": check_headers,
    }
    problems = list(commands[arguments[0]](*arguments[1:]))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def check_map(include: str, version_script: str) -> Iterable[str]:
    declared = headers.read(Path(include)).functions
    text = re.sub(r"/\*.*?\*/", "", Path(version_script).read_text(), flags=re.S)
    listed = re.findall(r"\b(turbo_\w+);", text)
    if len(declared) == 0:
        yield "no declaration was found"
    yield from _differences("declared in a header", declared, f"listed in {version_script}", listed)
    yield from (f"{name} is listed twice" for name in set(listed) if listed.count(name) > 1)


def check_library(include: str, library: str) -> Iterable[str]:
    declared = headers.read(Path(include)).functions
    symbols = [line.split() for line in _run("nm", "-D", "--defined-only", library).splitlines()]
    exported = {name for _, kind, name in symbols if kind != "A"}
    wanted = {f"{name}@@{VERSION_NODE}" for name in declared}
    yield from _differences("declared in a header", wanted, "exported by the library", exported)
    sonames = re.findall(r"\(SONAME\).*\[(.*)\]", _run("readelf", "-dW", library))
    if sonames != [SONAME]:
        yield f"the SONAME is {sonames}, not {SONAME}"
    yield from _mutable_variables(library)


def _mutable_variables(library: str) -> Iterable[str]:
    source = "(no file)"
    for line in _run("readelf", "-sW", library).splitlines():
        fields = line.split()
        if len(fields) < 8:
            continue
        kind, section, name = fields[3], fields[6], fields[7]
        if kind == "FILE":
            source = name
        elif kind == "OBJECT" and section.isdigit() and _is_writable(library, int(section)):
            if (source, name) in MUTABLE_VARIABLES or COMPILER_VARIABLE.fullmatch(name):
                continue
            yield f"{source}: mutable variable {name}"


def _is_writable(library: str, section: int) -> bool:
    """Whether the section is data that stays writable; relocated constants do not."""
    name = _sections(library)[section]
    return name in {".data", ".bss"}


def _sections(library: str) -> dict[int, str]:
    if library not in _section_cache:
        rows = re.findall(r"\[ *(\d+)\] (\S+)", _run("readelf", "-SW", library))
        _section_cache[library] = {int(number): name for number, name in rows}
    return _section_cache[library]


_section_cache: dict[str, dict[int, str]] = {}


def check_frozen(include: str, *files: str) -> Iterable[str]:
    declared = headers.read(Path(include))
    text = "\n".join(Path(file).read_text() for file in files)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    sizes = set(re.findall(r"^SIZE(?:_AT_LEAST)?\((\w+),", text, re.M))
    members = set(re.findall(r"^MEMBER\((\w+), (\w+),", text, re.M))
    values = set(re.findall(r"^VALUE(?:_AT_LEAST)?\((\w+),", text, re.M))
    functions = set(re.findall(r"\b(turbo_\w+)\(", text))
    yield from (f"no frozen size of {name}" for name in declared.structs - sizes)
    yield from (f"no frozen place of {'.'.join(name)}" for name in declared.members - members)
    yield from (f"no frozen value of {name}" for name in declared.enumerators - values)
    yield from (f"no frozen signature of {name}" for name in declared.functions - functions)


def check_headers(include: str, generated: str, standard: str, *compiler: str) -> Iterable[str]:
    language = "c++" if "++" in standard else "c"
    names = [path.name for path in sorted(Path(include).glob("*.h"))] + ["version.h"]
    flags = ["-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wundef", "-Werror"]
    roots = [f"-I{Path(include).parent}", f"-I{generated}"]
    for name in names:
        done = subprocess.run(
            [*compiler, "-x", language, f"-std={standard}", *flags, *roots, "-"],
            input=f"#include <turbo/{name}>\n#include <turbo/{name}>\nint used;\n",
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            yield f"turbo/{name} does not compile alone as {standard}:\n{done.stderr}"


def _differences(left: str, a: Iterable[str], right: str, b: Iterable[str]) -> Iterable[str]:
    yield from (f"{name} is {left} but not {right}" for name in sorted(set(a) - set(b)))
    yield from (f"{name} is {right} but not {left}" for name in sorted(set(b) - set(a)))


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
