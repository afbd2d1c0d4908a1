"""The access log: records of the server's own threads, handed to a logger on a thread of its own."""

from __future__ import annotations

import logging
import sys
import threading
import traceback

from . import _native

logger = logging.getLogger("turboapi.access")

_FORMAT = '%s - "%s %s HTTP/%s" %d'  # uvicorn's, whose formatters read these five arguments


class AccessLog:
    """Logs what one server answers, as ``turboapi.access`` at level INFO.

    ``records`` is given to the server; its :meth:`~turboapi._native.Server.close` ends the thread
    once everything is logged.
    """

    def __init__(self) -> None:
        self.records = _native.AccessRecords()
        self._thread = threading.Thread(target=self._run, name="turboapi-access")

    def start(self) -> None:
        _show_somewhere()
        self._thread.start()

    def join(self) -> None:
        """Waits until all is logged. The server must have been closed."""
        self._thread.join()

    def _run(self) -> None:
        try:
            while lines := self.records.read():
                if logger.isEnabledFor(logging.INFO):
                    self._log(lines.decode("latin-1"))
        finally:
            self.records.close()  # The server must not wait for a reader that is gone.

    def _log(self, lines: str) -> None:
        # Not `splitlines`: a target may have a byte that is a line's end in Latin-1.
        for line in lines.removesuffix("\n").split("\n"):
            peer, method, target, version, status = line.split(" ")
            try:
                logger.info(_FORMAT, peer, method, target, version, int(status))
            except Exception:
                # A filter failed; handlers report such things in the same way.
                if logging.raiseExceptions:
                    traceback.print_exc()


def _show_somewhere() -> None:
    """Where the program has configured no logging at all, lines go to standard output."""
    if logger.hasHandlers():
        return
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logger.addHandler(handler)
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)
