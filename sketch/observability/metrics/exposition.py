"""A text that is made slice by slice in an event loop, once for all that ask for it at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from time import monotonic

TEXT = "text/plain; version=0.0.4; charset=utf-8"
"""The media type of the text format, which every version of Prometheus reads."""

BLOCK = 32 * 1024
"""Bytes of a block of text, at least: what is sent or passed on at once."""

SHARE = 4
"""A text is handed out again for so many times as long as it took to make: so no more than a fifth of the time goes
into it, however many ask."""


class Exposition:
    """A text, made when it is asked for.

    Args:
        make: yields its slices. Other tasks have their turn between two.
    """

    def __init__(self, make: Callable[[], AsyncIterator[bytes]]) -> None:
        self._make = make
        self._blocks: list[bytes] = []
        self._fresh_until = 0.0
        self._task: asyncio.Task[list[bytes]] | None = None

    async def blocks(self) -> list[bytes]:
        """Return the text in blocks. All that ask while it is made get the same one.

        Raises:
            ConnectionError: if what it is made of cannot be reached.
        """
        if self._task is None or self._task.done():
            if monotonic() < self._fresh_until:
                return self._blocks
            self._task = asyncio.get_running_loop().create_task(self._collect())
        return await asyncio.shield(self._task)

    async def _collect(self) -> list[bytes]:
        began_at = monotonic()
        blocks: list[bytes] = []
        waiting = bytearray()
        async for text in self._make():
            waiting += text
            if len(waiting) >= BLOCK:
                blocks.append(bytes(waiting))
                waiting.clear()
            await asyncio.sleep(0)
        blocks.append(bytes(waiting))
        self._blocks, ended_at = blocks, monotonic()
        self._fresh_until = ended_at + SHARE * (ended_at - began_at)
        return blocks
