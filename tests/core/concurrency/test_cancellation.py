"""`Interruption`: a block that is cancelled from outside, told apart from any other cancellation."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sketch.concurrency.cancellation import InterruptedBy, Interruption
from tests.support.requests import in_loop


class Interrupted(Exception):
    """How an interrupted block ends."""


class Plain(Interruption):
    def error(self) -> Exception:
        return Interrupted("from outside")


class Insistent(Plain):
    insistent = True


BOTH = pytest.mark.parametrize("kind", [Plain, Insistent])


def current() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


async def for_ever() -> None:
    await asyncio.Event().wait()


class Case:
    """A task with one block; notes how the block ended, and how many cancellations the task then still counts."""

    def __init__(self, block: Interruption, body: Callable[[], Awaitable[Any]] = for_ever) -> None:
        self.block = block
        self.ended: BaseException | None = None
        self.cancelling = -1
        self._body = body

    async def run(self) -> None:
        try:
            with self.block:
                await self._body()
        except BaseException as exc:
            self.ended = exc
        self.cancelling = current().cancelling()
        await asyncio.sleep(0)  # no cancellation is left to be raised here

    async def begin(self) -> asyncio.Task[None]:
        """Start the task, and return when its block waits."""
        task = asyncio.create_task(self.run())
        await asyncio.sleep(0)
        return task


# -- one interruption --------------------------------------------------------------------------------------------------


@BOTH
@in_loop
async def test_an_interrupted_block_ends_with_its_exception(kind: type[Plain]) -> None:
    case = Case(kind())
    task = await case.begin()
    case.block.interrupt()
    await task
    assert isinstance(case.ended, Interrupted)
    assert case.cancelling == 0


@BOTH
@in_loop
async def test_a_block_that_is_not_interrupted(kind: type[Plain]) -> None:
    async def fails() -> None:
        raise LookupError

    for body, ended in ((lambda: asyncio.sleep(0), type(None)), (fails, LookupError)):
        case = Case(kind(), body)
        await (await case.begin())
        assert isinstance(case.ended, ended)
        assert case.cancelling == 0


@BOTH
@in_loop
async def test_outside_of_the_block_nothing_is_interrupted(kind: type[Plain]) -> None:
    block = kind()
    block.interrupt()
    with block:
        await asyncio.sleep(0)
    block.interrupt()
    await asyncio.sleep(0)
    assert current().cancelling() == 0


@BOTH
@in_loop
async def test_the_clean_up_is_not_interrupted_again(kind: type[Plain]) -> None:
    cleaning, go_on, done = asyncio.Event(), asyncio.Event(), []

    async def body() -> None:
        try:
            await for_ever()
        finally:
            cleaning.set()
            await go_on.wait()
            done.append("cleaned up")

    case = Case(kind(), body)
    task = await case.begin()
    case.block.interrupt()
    await cleaning.wait()
    case.block.interrupt()
    await asyncio.sleep(0)
    go_on.set()
    await task
    assert done == ["cleaned up"]
    assert isinstance(case.ended, Interrupted)
    assert case.cancelling == 0


@BOTH
@in_loop
async def test_one_object_for_several_blocks(kind: type[Plain]) -> None:
    block = kind()
    for interrupted in (True, False, True):
        case = Case(block, for_ever if interrupted else lambda: asyncio.sleep(0))
        task = await case.begin()
        if interrupted:
            block.interrupt()
        await task
        assert isinstance(case.ended, Interrupted if interrupted else type(None))


def test_outside_of_a_task() -> None:
    with pytest.raises(RuntimeError):
        Plain().__enter__()

    async def main() -> None:
        failed = asyncio.get_running_loop().create_future()

        def callback() -> None:
            try:
                Plain().__enter__()
            except RuntimeError as exc:
                failed.set_result(str(exc))

        asyncio.get_running_loop().call_soon(callback)
        assert await failed == "expected to run in a task"

    asyncio.run(main())


# -- a block that goes on ----------------------------------------------------------------------------------------------


async def swallow() -> None:
    try:
        await for_ever()
    except asyncio.CancelledError:
        await asyncio.sleep(0)


@pytest.mark.parametrize(("kind", "ended"), [(Plain, type(None)), (Insistent, Interrupted)])
@in_loop
async def test_a_block_that_swallows_its_cancellation(kind: type[Plain], ended: type[BaseException]) -> None:
    case = Case(kind(), swallow)
    task = await case.begin()
    case.block.interrupt()
    await task
    assert isinstance(case.ended, ended)
    assert case.cancelling == 0


@BOTH
@in_loop
async def test_an_exception_that_the_block_raises_meanwhile_is_kept(kind: type[Plain]) -> None:
    async def body() -> None:
        try:
            await for_ever()
        finally:
            raise LookupError("in the clean-up")

    case = Case(kind(), body)
    task = await case.begin()
    case.block.interrupt()
    await task
    assert isinstance(case.ended, LookupError)
    assert case.cancelling == 0


@BOTH
@in_loop
async def test_the_error_of_the_awaited_comes_with_the_interruption(kind: type[Plain]) -> None:
    """Both in one turn of the loop: the task has not run since what it awaits has failed."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    case = Case(kind(), lambda: future)
    task = await case.begin()
    future.set_exception(LookupError("of the awaited"))
    case.block.interrupt()
    await task
    assert isinstance(case.ended, Interrupted)
    assert case.cancelling == 0
    assert isinstance(future.exception(), LookupError)


