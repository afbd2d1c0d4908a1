# SPDX-License-Identifier: MIT
"""A strict reader of Prometheus' text format 0.0.4: it refuses what a lenient one would forgive."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(.*)\}})? (\S+)")
_VALUE = re.compile(r"\d+(\.\d+)?")
_ESCAPE = re.compile(r'\\(["\\n])')

Labels = frozenset[tuple[str, str]]


@dataclass
class Family:
    kind: str
    samples: dict[tuple[str, Labels], float] = field(default_factory=dict)


def parse(text: bytes) -> dict[str, Family]:
    """All families by name; asserts everything that the format asks for."""
    lines = text.decode("utf-8").split("\n")
    assert lines.pop() == "", "the last line has no end"
    families: dict[str, Family] = {}
    described = ""
    current = ""
    for line in lines:
        if line.startswith("# HELP "):
            described = re.fullmatch(rf"# HELP ({_NAME}) (\S.*)", line)[1]
            assert described not in families, f"{described} comes twice"
        elif line.startswith("# TYPE "):
            current, kind = re.fullmatch(
                rf"# TYPE ({_NAME}) (counter|gauge|histogram)", line
            ).groups()
            assert current == described, "TYPE without HELP"
            families[current] = Family(kind)
        else:
            _read_sample(line, current, families[current])
    for name, family in families.items():
        assert (family.kind == "counter") == name.endswith("_total"), name
        if family.kind == "histogram":
            _check_histogram(name, family)
    return families


def _read_sample(line: str, name: str, family: Family) -> None:
    match = _SAMPLE.fullmatch(line)
    assert match, f"no sample: {line!r}"
    sample, inside, value = match.groups()
    endings = ("_bucket", "_sum", "_count") if family.kind == "histogram" else ("",)
    assert sample in [name + ending for ending in endings], f"{sample} stands under {name}"
    assert _VALUE.fullmatch(value), f"no number: {value!r}"
    labels = _read_labels(inside or "")
    assert (sample, labels) not in family.samples, f"{line!r} comes twice"
    family.samples[sample, labels] = float(value)


def _read_labels(text: str) -> Labels:
    labels = {}
    at = 0
    while at < len(text):
        match = _LABEL.match(text, at)
        assert match, f"no label: {text[at:]!r}"
        name, value = match.groups()
        assert name not in labels, f"label {name} comes twice"
        labels[name] = _ESCAPE.sub(lambda found: found[1].replace("n", "\n"), value)
        at = match.end()
        if at < len(text):
            assert text[at] == ",", text
            at += 1
    return frozenset(labels.items())


def _check_histogram(name: str, family: Family) -> None:
    """Buckets grow up to +Inf, which is the count; each histogram is whole."""
    buckets: dict[Labels, list[tuple[float, float]]] = {}
    for (sample, labels), value in family.samples.items():
        if sample == f"{name}_bucket":
            bound = dict(labels)["le"]
            rest = frozenset(pair for pair in labels if pair[0] != "le")
            buckets.setdefault(rest, []).append((float(bound), value))
    for labels, found in buckets.items():
        bounds, values = zip(*found, strict=True)
        assert list(bounds) == sorted(set(bounds)), "bounds are not in order"
        assert list(values) == sorted(values), "buckets are not cumulative"
        assert bounds[-1] == float("inf")
        assert family.samples[f"{name}_count", labels] == values[-1]
        assert family.samples[f"{name}_sum", labels] >= 0
    assert len(family.samples) == sum(len(found) + 2 for found in buckets.values())
