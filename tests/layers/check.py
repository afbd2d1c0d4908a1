#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the rules of the source tree: check.py ROOT, or check.py --self-test.

Folder = layer: a file includes its own layer and lower ones only. Each third-party library is
known to one .c file. Public headers show no type of another library. Codecs touch no sockets,
threads or clocks. Memory comes from base/mem, atomics from base/atomic.h, and some functions are not
used at all.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

LAYERS = ["base", "codec", "app", "net", "core"]

# Header (or its folder) -> the library that it belongs to. One .c file includes each library.
THIRD_PARTY = {
    "http_parser.h": "http-parser",
    "jansson.h": "jansson",
    "openssl/": "TLS",
    "nghttp2/": "nghttp2",
    "zlib.h": "zlib",
    "brotli/": "brotli",
    "zstd.h": "zstd",
}
REQUIRED_LIBRARIES = {"http-parser", "jansson"}

# System headers that only the named folders or files may include.
SYSTEM_HEADERS = {
    "pthread.h": ["app/", "net/", "core/"],
    "sys/socket.h": ["net/", "core/"],
    "netinet/": ["net/", "core/"],
    "arpa/": ["net/", "core/"],
    "netdb.h": ["net/", "core/"],
    "poll.h": ["net/", "core/"],
    "sys/epoll.h": ["net/"],
    "sys/sendfile.h": ["net/"],
    "dlfcn.h": ["app/"],
    "time.h": ["base/"],
    "stdatomic.h": ["base/atomic.h"],
}

PUBLIC_SYSTEM_HEADERS = {"stdbool.h", "stddef.h", "stdint.h", "string.h"}
FOREIGN_TYPES = re.compile(
    r"\b(json_t|json_error_t|http_parser\w*|pthread_\w+|SSL\w*|nghttp2_\w+)\b"
)

BANNED = re.compile(
    r"(?<![\w.>])(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|atof|gets|alloca|exit|_exit|abort"
    r"|printf|puts|signal|sigaction)\s*\("
)
ALLOCATORS = re.compile(r"(?<![\w.>])(malloc|calloc|realloc|free|strdup|strndup|asprintf)\s*\(")
ALLOCATOR_FILE = "base/mem.c"

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
MAX_LINES = 1000


def main(arguments: list[str]) -> int:
    if arguments == ["--self-test"]:
        self_test()
        return 0
    problems = list(check(Path(arguments[0])))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def check(root: Path) -> Iterable[str]:
    """Every breach of a rule below `root`, as one line of text."""
    library = root / "libturbo"
    sources = sorted(path for path in library.rglob("*.[ch]"))
    users: dict[str, list[str]] = {}
    if not sources:
        yield f"no source file below {library}"
    for path in sources:
        name = path.relative_to(library).as_posix()
        text = path.read_text()
        yield from _check_file(name, text)
        for user in _third_party(text):
            users.setdefault(user, []).append(name)
    yield from _check_third_party(users)
    for path in sorted((root / "include" / "turbo").glob("*.h*")):
        yield from _check_public_header(path.name, path.read_text())


def _check_file(name: str, text: str) -> Iterable[str]:
    layer = name.split("/")[0]
    if layer not in LAYERS or "/" not in name:
        yield f"{name}: {layer} is no layer"
        return
    if text.count("\n") >= MAX_LINES:
        yield f"{name}: {text.count(chr(10))} lines; {MAX_LINES} are the limit"
    for quote, header in INCLUDE.findall(text):
        if quote == '"':
            yield from _check_own_include(name, layer, header)
        else:
            yield from _check_system_include(name, header)
    yield from _check_calls(name, _without_comments_and_strings(text))


def _check_own_include(name: str, layer: str, header: str) -> Iterable[str]:
    target = header.split("/")[0]
    if target == "turbo":
        return
    if "/" not in header or target not in LAYERS:
        yield f'{name}: "{header}" is not written from libturbo/ ("layer/file.h")'
    elif LAYERS.index(target) > LAYERS.index(layer):
        yield f"{name}: layer {layer} may not include {header} of layer {target}"