# -- with cancellations from elsewhere ---------------------------------------------------------------------------------


@BOTH
@in_loop
async def test_a_cancellation_from_elsewhere_passes_through(kind: type[Plain]) -> None:
    case = Case(kind())
    task = await case.begin()
    task.cancel()
    await task
    assert isinstance(case.ended, asyncio.CancelledError)
    assert case.cancelling == 1


@pytest.mark.parametrize("first", ["interruption", "cancellation"])
@BOTH
@in_loop
async def test_of_both_at_once_the_cancellation_wins(kind: type[Plain], first: str) -> None:
    case = Case(kind())
    task = await case.begin()
    if first == "interruption":
        case.block.interrupt()
        task.cancel()
    else:
        task.cancel()
        case.block.interrupt()
    await task
    assert isinstance(case.ended, asyncio.CancelledError)
    assert case.cancelling == 1, "only its own cancellation is withdrawn"


@BOTH
@in_loop
async def test_a_cancellation_during_the_clean_up_wins(kind: type[Plain]) -> None:
    async def body() -> None:
        try:
            await for_ever()
        finally:
            await for_ever()

    case = Case(kind(), body)
    task = await case.begin()
    case.block.interrupt()
    await asyncio.sleep(0)
    task.cancel()
    await task
    assert isinstance(case.ended, asyncio.CancelledError)
    assert case.cancelling == 1


@BOTH
@in_loop
async def test_an_interruption_after_the_block_has_swallowed_a_cancellation(kind: type[Plain]) -> None:
    """The task was told to end, so it ends as cancelled."""
    swallowed = asyncio.Event()

    async def body() -> None:
        try:
            await for_ever()
        except asyncio.CancelledError:
            swallowed.set()
        await for_ever()

    case = Case(kind(), body)
    task = await case.begin()
    task.cancel()
    await swallowed.wait()
    case.block.interrupt()
    await task
    assert isinstance(case.ended, asyncio.CancelledError)
    assert case.cancelling == 1


@BOTH
@in_loop
async def test_a_cancellation_from_before_the_block_does_not_count(kind: type[Plain]) -> None:
    case = Case(kind())

    async def cancelled_before() -> None:
        try:
            await for_ever()
        except asyncio.CancelledError:
            await case.run()

    task = asyncio.create_task(cancelled_before())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    case.block.interrupt()
    await task
    assert isinstance(case.ended, Interrupted)
    assert case.cancelling == 1


