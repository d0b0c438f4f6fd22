"""What a `Range` field asks for (RFC 9110 section 14)."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from sketch.http.ranges import MOST_RANGES, parse_ranges

SIZE = 1000


def parsed(text: str, size: int = SIZE) -> list[tuple[int, int]] | None:
    found = parse_ranges(text.encode("latin-1"), size)
    return None if found is None else [tuple(part) for part in found]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("bytes=0-0", [(0, 1)]),
        ("bytes=0-9,20-29", [(0, 10), (20, 10)]),
        ("bytes=20-29,0-9", [(20, 10), (0, 10)]),
        ("bytes=0-0,-1", [(0, 1), (999, 1)]),
        (" bytes=0-1", None),
        ("bytes=,, 0-1 ,\t,5-6,", [(0, 2), (5, 2)]),
        ("bytes=500-600,601-999", [(500, 500)]),
        ("bytes=500-700,601-999", [(500, 500)]),
        ("bytes=900-,0-9,-200", [(800, 200), (0, 10)]),
        ("bytes=0-1,2-3,10-11,4-5", [(0, 6), (10, 2)]),
        ("bytes=1-1,1-1,1-1", [(1, 1)]),
        ("bytes=0-,0-,0-", [(0, 1000)]),
        ("bytes=2000-,3-4", [(3, 2)]),
        ("bytes=2000-,-0", []),
        ("bytes=0-1,9-8", None),
        ("bytes=0-1,-", None),
        ("bytes=0-1;2-3", None),
        ("bytes=,", None),
    ],
)
def test_ranges(text: str, parts: list[tuple[int, int]] | None) -> None:
    assert parsed(text) == parts


def test_too_many_ranges_are_ignored() -> None:
    specs = [f"{10 * number}-{10 * number}" for number in range(MOST_RANGES + 1)]
    assert len(parsed(f"bytes={','.join(specs[:-1])}") or ()) == MOST_RANGES
    assert parsed(f"bytes={','.join(specs)}") is None
    assert parsed("bytes=" + "," * 60_000) is None


@given(st.lists(st.tuples(st.integers(0, 1200), st.integers(0, 300)), min_size=1, max_size=20))
def test_merged_ranges_hold_exactly_the_bytes_asked_for(asked: list[tuple[int, int]]) -> None:
    parts = parsed("bytes=" + ",".join(f"{first}-{first + more}" for first, more in asked))
    wanted = {n for first, more in asked for n in range(first, min(first + more + 1, SIZE))}
    assert parts is not None
    got = [n for offset, length in parts for n in range(offset, offset + length)]
    assert len(got) == len(set(got)), "no byte is sent twice"
    assert set(got) == wanted
    ends = sorted((offset, offset + length) for offset, length in parts)
    assert all(end < begin for (_, end), (begin, _) in pairwise(ends)), "nothing overlaps or touches"
    firsts = [first for first, _ in asked if first < SIZE]
    order = [min(firsts.index(f) for f in firsts if o <= f < o + n) for o, n in parts]
    assert order == sorted(order), "in the order in which they were asked for"
