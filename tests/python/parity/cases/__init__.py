"""The table: one module for each group of applications."""

import importlib
import pkgutil

from ..model import Case

_MODULES = sorted(module.name for module in pkgutil.iter_modules(__path__))
CASES: list[Case] = [
    case
    for name in _MODULES
    for table in importlib.import_module(f"{__name__}.{name}").TABLES
    for case in table.cases
]
