"""Path templates, taken apart without compiling an expression that may never be needed."""

from __future__ import annotations

import re
from typing import Any

from starlette.convertors import (
    CONVERTOR_TYPES,
    Convertor,
    FloatConvertor,
    IntegerConvertor,
    StringConvertor,
    UUIDConvertor,
)
from starlette.routing import PARAM_REGEX, compile_path

# Convertors whose texts never contain a slash.
_WITHIN_SEGMENT = (StringConvertor, IntegerConvertor, FloatConvertor, UUIDConvertor)

Parameter = tuple[str, Convertor[Any]]
Parts = tuple[str | Parameter, ...]


class PathTemplate:
    """What Starlette's ``compile_path`` finds out; the expression is compiled when first asked for.

    Immutable but for that expression; any thread may use it.
    """

    __slots__ = ("_regex", "convertors", "format", "parts")

    def __init__(self, path: str) -> None:
        self._regex: re.Pattern[str] | None = None
        self.convertors: dict[str, Convertor[Any]] = {}
        self.format = path
        self.parts: Parts = (path,)
        if path[:1] != "/":
            # Such a template is matched like the name of a host.
            self._regex, self.format, self.convertors = compile_path(path)
            self.parts = ()
        elif "{" in path:
            self._take_apart(path)

    def _take_apart(self, path: str) -> None:
        parts: list[str | Parameter] = []
        end = 0
        for found in PARAM_REGEX.finditer(path):
            name, kind = found.groups("str")
            convertor = CONVERTOR_TYPES.get(kind.removeprefix(":"))
            if convertor is None or name in self.convertors:
                compile_path(path)  # Raises, with Starlette's words.
                raise AssertionError(f"Starlette accepts the path {path!r}")
            self.convertors[name] = convertor
            parts += (path[end : found.start()], (name, convertor))
            end = found.end()
        parts.append(path[end:])
        self.parts = tuple(part for part in parts if part)
        self.format = "".join(
            part if isinstance(part, str) else f"{{{part[0]}}}" for part in self.parts
        )

    @property
    def pattern(self) -> str:
        """The text of the expression."""
        if not self.parts:
            return self.regex.pattern
        return f"^{pattern_of(self.parts)}$"

    @property
    def regex(self) -> re.Pattern[str]:
        """The expression that paths must match."""
        if self._regex is None:
            self._regex = re.compile(self.pattern)
        return self._regex

    @property
    def is_literal(self) -> bool:
        """Whether exactly one path matches (or that path and a line feed)."""
        return len(self.parts) == 1 and isinstance(self.parts[0], str)


def pattern_of(parts: Parts) -> str:
    """The text of the expression that a piece of a template stands for."""
    return "".join(
        re.escape(part) if isinstance(part, str) else f"(?P<{part[0]}>{part[1].regex})"
        for part in parts
    )


def split_template(template: PathTemplate) -> tuple[list[Parts], bool]:
    """The segments of a template, one for each text between slashes.

    Ends before the first parameter that may contain a slash; True tells that there is one.
    """
    segments: list[Parts] = []
    current: list[str | Parameter] = []
    for part in template.parts:
        if isinstance(part, tuple):
            if type(part[1]) not in _WITHIN_SEGMENT:
                return segments, True
            current.append(part)
            continue
        first, *others = part.split("/")
        if first:
            current.append(first)
        for text in others:
            segments.append(tuple(current))
            current = [text] if text else []
    segments.append(tuple(current))
    return segments, not template.parts
