"""`IdleTimer`: one timer per event loop for everything that may be idle for too long."""

from __future__ import annotations

import asyncio
import gc
import weakref

from sketch.concurrency.idle import idle_timer
from tests.support.requests import in_loop


class Waiter:
    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.told = asyncio.Event()

    def idled(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self.told.set()


@in_loop
async def test_every_idler_is_told_how_much_time_has_passed() -> None:
    loop = asyncio.get_running_loop()
    watch = idle_timer(0.04)
    assert idle_timer(60) is watch
    first, second = Waiter(), Waiter()
    began = loop.time()
    watch.add(first)
    watch.add(second)
    for waiter in (first, second, first):
        waiter.told.clear()
        await waiter.told.wait()
    watch.discard(first)
    watch.discard(second)
    assert 0 < sum(first.seconds) <= loop.time() - began
    assert first.seconds[0] == second.seconds[0]


@in_loop
async def test_no_timer_without_idlers() -> None:
    watch = idle_timer(0.01)
    waiter = Waiter()
    watch.add(waiter)
    watch.discard(waiter)
    watch.discard(waiter)
    assert watch._timer is None
    watch.add(waiter)
    await waiter.told.wait()
    watch.discard(waiter)
    assert watch._timer is None


def test_the_timer_keeps_no_event_loop_alive() -> None:
    async def main() -> None:
        watch, waiter = idle_timer(1.0), Waiter()
        watch.add(waiter)
        watch.discard(waiter)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    loop.close()
    gone = weakref.ref(loop)
    del loop
    gc.collect()
    assert gone() is None
