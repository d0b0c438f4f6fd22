"""Signals: lists that are decorators."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sketch.application import Application
from sketch.concurrency.threads import Threads
from sketch.lifecycle.signals import Signal
from tests.support.requests import in_loop, make_request


@pytest.fixture
def signal() -> Iterator[Signal]:
    pool = Threads(1, "test")
    yield Signal("after", "request", "response", threads=lambda _: pool)
    pool.close()


def take_none() -> Any:
    return ()


def take_one(a: Any) -> Any:
    return (a,)


def take_two(a: Any, b: Any) -> Any:
    return (a, b)


def take_all(*args: Any) -> Any:
    return args


async def take_late(a: Any) -> Any:
    await asyncio.sleep(0)
    return (a,)


class Callee:
    def method(self, a: Any) -> Any:
        return (a,)

    async def __call__(self, a: Any, b: Any) -> Any:
        return (a, b)


@pytest.mark.parametrize(
    ("function", "taken"),
    [
        (take_none, ()), (take_one, (2,)), (take_two, (1, 2)), (take_all, (1, 2)), (take_late, (2,)),
        (Callee().method, (2,)), (Callee(), (1, 2)), (functools.partial(take_two, 0), (0, 2)),
        (lambda a, b, c=3: (a, b), (1, 2)), (lambda *, k=1: (), ()), (lambda a, **k: (a,), (2,)),
    ],
)  # fmt: skip
@in_loop
async def test_a_function_takes_the_last_of_the_arguments(
    signal: Signal, function: Callable[..., Any], taken: Any
) -> None:
    signal.append(function)
    assert await signal.receivers[0](1, 2) == taken


@pytest.mark.parametrize("function", [lambda a, b, c: 0, lambda a, *, k: 0])
def test_a_function_that_wants_more_is_refused_when_it_is_added(signal: Signal, function: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=r"expected a function of \(request, response\) for after"):
        signal.append(function)
    with pytest.raises(TypeError, match=r"expected a function of \(request, response\) for after, got 5"):
        signal.append(5)  # type: ignore[arg-type]
    assert not signal


def generate(a: Any) -> Any:
    yield a


async def generate_later(a: Any) -> Any:
    yield a


class Generates:
    async def __call__(self, a: Any) -> Any:
        yield a


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (generate, "a generator, of which nothing would run"),
        (generate_later, "a generator, of which nothing would run"),
        (functools.partial(generate), "a generator, of which nothing would run"),
        (Generates(), "a generator, of which nothing would run"),
        (Generates, "it is a class"),
        (dict, "it is a class"),
        (min, "no signature found"),
        ("x" * 1000, "for after, got 'x{199}$"),
    ],
)
def test_a_function_that_would_do_nothing_is_refused(signal: Signal, function: Any, fault: str) -> None:
    with pytest.raises(TypeError, match=fault) as caught:
        signal(function)
    assert str(caught.value).startswith("expected a function of (request, response) for after, got ")
    assert not signal


def test_contexts_are_async_generators() -> None:
    contexts = Signal("cleanup_ctx", "app", generators=True)
    contexts.extend([generate_later, Generates(), contextlib.asynccontextmanager(generate_later), Callee])
    for function, fault in ((generate, "it is no `async def`"), (take_late, "it has no `yield`")):
        with pytest.raises(TypeError, match=fault):
            contexts.append(function)
    assert len(contexts) == 4


@in_loop
async def test_functions_are_called_in_order_one_at_a_time(signal: Signal) -> None:
    calls: list[str] = []

    async def slow() -> None:
        calls.append("slow begins")
        await asyncio.sleep(0)
        calls.append("slow ends")

    signal.append(slow)
    signal.append(lambda: calls.append("plain"))
    await signal.send(1, 2)
    assert calls == ["slow begins", "slow ends", "plain"]


@in_loop
async def test_an_exception_stops_the_call_sequence(signal: Signal) -> None:
    calls: list[int] = []

    def fail() -> None:
        raise ValueError("broken")

    signal.extend([fail, lambda: calls.append(1)])
    with pytest.raises(ValueError, match="broken"):
        await signal.send(1, 2)
    assert calls == []


def test_decorating_returns_the_function(signal: Signal) -> None:
    assert signal(take_one) is take_one
    assert list(signal) == [take_one]


def test_a_signal_is_a_list(signal: Signal) -> None:
    signal.extend([take_none, take_one])
    signal.insert(1, take_two)
    assert list(signal) == [take_none, take_two, take_one]
    assert (signal[0], signal[1:], len(signal), take_two in signal) == (take_none, [take_two, take_one], 3, True)
    signal[0] = take_all
    signal[1:] = [take_late]
    assert list(signal) == [take_all, take_late]
    signal.remove(take_all)
    del signal[0]
    assert not signal
    assert "after(request, response)" in repr(signal)


def test_repr_names_the_functions(signal: Signal) -> None:
    signal.append(take_one)
    assert "take_one" in repr(signal)


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.append(take_one), lambda s: s(take_one), lambda s: s.insert(0, take_one), lambda s: s.pop(),
        lambda s: s.__setitem__(0, take_one), lambda s: s.__delitem__(0), lambda s: s.reverse(), lambda s: s.clear(),
    ],
)  # fmt: skip
def test_after_the_start_nothing_can_be_changed(signal: Signal, change: Callable[[Signal], Any]) -> None:
    signal.extend([take_none, take_two])
    signal.freeze()
    with pytest.raises(RuntimeError, match="after cannot be changed any more"):
        change(signal)
    assert list(signal) == [take_none, take_two]


def test_optional_parameter_beside_a_required_one_keeps_its_default(signal: Signal) -> None:
    got: list[tuple[object, ...]] = []

    @signal
    def one(response: object, verbose: bool = False) -> None:
        got.append((response, verbose))

    @signal
    def optional(response: object = None) -> None:
        got.append((response,))

    asyncio.run(signal.send("request", "response"))
    assert got == [("response", False), ("response",)]


# -- in which thread ---------------------------------------------------------------------------------------------------


def find_here() -> int:
    return threading.get_ident()


async def find_thread() -> int:
    return threading.get_ident()


class Caller:
    async def __call__(self) -> int:
        return threading.get_ident()


@pytest.mark.parametrize(
    ("function", "threaded"),
    [
        (find_here, True), (lambda: threading.get_ident(), True),
        (functools.partial(find_here), True), (find_thread, False), (functools.partial(find_thread), False),
        (Caller(), False), (lambda: find_thread(), False),
    ],
)  # fmt: skip
@in_loop
async def test_a_plain_function_is_called_in_a_thread(
    signal: Signal, function: Callable[..., Any], threaded: bool
) -> None:
    """What it returns is awaited in the event loop, if it is awaitable."""
    signal.append(function)
    assert (await signal.receivers[0](1, 2) != threading.get_ident()) == threaded


@in_loop
async def test_by_default_the_threads_are_those_of_the_requests_application(signal: Signal) -> None:
    app = Application()
    before = Signal("before", "request")
    before.append(lambda: threading.current_thread().name)
    assert await before.receivers[0](make_request(app=app)) == "sketch-handler-1"
    app.threads.close()


@in_loop
async def test_context_variables_of_a_thread_are_set_for_the_caller(signal: Signal) -> None:
    first = contextvars.ContextVar("first", default=0)
    second = contextvars.ContextVar("second", default=0)
    first.set(1)

    def change() -> None:
        assert (first.get(), second.get()) == (1, 0)
        second.set(2)

    signal.append(change)
    await signal.send(1, 2)
    assert (first.get(), second.get()) == (1, 2)
