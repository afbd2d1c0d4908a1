# SPDX-License-Identifier: MIT
"""What the public headers declare, read from their text.

The headers are plain enough for regular expressions: one declaration per TURBO_API, one struct or
enum per typedef, no nesting.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FUNCTION = re.compile(r"TURBO_API\b[^;{(]*?\b(\w+)\s*\(")
STRUCT = re.compile(r"typedef struct (\w+) \{(.*?)\} (\w+);", re.S)
ENUM = re.compile(r"typedef enum (\w+) \{(.*?)\} (\w+);", re.S)
MEMBER = re.compile(r"(?:\(\*(\w+)\)\s*\(|\b(\w+)(?:\[\w+\])?$)")
ERROR = re.compile(r"X\((\w+),")


@dataclass(frozen=True)
class Declarations:
    functions: frozenset[str]
    members: frozenset[tuple[str, str]]
    structs: frozenset[str]
    enumerators: frozenset[str]


def read(include_dir: Path) -> Declarations:
    """All public declarations of the headers (and version.h.in) in `include_dir`."""
    functions: set[str] = set()
    members: set[tuple[str, str]] = set()
    structs: set[str] = set()
    enumerators: set[str] = set()
    for path in sorted([*include_dir.glob("*.h"), *include_dir.glob("*.h.in")]):
        text = _without_comments_and_macros(path.read_text())
        functions |= set(FUNCTION.findall(text))
        for name, body, _ in STRUCT.findall(text):
            structs.add(name)
            members |= {(name, member) for member in _members(body)}
        for _, body, _ in ENUM.findall(text):
            enumerators |= set(re.findall(r"\bTURBO_\w+", body))
    errors = set(
        ERROR.findall(_without_comments_and_macros((include_dir / "errors.def").read_text()))
    )
    return Declarations(
        frozenset(functions),
        frozenset(members),
        frozenset(structs),
        frozenset(enumerators | errors),
    )


def _without_comments_and_macros(text: str) -> str:
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*$", "", text, flags=re.M)
    return text


def _members(body: str) -> list[str]:
    names = []
    for declaration in (part.strip() for part in body.split(";")):
        if not declaration:
            continue
        found = MEMBER.search(declaration)
        if found is None:
            raise ValueError(f"cannot read the member {declaration!r}")
        names.append(found[1] or found[2])
    return names
