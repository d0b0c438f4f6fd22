"""The suite for stores fails a store that does one thing wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sketch.stores import MemoryStore, Store
from sketch.testing import StoreSuite
from sketch.testing.store_machine import run_machine


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class KeepsForEver(MemoryStore):
    async def set(self, key: str, value: bytes, ttl: float) -> None:
        await super().set(key, value, ttl * 1000)


class DeletesNothing(MemoryStore):
    async def delete(self, key: str) -> None:
        pass


class TouchesBlindly(MemoryStore):
    async def touch(self, key: str, ttl: float) -> bool:
        await super().touch(key, ttl)
        return True


class TouchesNothing(MemoryStore):
    async def touch(self, key: str, ttl: float) -> bool:
        return await self.get(key) is not None


class IgnoresCase(MemoryStore):
    async def set(self, key: str, value: bytes, ttl: float) -> None:
        await super().set(key.lower(), value, ttl)

    async def get(self, key: str) -> bytes | None:
        return await super().get(key.lower())


class TakesAnyTime(MemoryStore):
    async def set(self, key: str, value: bytes, ttl: float) -> None:
        await super().set(key, value, 60)


class ReadingKeepsIt(MemoryStore):
    async def get(self, key: str) -> bytes | None:
        await self.touch(key, 60)
        return await super().get(key)


class Text(MemoryStore):
    async def get(self, key: str) -> Any:
        found = await super().get(key)
        return None if found is None else bytearray(found)


def suite_of(kind: type[MemoryStore]) -> StoreSuite:
    class Suite(StoreSuite):
        PASSES_AT_ONCE = True

        @asynccontextmanager
        async def open_store(self) -> AsyncIterator[Store]:
            self.clock = Clock()
            yield kind(clock=self.clock)

        async def pass_time(self, seconds: float) -> None:
            self.clock.now += seconds

    return Suite()


def failing(suite: StoreSuite) -> set[str]:
    failed = set()
    for name in dir(suite):
        if name.startswith("test_") and name != "test_any_steps":
            try:
                getattr(suite, name)()
            except (AssertionError, ExceptionGroup):
                failed.add(name)
    return failed


@pytest.mark.parametrize(
    ("kind", "test"),
    [
        (KeepsForEver, "test_a_value_ends"),
        (DeletesNothing, "test_what_was_deleted_is_gone"),
        (TouchesBlindly, "test_what_was_deleted_is_gone"),
        (TouchesNothing, "test_touch_sets_the_time_anew"),
        (IgnoresCase, "test_any_keys_and_values"),
        (TakesAnyTime, "test_wrong_arguments"),
        (ReadingKeepsIt, "test_touch_sets_the_time_anew"),
        (Text, "test_any_keys_and_values"),
    ],
)
def test_a_wrong_store_fails(kind: type[MemoryStore], test: str) -> None:
    assert test in failing(suite_of(kind))


def test_the_state_machine_fails_a_wrong_store() -> None:
    suite = suite_of(DeletesNothing)
    with pytest.raises(AssertionError):
        run_machine(suite.open_store, suite.pass_time, shrink=False)


def test_a_suite_says_how_its_store_is_opened() -> None:
    with pytest.raises(NotImplementedError, match="open_store"):
        StoreSuite().test_it_is_a_store()