# -- nested ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["inner", "outer", "both"])
@in_loop
async def test_nested_blocks_end_each_by_its_own_interruption(which: str) -> None:
    inner, outer = Plain(), Plain()
    ended: list[BaseException] = []

    async def body() -> None:
        try:
            with inner:
                await for_ever()
        except BaseException as exc:
            ended.append(exc)
            raise

    case = Case(outer, body)
    task = await case.begin()
    for name, block in (("inner", inner), ("outer", outer)):
        if which in (name, "both"):
            block.interrupt()
    await task
    assert isinstance(ended[0], Interrupted if which == "inner" else asyncio.CancelledError)
    assert isinstance(case.ended, Interrupted)
    assert case.cancelling == 0


@pytest.mark.parametrize("order", ["inside", "outside"])
@in_loop
async def test_with_the_timeouts_of_asyncio(order: str) -> None:
    """When both come at once, the outer one ends."""
    block = Plain()

    async def inside() -> None:
        async with asyncio.timeout(None) as timeout:
            with block:
                asyncio.get_running_loop().call_soon(both, timeout)
                await for_ever()

    async def outside() -> None:
        with block:
            async with asyncio.timeout(None) as timeout:
                asyncio.get_running_loop().call_soon(both, timeout)
                await for_ever()

    def both(timeout: asyncio.Timeout) -> None:
        timeout.reschedule(0)
        asyncio.get_running_loop().call_soon(block.interrupt)

    if order == "inside":
        with pytest.raises(TimeoutError):
            await inside()
    else:
        with pytest.raises(Interrupted):
            await outside()
    assert current().cancelling() == 0
    await asyncio.sleep(0)


@in_loop
async def test_the_block_keeps_no_task_alive() -> None:
    block = Plain()
    task = asyncio.create_task(Case(block).run())
    await asyncio.sleep(0)
    block.interrupt()
    await task
    gone = weakref.ref(task)
    del task
    await asyncio.sleep(0)
    gc.collect()
    assert gone() is None


# -- by an event -------------------------------------------------------------------------------------------------------


def by(event: Callable[[], Any]) -> InterruptedBy:
    return InterruptedBy(event, lambda: Interrupted("by the event"))


@in_loop
async def test_an_event_interrupts() -> None:
    event = asyncio.Event()
    case = Case(by(event.wait))
    task = await case.begin()
    event.set()
    await task
    assert str(case.ended) == "by the event"
    assert case.cancelling == 0


@in_loop
async def test_an_event_from_before_the_block() -> None:
    event = asyncio.Event()
    event.set()
    case = Case(by(event.wait))
    await (await case.begin())
    assert isinstance(case.ended, Interrupted)
    assert case.cancelling == 0


@in_loop
async def test_a_block_without_an_await_is_not_interrupted() -> None:
    event = asyncio.Event()
    event.set()
    with by(event.wait):
        pass
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert current().cancelling() == 0


@in_loop
async def test_nothing_waits_for_the_event_after_the_block() -> None:
    before = asyncio.all_tasks()
    event = asyncio.Event()
    with by(event.wait):
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == len(before) + 1
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    event.set()
    await asyncio.sleep(0)
    assert current().cancelling() == 0


@in_loop
async def test_a_wait_that_fails_is_logged_and_interrupts_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def fails() -> None:
        raise OSError("no idea")

    with caplog.at_level(logging.ERROR, "sketch"), by(fails):
        for _ in range(3):
            await asyncio.sleep(0)
    assert "no idea" in caplog.text
    assert current().cancelling() == 0


@in_loop
async def test_a_wait_that_is_cancelled_interrupts_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    with by(cancelled):
        for _ in range(3):
            await asyncio.sleep(0)
    assert not caplog.records
    assert current().cancelling() == 0
