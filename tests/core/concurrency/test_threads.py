"""Threads for code that blocks."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
import warnings
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sketch.concurrency import threads
from sketch.concurrency.threads import Threads, iterate_in_thread
from tests.support.requests import in_loop


@pytest.fixture
def pool() -> Iterator[Threads]:
    pool = Threads(2, "test")
    yield pool
    pool.close()


class Gate:
    """A blocking call that says when it has begun, and goes on when it is told."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.begun = asyncio.Event()
        self._go = threading.Event()

    def __call__(self, result: Any = None) -> Any:
        self._loop.call_soon_threadsafe(self.begun.set)
        assert self._go.wait(10)
        return result

    def open(self) -> None:
        self._go.set()


@in_loop
async def test_a_function_runs_in_a_daemon_thread(pool: Threads) -> None:
    assert await pool.run(lambda a, b: (a, b), 1, b=2) == (1, 2)
    ident = await pool.run(threading.get_ident)
    assert ident != threading.get_ident()
    assert await pool.run(lambda: threading.current_thread().daemon), "it never keeps a process alive"


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt()])
def test_exceptions_are_raised_in_the_caller(pool: Threads, error: BaseException) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        asyncio.run(pool.run(fail))


@in_loop
async def test_stop_iteration_becomes_runtime_error(pool: Threads) -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        await pool.run(next, iter([]))


@in_loop
async def test_generator_exit_becomes_runtime_error(pool: Threads) -> None:
    """A future with it would close the coroutines that await it."""

    def leave() -> None:
        raise GeneratorExit

    with pytest.raises(RuntimeError, match="GeneratorExit"):
        await pool.run(leave)


@in_loop
async def test_what_a_thread_awaits_never_ends_the_event_loop(pool: Threads) -> None:
    async def leave() -> None:
        raise SystemExit(2)

    def call() -> None:
        threads.wait(leave())

    with pytest.raises(RuntimeError, match=r"SystemExit\(2\)"):
        await pool.run(call)


@in_loop
async def test_context_variables_are_seen_and_kept(pool: Threads) -> None:
    seen: contextvars.ContextVar[int] = contextvars.ContextVar("seen")
    made: contextvars.ContextVar[int] = contextvars.ContextVar("made")
    seen.set(1)

    def change() -> int:
        before = seen.get()
        seen.set(2)
        made.set(3)
        return before

    assert await pool.run(change) == 1
    assert (seen.get(), made.get()) == (2, 3)


@in_loop
async def test_context_variables_are_kept_by_a_task_without_any(pool: Threads) -> None:
    made: contextvars.ContextVar[int] = contextvars.ContextVar("made")

    async def work() -> int:
        await pool.run(made.set, 2)
        return made.get()

    assert await asyncio.get_running_loop().create_task(work(), context=contextvars.Context()) == 2


@in_loop
async def test_context_variables_of_a_function_that_fails_are_kept(pool: Threads) -> None:
    var: contextvars.ContextVar[int] = contextvars.ContextVar("var", default=0)

    def fail() -> None:
        var.set(1)
        raise KeyError

    with pytest.raises(KeyError):
        await pool.run(fail)
    assert var.get() == 1


@in_loop
async def test_context_variables_of_a_function_that_is_not_awaited_any_more_are_dropped(pool: Threads) -> None:
    var: contextvars.ContextVar[int] = contextvars.ContextVar("var", default=0)
    began, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def change() -> None:
        var.set(1)
        began.set()
        go_on.wait()
        ended.set()

    async def call() -> int:
        try:
            await pool.run(change)
        except asyncio.CancelledError:
            return var.get()
        raise AssertionError("expected to be cancelled")

    task = asyncio.create_task(call())
    await asyncio.to_thread(began.wait)
    task.cancel()
    assert await task == 0
    go_on.set()
    await asyncio.to_thread(ended.wait)


