"""`LinkedTask`: a cancellation because a watcher has ended, told apart from any other."""

from __future__ import annotations

import asyncio

import pytest

from sketch.concurrency.cancellation import LinkedTask
from tests.support.requests import in_loop


async def ended(error: BaseException | None = None) -> asyncio.Task[None]:
    """A task that has ended, or failed with an error, or was cancelled."""

    async def end() -> None:
        if error is not None:
            raise error

    task = asyncio.create_task(end())
    await asyncio.wait([task])
    return task


def current() -> asyncio.Task[object]:
    task = asyncio.current_task()
    assert task is not None
    return task


@in_loop
async def test_the_watcher_alone_has_cancelled() -> None:
    linked = LinkedTask()
    linked.watcher_ended(await ended())
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(0)
    assert linked.cancelled_by_watcher()
    linked.end()
    assert current().cancelling() == 0
    await asyncio.sleep(0)  # not cancelled again


@in_loop
async def test_a_cancellation_from_elsewhere_is_not_the_watchers() -> None:
    linked = LinkedTask()
    current().cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(0)
    assert not linked.cancelled_by_watcher()
    linked.end()
    assert current().cancelling() == 1, "only its own cancellation is taken back"
    current().uncancel()


@in_loop
async def test_both_cancellations_at_once_count_as_the_other_one() -> None:
    linked, watcher = LinkedTask(), await ended()
    current().cancel()
    linked.watcher_ended(watcher)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(0)
    assert not linked.cancelled_by_watcher()
    linked.end()
    assert current().cancelling() == 1
    current().uncancel()


@in_loop
async def test_a_cancellation_from_before_does_not_count() -> None:
    watcher = await ended()
    current().cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(0)
    linked = LinkedTask()
    linked.watcher_ended(watcher)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(0)
    assert linked.cancelled_by_watcher()
    linked.end()
    assert current().cancelling() == 1
    current().uncancel()


@pytest.mark.parametrize("error", [OSError("the wait failed"), asyncio.CancelledError()], ids=["failed", "cancelled"])
@in_loop
async def test_a_wait_that_did_not_end_properly_cancels_nothing(error: BaseException) -> None:
    linked = LinkedTask()
    linked.watcher_ended(await ended(error))
    await asyncio.sleep(0)
    assert current().cancelling() == 0
    assert not linked.cancelled_by_watcher()
    linked.end()
    assert current().cancelling() == 0
