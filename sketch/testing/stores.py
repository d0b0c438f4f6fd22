"""The tests that every store has to pass."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

from sketch.stores import Store


class StoreSuite:
    """The tests that every store has to pass, for pytest: a class of yours says how a store is opened.

        class TestMyStore(StoreSuite):
            @asynccontextmanager
            async def open_store(self):
                yield MyStore()

    The tests are plain functions, each with an event loop of its own. `test_any_steps` needs the package hypothesis.
    """

    SECOND = 1.0
    """What the tests take as a second: less for a store that counts in milliseconds."""

    PASSES_AT_ONCE = False
    """Whether `pass_time` takes no time: then expiry is a part of `test_any_steps`."""

    def open_store(self) -> AbstractAsyncContextManager[Store]:
        """Open an empty store for one test, and close it at its end: an `@asynccontextmanager`."""
        raise NotImplementedError("expected a class that says how a store is opened: `open_store`")

    async def pass_time(self, seconds: float) -> None:
        """Let time pass for the store. By default the test waits; a store with a clock of its own needs no waiting."""
        await asyncio.sleep(seconds)

    def _run(self, test: Callable[[Store], Coroutine[Any, Any, None]]) -> None:
        async def run() -> None:
            async with asyncio.timeout(30), self.open_store() as store:
                await test(store)

        asyncio.run(run())

    # -- values -----------------------------------------------------------------------------------------------------

    def test_it_is_a_store(self) -> None:
        """It has the four methods."""

        async def test(store: Store) -> None:
            assert isinstance(store, Store)

        self._run(test)

    def test_what_was_set_is_there(self) -> None:
        """A value is the same bytes; an unknown key has none."""

        async def test(store: Store) -> None:
            assert await store.get("key") is None
            await store.set("key", b"one", 60)
            assert await store.get("key") == b"one"
            await store.set("key", b"two", 60)
            assert await store.get("key") == b"two"
            assert await store.get("other") is None

        self._run(test)

    def test_any_keys_and_values(self) -> None:
        """Keys differ in each character; values are any bytes, none among them."""

        async def test(store: Store) -> None:
            keys = ["a", "A", "a ", "", "a:b", "a\n", "ä", "\u20ac*?[", "x" * 512]
            values = [b"", bytes(range(256)), b"\x80\x04.", b"x" * 100_000, *[key.encode() for key in keys[4:]]]
            for key, value in zip(keys, values, strict=True):
                await store.set(key, value, 60)
            for key, value in zip(keys, values, strict=True):
                found = await store.get(key)
                assert found == value
                assert type(found) is bytes

        self._run(test)

    def test_what_was_deleted_is_gone(self) -> None:
        """Deleting removes one key; deleting again does nothing."""

        async def test(store: Store) -> None:
            await store.set("key", b"value", 60)
            await store.set("other", b"value", 60)
            await store.delete("key")
            await store.delete("key")
            await store.delete("unknown")
            assert (await store.get("key"), await store.get("other")) == (None, b"value")
            assert not await store.touch("key", 60)
            assert await store.get("key") is None

        self._run(test)

    def test_wrong_arguments(self) -> None:
        """A time that is not greater than 0 is refused: a value without an end would stay for ever."""

        async def test(store: Store) -> None:
            await store.set("key", b"value", 60)
            for ttl in (0, -1, float("nan"), float("inf")):
                for call in (partial(store.set, "key", b"other"), partial(store.touch, "key")):
                    try:
                        await call(ttl)
                    except ValueError:
                        continue
                    raise AssertionError(f"expected a ValueError for a time of {ttl} seconds")
            assert await store.get("key") == b"value"

        self._run(test)

    # -- time -------------------------------------------------------------------------------------------------------

    def test_a_value_ends(self) -> None:
        """A value is there for its time, and gone after it; so it is for `touch`."""

        async def test(store: Store) -> None:
            await store.set("short", b"value", self.SECOND)
            await store.set("long", b"value", 60 * self.SECOND)
            assert await store.get("short") == b"value"
            await self.pass_time(1.2 * self.SECOND)
            assert (await store.get("short"), await store.get("long")) == (None, b"value")
            assert not await store.touch("short", 60)
            assert await store.get("short") is None

        self._run(test)

    def test_touch_sets_the_time_anew(self) -> None:
        """`touch` makes the time longer or shorter; `set` replaces it, too. Reading does not."""

        async def test(store: Store) -> None:
            for key in ("longer", "set", "read"):
                await store.set(key, b"value", self.SECOND)
            await store.set("shorter", b"value", 60 * self.SECOND)
            assert await store.touch("longer", 60 * self.SECOND)
            assert await store.touch("shorter", self.SECOND)
            await store.set("set", b"other", 60 * self.SECOND)
            await self.pass_time(0.6 * self.SECOND)
            assert await store.get("read") == b"value"
            await self.pass_time(0.6 * self.SECOND)
            found = {key: await store.get(key) for key in ("longer", "set", "read", "shorter")}
            assert found == {"longer": b"value", "set": b"other", "read": None, "shorter": None}

        self._run(test)

    # -- concurrency ------------------------------------------------------------------------------------------------

    def test_many_at_once(self) -> None:
        """Calls at the same time see whole values, each the last one of its key or another that was set."""

        async def test(store: Store) -> None:
            values = [bytes([number]) * 2000 for number in range(20)]

            async def work(number: int) -> None:
                for turn in range(5):
                    await store.set("shared", values[number], 60)
                    assert await store.get("shared") in values
                    own = f"own-{number}-{turn}"
                    await store.set(own, values[number], 60)
                    assert await store.touch(own, 60)
                    assert await store.get(own) == values[number]
                    await store.delete(own)
                    assert await store.get(own) is None

            async with asyncio.TaskGroup() as group:
                for number in range(20):
                    group.create_task(work(number))

        self._run(test)

    def test_a_deleted_key_is_not_touched_back(self) -> None:
        """`touch` and `delete` at the same time leave no value: what is signed out stays so."""

        async def test(store: Store) -> None:
            for number in range(20):
                key = f"key-{number}"
                await store.set(key, b"value", 60)
                async with asyncio.TaskGroup() as group:
                    for call in (store.touch(key, 60), store.delete(key), store.touch(key, 60)):
                        group.create_task(call)
                assert await store.get(key) is None

        self._run(test)

    def test_a_cancelled_call_leaves_the_store_in_order(self) -> None:
        """A call that is cancelled has happened or has not; the next ones get their own answers."""

        async def test(store: Store) -> None:
            await store.set("key", b"before", 60)
            for delay in range(5):
                tasks = [asyncio.create_task(store.set("key", b"after", 60)), asyncio.create_task(store.get("key"))]
                for _ in range(delay):
                    await asyncio.sleep(0)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                assert await store.get("key") in (b"before", b"after")
                assert await store.get("unknown") is None

        self._run(test)

    # -- any steps --------------------------------------------------------------------------------------------------

    def test_any_steps(self) -> None:
        """Any sequence of calls gives what a dict with times would give: a state machine of hypothesis."""
        from sketch.testing.store_machine import run_machine

        run_machine(self.open_store, self.pass_time if self.PASSES_AT_ONCE else None)