def _check_system_include(name: str, header: str) -> Iterable[str]:
    for system, places in SYSTEM_HEADERS.items():
        if _covers(system, header) and not any(name.startswith(place) for place in places):
            yield f"{name}: <{header}> belongs to {', '.join(places)} only"


def _check_calls(name: str, code: str) -> Iterable[str]:
    for call in sorted(set(BANNED.findall(code))):
        yield f"{name}: {call}() is not used in the library"
    if name != ALLOCATOR_FILE:
        for call in sorted(set(ALLOCATORS.findall(code))):
            yield f"{name}: {call}() instead of base/mem.h"


def _third_party(text: str) -> set[str]:
    return {
        library
        for _, header in INCLUDE.findall(text)
        for known, library in THIRD_PARTY.items()
        if _covers(known, header)
    }


def _check_third_party(users: dict[str, list[str]]) -> Iterable[str]:
    for library in sorted(REQUIRED_LIBRARIES - users.keys()):
        yield f"no file includes the header of {library}"
    for library, names in sorted(users.items()):
        if len(names) > 1:
            yield f"{library} is known to {', '.join(names)}; one file may include it"
        yield from (f"{name}: a header shows {library}" for name in names if name.endswith(".h"))


def _check_public_header(name: str, text: str) -> Iterable[str]:
    for _, header in INCLUDE.findall(text):
        if not header.startswith("turbo/") and header not in PUBLIC_SYSTEM_HEADERS:
            yield f"include/turbo/{name}: includes {header}"
    for type_name in sorted(set(FOREIGN_TYPES.findall(_without_comments_and_strings(text)))):
        yield f"include/turbo/{name}: shows the type {type_name}"


def _covers(known: str, header: str) -> bool:
    return header == known or (known.endswith("/") and header.startswith(known))


def _without_comments_and_strings(text: str) -> str:
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', " ", text, flags=re.S)


def self_test() -> None:
    """Breaks each rule in a tree of its own and wants exactly that breach to be found."""
    good = {
        "libturbo/base/mem.c": "void *x(void) { return malloc(1); }\n",
        "libturbo/codec/http1_parser.c": '#include <http_parser.h>\n#include "base/mem.h"\n',
        "libturbo/codec/json.c": "#include <jansson.h>\n/* free() */\n",
        "include/turbo/types.h": "#include <stddef.h>\n",
    }
    assert list(_check_tree(good)) == [], list(_check_tree(good))
    breaches = {
        ("libturbo/codec/a.c", '#include "app/route.h"\n'): "layer codec may not include",
        ("libturbo/base/a.h", '#include "net/conn.h"\n'): "layer base may not include",
        ("libturbo/net/a.c", '#include "conn.h"\n'): "is not written from libturbo/",
        ("libturbo/http/a.c", "\n"): "http is no layer",
        ("libturbo/app/a.c", "#include <jansson.h>\n"): "jansson is known to",
        ("libturbo/app/a.h", "#include <openssl/ssl.h>\n"): "a header shows TLS",
        ("libturbo/codec/b.c", "#include <sys/socket.h>\n"): "<sys/socket.h> belongs to",
        ("libturbo/codec/c.c", "#include <pthread.h>\n"): "<pthread.h> belongs to",
        ("libturbo/app/b.c", "int f(void) { free(p); }\n"): "free() instead of base/mem.h",
        ("libturbo/app/c.c", "int f(void) { exit(1); }\n"): "exit() is not used",
        ("libturbo/app/d.c", "\n" * MAX_LINES): "lines; 1000 are the limit",
        ("include/turbo/a.h", "#include <pthread.h>\n"): "includes pthread.h",
        ("include/turbo/b.h", "int f(json_t *json);\n"): "shows the type json_t",
    }
    for (name, text), message in breaches.items():
        found = list(_check_tree({**good, name: text}))
        assert len(found) == 1 and message in found[0], (name, message, found)


def _check_tree(files: dict[str, str]) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return list(check(Path(folder)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
