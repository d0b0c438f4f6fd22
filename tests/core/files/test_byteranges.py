"""Several parts of a file as one `multipart/byteranges` body."""

from __future__ import annotations

import os
import re
from email import message_from_bytes
from pathlib import Path

import pytest

from sketch.files.byteranges import FileParts
from sketch.files.reading import PIECE
from sketch.http.ranges import ByteRange
from tests.support.requests import in_loop

DATA = bytes(range(256)) * 4000


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
async def test_stopping_early_closes_the_file_once(path: Path) -> None:
    body = body_of(path, (0, PIECE), (PIECE + 1, PIECE))
    iterator = aiter(body)
    await anext(iterator)
    assert not closed(body)
    await iterator.aclose()  # type: ignore[attr-defined]
    assert closed(body)
    other = os.open(path, os.O_RDONLY)  # the number is free again, and now that of another file
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
