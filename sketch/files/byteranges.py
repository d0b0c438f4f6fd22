"""Byte ranges (RFC 9110 section 14): what is asked for, and several parts of a file as one body."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from sketch.concurrency.threads import PIECE, file_threads

MOST_RANGES = 64
"""Ranges that one request may ask for. Who asks for more gets the whole: nobody needs them, and each costs a read."""

_UNIT = re.compile(rb"[bB][yY][tT][eE][sS]=")
_SPEC = re.compile(rb"([0-9]*)-([0-9]*)")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class ByteRange(NamedTuple):
    """A part of a file."""

    offset: int
    length: int

    def content_range(self, size: int) -> str:
        """The `Content-Range` of this part of a file of that size."""
        return f"bytes {self.offset}-{self.offset + self.length - 1}/{size}"


def parse_ranges(field: bytes, size: int) -> tuple[ByteRange, ...] | None:
    """The parts that a `Range` field asks for: none if no part can be satisfied, None if the field is to be ignored.

    Ignored is what is malformed, of another unit, or asks for too many parts (section 14.2). Parts that overlap or
    touch become one, in the place of the first of them; the others stay in the order in which they were asked for
    (section 15.3.7.2).
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
    """First and last position of one range; None for a malformed or a reversed one."""
    match = _SPEC.fullmatch(text)
    if match is None or match.groups() == (b"", b""):
        return None
    first, last = _number(match[1]), _number(match[2])
    return None if first is not None and last is not None and last < first else (first, last)


def _number(digits: bytes) -> int | None:
    # More digits than any file's size has need no parsing: it is past the end.
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


class FileParts:
    """Several parts of an open file as one `multipart/byteranges` body (RFC 9110 section 14.6).

    An async iterable that reads in threads. Whoever holds it closes it; the file is closed exactly once.

    Args:
        descriptor: of the open file. It is the caller's until the constructor has returned.
        path: of the file, for errors.
        parts: what to send of it.
        size: of the whole file.
        content_type: of the file.

    Raises:
        ValueError: for a content type that no field can hold.
    """

    __slots__ = ("_descriptor", "_path", "_pieces", "content_type", "length")

    def __init__(
        self, descriptor: int, path: str, parts: Sequence[ByteRange], size: int, content_type: str | None
    ) -> None:
        if content_type is not None and _FORBIDDEN.search(content_type):
            raise ValueError(f"expected a content type without control characters, got {content_type!r}")
        # Random, so that no content can contain it on purpose.
        boundary = os.urandom(16).hex()
        kind = f"Content-Type: {content_type}\r\n" if content_type else ""
        self._descriptor = descriptor
        self._path = path
        self._pieces: deque[bytes | ByteRange] = deque()
        self.content_type = f"multipart/byteranges; boundary={boundary}"
        line_end = ""
        for part in parts:
            head = f"{line_end}--{boundary}\r\n{kind}Content-Range: {part.content_range(size)}\r\n\r\n"
            self._pieces += (head.encode("latin-1"), part)
            line_end = "\r\n"
        self._pieces.append(f"\r\n--{boundary}--\r\n".encode())
        self.length = sum(len(piece) if isinstance(piece, bytes) else piece.length for piece in self._pieces)
        """Bytes of the whole body."""

    def read(self, most: int) -> bytes:
        """The next bytes, at least one and at most about that many; `b""` at the end. Blocks.

        Raises:
            RuntimeError: if the file has become shorter.
        """
        taken: list[bytes] = []
        while self._pieces and most > 0:
            piece = self._pieces.popleft()
            if isinstance(piece, ByteRange):
                data = os.pread(self._descriptor, min(piece.length, most), piece.offset)
                if not data:
                    raise RuntimeError(f"expected {self._path} to keep its size, but it has become shorter")
                if len(data) < piece.length:
                    self._pieces.appendleft(ByteRange(piece.offset + len(data), piece.length - len(data)))
            else:
                data = piece
            taken.append(data)
            most -= len(data)
        return b"".join(taken)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while data := await file_threads.run(self.read, PIECE):
                yield data
        finally:
            self.close()

    async def aclose(self) -> None:
        """The same as `close()`, for who closes iterables."""
        self.close()

    def close(self) -> None:
        """Close the file. Closing again does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
