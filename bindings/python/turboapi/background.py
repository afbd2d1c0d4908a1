"""Background tasks, each visible to telemetry."""

from collections.abc import Callable
from typing import Any

from starlette.background import BackgroundTasks as StarletteBackgroundTasks
from typing_extensions import ParamSpec

from .telemetry._api import _operation

P = ParamSpec("P")


class BackgroundTasks(StarletteBackgroundTasks):
    """Functions to call after the response was sent; declare a parameter of this type to add some.

    They run one after the other; `def` functions in a worker thread. The first exception ends the row.
    """

    def add_task(self, func: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call `func` with these arguments after the response."""
        return super().add_task(func, *args, **kwargs)

    async def __call__(self) -> None:
        """Run the tasks in the order they were added."""
        for task in self.tasks:
            with _operation(name="background_task", function=task.func):
                await task()
