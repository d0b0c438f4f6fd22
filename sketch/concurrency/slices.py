"""Long work in the event loop, in slices: other tasks run in between."""

from __future__ import annotations

import asyncio
from time import perf_counter

SLICE = 0.005
"""Seconds of a slice: as long as a thread keeps Python's lock while others want it."""


class Slices:
    """The slices of one piece of work: `if slices.over(): await slices.rest()`, at each of its steps."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until = perf_counter() + SLICE

    def over(self) -> bool:
        """Whether a slice has passed since the begin, or since the last rest."""
        return perf_counter() > self._until

    async def rest(self) -> None:
        """Let all tasks run that are ready, and begin another slice."""
        await asyncio.sleep(0)
        self._until = perf_counter() + SLICE
