"""The conditions of a run, as far as the machine tells them."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path

from .load import Cores

BUSY_LOAD = 0.5  # Load average from which the figures of an idle machine are not to be expected.


def describe_machine(cores: Cores) -> dict[str, str]:
    """Name and value of each condition, in the order of the report."""
    siblings = Path(f"/sys/devices/system/cpu/cpu{cores.server}/topology/thread_siblings_list")
    shared = siblings.exists() and cores.load in parse_cores(siblings.read_text())
    return {
        "cpu": cpu_model(),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": f"measured on {cores.server}, load generator on {cores.load}"
        + (" (threads of one physical core)" if shared else ""),
        "load average at the start": f"{os.getloadavg()[0]:.2f}",
    }


def cpu_model() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.processor() or "unknown"


def parse_cores(text: str) -> set[int]:
    """The numbers of a kernel CPU list such as `0,4-5`."""
    cores: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        cores.update(range(int(first), int(last or first) + 1))
    return cores


def first_line(command: list[str]) -> str:
    """What a program says first, without its copyright."""
    finished = subprocess.run(command, check=False, capture_output=True, text=True)
    return (finished.stdout + finished.stderr).partition("\n")[0].partition(" Copyright")[0]
