"""A text that is made once for all that ask for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from sketch.observability.metrics import exposition as module
from sketch.observability.metrics.exposition import BLOCK, Exposition
from tests.support.requests import in_loop


@in_loop
async def test_all_that_ask_at_once_get_the_same_text() -> None:
    made, go_on = 0, asyncio.Event()

    async def make() -> AsyncIterator[bytes]:
        nonlocal made
        made += 1
        await go_on.wait()
        for _ in range(10):
            yield b"a" * 10_000

    text = Exposition(make)
    impatient, *others = [asyncio.create_task(text.blocks()) for _ in range(10)]
    await asyncio.sleep(0)
    impatient.cancel()  # which stops it for no other
    await asyncio.sleep(0.01)
    go_on.set()
    blocks = [await other for other in others]
    assert all(each is blocks[0] for each in blocks)
    assert made == 1
    assert [len(block) for block in blocks[0]] == [40_000, 40_000, 20_000]
    assert BLOCK <= 40_000
    assert await text.blocks() is blocks[0], "it is fresh, for the time that it took is short"


@in_loop
async def test_no_more_than_a_fifth_of_the_time_goes_into_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now, made = 0.0, 0
    monkeypatch.setattr(module, "monotonic", lambda: now)

    async def make() -> AsyncIterator[bytes]:
        nonlocal now, made
        made, now = made + 1, now + 2
        yield b"text"

    text = Exposition(make)
    for now, times in ((0, 1), (3, 1), (9.9, 1), (10.1, 2)):  # noqa: B007 - the clock
        assert await text.blocks() == [b"text"]
        assert made == times


@in_loop
async def test_a_failure_is_not_kept() -> None:
    failures = [ConnectionError("gone")]

    async def make() -> AsyncIterator[bytes]:
        if failures:
            raise failures.pop()
        yield b"text"

    text = Exposition(make)
    with pytest.raises(ConnectionError):
        await text.blocks()
    assert await text.blocks() == [b"text"]
