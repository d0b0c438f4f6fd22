"""The metrics of a worker: what it has counted goes to the parent, and the text of all workers comes from there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sketch.observability.metrics import Metrics
    from sketch.observability.metrics.figures import Figures
    from sketch.serving.processes.pipe import Message, Pipe

SLICE = 20
"""Series that are sent at once: the event loop has its turn between two slices."""

RETRY = 0.01
"""Seconds until it is tried again to send to a parent that has not read."""

PATIENCE = 5.0
"""Seconds to wait for a part of the text, and for a parent that does not read the last figures."""


class Reports:
    """Sends to the parent what metrics count, and reads from it the text of all workers.

    Args:
        pipe: to the parent.
        metrics: what is counted leaves them for the parent, which adds it up: so nothing is counted twice, and nothing
            is lost with the worker.
    """

    def __init__(self, pipe: Pipe, metrics: Metrics) -> None:
        self._pipe = pipe
        self._metrics = metrics
        self._under_way: Figures | None = None  # what is being sent
        self._asked: int | None = None  # the parent waits for what there is now, under this number
        self._part: asyncio.Future[tuple[int, str]] | None = None
        self._index = 0
        metrics.gather = self._gather

    def obey(self, message: Message, loop: asyncio.AbstractEventLoop) -> None:
        """Do what the parent says: send the figures now, or take a part of the text."""
        if "report" in message:
            self._asked = message["report"]
            self.send(loop)
        if "text" in message and self._part is not None and not self._part.done():
            index, count, part = message["text"]
            if index == self._index:
                self._part.set_result((count, part))

    # -- what it has counted ------------------------------------------------------------------------------------------

    def send(self, loop: asyncio.AbstractEventLoop) -> None:
        """Send what was counted since the last time, in slices, unless that is under way."""
        if self._under_way is None:
            self._under_way = self._metrics.figures.detach()
            self._send_slice(loop, self._asked)

    def _send_slice(self, loop: asyncio.AbstractEventLoop, asked: int | None) -> None:
        self._pipe.flush()
        if self._pipe.full:
            loop.call_later(RETRY, self._send_slice, loop, asked)
        elif self._send_figures():
            loop.call_soon(self._send_slice, loop, asked)
        else:
            self._under_way = None
            self._pipe.send(active=self._metrics.counting.active, reported=asked)
            if self._asked != asked:  # the parent has asked meanwhile
                self.send(loop)

    def _send_figures(self) -> bool:
        """Send a slice of what is under way. Returns whether there was one."""
        assert self._under_way is not None
        message = self._under_way.take(SLICE)
        if message is not None:
            self._pipe.send(figures=message)
        return message is not None

    def end(self) -> None:
        """Send everything, when the event loop has ended."""
        for figures in (self._under_way, self._metrics.figures):
            while figures is not None and (message := figures.take(SLICE)) is not None:
                self._pipe.send(figures=message)
        self._pipe.drain(PATIENCE)

    # -- the text of all workers --------------------------------------------------------------------------------------

    async def _gather(self) -> AsyncIterator[bytes]:
        """Yield the text, for which the parent asks all workers. One call at a time."""
        self._index, count = 0, 1
        while self._index < count:
            self._part = asyncio.get_running_loop().create_future()
            self._pipe.send(text=self._index)
            try:
                async with asyncio.timeout(PATIENCE):
                    count, part = await self._part
            except TimeoutError:
                raise ConnectionError("the parent process does not answer") from None
            yield part.encode()
            self._index += 1
