"""The store of one process: what every store does, its bounds, and no more memory than they allow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sketch.stores import MemoryStore, Store
from sketch.testing import StoreSuite
from tests.support.requests import in_loop


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class TestMemoryStore(StoreSuite):
    PASSES_AT_ONCE = True

    @asynccontextmanager
    async def open_store(self) -> AsyncIterator[Store]:
        self.clock = Clock()
        yield MemoryStore(clock=self.clock)

    async def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds


@in_loop
async def test_a_full_store_drops_the_least_recently_used() -> None:
    store = MemoryStore(max_entries=3)
    for key in "abc":
        await store.set(key, b"", 60)
    await store.get("a")
    await store.touch("b", 60)
    await store.set("d", b"", 60)
    assert [await store.get(key) for key in "abcd"] == [b"", b"", None, b""]


@in_loop
async def test_what_is_over_goes_first() -> None:
    clock = Clock()
    store = MemoryStore(max_entries=3, clock=clock)
    await store.set("least recent", b"", 60)
    await store.set("over", b"", 1)
    await store.set("over but touched", b"", 1)
    await store.touch("over but touched", 60)
    clock.now += 2
    await store.set("new", b"", 60)
    assert [await store.get(key) for key in ("least recent", "over", "over but touched", "new")] == [
        b"",
        None,
        b"",
        b"",
    ]


@in_loop
async def test_bytes_are_bounded() -> None:
    store = MemoryStore(max_bytes=100)
    for number in range(10):
        await store.set(str(number), b"x" * 39, 60)
    assert (len(store), repr(store)) == (2, "<MemoryStore of 2 values, 80 bytes>")
    await store.set("9", b"", 60)
    await store.delete("8")
    assert repr(store) == "<MemoryStore of 1 values, 1 bytes>"
    await store.set("k" * 50, b"x" * 50, 60)
    assert len(store) == 1
    with pytest.raises(ValueError, match="fits in a store of 100 bytes, got one of 101"):
        await store.set("k" * 50, b"x" * 51, 60)
    assert await store.get("k" * 50) == b"x" * 50


@in_loop
async def test_what_is_over_is_not_kept_in_memory() -> None:
    clock = Clock()
    store = MemoryStore(clock=clock)
    for number in range(5000):
        clock.now += 1
        await store.set(str(number), b"", 10)
    assert len(store) <= 11


@in_loop
async def test_touching_the_same_key_again_and_again_takes_no_memory() -> None:
    store = MemoryStore()
    await store.set("key", b"", 60)
    for number in range(5000):
        await store.touch("key", 60 + number)
        await store.set("other", b"", 60 + number)
    assert len(store._ends) < 100


@pytest.mark.parametrize("bounds", [{"max_entries": 0}, {"max_bytes": 0}, {"max_entries": 1.5}])
def test_bounds_are_positive(bounds: Any) -> None:
    with pytest.raises(ValueError, match="as an int of at least 1"):
        MemoryStore(**bounds)


def test_it_belongs_to_no_loop() -> None:
    store = MemoryStore()
    asyncio.run(store.set("key", b"value", 60))
    assert asyncio.run(store.get("key")) == b"value"
