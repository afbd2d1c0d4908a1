"""Each request of the table gets the same answer on every way.

What is compared: status, body, and the list of headers with names, values and order. Left out are
``Date`` and ``Server``, and of the framing, which is each server's own business (RFC 9112 §6.3, §9.3):
``Connection`` and ``Transfer-Encoding``; a ``Content-Length`` that the application did not set must tell the
length of the body.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from .about import versions
from .cases import CASES
from .model import Answer, Ask, Case, Way, expected
from .ways import Ours, Reference, Sender, reference_python

_DIFFERENCES = Path(__file__).parents[3] / "docs" / "differences.md"
_SERVERS_OWN = (b"date", b"server", b"connection", b"transfer-encoding")


@pytest.fixture(scope="session")
def ours() -> Iterator[Ours]:
    with Ours() as ways:
        yield ways


@pytest.fixture(scope="session")
def reference() -> Iterator[Reference]:
    python = reference_python()
    if python is None:
        pytest.skip("no FastAPI: name the Python of its environment in PARITY_FASTAPI")
    with Reference(python, sorted({case.app for case in CASES})) as way:
        yield way


def by_id(case: Case) -> str:
    return case.id


@pytest.mark.parametrize("case", CASES, ids=by_id)
def test_our_ways_agree(case: Case, ours: Ours) -> None:
    base = answers(ours.way_to(case.app, "asgi"), case)
    ways: list[Way] = ["live"] if case.no_testclient else ["testclient", "live"]
    found = {way: answers(ours.way_to(case.app, way), case) for way in ways}
    assert_same(case, base, found)


@pytest.mark.parametrize("case", CASES, ids=by_id)
def test_fastapi_answers_the_same(case: Case, ours: Ours, reference: Reference) -> None:
    base = answers(ours.way_to(case.app, "asgi"), case)
    assert_same(case, base, {"fastapi": answers(reference.way_to(case.app), case)})


def answers(sender: Sender, case: Case) -> list[Answer]:
    return [sender.send(ask) for ask in case.asks]


def assert_same(case: Case, base: list[Answer], found: dict[Any, list[Answer]]) -> None:
    for way, got in found.items():
        for ask, one, other in zip(case.asks, base, got, strict=True):
            if case.differs is not None and way in case.differs.ways and ask is case.asks[-1]:
                one = expected(one, other, case.differs)
            assert shown(ask, other, one) == shown(ask, one, one), f"{way} against asgi"


def shown(ask: Ask, answer: Answer, base: Answer) -> dict[str, Any]:
    """What is compared of an answer, beside ``base``, the application's own words."""
    left_out = [*_SERVERS_OWN]
    if not base.values(b"content-length"):
        left_out.append(b"content-length")
        told = answer.values(b"content-length")
        assert ask.method == b"HEAD" or told in ([], [b"%d" % len(answer.body)])
    headers = [(name, value) for name, value in answer.headers if name.lower() not in left_out]
    complete = base.complete if answer.complete is None else answer.complete
    return {
        "status": answer.status,
        "headers": headers,
        "body": answer.body,
        "complete": complete,
    }


def test_each_difference_is_documented() -> None:
    rows = _DIFFERENCES.read_text().splitlines()
    for case in CASES:
        if case.differs is not None:
            assert any(row.startswith(f"| {case.differs.row}") for row in rows), case.id


def test_the_table_is_large_enough() -> None:
    assert sum(len(case.asks) for case in CASES) >= 300
    assert len({case.id for case in CASES}) == len(CASES)


def test_both_sides_run_the_same_packages(reference: Reference) -> None:
    """Their answers are compared byte for byte: another release of pydantic says things differently."""
    theirs = dict(reference.versions)
    assert theirs.pop("fastapi") == "0.165.0"
    assert theirs == versions()


def test_an_answer_that_differs_is_found() -> None:
    ask = CASES[0].asks[0]
    one = Answer(200, ((b"x-a", b"1"), (b"x-b", b"2")), b"body")
    for other in (
        replace(one, status=201),
        replace(one, body=b"bodY"),
        replace(one, headers=one.headers[::-1]),
        replace(one, headers=(*one.headers, (b"x-c", b"3"))),
        replace(one, complete=False),
    ):
        assert shown(ask, other, one) != shown(ask, one, one)
