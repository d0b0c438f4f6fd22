"""Byte ranges (RFC 9110 section 14), and several parts of a file as one body."""

from __future__ import annotations

import os
import re
from email import message_from_bytes
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from sketch.files.byteranges import FileParts
from sketch.files.reading import PIECE
from sketch.http.ranges import MOST_RANGES, ByteRange, parse_ranges
from tests.support.requests import in_loop

SIZE = 1000
DATA = bytes(range(256)) * 4000


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
def test_what_is_merged_is_what_was_asked_for(asked: list[tuple[int, int]]) -> None:
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


# -- the body ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    return path


def body_of(path: Path, *parts: tuple[int, int], content_type: str | None = "text/plain") -> FileParts:
    descriptor = os.open(path, os.O_RDONLY)
    return FileParts(descriptor, str(path), [ByteRange(*part) for part in parts], path.stat().st_size, content_type)


def closed(body: FileParts) -> bool:
    return body._descriptor == -1


@in_loop
async def test_several_parts_of_a_file(path: Path) -> None:
    asked = [(1000, 3), (0, 1), (300, PIECE + 7), (999_999, 1)]
    body = body_of(path, *asked)
    chunks = [chunk async for chunk in body]
    assert closed(body)
    assert max(map(len, chunks)) <= 2 * PIECE
    whole = b"".join(chunks)
    assert len(whole) == body.length
    message = message_from_bytes(f"Content-Type: {body.content_type}\r\n\r\n".encode() + whole)
    found = message.get_payload()
    assert isinstance(found, list)
    for (offset, length), part in zip(asked, found, strict=True):
        assert part["Content-Range"] == f"bytes {offset}-{offset + length - 1}/{len(DATA)}"
        assert part["Content-Type"] == "text/plain"
        head = f"Content-Range: {part['Content-Range']}\r\n\r\n".encode()
        begin = whole.index(head) + len(head)
        assert whole[begin : begin + length] == DATA[offset : offset + length]
        assert whole[begin + length :].startswith(b"\r\n--")
    assert whole.endswith(b"--\r\n")


@in_loop
async def test_who_stops_early_closes_the_file_once(path: Path) -> None:
    body = body_of(path, (0, PIECE), (PIECE + 1, PIECE))
    iterator = aiter(body)
    await anext(iterator)
    assert not closed(body)
    await iterator.aclose()  # type: ignore[attr-defined]
    assert closed(body)
    other = os.open(path, os.O_RDONLY)  # the number is free again, and now somebody else's
    await body.aclose()
    body.close()
    os.fstat(other)
    os.close(other)


@in_loop
async def test_a_body_that_is_not_sent_is_closed(path: Path) -> None:
    body = body_of(path, (0, 1), (5, 1))
    await body.aclose()
    assert closed(body)


@in_loop
async def test_a_file_that_shrinks_breaks_off(path: Path) -> None:
    body = body_of(path, (0, 5), (500_000, PIECE), (900_000, 10))
    os.truncate(path, 600_000)
    with pytest.raises(RuntimeError, match="has become shorter"):
        async for _ in body:
            pass
    assert closed(body)


def test_a_boundary_cannot_be_known(path: Path) -> None:
    boundaries = set()
    for _ in range(3):
        body = body_of(path, (0, 1), (5, 1), content_type=None)
        match = re.fullmatch("multipart/byteranges; boundary=([0-9a-f]{32})", body.content_type)
        assert match
        boundaries.add(match[1])
        assert b"Content-Type" not in body.read(1000)
        body.close()
    assert len(boundaries) == 3


def test_a_content_type_cannot_add_fields(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    with pytest.raises(ValueError, match="control characters"):
        FileParts(descriptor, str(path), [ByteRange(0, 1)], 5, "text/plain\r\nX: y")
    os.close(descriptor)
