"""Requests of the table, changed at random: what nobody would think of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from random import Random

from .model import Ask, Case

_JSON = [
    *(bytes([c]) for c in b'0123456789-+.eE"\\{}[],: \n\t_'),
    *(
        b"true",
        b"null",
        b"NaN",
        b"-Infinity",
        b"1e400",
        b"9" * 25,
        b"9" * 350,
        b"0x1",
        b'"a":1',
        b'""',
    ),
    *(b"\\u0041", b"\\ud800", b"\xc3\xa9", b"\xe2\x80\xa8", b"\xef\xbb\xbf"),
    *(b"\x00", b"\x1f", b"\x7f", b"\xff", b"\xed\xa0\x80"),
]
_URL = [
    *(bytes([c]) for c in b"01ax-._+;&=/%"),
    *(
        b"%20",
        b"%2F",
        b"%25",
        b"%0A",
        b"%C3%A9",
        b"%E2%82%AC",
        b"%ff",
        b"%00",
        b"%zz",
        b"//",
        b"1e5",
    ),
    *(b"true", b"&q=1", b"&n=2", b"?"),
]
_LARGEST_BODY, _LONGEST_TARGET = 5000, 400  # bytes; changes in the middle of large ones tell little


def mutated(cases: list[Case], seed: int, count: int) -> Iterator[tuple[Case, Ask]]:
    """``count`` changed requests of ``cases``, the same ones for the same seed."""
    random = Random(seed)
    pool = [(case, ask) for case in cases for ask in case.asks if _is_small(ask)]
    while count > 0:
        case, ask = random.choice(pool)
        if ask.body is not None and random.random() < 0.7:
            changed = replace(
                ask, body=(_change(b"".join(ask.body), _JSON, random),), chunked=False
            )
        else:
            changed = replace(ask, target=_change_target(ask.target, random))
        if _is_http(changed.target):
            count -= 1
            yield case, changed


def _is_small(ask: Ask) -> bool:
    has_small_body = sum(map(len, ask.parts)) <= _LARGEST_BODY
    return has_small_body and len(ask.target) <= _LONGEST_TARGET and ask.target.startswith(b"/")


def _is_http(target: bytes) -> bool:
    """Whether it is no target that the native server refuses (docs/http1.md)."""
    path = target.partition(b"?")[0]
    return target.isascii() and not re.search(rb"%(?![0-9a-fA-F]{2})|%00", path)


def _change_target(target: bytes, random: Random) -> bytes:
    path, mark, query = target.partition(b"?")
    if mark and random.random() < 0.7:
        return path + mark + _change(query, _URL, random)
    return b"/" + _change(path[1:], _URL, random) + mark + query


def _change(text: bytes, tokens: list[bytes], random: Random) -> bytes:
    """One to three insertions, deletions and replacements."""
    changed = bytearray(text)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        at = random.randrange(len(changed) + 1)
        end = min(len(changed), at + random.choice((0, 0, 1, 3)))
        changed[at:end] = random.choice((*tokens, b""))
    return bytes(changed)
