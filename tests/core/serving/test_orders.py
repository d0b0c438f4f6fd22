"""The signals that stop a server."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from sketch.serving import orders as module
from sketch.serving.orders import Orders
from sketch.serving.rereading import reread
from tests.support.requests import in_loop
from tests.support.scripts import until

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in NUMBERS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


async def sent(*numbers: signal.Signals) -> tuple[list[bool], list[object]]:
    """What signals order, and the handlers of all of them after that, while they are still taken."""
    orders: list[bool] = []
    taking = Orders(orders.append)
    with taking.taken():
        for count, number in enumerate(numbers, 1):
            os.kill(os.getpid(), number)
            await until(lambda: len(orders) >= count)  # noqa: B023  # awaited here
        assert taking.given.is_set()
        return orders, [signal.getsignal(number) for number in NUMBERS]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@in_loop
async def test_one_signal_orders_to_stop_and_a_second_one_at_once(number: signal.Signals) -> None:
    assert (await sent(number))[0] == [False]
    orders, left = await sent(number, signal.SIGTERM)
    assert orders == [False, True]
    assert left == [signal.default_int_handler, *[signal.SIG_DFL] * 3]  # a third one ends the process


@in_loop
async def test_sigquit_counts_twice() -> None:
    assert (await sent(signal.SIGQUIT))[0] == [True]
    assert (await sent(signal.SIGTERM, signal.SIGQUIT))[0] == [False, True]


@in_loop
async def test_a_worker_is_not_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a parent that does not know yet that a service manager has told it: until it has ended."""
    monkeypatch.setattr(module, "current_link", object)
    orders: list[bool] = []
    with Orders(orders.append).taken():
        os.kill(os.getpid(), signal.SIGTERM)
        await until(lambda: orders)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGQUIT)
        await until(lambda: len(orders) == 2)
    os.kill(os.getpid(), signal.SIGTERM)
    assert orders == [False, True]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT])
@in_loop
async def test_what_is_ignored_at_the_start_stays_ignored(number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_IGN)
    orders: list[bool] = []
    with Orders(orders.append).taken():
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), signal.SIGTERM)
        await until(lambda: orders)
    assert orders == [False]
    assert signal.getsignal(number) == signal.SIG_IGN


@in_loop
async def test_sighup_rereads_where_there_is_something_to_reread() -> None:
    orders: list[bool] = []
    read: list[str] = []
    with Orders(orders.append).taken():
        with reread("it", lambda: read.append("it")):
            os.kill(os.getpid(), signal.SIGHUP)
            await until(lambda: read)
        assert orders == []
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: orders)
    assert (orders, read) == ([False], ["it"])


@in_loop
async def test_outside_the_main_thread_no_signal_is_taken() -> None:
    async def serve() -> object:
        with Orders(print).taken():
            return signal.getsignal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    assert await asyncio.to_thread(asyncio.run, serve()) == before
