#!/usr/bin/env python3
"""Compares turboapi's own cost per request with FastAPI's: in-process ASGI calls, no socket.

Both frameworks run the same source (apps/inprocess_app.py) in processes of their own on one core,
case by case in turns. Prints, for each case, microseconds of CPU time of both and how many times
cheaper turboapi is. See README.md in this folder.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit("benchmarks/compare_inprocess.py needs Python 3.11 or later")

from rig import build
from rig.build import ROOT, say
from rig.errors import RigError
from rig.load import choose_cores
from rig.machine import describe_machine
from rig.server import guarded
from rig.spread import Spread, spread
from rig.worker import Worker

REFERENCE, SUBJECT = "fastapi", "turboapi"
CASES = {
    "empty": "the measuring itself: an empty ASGI application",
    "hello": "async def returning a dict",
    "path_query": "path and two query parameters",
    "post_model": "POST model -> response model",
    "def": "def returning a dict",
    "def_model": "def with a response model",
    "yield": "async yield dependency",
    "last_included": "last of 200 included routes",
}
CALIBRATION_REQUESTS = 50
HTTP_OK = 200
MODEL_ROUTES = 1000
IMPORT = "import time; t = time.process_time()\n{}\nprint((time.process_time() - t) * 1e6)"
IMPORTS = {
    "import": ("import of the package", "import {0}"),
    "import_class": ("import of the application class", "from {0} import FastAPI"),
    "import_app": (
        "import, and an application with one model route",
        """
from {0} import FastAPI
from pydantic import BaseModel
class Item(BaseModel):
    name: str
app = FastAPI()
@app.post("/items/{{item_id}}")
async def create(item_id: int, item: Item, q: str = "") -> Item:
    return item
