"""The order to stop, and the grace period after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

SHUTDOWN_GRACE = 20.0
"""Seconds between the order to stop and the end of what still runs, where who gives the order says nothing else."""


class Stopping:
    """Whether the server has been told to stop: `if app.stopping`, `await app.stopping.wait()`.

    Streams and sockets that would go on for ever look at it, or wait for it, and end.
    """

    __slots__ = ("_deadline", "_event", "_listeners", "_moved")

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._moved = asyncio.Event()
        self._deadline = 0.0  # by the monotonic clock
        self._listeners: set[Callable[[], None]] = set()

    def __bool__(self) -> bool:
        return self._event.is_set()

    def set(self, grace: float = SHUTDOWN_GRACE) -> None:
        """Tell. Only in the event loop's thread; telling again can only shorten the grace period.

        Args:
            grace: seconds that what still runs gets to end by itself.
        """
        deadline = monotonic() + grace
        if not self or deadline < self._deadline:
            self._deadline = deadline
            self._moved.set()
        self._event.set()
        listeners, self._listeners = self._listeners, set()
        for listener in listeners:
            listener()

    async def wait(self) -> None:
        """Return once it is told."""
        await self._event.wait()

    async def wait_grace(self) -> None:
        """Return once the grace period is over; at once where nobody has told yet."""
        while (left := self._deadline - monotonic()) > 0:
            self._moved.clear()
            try:
                await asyncio.wait_for(self._moved.wait(), left)
            except TimeoutError:
                return

    def listen(self, listener: Callable[[], None]) -> None:
        """Call a function that cannot fail once it is told, at once if it is; for who has no task to wait in."""
        if self._event.is_set():
            listener()
        else:
            self._listeners.add(listener)

    def forget(self, listener: Callable[[], None]) -> None:
        """Call a function no more."""
        self._listeners.discard(listener)
