"""`first_of`: waiting for the first of several coroutines. `await_all`: calling each, whatever the others do."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Generator

import pytest

from sketch.concurrency.tasks import await_all, first_of
from tests.support.requests import in_loop


class Waiting:
    """A coroutine that waits for its event, and notes how it ended."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.ended = ""

    async def __call__(self) -> None:
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            self.ended = "cancelled"
            raise
        self.ended = "returned"


@in_loop
async def test_the_others_are_cancelled_before_it_returns() -> None:
    before = asyncio.all_tasks()
    first, second, third = Waiting(), Waiting(), Waiting()
    second.go.set()
    await first_of(first(), second(), third())
    assert [one.ended for one in (first, second, third)] == ["cancelled", "returned", "cancelled"]
    assert asyncio.all_tasks() == before


@in_loop
async def test_a_failure_ends_the_wait_and_is_not_raised() -> None:
    async def fail() -> None:
        raise ValueError("not the caller's")

    other = Waiting()
    await first_of(fail(), other())
    assert other.ended == "cancelled"


@in_loop
async def test_cancelling_the_caller_cancels_all() -> None:
    before = asyncio.all_tasks()
    first, second = Waiting(), Waiting()
    task = asyncio.create_task(first_of(first(), second()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (first.ended, second.ended) == ("cancelled", "cancelled")
    assert asyncio.all_tasks() == before


@types.coroutine
def _suspended() -> Generator[None]:
    yield


def test_a_coroutine_that_is_closed_calls_nothing_more() -> None:
    called = []

    async def wait() -> None:
        await _suspended()

    async def note() -> None:
        called.append(1)

    coroutine = await_all([wait, note], "a test")
    coroutine.send(None)
    coroutine.close()
    assert not called


@in_loop
async def test_a_cancellation_is_raised_after_the_other_calls() -> None:
    called = []

    async def cancel() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    async def note() -> None:
        called.append(1)

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(await_all([cancel, note], "a test"))
    assert called == [1]