""",
    ),
}

Figures = dict[str, float]  # Microseconds by framework.


@dataclass(frozen=True, slots=True)
class Comparison:
    """One line of the report: CPU times in microseconds; how many times cheaper turboapi is."""

    name: str
    what: str
    reference_us: Spread
    subject_us: Spread
    ratio: Spread


def compare(name: str, what: str, rounds: list[Figures]) -> Comparison:
    """Ratios are taken within a round, so that drift of the machine cancels out."""
    return Comparison(
        name,
        what,
        spread([figures[REFERENCE] for figures in rounds]),
        spread([figures[SUBJECT] for figures in rounds]),
        spread([figures[REFERENCE] / figures[SUBJECT] for figures in rounds]),
    )


def in_turns(rounds: int, time_one: Callable[[str], float]) -> list[Figures]:
    """Times both frameworks in every round; who goes first alternates."""
    measured = []
    for number in range(rounds):
        order = (REFERENCE, SUBJECT) if number % 2 == 0 else (SUBJECT, REFERENCE)
        measured.append({framework: time_one(framework) for framework in order})
    return measured


def check_answers(workers: Mapping[str, Worker], case: str) -> None:
    """Raises RigError unless both frameworks answer the case alike, with 200."""
    answers = {name: worker.ask({"do": "answer", "case": case}) for name, worker in workers.items()}
    if answers[REFERENCE] != answers[SUBJECT] or answers[SUBJECT]["status"] != HTTP_OK:
        raise RigError(f"{case}: answers differ or are no success: {answers}")


def compare_case(
    workers: Mapping[str, Worker], case: str, options: argparse.Namespace
) -> Comparison:
    """Times one case; each timing lasts about `options.seconds`."""
    check_answers(workers, case)

    def time_requests(framework: str, requests: int) -> float:
        command = {"do": "time", "case": case, "requests": requests}
        return float(workers[framework].ask(command)["us"])

    counts = {}
    for framework in workers:
        time_requests(framework, CALIBRATION_REQUESTS)  # Warms caches of every kind.
        expected_us = time_requests(framework, CALIBRATION_REQUESTS)
        counts[framework] = max(CALIBRATION_REQUESTS, int(options.seconds * 1e6 / expected_us))
    rounds = in_turns(options.rounds, lambda name: time_requests(name, counts[name]))
    return compare(case, CASES[case], rounds)


def compare_startup(
    pythons: Mapping[str, str], core: int, folder: Path, rounds: int
) -> list[Comparison]:
    """Start-up and first request of an application with many model routes, in fresh processes."""
    firsts: list[Figures] = []

    def time_startup(framework: str) -> float:
        with Worker(framework, pythons[framework], core, folder) as worker:
            answer = worker.ask({"do": "startup", "routes": MODEL_ROUTES})
        if not firsts or framework in firsts[-1]:
            firsts.append({})
        firsts[-1][framework] = float(answer["first_us"])
        return float(answer["startup_us"])

    startups = in_turns(rounds, time_startup)
    return [
        compare(
            "startup",
            f"registering {MODEL_ROUTES} included model routes, lifespan start-up",
            startups,
        ),
        compare("first_request", "first request after it, to the last of them", firsts),
    ]


def compare_imports(pythons: Mapping[str, str], core: int, rounds: int) -> list[Comparison]:
    """What a program pays before it can serve, each time in a fresh interpreter."""

    def time_one(framework: str, code: str) -> float:
        command = [pythons[framework], "-I", "-c", IMPORT.format(code.format(framework))]
        return float(build.run(guarded(command, core)))

    comparisons = []
    for name, (what, code) in IMPORTS.items():
        for framework in (REFERENCE, SUBJECT):
            time_one(framework, code)  # Writes the byte code and fills the page cache.
        measured = in_turns(rounds, lambda framework, code=code: time_one(framework, code))
        comparisons.append(compare(name, what, measured))
    return comparisons


def format_report(comparisons: list[Comparison], conditions: dict[str, str]) -> str:
    lines = [f"{name}: {value}" for name, value in conditions.items()]
    lines += ["", f"{'case':<14} {'FastAPI us':>11} {'turboapi us':>11} {'cheaper':>8} (min-max)"]
    for each in comparisons:
        between = f"({each.ratio.minimum:.2f}-{each.ratio.maximum:.2f})"
        lines.append(
            f"{each.name:<14} {each.reference_us.median:>11.1f} {each.subject_us.median:>11.1f} "
            f"{each.ratio.median:>7.2f}x {between:<15} {each.what}"
        )
    return "\n".join(lines)


def run_all(options: argparse.Namespace, folder: Path) -> tuple[list[Comparison], dict[str, str]]:
    """All comparisons asked for, with the conditions they were made under."""
    build.require_tools("taskset", "setpriv")
    cores = choose_cores(None, None)
    base = build.describe_python(options.fastapi_python or options.python)
    pythons = {REFERENCE: build.fastapi_python(base), SUBJECT: options.python}
    conditions = describe_machine(cores)
    chosen = options.only or [*CASES, "startup", "import"]
    comparisons = []
    with (
        Worker(REFERENCE, pythons[REFERENCE], cores.server, folder) as reference,
        Worker(SUBJECT, pythons[SUBJECT], cores.server, folder) as subject,
    ):
        workers = {REFERENCE: reference, SUBJECT: subject}
        for framework, worker in workers.items():
            version = worker.ask({"do": "describe"})["version"]
            conditions[framework] = f"{version} on {build.describe_python(pythons[framework])}"
        for case in CASES:
            if case in chosen:
                say(f"timing {case}")
                comparisons.append(compare_case(workers, case, options))
    if "startup" in chosen:
        say("timing startup")
        comparisons += compare_startup(pythons, cores.server, folder, options.rounds)
    if "import" in chosen:
        say("timing import")
        comparisons += compare_imports(pythons, cores.server, options.rounds)
    return comparisons, conditions


def parse_options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--rounds", type=int, default=7, help="timings of each case (default: %(default)s)")
    add("--seconds", type=float, default=0.3, help="length of one (default: %(default)s)")
    add("--only", action="append", choices=[*CASES, "startup", "import"], help="may be repeated")
    add(
        "--python",
        default=str(ROOT / ".venv" / "bin" / "python"),
        help="interpreter with turboapi installed (default: %(default)s)",
    )
    add(
        "--fastapi-python",
        metavar="PYTHON",
        help="interpreter the FastAPI environment is made from (default: that of --python)",
    )
    add("--json", type=Path, metavar="FILE", help="also write all figures to FILE")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.seconds <= 0:
        parser.error("--rounds and --seconds must be positive")
    return options


def end_on_signal(number: int, frame: FrameType | None) -> NoReturn:
    """Unwinds like Ctrl-C does, so that everything started is stopped."""
    raise KeyboardInterrupt


def main(arguments: list[str]) -> int:
    try:
        options = parse_options(arguments)
        with tempfile.TemporaryDirectory(prefix="turbo-bench-") as folder:
            comparisons, conditions = run_all(options, Path(folder))
    except RigError as error:
        say(f"compare_inprocess: {error}")
        return 1
    except KeyboardInterrupt:
        say("compare_inprocess: interrupted, everything stopped")
        return 130
    print(format_report(comparisons, conditions))
    if options.json is not None:
        document = {"conditions": conditions, "cases": [asdict(each) for each in comparisons]}
        options.json.write_text(json.dumps(document, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, end_on_signal)
    sys.exit(main(sys.argv[1:]))
