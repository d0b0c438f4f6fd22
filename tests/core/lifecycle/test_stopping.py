"""The order to stop: waiting for it, listeners, and the grace period."""

from __future__ import annotations

import asyncio

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
