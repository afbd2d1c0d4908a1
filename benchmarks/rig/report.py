"""Ratios of the rounds, as a table and as JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .load import Load
from .spread import Spread, spread
from .targets import BARE, Row, Target, bare_row

SATURATED = 0.95  # Share of a core from which it is called the limit.
FOREIGN_SHARE = 0.05  # Of a core, from which a measurement is called disturbed.
HEADER = (
    f"{'row':<14} {'ratio':>6} {'(min-max)':>13} {'by cpu':>6} {'req/s':>9} "
    f"{'cpu us':>7} {'user':>6} {'sys':>6} {'busy':>5} {'p50 ms':>7} {'p99 ms':>7} "
    f"{'bytes':>6}  what"
)


@dataclass(slots=True)
class Results:
    """All measurements: one dict per round, from row name to the row's runs in that round."""

    rows: Sequence[Row]
    sizes: dict[str, int] = field(default_factory=dict)  # Answer bytes on the wire by row name.
    rounds: list[dict[str, list[Load]]] = field(default_factory=list)

    def runs(self, row: Row) -> list[Load]:
        return [run for measured in self.rounds for run in measured[row.name]]

    def ratios(self, row: Row) -> Spread:
        """Requests per second of each run over the limit's median in the same round."""
        return self._compared(row, lambda run: run.requests_per_second)

    def cpu_ratios(self, row: Row) -> Spread:
        """Requests per second of CPU time, the same way: it holds where wrk bounds the rate."""
        return self._compared(row, lambda run: 1e6 / run.cpu_us)

    def _compared(self, row: Row, figure: Callable[[Load], float]) -> Spread:
        values: list[float] = []
        for measured in self.rounds:
            limit = statistics.median(map(figure, measured[bare_row(row.target).name]))
            values += [figure(run) / limit for run in measured[row.name]]
        return spread(values)


def targets_of(rows: Sequence[Row]) -> list[Target]:
    """The targets asked for, each once, in the order of the rows."""
    return list(dict.fromkeys(row.target for row in rows))


def summarize(results: Results, row: Row) -> dict[str, Any]:
    """The row's figures: medians over the rounds, the ratio with its spread."""
    runs = results.runs(row)

    def median(name: str) -> float:
        return float(statistics.median(getattr(run, name) for run in runs))

    return {
        "row": row.name,
        "what": row.label,
        "target": row.target.name,
        "ratio": asdict(results.ratios(row)),
        "cpu_ratio": asdict(results.cpu_ratios(row)),
        "requests_per_second": asdict(spread([run.requests_per_second for run in runs])),
        "cpu_us_per_request": median("cpu_us"),
        "answer_bytes": results.sizes[row.name],
        "foreign": max(run.foreign for run in runs),
    } | {
        name: median(name)
        for name in ("user_us", "system_us", "server_busy", "load_busy", "p50_ms", "p99_ms")
    }


def format_row(figures: dict[str, Any]) -> str:
    ratio = figures["ratio"]
    between = f"({ratio['minimum']:.3f}-{ratio['maximum']:.3f})"
    return (
        f"{figures['row']:<14} {ratio['median']:>6.3f} {between:>13} "
        f"{figures['cpu_ratio']['median']:>6.3f} "
        f"{figures['requests_per_second']['median']:>9,.0f} "
        f"{figures['cpu_us_per_request']:>7.2f} {figures['user_us']:>6.2f} "
        f"{figures['system_us']:>6.2f} {figures['server_busy']:>5.0%} "
        f"{figures['p50_ms']:>7.2f} {figures['p99_ms']:>7.2f} "
        f"{figures['answer_bytes']:>6}  {figures['what']}"
    )


def format_report(results: Results, conditions: dict[str, str]) -> str:
    """The text printed at the end."""
    lines = [f"{name}: {value}" for name, value in conditions.items()]
    summaries = [summarize(results, row) for row in results.rows]
    for target in targets_of(results.rows):
        answer = f"{target.content_type}, {len(target.answer)} bytes, the same from every row"
        lines += ["", f"{target.method} ({target.name}): {answer}", HEADER]
        lines += [format_row(each) for each in summaries if each["target"] == target.name]
    limits = [each for each in summaries if each["row"].startswith(f"{BARE}-")]
    lines += ["", *(remark for each in limits for remark in remarks_on_limit(each))]
    disturbed = [each["row"] for each in summaries if each["foreign"] > FOREIGN_SHARE]
    if disturbed:
        lines.append(
            f"disturbed: something else took over {FOREIGN_SHARE:.0%} of a core in a run of "
            + ", ".join(disturbed)
        )
    return "\n".join(lines).rstrip()


def remarks_on_limit(figures: dict[str, Any]) -> list[str]:
    """Says when wrk, not the server's core, bounded the yardstick."""
    if figures["server_busy"] >= SATURATED or figures["load_busy"] < SATURATED:
        return []
    return [
        f"{figures['row']}: bounded by wrk ({figures['load_busy']:.0%} of its core; server "
        f"{figures['server_busy']:.0%}): compare CPU times too"
    ]


def write_json(path: Path, results: Results, conditions: dict[str, str]) -> None:
    """Conditions, summaries and every single measurement."""
    document = {
        "conditions": conditions,
        "rows": [summarize(results, row) for row in results.rows],
        "rounds": [
            {name: [asdict(run) for run in runs] for name, runs in measured.items()}
            for measured in results.rounds
        ],
    }
    path.write_text(json.dumps(document, indent=2) + "\n")
