"""The lag of an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from sketch.observability.metrics import lag as module
from sketch.observability.metrics.figures import Figures
from sketch.observability.metrics.lag import LagMeter
from tests.support.requests import in_loop


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - a timer changes it
        await asyncio.sleep(0.001)


@in_loop
async def test_a_loop_that_is_blocked_is_late() -> None:
    before, module.INTERVAL = module.INTERVAL, 0.01
    figures = Figures()
    meter = LagMeter(figures)
    try:
        time.sleep(0.08)  # noqa: ASYNC251 - it blocks the loop
        await until(lambda: any(figures.lag.counts))
        assert figures.lag.total > 0.05
        assert sum(figures.lag.counts[4:]) == 1
        seen = sum(figures.lag.counts)
        await until(lambda: sum(figures.lag.counts) > seen)
    finally:
        module.INTERVAL = before
        meter.stop()
    seen = sum(figures.lag.counts)
    await asyncio.sleep(0.03)
    assert sum(figures.lag.counts) == seen
