"""A server under test: its process, its address, its CPU time."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from .errors import RigError

START_SECONDS = 30.0  # From start of the process to the URL on its console.
STOP_SECONDS = 5.0  # From SIGTERM to SIGKILL.
POLL_SECONDS = 0.01
LOG_TAIL_BYTES = 4000  # Of a failed server's console, quoted in the error.
URL = re.compile(rb"http://127\.0\.0\.1:(\d+)")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class CpuTime:
    """Seconds spent by all threads of a process."""

    user: float
    system: float

    def __sub__(self, other: CpuTime) -> CpuTime:
        return CpuTime(self.user - other.user, self.system - other.system)

    @property
    def total(self) -> float:
        return self.user + self.system


def guarded(command: Sequence[str], core: int) -> list[str]:
    """`command` pinned to `core`; the kernel kills it should the benchmark itself be killed."""
    return ["setpriv", "--pdeathsig", "KILL", "taskset", "-c", str(core), *command]


class Server:
    """A child process that serves from `__enter__` to `__exit__`.

    It runs in a session of its own, so that Ctrl-C reaches it through this class only, and its
    whole process group is ended. Its console goes to `log`, where it must name its URL.
    """

    def __init__(self, name: str, command: Sequence[str], core: int, log: Path) -> None:
        self.name = name
        self.port = 0
        self._command = guarded(command, core)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Server:
        with self._log.open("wb") as console:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                cwd=self._log.parent,  # Not the tree: imports must find what is installed.
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        try:
            self._await_url()
        except BaseException:
            self.stop(report=False)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop(report=error is None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _await_url(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self.check_alive()
            found = URL.search(self._log.read_bytes())
            if found:
                self.port = int(found[1])
                return
            time.sleep(POLL_SECONDS)
        raise RigError(
            f"{self.name}: no URL on its console within {START_SECONDS} s\n{self.tail()}"
        )

    def check_alive(self) -> None:
        """Raises RigError when the process has ended."""
        assert self._process is not None
        if self._process.poll() is not None:
            raise RigError(f"{self.name}: exited with {self._process.returncode}\n{self.tail()}")

    def tail(self) -> str:
        """The end of what the server printed."""
        return self._log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")

    def cpu_time(self) -> CpuTime:
        """CPU time of the process so far; fields 14 and 15 of /proc/PID/stat, see proc(5)."""
        assert self._process is not None
        stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        # The command name, field 2, may hold blanks and parentheses; field 3 follows the last one.
        fields = stat[stat.rindex(")") + 2 :].split()
        return CpuTime(int(fields[11]) / TICKS_PER_SECOND, int(fields[12]) / TICKS_PER_SECOND)

    def stop(self, report: bool) -> None:
        """Ends the process group: SIGTERM, then SIGKILL after a grace time.

        Raises RigError if SIGKILL was needed, unless another error is on its way: not `report`.
        """
        process, self._process = self._process, None
        if process is None:
            return
        try:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            if report:
                raise RigError(f"{self.name}: still there {STOP_SECONDS} s after SIGTERM") from None
        finally:
            # Also reached on Ctrl-C while waiting; the group may outlive its leader.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
