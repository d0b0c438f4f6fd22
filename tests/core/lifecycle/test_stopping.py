"""The order to stop: waiting for it, listeners, and the grace period."""

from __future__ import annotations

import asyncio

import pytest

from sketch.application import Application
from sketch.lifecycle.stopping import Stopping
from tests.support.requests import in_loop


@in_loop
async def test_stopping_can_be_waited_for() -> None:
    app = Application()
    await app.startup()
    waiting = asyncio.create_task(app.stopping.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    app.stopping.set()
    app.stopping.set()
    await waiting
    await app.cleanup()


@in_loop
async def test_listeners_are_told_of_the_stop_once() -> None:
    told: list[str] = []
    app = Application()
    first, second, third = (lambda: told.append("first")), (lambda: told.append("second")), (lambda: told.append("3"))
    app.stopping.listen(first)
    app.stopping.listen(second)
    app.stopping.forget(second)
    app.stopping.forget(second)
    app.stopping.set()
    app.stopping.set()
    app.stopping.listen(third)
    assert told == ["first", "3"]


@in_loop
async def test_the_grace_period_can_only_be_shortened() -> None:
    stopping = Stopping()
    await asyncio.wait_for(stopping.wait_grace(), 5)  # not told yet: returns at once
    loop = asyncio.get_running_loop()
    stopping.set(60)
    waiting = asyncio.create_task(stopping.wait_grace())
    await asyncio.sleep(0)
    stopping.set(600)
    began = loop.time()
    stopping.set(0.1)
    stopping.set(60)
    await waiting
    assert 0.05 < loop.time() - began < 5
    await asyncio.wait_for(stopping.wait_grace(), 5)


@in_loop
async def test_a_stop_is_announced_before_it_is_ordered() -> None:
    stopping = Stopping()
    assert not stopping.announced
    stopping.announce()
    assert stopping.announced
    assert not stopping
    other = Stopping()
    other.set()
    assert other.announced


@in_loop
async def test_what_was_cut_off_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    stopping = Stopping()
    stopping.note_cut("GET '/before'")  # without an order, nothing is cut by one
    stopping.report()
    assert caplog.records == []
    stopping.set(0)
    for number in range(12):
        stopping.note_cut(f"GET '/{number}'")
    stopping.report()
    stopping.report()
    (record,) = caplog.records
    named = ", ".join(f"GET '/{number}'" for number in range(10))
    assert record.getMessage() == f"cut off at the end of the grace period: {named} and 2 more"
