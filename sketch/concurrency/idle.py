"""Who has waited for too long: one timer for all of an event loop, armed only while somebody may be idle."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import Protocol
from weakref import WeakKeyDictionary

LONGEST_LOOK = 1.0
"""Seconds between two looks at most."""


class Idler(Protocol):
    """Somebody who may wait for too long."""

    def idled(self, seconds: float) -> None:
        """So many seconds have passed since the last call."""


class IdleTimer:
    """Tells everybody now and then how much time has passed. One wait may last until two looks after its limit.

    It belongs to one event loop, but does not keep it alive.
    """

    __slots__ = ("_idlers", "_interval", "_last", "_timer")

    def __init__(self) -> None:
        self._idlers: set[Idler] = set()
        self._interval = LONGEST_LOOK
        self._timer: asyncio.TimerHandle | None = None

    def look_every(self, seconds: float) -> None:
        """Look at least that often."""
        self._interval = min(self._interval, seconds)

    def add(self, idler: Idler) -> None:
        """Tell somebody from now on."""
        self._idlers.add(idler)
        if self._timer is None:
            self._arm()

    def discard(self, idler: Idler) -> None:
        """Tell somebody no more."""
        self._idlers.discard(idler)
        if not self._idlers and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        self._last = loop.time()
        # In a context of its own: it would keep that of the request that happens to be the first, and the request.
        self._timer = loop.call_later(self._interval, self._look, context=Context())

    def _look(self) -> None:
        seconds = asyncio.get_running_loop().time() - self._last
        self._arm()
        for idler in tuple(self._idlers):
            idler.idled(seconds)


_timers: WeakKeyDictionary[asyncio.AbstractEventLoop, IdleTimer] = WeakKeyDictionary()


def idle_timer(timeout: float) -> IdleTimer:
    """The timer of the running event loop, looking often enough for that timeout."""
    loop = asyncio.get_running_loop()
    timer = _timers.get(loop)
    if timer is None:
        timer = _timers[loop] = IdleTimer()
    timer.look_every(timeout / 4)
    return timer
