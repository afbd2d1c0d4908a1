"""A process of apps/inprocess_app.py, spoken to over its pipes."""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from .build import BENCHMARKS
from .errors import RigError
from .server import guarded

ANSWER_SECONDS = 120.0  # To any command.
STOP_SECONDS = 5.0  # From the end of its input to the end of the process.
SCRIPT = BENCHMARKS / "apps" / "inprocess_app.py"


class Worker:
    """A framework in an interpreter of its own, on one core; lives inside a `with` block."""

    def __init__(self, framework: str, python: str, core: int, folder: Path) -> None:
        self.framework = framework
        self._command = guarded([python, str(SCRIPT), framework], core)
        self._folder = folder
        self._log = folder / f"{framework}.log"
        self._process: subprocess.Popen[bytes]

    def __enter__(self) -> Worker:
        with self._log.open("wb") as console:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=console,
                cwd=self._folder,  # Not the tree: imports must find what is installed.
                env=dict(os.environ),
                start_new_session=True,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._process.communicate(timeout=STOP_SECONDS)  # Closes stdin: the worker ends.
        except subprocess.TimeoutExpired:
            if error is None:
                raise RigError(f"{self.framework}: worker did not stop\n{self._tail()}") from None
        finally:
            self._process.kill()
            self._process.wait()

    def ask(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """Sends one command and returns the answer to it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(command).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise RigError(f"{self.framework}: worker ended\n{self._tail()}") from None
        # One line at a time: nothing is left in the reader's buffer when this waits.
        ready, _, _ = select.select([self._process.stdout], [], [], ANSWER_SECONDS)
        line = self._process.stdout.readline() if ready else b""
        if not line.endswith(b"\n"):
            raise RigError(f"{self.framework}: no answer to {command}\n{self._tail()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _tail(self) -> str:
        return self._log.read_bytes()[-4000:].decode(errors="replace")
