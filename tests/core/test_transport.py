"""Helpers of all adapters: pulling, checking and closing bodies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sketch.transport import Chunks, FileBody, close_body


class Source:
    """An iterator that counts how often it is closed."""

    def __init__(self, *items: Any) -> None:
        self.items = list(items)
        self.closed = 0

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if not self.items:
            raise StopAsyncIteration
        item = self.items.pop(0)
        if isinstance(item, Exception):
            raise item
        return item

    async def aclose(self) -> None:
        self.closed += 1


async def pull(source: Any, length: int | None = None) -> list[bytes]:
    pulled = []
    async with Chunks(source, length) as chunks:
        while chunk := await chunks.next():
            pulled.append(chunk)
    return pulled


@pytest.mark.parametrize("length", [None, 3])
def test_chunks(length: int | None) -> None:
    source = Source(b"a", b"", b"bc")
    assert asyncio.run(pull(source, length)) == [b"a", b"bc"]
    assert source.closed == 1


@pytest.mark.parametrize(
    ("items", "error", "message"),
    [
        ([b"abc"], RuntimeError, "announces, 2, got at least 3"),
        ([b"a"], RuntimeError, "announces, 2, got only 1"),
        (["text"], TypeError, "expected the application's stream to yield bytes, got 'text'"),
        ([b"a", ValueError("broken")], ValueError, "broken"),
    ],
)
def test_errors_are_raised_and_the_source_is_closed(items: list[Any], error: type[Exception], message: str) -> None:
    source = Source(*items)
    with pytest.raises(error, match=message):
        asyncio.run(pull(source, 2))
    assert source.closed == 1


def test_source_that_is_never_asked_is_closed() -> None:
    source = Source(b"a")

    async def leave() -> None:
        async with Chunks(source):
            pass

    asyncio.run(leave())
    assert (source.closed, source.items) == (1, [b"a"])


def test_generator_ends_in_the_task_that_ran_it() -> None:
    tasks = []

    async def generate() -> AsyncIterator[bytes]:
        tasks.append(asyncio.current_task())
        try:
            async with asyncio.timeout(10):
                yield b"a"
        finally:
            tasks.append(asyncio.current_task())

    async def stop_early() -> None:
        async with Chunks(generate()) as chunks:
            assert await chunks.next() == b"a"
        assert tasks == [asyncio.current_task()] * 2

    asyncio.run(stop_early())


def test_close_body(tmp_path: Path) -> None:
    source = Source()
    path = tmp_path / "f"
    path.write_bytes(b"x")
    body = FileBody(path.open("rb"), str(path), 0, 1)

    async def close() -> None:
        await close_body(b"")
        await close_body(body)
        await close_body(body)
        await close_body(source)

    asyncio.run(close())
    assert body.file.closed
    assert source.closed == 1
