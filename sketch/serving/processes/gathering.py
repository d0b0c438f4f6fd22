"""The metrics of all workers: the parent adds up what they send, and makes the text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

from sketch.observability.metrics.counting import Active
from sketch.observability.metrics.exposition import Exposition
from sketch.observability.metrics.figures import Figures

if TYPE_CHECKING:
    from sketch.observability.metrics.families import Workers
    from sketch.serving.processes.child import Process
    from sketch.serving.processes.pipe import Message

WAIT = 0.3
"""Seconds to wait for the newest figures of the workers. One that hangs is shown by what it has sent before."""


class Gathering:
    """Adds up what workers have counted. What a worker has sent stays when it ends.

    Args:
        processes: those that run.
        workers: returns what the parent knows of them.
    """

    def __init__(self, processes: Sequence[Process], workers: Callable[[], Workers]) -> None:
        self.figures = Figures()
        self.exposition = Exposition(self._make)
        self._processes = processes
        self._workers = workers
        self._active: dict[Process, Active] = {}
        self._blocks: dict[Process, list[bytes]] = {}
        self._number = 0
        self._missing: set[Process] = set()
        self._complete = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def received(self, process: Process, message: Message) -> None:
        """Take what a worker tells."""
        if "figures" in message:
            self.figures.add(message["figures"])
        if "active" in message:
            self._active[process] = Active(*message["active"])
            if message["reported"] == self._number:
                self._has_reported(process)
        if "text" in message:
            task = asyncio.get_running_loop().create_task(self._send_part(process, message["text"]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def ended(self, process: Process) -> None:
        """Forget what a process was doing when it has ended."""
        self._active.pop(process, None)
        self._blocks.pop(process, None)
        self._has_reported(process)

    def _has_reported(self, process: Process) -> None:
        self._missing.discard(process)
        if not self._missing:
            self._complete.set()

    async def _make(self) -> AsyncIterator[bytes]:
        """Yield the text, when the workers have sent what they have counted up to now."""
        from sketch.observability.metrics.families import slices

        await self._update()
        active = Active(*(sum(numbers) for numbers in zip(*self._active.values(), strict=True)))
        for text in slices(self.figures, active, self._workers()):
            yield text

    async def _update(self) -> None:
        self._number += 1
        self._missing = set(self._active)
        if not self._missing:
            return
        self._complete.clear()
        for process in self._processes:
            if process in self._missing:
                process.send(report=self._number)
        try:
            async with asyncio.timeout(WAIT):
                await self._complete.wait()
        except TimeoutError:
            pass  # they are shown by what they have sent before

    async def _send_part(self, process: Process, index: int) -> None:
        """Send a worker a part of the text; with the first one it gets the newest text."""
        if index == 0:
            newest = await self.exposition.blocks()
            if process not in self._processes:  # it has ended meanwhile
                return
            self._blocks[process] = newest
        blocks = self._blocks.get(process, [])
        if process in self._processes and index < len(blocks):
            process.send(text=[index, len(blocks), blocks[index].decode()])
            if index == len(blocks) - 1:
                del self._blocks[process]
