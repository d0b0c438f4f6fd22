"""The metrics of a worker, and the pipe to its parent."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import thread_time
from typing import Any

import pytest

from sketch import Application, Metrics
from sketch.observability.metrics.figures import Figures
from sketch.serving.processes import reports as module
from sketch.serving.processes.pipe import Pipe
from sketch.serving.processes.reports import SLICE, Reports
from tests.support.requests import in_loop


class Ends:
    """Both ends of a pipe, and the metrics of the worker."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.metrics.attach(Application())
        self.parent, theirs = Pipe.pair()
        self.worker = Pipe(theirs)
        self.reports = Reports(self.worker, self.metrics)
        self.total = Figures()

    def count(self, number: int) -> None:
        for index in range(number):
            self.metrics.figures.find(f"/{index}", "GET").statuses[2] += 1

    async def received(self, key: str) -> list[Any]:
        """What the parent has received, up to a message with this key; the last one is that."""
        found: list[Any] = []
        while not any(key in message for message in found):
            await asyncio.sleep(0)
            found += self.parent.receive()
        for message in found:
            self.total.add(message.get("figures", {}))
        return found

    @property
    def counted(self) -> int:
        return sum(series.statuses[2] for series in self.total.series.values())


@asynccontextmanager
async def ends() -> AsyncIterator[Ends]:
    both = Ends()
    yield both
    both.parent.close()
    both.worker.close()


@in_loop
async def test_what_was_counted_goes_in_slices_and_nothing_goes_twice() -> None:
    async with ends() as both:
        loop = asyncio.get_running_loop()
        both.count(2 * SLICE + 1)
        both.reports.send(loop)
        both.reports.send(loop)  # the next heartbeat comes while this is under way
        both.count(1)
        messages = await both.received("active")
        assert [len(message["figures"]["series"]) for message in messages[:-1]] == [SLICE, SLICE, 1]
        assert messages[-1] == {"active": [0, 0], "reported": None}
        both.reports.obey({"report": 7}, loop)
        assert (await both.received("active"))[-1]["reported"] == 7
        assert both.counted == 2 * SLICE + 2


@in_loop
async def test_a_question_while_it_sends_is_answered_with_what_came_meanwhile() -> None:
    async with ends() as both:
        loop = asyncio.get_running_loop()
        both.count(SLICE + 1)
        both.reports.send(loop)
        both.count(1)
        both.reports.obey({"report": 1}, loop)
        messages: list[Any] = []
        while not any(message.get("reported") == 1 for message in messages):
            messages += await both.received("active")
        assert both.counted == SLICE + 2


@in_loop
async def test_a_parent_that_does_not_read_gets_it_later() -> None:
    async with ends() as both:
        loop = asyncio.get_running_loop()
        both.count(5000)
        both.reports.send(loop)
        while not both.worker.full:  # noqa: ASYNC110 - callbacks fill it
            await asyncio.sleep(0)
        while not any("active" in message for message in await both.received("active")):
            pass
        assert both.counted == 5000


@in_loop
async def test_a_thousand_templates_hold_no_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each slice takes less than 2 ms. (The processor's time: others share it.)"""
    async with ends() as both:
        times, send = [], both.reports._send_slice

        def timed(*arguments: Any) -> None:
            began = thread_time()
            send(*arguments)
            times.append(thread_time() - began)

        monkeypatch.setattr(both.reports, "_send_slice", timed)
        both.count(1000)
        both.reports.send(asyncio.get_running_loop())
        await both.received("active")
        assert both.counted == 1000
        assert len(times) > 1000 / SLICE
        traced = 1 if sys.gettrace() is None else 3  # by coverage
        assert sorted(times)[-3] < 0.002 * traced  # the garbage collector may look at everything in between


@in_loop
async def test_the_end_sends_the_rest() -> None:
    async with ends() as both:
        both.count(SLICE + 3)
        both.reports.end()
        for message in both.parent.receive():
            both.total.add(message["figures"])
        assert both.counted == SLICE + 3


@in_loop
async def test_the_text_comes_from_the_parent_part_by_part() -> None:
    async with ends() as both:
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(both.metrics.exposition.blocks())
        for index, part in enumerate(("a", 'b"ö\n', "c")):
            assert (await both.received("text"))[-1] == {"text": index}
            both.reports.obey({"text": [index + 5, 3, "too late"]}, loop)
            both.reports.obey(json.loads(json.dumps({"text": [index, 3, part]})), loop)
        assert b"".join(await task).decode() == 'ab"ö\nc'


@in_loop
async def test_a_parent_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    async with ends() as both:
        with pytest.raises(ConnectionError, match="the parent process does not answer"):
            await both.metrics.exposition.blocks()
