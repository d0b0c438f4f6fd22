"""Byte ranges: parse the `Range` field (RFC 9110 section 14)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

MOST_RANGES = 64
"""The most ranges of one request. A request for more gets the whole file: each range costs a read."""

_UNIT = re.compile(rb"[bB][yY][tT][eE][sS]=")
_SPEC = re.compile(rb"([0-9]*)-([0-9]*)")


class ByteRange(NamedTuple):
    """A part of a file: offset and length in bytes."""

    offset: int
    length: int

    def content_range(self, size: int) -> str:
        """Return the `Content-Range` value of this part of a file of that size."""
        return f"bytes {self.offset}-{self.offset + self.length - 1}/{size}"


def parse_ranges(field: bytes, size: int) -> tuple[ByteRange, ...] | None:
    """Return the parts that a `Range` field asks for: empty if none can be satisfied, None if the field is ignored.

    A field is ignored if it is malformed, has another unit, or asks for too many parts (section 14.2). Parts that
    overlap or touch are merged, at the position of the first of them; the others keep the order of the field (section
    15.3.7.2).
    """
    unit = _UNIT.match(field)
    if unit is None or field.count(b",") >= MOST_RANGES:
        return None
    # Lists may have empty members (section 5.6.1.2).
    specs = [_spec(text.strip(b" \t")) for text in field[unit.end() :].split(b",") if text.strip(b" \t")]
    asked: list[ByteRange] = []
    for spec in specs:
        if spec is None:
            return None
        first, last = spec
        if first is None and last and not size:
            return None  # satisfiable, but no Content-Range can say so
        part = _part(first, last, size)
        if part is not None:
            asked.append(part)
    return _merged(asked) if specs else None


def _spec(text: bytes) -> tuple[int | None, int | None] | None:
    """Parse one range to its first and last position; None if it is malformed or reversed."""
    match = _SPEC.fullmatch(text)
    if match is None or match.groups() == (b"", b""):
        return None
    first, last = _number(match[1]), _number(match[2])
    return None if first is not None and last is not None and last < first else (first, last)


def _number(digits: bytes) -> int | None:
    # The first 20 digits suffice: with them, the number is past the end of any file.
    return int(digits.lstrip(b"0")[:20] or b"0") if digits else None


def _part(first: int | None, last: int | None, size: int) -> ByteRange | None:
    if first is None:
        first, last = max(0, size - (last or 0)), size - 1
    end = size if last is None else min(last + 1, size)
    return ByteRange(first, end - first) if first < end else None


def _merged(asked: Sequence[ByteRange]) -> tuple[ByteRange, ...]:
    if len(asked) < 2:
        return tuple(asked)
    groups: list[tuple[int, int, int]] = []  # place, begin, end
    for place, part in sorted(enumerate(asked), key=lambda entry: entry[1].offset):
        end = part.offset + part.length
        if groups and part.offset <= groups[-1][2]:
            other, begin, reached = groups[-1]
            groups[-1] = (min(place, other), begin, max(end, reached))
        else:
            groups.append((place, part.offset, end))
    return tuple(ByteRange(begin, end - begin) for _, begin, end in sorted(groups))
