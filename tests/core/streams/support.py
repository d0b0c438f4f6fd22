"""Event streams as an adapter pulls them, and their sources."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from sketch import EventStreamResponse
from sketch.pipeline.finalize import finalize
from sketch.transport import Chunks, FileBody
from tests.support.requests import make_request


def streaming(source: Any, **options: Any) -> Chunks:
    """A stream as an adapter pulls it."""
    wire = finalize(make_request(), EventStreamResponse(source, **options))
    assert not isinstance(wire.payload, bytes | FileBody)
    return Chunks(wire.payload)


async def drained(stream: Chunks) -> list[bytes]:
    parts = []
    async with stream as chunks:
        while chunk := await chunks.next():
            parts.append(chunk)
    return parts


async def numbers(count: int = 2) -> AsyncIterator[Any]:
    for number in range(count):
        yield number


class Source:
    """Events when the test gives them; notes how it is run."""

    def __init__(self) -> None:
        self.asked = 0
        self.closed: list[str] = []
        self.task: asyncio.Task[Any] | None = None
        self.waiting = asyncio.Event()
        self._events: asyncio.Queue[Any] = asyncio.Queue()

    def give(self, *events: Any) -> None:
        for event in events:
            self._events.put_nowait(event)

    async def events(self) -> AsyncIterator[Any]:
        self.task = asyncio.current_task()
        try:
            while True:
                self.asked += 1
                self.waiting.set()
                event = await self._events.get()
                self.waiting.clear()
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            self.closed.append("here" if asyncio.current_task() is self.task else "elsewhere")


async def turns() -> None:
    """Let other tasks run for ten turns of the loop."""
    for _ in range(10):
        await asyncio.sleep(0)
