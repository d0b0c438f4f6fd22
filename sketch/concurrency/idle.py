"""One timer for many deadlines: it looks at all of them at intervals, and tells how much time has passed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Protocol
from weakref import WeakKeyDictionary, ref

LONGEST_LOOK = 1.0
"""The longest interval of a timer, in seconds: the native server looks as often."""

SHORTEST_LOOK = 0.0025
"""The shortest interval of a timer, in seconds: a limit of 0 must not keep the event loop busy."""

BEGUN = -1.0
"""What `waited` takes as the seconds of a wait that no look has found yet."""


def waited(before: float, seconds: float) -> float:
    """Return how many seconds a wait has lasted at a look, never more than it really has.

    The first look that finds a wait adds nothing: the wait may have begun just before. So a single wait ends between
    its limit and two looks later, never before.

    Args:
        before: the seconds returned at the look before, or `BEGUN`.
        seconds: the seconds between the two looks.
    """
    return 0.0 if before < 0 else before + seconds


class Deadline(Protocol):
    """What has a limit on how long it waits. A timer tells it how much time has passed; it keeps the sum and acts."""

    def idled(self, seconds: float) -> None:
        """Note that `seconds` have passed since the timer's last look, even if the wait began after that.

        Seconds in which the process stood still do not count.

        `waited` adds them up.
        """


class DeadlineTimer:
    """Looks at its deadlines at intervals: a timer for each wait would cost more than the wait itself.

    It belongs to one event loop and does not keep it alive. It is armed only while something waits: the look that finds
    nothing is the last one.

    Of a look that is late, one interval counts at most: the process was stopped, or a handler has blocked the loop, and
    what clients have sent meanwhile is still unread.

    Args:
        shortest: returns the shortest limit of the later deadlines, in seconds. Called once, when the timer is armed
            for the first time. Without it, `fit` tells the limits.
    """

    __slots__ = ("__weakref__", "_due", "_interval", "_last", "_shortest", "handle", "loop", "waiting")

    def __init__(self, shortest: Callable[[], float] | None = None) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        """The loop of the timer, None before it is armed for the first time."""
        self.waiting: set[Deadline] = set()
        """The deadlines that each look tells. To add one here is faster than `add`, but does not arm the timer."""
        self.handle: asyncio.TimerHandle | None = None
        """The next look, None while the timer is not armed."""
        self._interval = LONGEST_LOOK
        self._shortest = shortest

    def fit(self, limit: float) -> None:
        """Look at least four times within a limit of so many seconds, from now on."""
        interval = max(limit / 4, SHORTEST_LOOK)
        if interval >= self._interval:
            return
        if self.handle is None or self.loop is None:
            self._interval = interval
        else:
            self.handle.cancel()
            self._last = self.loop.time() - self._passed()
            self._interval = interval
            self._schedule()

    def add(self, deadline: Deadline) -> None:
        """Tell the deadline at each look."""
        self.waiting.add(deadline)
        if self.handle is None:
            self.arm()

    def discard(self, deadline: Deadline) -> None:
        """Stop telling the deadline."""
        self.waiting.discard(deadline)

    def arm(self) -> None:
        """Schedule the next look."""
        if self.loop is None:
            self.loop = asyncio.get_running_loop()
            if self._shortest is not None:
                self.fit(self._shortest())
        self._last = self.loop.time()
        self._schedule()

    def _schedule(self) -> None:
        assert self.loop is not None
        self._due = self.loop.time() + self._interval
        # In an empty context: the current one would keep alive the request that happens to arm the timer.
        self.handle = self.loop.call_later(self._interval, self._look, context=Context())

    def _passed(self) -> float:
        """Return the seconds since the last look that count."""
        assert self.loop is not None
        return min(self.loop.time(), self._due + self._interval) - self._last

    def _look(self) -> None:
        seconds = self._passed()
        self.handle = None
        if self.waiting:
            self.arm()
        for deadline in tuple(self.waiting):
            deadline.idled(seconds)


# Only what waits, and an armed timer's loop, keep a timer: it knows its loop, which may not live as long as this table.
_timers: WeakKeyDictionary[asyncio.AbstractEventLoop, ref[DeadlineTimer]] = WeakKeyDictionary()


def idle_timer(limit: float) -> DeadlineTimer:
    """Return the timer of the running event loop, which looks often enough for a limit of so many seconds."""
    loop = asyncio.get_running_loop()
    known = _timers.get(loop)
    timer = None if known is None else known()
    if timer is None:
        timer = DeadlineTimer()
        _timers[loop] = ref(timer)
    timer.fit(limit)
    return timer