@in_loop
async def test_size_bounds_concurrent_calls(pool: Threads) -> None:
    gates = [Gate() for _ in range(3)]
    tasks = [asyncio.create_task(pool.run(gate, number)) for number, gate in enumerate(gates)]
    await gates[0].begun.wait()
    await gates[1].begun.wait()
    assert not gates[2].begun.is_set()
    assert len(pool._running) == 2
    gates[1].open()
    await gates[2].begun.wait()
    for gate in gates:
        gate.open()
    assert await asyncio.gather(*tasks) == [0, 1, 2]
    assert pool._crew.started == 2


@in_loop
async def test_sequential_calls_use_one_thread(pool: Threads) -> None:
    idents = {await pool.run(threading.get_ident) for _ in range(50)}
    assert len(idents) == pool._crew.started == 1


@in_loop
async def test_a_caller_that_is_cancelled_stops_waiting(pool: Threads) -> None:
    gate = Gate()
    task = asyncio.create_task(pool.run(gate))
    await gate.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert pool.running() == ["Gate"] or "Gate" in pool.running()[0]
    gate.open()
    assert await pool.run(lambda: "next") == "next"


@in_loop
async def test_a_call_that_was_cancelled_in_the_queue_is_never_made() -> None:
    pool, gate, called = Threads(1, "test"), Gate(), []
    first = asyncio.create_task(pool.run(gate))
    await gate.begun.wait()
    second = asyncio.create_task(pool.run(called.append, 1))
    await asyncio.sleep(0)
    second.cancel()
    gate.open()
    await first
    await pool.run(called.append, 2)
    assert called == [2]
    pool.close()


@in_loop
async def test_running_names_the_functions(pool: Threads) -> None:
    gate = Gate()

    def handler() -> None:
        gate()

    task = asyncio.create_task(pool.run(handler))
    await gate.begun.wait()
    assert pool.running() == [handler.__qualname__]
    gate.open()
    await task
    assert pool.running() == []
    partial = functools.partial(lambda: pool.running())
    assert await pool.run(partial) == [repr(partial)]


@in_loop
async def test_close_ends_the_idle_threads() -> None:
    pool = Threads(3, "to-end")
    thread = await pool.run(threading.current_thread)
    pool.close()
    await asyncio.to_thread(thread.join, 10)
    assert not thread.is_alive()


@in_loop
async def test_a_closed_pool_starts_again() -> None:
    pool = Threads(1, "test")
    for number in range(5):
        assert await pool.run(lambda: "ok") == "ok", number
        pool.close()


@in_loop
async def test_a_closed_pool_starts_again_beside_a_stuck_call() -> None:
    pool, gate = Threads(2, "test"), Gate()
    stuck = asyncio.create_task(pool.run(gate))
    await gate.begun.wait()
    await pool.run(lambda: None)
    pool.close()
    for _ in range(5):
        assert await pool.run(lambda: "ok") == "ok"
    gate.open()
    await stuck
    pool.close()


def test_at_least_one_thread() -> None:
    with pytest.raises(ValueError, match="at least one thread, got 0"):
        Threads(0, "none")


def test_a_loop_that_was_closed_is_not_waited_for(pool: Threads) -> None:
    begun, go = threading.Event(), threading.Event()
    seen: list[threading.ExceptHookArgs] = []

    def block() -> None:
        begun.set()
        assert go.wait(10)

    async def leave() -> None:
        task = asyncio.create_task(pool.run(block))
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()

    hook, threading.excepthook = threading.excepthook, seen.append
    try:
        asyncio.run(leave())
        go.set()
        assert asyncio.run(pool.run(lambda: "alive")) == "alive"
    finally:
        threading.excepthook = hook
    assert seen == []


# -- acquire -----------------------------------------------------------------------------------------------------------


