"""The list of a router's routes, which notices its changes."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable
from typing import Any, SupportsIndex

from starlette.routing import BaseRoute


class Changes:
    """How often the routes of any router were changed: shows that none was, at a glance.

    ``lock`` guards the counting, here and of a router's own version; reading needs no lock.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = 0


changes = Changes()


class RouteList(list[BaseRoute]):
    """A router's ``routes``. Every change counts up the router's version."""

    def __init__(self, routes: Iterable[BaseRoute], changed: Callable[[], None]) -> None:
        super().__init__(routes)
        self._changed = changed

    def append(self, route: BaseRoute) -> None:
        super().append(route)
        self._changed()

    def insert(self, index: SupportsIndex, route: BaseRoute) -> None:
        super().insert(index, route)
        self._changed()

    def extend(self, routes: Iterable[BaseRoute]) -> None:
        super().extend(routes)
        self._changed()

    def __iadd__(self, routes: Iterable[BaseRoute]) -> RouteList:  # type: ignore[override,misc]
        self.extend(routes)
        return self

    def __imul__(self, count: SupportsIndex) -> RouteList:
        super().__imul__(count)
        self._changed()
        return self

    def pop(self, index: SupportsIndex = -1) -> BaseRoute:
        route = super().pop(index)
        self._changed()
        return route

    def remove(self, route: BaseRoute) -> None:
        super().remove(route)
        self._changed()

    def clear(self) -> None:
        super().clear()
        self._changed()

    def reverse(self) -> None:
        super().reverse()
        self._changed()

    def sort(self, **options: Any) -> None:
        super().sort(**options)
        self._changed()

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(index, value)
        self._changed()

    def __delitem__(self, index: Any) -> None:
        super().__delitem__(index)
        self._changed()

    def __deepcopy__(self, memo: dict[int, Any]) -> RouteList:
        copied = memo[id(self)] = RouteList((), self._changed)
        list.extend(copied, copy.deepcopy(list(self), memo))
        copied._changed = copy.deepcopy(self._changed, memo)  # the method of the router's copy
        return copied

    def __reduce__(self) -> Any:
        return list, (list(self),)
