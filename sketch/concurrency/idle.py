"""One timer per event loop for everything with an idle timeout; armed only while there is something to watch."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import Protocol
from weakref import WeakKeyDictionary

LONGEST_LOOK = 1.0
"""The longest interval of a timer, in seconds."""


class Idler(Protocol):
    """An object with an idle timeout: a timer tells it how much time has passed, and it keeps the sum and the limit."""

    def idled(self, seconds: float) -> None:
        """Note that `seconds` have passed since the timer's last call."""


class IdleTimer:
    """Tells its idlers at intervals how much time has passed. A wait may last up to two intervals beyond its limit.

    A timer belongs to one event loop, but does not keep it alive.
    """

    __slots__ = ("_idlers", "_interval", "_last", "_timer")

    def __init__(self) -> None:
        self._idlers: set[Idler] = set()
        self._interval = LONGEST_LOOK
        self._timer: asyncio.TimerHandle | None = None

    def look_every(self, seconds: float) -> None:
        """Shorten the interval to so many seconds, if it is longer."""
        self._interval = min(self._interval, seconds)

    def add(self, idler: Idler) -> None:
        """Call the idler from now on."""
        self._idlers.add(idler)
        if self._timer is None:
            self._arm()

    def discard(self, idler: Idler) -> None:
        """Stop calling the idler."""
        self._idlers.discard(idler)
        if not self._idlers and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        self._last = loop.time()
        # In an empty context: that of the first request would keep the request alive.
        self._timer = loop.call_later(self._interval, self._look, context=Context())

    def _look(self) -> None:
        seconds = asyncio.get_running_loop().time() - self._last
        self._arm()
        for idler in tuple(self._idlers):
            idler.idled(seconds)


_timers: WeakKeyDictionary[asyncio.AbstractEventLoop, IdleTimer] = WeakKeyDictionary()


def idle_timer(timeout: float) -> IdleTimer:
    """Return the timer of the running event loop, with an interval short enough for that timeout."""
    loop = asyncio.get_running_loop()
    timer = _timers.get(loop)
    if timer is None:
        timer = _timers[loop] = IdleTimer()
    timer.look_every(timeout / 4)
    return timer