@in_loop
async def test_acquire_returns_what_was_opened(pool: Threads) -> None:
    undone: list[int] = []
    assert await pool.acquire(lambda a: a, 5, undo=undone.append) == 5
    with pytest.raises(ZeroDivisionError):
        await pool.acquire(lambda: 1 / 0, undo=undone.append)
    assert undone == []


@pytest.mark.parametrize("outcome", ["opened", "failed"])
@in_loop
async def test_undo_gets_what_a_cancelled_caller_opened(pool: Threads, outcome: str) -> None:
    gate, undone = Gate(), asyncio.Queue[str]()

    def acquire() -> str:
        gate()
        if outcome == "failed":
            raise ValueError("could not open")
        return "opened"

    task = asyncio.create_task(pool.acquire(acquire, undo=undone.put_nowait))
    await gate.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.open()
    if outcome == "opened":
        assert await undone.get() == "opened"
    else:
        await pool.run(lambda: None)
    assert undone.empty()


@in_loop
async def test_complete_runs_although_its_caller_is_cancelled() -> None:
    pool, gate, log = Threads(1, "test"), Gate(), asyncio.Queue[str]()
    loop = asyncio.get_running_loop()
    blocking = asyncio.create_task(pool.run(gate))
    await gate.begun.wait()
    task = asyncio.create_task(pool.complete(lambda: loop.call_soon_threadsafe(log.put_nowait, "done") and None))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.open()
    assert await log.get() == "done"
    await blocking
    with pytest.raises(ZeroDivisionError):
        await pool.complete(lambda: 1 / 0)
    pool.close()


@in_loop
async def test_an_error_of_undo_is_logged_and_frees_the_thread(caplog: pytest.LogCaptureFixture) -> None:
    pool, gate = Threads(2, "test"), Gate()

    def undo(result: Any) -> None:
        raise ValueError("cannot undo")

    task = asyncio.create_task(pool.acquire(gate, undo=undo))
    await gate.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.open()
    while "cannot undo" not in caplog.text:
        assert await pool.run(lambda: "next") == "next"
    pool.close()


@in_loop
async def test_many_calls_that_end_at_once_wake_the_loop_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, loop, gate = Threads(1, "test"), asyncio.get_running_loop(), Gate()
    first = asyncio.create_task(pool.run(gate))
    await gate.begun.wait()
    woken = []
    tell = loop.call_soon_threadsafe
    monkeypatch.setattr(loop, "call_soon_threadsafe", lambda *args: (woken.append(1), tell(*args))[1])
    last = threading.Event()
    calls = [pool._begin(str, (number,), {}) for number in range(100)]
    calls.append(pool._begin(last.set, (), {}))
    gate.open()
    assert last.wait(10), "the loop is held up meanwhile"
    assert [await call for call in calls[:-1]] == [str(number) for number in range(100)]
    await first
    assert len(woken) < 5
    pool.close()


@in_loop
async def test_a_system_without_threads_to_spare(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, gate = Threads(2, "test"), Gate()
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="can't start"):
        await pool.run(lambda: None)
    monkeypatch.setattr(threading.Thread, "start", start)
    busy = asyncio.create_task(pool.run(gate))
    await gate.begun.wait()
    monkeypatch.setattr(threading.Thread, "start", refuse)
    waiting = asyncio.create_task(pool.run(lambda: "in its turn"))
    await asyncio.sleep(0)
    gate.open()
    await busy
    assert await waiting == "in its turn"
    pool.close()


@pytest.mark.parametrize("turns", [0, 1])
@in_loop
async def test_undo_gets_a_result_that_meets_the_cancellation(turns: int) -> None:
    pool, undone = Threads(1, "test"), asyncio.Queue[str]()
    loop, done = asyncio.get_running_loop(), threading.Event()
    task = asyncio.create_task(pool.acquire(lambda: "opened", undo=undone.put_nowait))
    await asyncio.sleep(0)
    pool._begin(done.set, (), {})
    assert done.wait(10), "the loop is held up: the result is on its way to it"

    def cancel(turns: int) -> None:
        if turns:
            loop.call_soon(cancel, turns - 1)
        else:
            task.cancel()

    cancel(turns)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await undone.get() == "opened"
    pool.close()


