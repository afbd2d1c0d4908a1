"""Names that are imported from elsewhere when somebody first asks a module for them (PEP 562)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def late_attributes(module: str, homes: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a module: ``homes`` are modules, and the names that come from them.

    A home may be a module inside the package ``module``, then without the package's name. It is an
    attribute itself, by the last part of its name. What was found stays in the module, where it
    may be replaced like any other name. Any thread.
    """
    sources: dict[str, tuple[str, str | None]] = {}
    for home, names in homes.items():
        full_name = home if home.partition(".")[2] else f"{module}.{home}"
        sources[home.rpartition(".")[2]] = (full_name, None)
        sources.update({name: (full_name, name) for name in names})

    def __getattr__(name: str) -> Any:
        source = sources.get(name)
        if source is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home = import_module(source[0])
        value = home if source[1] is None else getattr(home, source[1])
        return vars(sys.modules[module]).setdefault(name, value)

    return __getattr__
