"""Counters of requests."""

from __future__ import annotations

import asyncio
import sys
import time

import pytest
from limits.aio.storage import MemoryStorage

from sketch.stores import rate_counters
from sketch.stores.rate_counters import MemoryCounters, StorageCounters
from sketch.testing.clock import TimeControl
from tests.support.requests import timed


@timed
async def test_a_counter_lives_for_its_window() -> None:
    for counters in (MemoryCounters(10), StorageCounters(MemoryStorage(), 1.0)):
        async with TimeControl() as clock:
            for used in (1, 2, 3):
                assert await counters.count("a", 60) == (used, pytest.approx(60, abs=0.5))
            await clock.advance(59)
            assert await counters.count("a", 60) == (4, pytest.approx(1, abs=0.5))  # the window did not move
            assert (await counters.count("b", 60)).used == 1
            await clock.advance(1)
            assert await counters.count("a", 60) == (1, pytest.approx(60, abs=0.5))


@timed
async def test_their_number_is_bounded() -> None:
    counters = MemoryCounters(3)
    for key in "abcd":
        await counters.count(key, 60)
    assert len(counters) == 3
    await counters.count("x", 3600)  # windows of another length have room of their own
    assert len(counters) == 4
    assert [(await counters.count(key, 60)).used for key in "bcda"] == [2, 2, 2, 1]  # the first one had to go


@timed
async def test_ended_counters_are_dropped_by_the_next_new_one() -> None:
    counters = MemoryCounters(1000)
    async with TimeControl() as clock:
        for number in range(500):
            await counters.count(str(number), 60)
        await clock.advance(30)
        await counters.count("later", 60)
        await clock.advance(31)
        await counters.count("new", 60)
        assert len(counters) == 2


@timed
async def test_many_that_end_at_once_cost_each_request_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_counters, "_AT_ONCE", 10)
    counters = MemoryCounters(1000)
    async with TimeControl() as clock:
        for number in range(100):
            await counters.count(str(number), 60)
        await clock.advance(60)
        found = []
        for key in "abc":
            await counters.count(key, 60)
            found.append(len(counters))
        assert found == [91, 82, 73]
        assert (await counters.count("50", 60)).used == 1  # one that has ended counts for nothing


async def _seconds_to_drop(size: int) -> float:
    """The CPU time for each of so many counters that have ended."""
    counters = MemoryCounters(size)
    async with TimeControl() as clock:
        for number in range(size):
            await counters.count(str(number), 60)
        await clock.advance(60)
        begin, number = time.thread_time(), 0
        while len(counters) > number:
            number += 1
            await counters.count(f"new {number}", 60)
        return (time.thread_time() - begin) / size


@timed
async def test_the_first_counter_is_found_at_once() -> None:
    """However many were dropped before it: a plain dict takes ten times as long for each of ten times as many."""
    few, many = [min([await _seconds_to_drop(size) for _ in range(2)]) for size in (2_000, 20_000)]
    assert many < 5 * few


class Hanging(MemoryStorage):
    """A storage that never answers."""

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        await asyncio.Event().wait()
        return 0


@timed
async def test_a_storage_has_a_time_to_answer() -> None:
    async with TimeControl() as clock:
        waiting = asyncio.create_task(StorageCounters(Hanging(), 1.0).count("a", 60))
        await clock.advance(1)
        with pytest.raises(TimeoutError):
            await waiting


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "limits.aio.storage", None)
    with pytest.raises(
        RuntimeError, match=r"a storage needs the package limits: pip install 'sketch-web\[ratelimit\]'"
    ):
        StorageCounters("async+memory://", 1.0)
