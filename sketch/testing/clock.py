"""Control of time in a test: the clock of the event loop jumps, and what was due on the way is run on the way."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

_QUIET = 4
"""Turns of the event loop without anything ready, after which everything is taken to wait. A message between two
sockets of one loop needs one turn to be found, and one to be read."""

_TURNS = 10_000
"""Turns after which a loop counts as busy for ever."""


class TimeControl:
    """Makes the time of the running event loop jump, and `time.time()`: `async with client.time() as time`.

    Timeouts, heartbeats and expiry are then tested without waiting. Real time goes on in between. At the end of the
    block `time.time()` is as it was; the clock of the loop never goes back.

    Threads do not jump: `time.monotonic()`, `time.sleep()` and work in threads (`def` handlers, files) take real time,
    so let such a request end before the time is advanced. A bound of the test's own that is a timer of this loop
    (`asyncio.timeout` around the test) is due when its time has come.

    Raises:
        RuntimeError: when it is entered in another event loop than asyncio's own, as uvloop.
    """

    def __init__(self) -> None:
        self._loop: Any = None
        self._wall: Callable[[], float] | None = None
        self._offset = 0.0
        self._still: float | None = None
        """The time while it is advanced: it stands still from one deadline to the next."""

    async def __aenter__(self) -> Time:
        loop: Any = asyncio.get_running_loop()
        if not isinstance(loop, asyncio.BaseEventLoop) or not hasattr(loop, "_scheduled"):
            raise RuntimeError(f"expected asyncio's own event loop for time control, got {type(loop).__module__}'s")
        if self._wall is not None or getattr(time.time, "__self__", None).__class__ is TimeControl:
            raise RuntimeError("the time is controlled already: one block at a time")
        self._loop, self._wall = loop, time.time
        self._clock: Callable[[], float] = loop.time
        loop.time = self._loop_time  # type: ignore[method-assign]
        time.time = self._time
        return Time(self)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._wall is not None, "the block was entered"
        time.time, self._wall = self._wall, None

    def _loop_time(self) -> float:
        return self._clock() + self._offset if self._still is None else self._still

    def _time(self) -> float:
        assert self._wall is not None, "the block was entered"
        return self._wall() + self._loop_time() - self._clock()

    async def advance(self, seconds: float) -> None:
        """See `Time.advance`."""
        now = self._still = self._loop.time()
        target = now + seconds
        try:
            await self._settle()
            while now < target:
                due = min((handle.when() for handle in self._loop._scheduled if not handle.cancelled()), default=target)
                now = self._still = min(max(due, now), target)
                await self._settle()
        finally:
            self._offset, self._still = now - self._clock(), None

    async def _settle(self) -> None:
        """Let everything run until all tasks wait, for a timer, a message from outside, or the test."""
        quiet = 0
        for _ in range(_TURNS):
            await asyncio.sleep(0)
            quiet = 0 if self._loop._ready else quiet + 1
            if quiet == _QUIET:
                return
        raise RuntimeError(f"expected all tasks to wait for something, but the event loop is busy after {_TURNS} turns")


class Time:
    """The controlled time of a block."""

    def __init__(self, control: TimeControl) -> None:
        self._control = control

    async def advance(self, seconds: float) -> None:
        """Let so many seconds pass: whatever is due within them runs, in its order, each at its own time.

        Args:
            seconds: how many, 0 to let everything run that is ready.

        Raises:
            TypeError: for what is not a number.
            ValueError: for a negative number, and for infinity.
            RuntimeError: if a task is never at rest.
        """
        if not isinstance(seconds, int | float) or isinstance(seconds, bool):
            raise TypeError(f"expected seconds as a number, got {seconds!r:.200}")
        if not 0 <= seconds < math.inf:
            raise ValueError(f"expected a finite number of seconds of at least 0, got {seconds!r:.200}")
        await self._control.advance(seconds)