# -- request.wait ------------------------------------------------------------------------------------------------------


@in_loop
async def test_wait_runs_an_awaitable_in_the_loop_of_the_thread(pool: Threads) -> None:
    async def ask() -> int:
        return threading.get_ident()

    async def fail() -> None:
        raise ValueError("from the loop")

    assert await pool.run(lambda: threads.wait(ask())) == threading.get_ident()
    with pytest.raises(ValueError, match="from the loop"):
        await pool.run(lambda: threads.wait(fail()))


def test_wait_outside_a_thread_closes_the_coroutine_and_raises() -> None:
    async def ask() -> None: ...

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeError, match="use `await`"):
            threads.wait(ask())


# -- iterate_in_thread -------------------------------------------------------------------------------------------------


@in_loop
async def test_items_come_from_a_thread() -> None:
    assert [item async for item in iterate_in_thread([b"a", b"b"])] == [b"a", b"b"]


@in_loop
async def test_a_generator_runs_in_one_context() -> None:
    var: contextvars.ContextVar[bytes] = contextvars.ContextVar("var", default=b"outside")

    def items() -> Iterator[bytes]:
        token = var.set(b"inside")
        try:
            yield b"first"
            yield var.get()
        finally:
            var.reset(token)

    assert [item async for item in iterate_in_thread(items())] == [b"first", b"inside"]
    left = iterate_in_thread(items())
    assert await anext(left) == b"first"
    assert isinstance(left, AsyncGenerator)
    await left.aclose()
    assert var.get() == b"outside"


def recorded(closed: list[str], gate: Gate | None = None) -> Iterator[bytes]:
    try:
        yield b"1"
        if gate is not None:
            gate()
        yield b"2"
    finally:
        closed.append(threading.current_thread().name)


@in_loop
async def test_a_generator_is_closed_in_a_thread_when_its_consumer_leaves() -> None:
    closed: list[str] = []
    stream = iterate_in_thread(recorded(closed))
    assert await anext(stream) == b"1"
    assert isinstance(stream, AsyncGenerator)
    await stream.aclose()
    assert len(closed) == 1
    assert closed[0].startswith("sketch-stream")


@in_loop
async def test_a_busy_generator_is_closed_after_its_step() -> None:
    closed: list[str] = []
    gate = Gate()

    async def consume() -> None:
        async for _ in iterate_in_thread(recorded(closed, gate)):
            pass

    task = asyncio.create_task(consume())
    await gate.begun.wait()
    task.cancel()
    for _ in range(5):  # calls behind the one that closes
        await threads.stream_threads.run(int)
    assert closed == []
    gate.open()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(closed) == 1


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_context_manager_is_entered_in_a_thread_and_left_for_a_cancelled_caller(cancelled: bool) -> None:
    begun, go, left = threading.Event(), threading.Event(), threading.Event()
    seen: list[object] = []

    @contextmanager
    def manager() -> Iterator[str]:
        begun.set()
        assert go.wait(10)
        try:
            yield threading.current_thread().name
        except BaseException as exc:
            seen.append(type(exc))
            raise
        finally:
            left.set()

    async def main() -> None:
        pool = Threads(1, "test")
        entered = manager()
        task = asyncio.create_task(pool.enter(entered))
        await asyncio.to_thread(begun.wait, 10)
        if cancelled:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        go.set()
        if not cancelled:
            assert await task == "test-1"
            assert not left.is_set()
            await pool.run(entered.__exit__, None, None, None)
        assert await asyncio.to_thread(left.wait, 10)
        pool.close()

    asyncio.run(main())
    assert seen == ([asyncio.CancelledError] if cancelled else [])
