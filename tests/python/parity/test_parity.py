"""Each request of the table gets the same answer on every way.

What is compared: status, body, and the list of headers with names, values and order. Names are
compared in lower case, as uvicorn writes all of them (RFC 9110 §5.1). Left out are ``Date`` and
``Server``, and of the framing, which is each server's own business (RFC 9112 §6.3, §9.3),
``Connection`` and ``Transfer-Encoding``; a ``Content-Length`` that the application did not set must
tell the length of the body. The random boundary between several ranges of a file counts as the
same, and so does any order of methods in ``Allow``.
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
from .mutate import mutated
from .ways import Live, Ours, Reference, Sender, reference_python

pytestmark = [  # what some of the applications use is deprecated
    pytest.mark.filterwarnings("ignore:on_event is deprecated"),
    pytest.mark.filterwarnings("ignore:The `root_path` parameter is deprecated"),
    pytest.mark.filterwarnings("ignore:starlette.middleware.wsgi is deprecated"),
]
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
    with Reference(python, APPS) as way:
        yield way


def by_id(case: Case) -> str:
    return case.id


@pytest.mark.parametrize("case", [case for case in CASES if not case.servers_only], ids=by_id)
def test_our_ways_agree(case: Case, ours: Ours) -> None:
    base = answers(ours.way_to(case.app, "asgi"), case)
    ways: list[Way] = ["live"] if case.no_testclient else ["testclient", "live"]
    found = {way: answers(ours.way_to(case.app, way), case) for way in ways}
    assert_same(case, base, found)


@pytest.mark.parametrize("case", CASES, ids=by_id)
def test_fastapi_answers_the_same(case: Case, ours: Ours, reference: Reference) -> None:
    base = answers(ours.way_to(case.app, "live" if case.servers_only else "asgi"), case)
    found = {"fastapi": answers(reference.way_to(case.app), case)}
    if case.servers_only:
        found["live"] = base  # where both are wrong in their own way, the table has both answers
    assert_same(case, base, found)


APPS = sorted({case.app for case in CASES})


@pytest.mark.parametrize("app", APPS)
def test_one_connection_carries_all_requests_of_an_application(app: str, ours: Ours) -> None:
    """What one request leaves in a connection does not show in the answer to the next."""
    live, asgi = ours.way_to(app, "live"), ours.way_to(app, "asgi")
    assert isinstance(live, Live)
    wire = live.connect()
    for case in CASES:
        if case.app != app or case.servers_only or case.difference("live"):
            continue
        for ask in case.asks:
            one, other = asgi.send(ask), live.send_on(wire, ask)
            assert shown(ask, other, one) == shown(ask, one, one), case.id
            if other.values(b"connection") == [b"close"] or not other.complete:
                wire.socket.close()
                wire = live.connect()
    wire.socket.close()


MUTATED_APPS = ("bodies", "errors", "errors:caught", "files:frontend", "forms", "native", "params")


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("app", MUTATED_APPS)
def test_requests_changed_at_random(app: str, seed: int, ours: Ours) -> None:
    """The native server answers anything as the application does by itself."""
    asgi, live = ours.way_to(app, "asgi"), ours.way_to(app, "live")
    cases = [case for case in CASES if case.app == app and not case.servers_only]
    for case, ask in mutated(cases, seed, 40):
        one, other = asgi.send(ask), live.send(ask)
        if 200 <= one.status < 600:  # others are no answers: see docs/differences.md
            assert shown(ask, other, one) == shown(ask, one, one), (case.id, ask)


def answers(sender: Sender, case: Case) -> list[Answer]:
    return [sender.send(ask) for ask in case.asks]


def assert_same(case: Case, base: list[Answer], found: dict[Any, list[Answer]]) -> None:
    for way, got in found.items():
        differs = case.difference(way)
        for ask, one, other in zip(case.asks, base, got, strict=True):
            if differs is not None and ask is case.asks[-1]:
                one = expected(one, other, differs)
            assert shown(ask, other, one) == shown(ask, one, one), f"{way} against asgi"


def shown(ask: Ask, answer: Answer, base: Answer) -> dict[str, Any]:
    """What is compared of an answer, beside ``base``, the application's own words."""
    left_out = [*_SERVERS_OWN]
    if not base.values(b"content-length"):
        left_out.append(b"content-length")
        told = answer.values(b"content-length")
        assert ask.method == b"HEAD" or told in ([], [b"%d" % len(answer.body)])
    named = [(name.lower(), in_order(name.lower(), value)) for name, value in answer.headers]
    headers = [(name, value) for name, value in named if name not in left_out]
    body = answer.body
    if boundary := random_boundary(answer):
        headers = [(name, value.replace(boundary, b"*")) for name, value in headers]
        body = body.replace(boundary, b"*")
    complete = base.complete if answer.complete is None else answer.complete
    return {
        "status": answer.status,
        "headers": headers,
        "body": body,
        "complete": complete,
    }


def in_order(name: bytes, value: bytes) -> bytes:
    """Starlette keeps a route's methods in a set, whose order differs from process to process."""
    return b", ".join(sorted(value.split(b", "))) if name == b"allow" else value


def random_boundary(answer: Answer) -> bytes | None:
    """What Starlette puts between several ranges of a file; each answer has another."""
    kind, equals, boundary = b"".join(answer.values(b"content-type")).partition(b"; boundary=")
    return boundary if equals and kind == b"multipart/byteranges" else None


def test_each_difference_is_documented() -> None:
    rows = _DIFFERENCES.read_text().splitlines()
    for case in CASES:
        for differs in case.differs:
            assert any(row.startswith(f"| {differs.row}") for row in rows), case.id


def test_the_table_is_large_enough() -> None:
    assert sum(len(case.asks) for case in CASES) >= 300
    assert len({case.id for case in CASES}) == len(CASES)


def test_both_sides_run_the_same_packages(reference: Reference) -> None:
    """Answers are compared byte for byte, and each release of pydantic has words of its own."""
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
