"""What ends a task, and what is an error of the code that was called."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Iterator

import pytest

from sketch.concurrency.containment import as_error, contained, ends_task
from tests.support.requests import in_loop

STRAYS = [SystemExit(2), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError("inner"), BaseException("own")]


@pytest.fixture
def handle_interrupt() -> Iterator[Callable[[object], None]]:
    """Sets the handler of SIGINT, and restores it."""
    before = signal.getsignal(signal.SIGINT)

    def handle(handler: object) -> None:
        signal.signal(signal.SIGINT, handler)  # type: ignore[arg-type]

    yield handle
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("stray", STRAYS, ids=repr)
@in_loop
async def test_what_does_not_end_the_task_is_the_cause_of_an_error(stray: BaseException) -> None:
    assert not ends_task(stray)
    error = as_error(stray)
    assert isinstance(error, RuntimeError)
    assert error.__cause__ is stray
    assert repr(stray) in str(error)


@in_loop
async def test_an_exception_is_the_error_itself() -> None:
    error = ValueError("broken")
    assert not ends_task(error)
    assert as_error(error) is error


def test_long_arguments_are_cut() -> None:
    assert len(str(as_error(SystemExit("x" * 10_000)))) < 300


@in_loop
async def test_the_cancellation_of_this_task_ends_it() -> None:
    """Until it is taken back, as `asyncio.timeout` does."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await asyncio.sleep(0)
    assert ends_task(caught.value)
    assert ends_task(BaseExceptionGroup("several", [ValueError(), caught.value]))
    task.uncancel()
    assert not ends_task(caught.value)
    assert not ends_task(BaseExceptionGroup("several", [ValueError(), caught.value, SystemExit(1)]))


@in_loop
async def test_the_cancellation_of_what_it_awaits_does_not() -> None:
    inner = asyncio.create_task(asyncio.Event().wait())
    inner.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await inner
    assert not ends_task(caught.value)


@in_loop
async def test_an_interrupt_ends_the_task_where_python_itself_handles_the_signal(
    handle_interrupt: Callable[[object], None],
) -> None:
    handle_interrupt(signal.default_int_handler)
    assert ends_task(KeyboardInterrupt())
    assert not await asyncio.to_thread(ends_task, KeyboardInterrupt()), "signals interrupt the main thread alone"
    handle_interrupt(lambda *_: None)
    assert not ends_task(KeyboardInterrupt())


def test_a_coroutine_that_is_closed_outside_of_a_task_ends() -> None:
    seen: list[bool] = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        except BaseException as exc:
            seen.append(ends_task(exc))
            raise

    async def begin() -> None:
        coroutine = wait()
        coroutine.send(None)
        waiting.append(coroutine)

    waiting: list[object] = []
    asyncio.run(begin())
    waiting.clear()
    gc.collect()
    assert seen == [True]


@pytest.mark.parametrize("stray", STRAYS, ids=repr)
def test_a_contained_task_never_ends_the_event_loop(stray: BaseException) -> None:
    async def fail() -> None:
        raise stray

    async def main() -> BaseException | None:
        task = asyncio.create_task(contained(fail()))
        await asyncio.wait([task])
        return task.exception()

    error = asyncio.run(main())
    assert isinstance(error, RuntimeError)
    assert error.__cause__ is stray


@in_loop
async def test_a_contained_task_returns_raises_and_is_cancelled_as_any_other() -> None:
    async def give() -> int:
        return 1

    async def fail() -> None:
        raise ValueError("broken")

    assert await asyncio.create_task(contained(give())) == 1
    with pytest.raises(ValueError, match="broken"):
        await asyncio.create_task(contained(fail()))
    task = asyncio.create_task(contained(asyncio.Event().wait()))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


def test_outside_of_a_task() -> None:
    assert ends_task(asyncio.CancelledError())
    assert ends_task(GeneratorExit())
    assert not ends_task(SystemExit())
