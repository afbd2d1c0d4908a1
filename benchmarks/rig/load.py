"""One measured run of wrk against a server, with the CPU time both spent."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from .errors import RigError
from .server import TICKS_PER_SECOND, Server, guarded
from .targets import Row

CONNECTIONS = 64
SCRIPT = Path(__file__).resolve().parent.parent / "load.lua"
GRACE_SECONDS = 15  # Past its duration, after which wrk is taken for hung.
BYTES_SLACK = 0.001  # Share of the bytes that may exceed those of the plain answers.
ERROR_KINDS = ("connect", "read", "write", "status", "timeout")


@dataclass(frozen=True, slots=True)
class Load:
    """What one run showed. Times per request are in microseconds of CPU."""

    requests: int
    requests_per_second: float
    user_us: float
    system_us: float
    server_busy: float  # Share of the run in which the server's process was on its core.
    load_busy: float  # The same for wrk: near 1, the generator is the limit.
    foreign: float  # Largest share of either core taken by anyone else.
    p50_ms: float
    p99_ms: float

    @property
    def cpu_us(self) -> float:
        return self.user_us + self.system_us


def core_seconds(core: int) -> float:
    """Time `core` spent in processes, stolen time included; interrupts are left out."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _iowait, _irq, _softirq, steal = map(int, fields[:8])
            return (user + nice + system + steal) / TICKS_PER_SECOND
    raise RigError(f"no cpu{core} in /proc/stat")


def children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@dataclass(frozen=True, slots=True)
class Cores:
    """Numbers of the two cores of a run."""

    server: int
    load: int


def measure(row: Row, server: Server, answer_size: int, seconds: int, cores: Cores) -> Load:
    """Loads the server for `seconds` and raises RigError on any answer that is not the right one.

    wrk reports failed connections, time-outs and statuses from 400 up; the byte count, which must
    be that of `requests` right answers, shows everything else.
    """
    command = ["wrk", f"-c{CONNECTIONS}", "-t1", f"-d{seconds}s", "-s", str(SCRIPT)]
    command += [server.url + row.url_path, "--"]
    if row.target.body:
        command += ["application/json", row.target.body.decode()]
    started = time.monotonic()
    server_core, load_core = core_seconds(cores.server), core_seconds(cores.load)
    cpu_before, wrk_before = server.cpu_time(), children_seconds()
    try:
        # Not in a session of its own: Ctrl-C may end it with us, `run` waits for it either way.
        finished = subprocess.run(
            guarded(command, cores.load),
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds + GRACE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise RigError(f"{row.name}: wrk did not end in time") from None
    if finished.returncode != 0:
        raise RigError(f"{row.name}: wrk failed\n{finished.stdout}{finished.stderr}")
    server.check_alive()
    cpu, wrk = server.cpu_time() - cpu_before, children_seconds() - wrk_before
    elapsed = time.monotonic() - started
    summary = read_summary(row, finished.stdout)
    check_totals(row, summary, answer_size, server)
    requests = summary["requests"]
    foreign = max(
        core_seconds(cores.server) - server_core - cpu.total,
        core_seconds(cores.load) - load_core - wrk,
    )
    return Load(
        requests=requests,
        requests_per_second=requests / (summary["duration_us"] / 1e6),
        user_us=cpu.user / requests * 1e6,
        system_us=cpu.system / requests * 1e6,
        server_busy=cpu.total / elapsed,
        load_busy=wrk / elapsed,
        foreign=max(0.0, foreign / elapsed),
        p50_ms=summary["p50_us"] / 1e3,
        p99_ms=summary["p99_us"] / 1e3,
    )


def read_summary(row: Row, output: str) -> dict[str, int]:
    """The totals printed by load.lua."""
    for line in output.splitlines():
        word, _, rest = line.partition(" ")
        if word == "summary":
            totals: dict[str, int] = json.loads(rest)
            return totals
    raise RigError(f"{row.name}: no summary from wrk\n{output}")


def check_totals(row: Row, summary: dict[str, int], answer_size: int, server: Server) -> None:
    """Raises RigError when the run saw errors, no answers, or bytes of other answers."""
    errors = {kind: summary[kind] for kind in ERROR_KINDS if summary[kind]}
    if errors:
        raise RigError(f"{row.name}: errors under load: {errors}\n{server.tail()}")
    if summary["requests"] == 0:
        raise RigError(f"{row.name}: no answers under load\n{server.tail()}")
    # Each connection may hold a part of one more answer when the time is up, and a server may
    # announce now and then that it closes a connection.
    surplus = summary["bytes"] - summary["requests"] * answer_size
    if not 0 <= surplus <= max(CONNECTIONS * answer_size, summary["bytes"] * BYTES_SLACK):
        mean = summary["bytes"] / summary["requests"]
        raise RigError(f"{row.name}: {mean:.2f} bytes per answer under load, not {answer_size}")


def choose_cores(server: int | None, load: int | None) -> Cores:
    """The cores asked for; by default the last and the first one this process may use."""
    allowed = sorted(os.sched_getaffinity(0))
    cores = Cores(allowed[-1] if server is None else server, allowed[0] if load is None else load)
    if cores.server == cores.load:
        raise RigError("two cores are needed: one for the server, one for wrk")
    return cores
