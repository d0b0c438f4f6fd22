"""The order to stop, and the grace period after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

SHUTDOWN_GRACE = 20.0
"""The default grace period in seconds, from the order to stop until everything that still runs is ended."""


class Stopping:
    """The order to stop, which the server gives: `if app.stopping`, `await app.stopping.wait()`.

    Endless streams and websockets check it, or wait for it, and end.
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
        """Order to stop. Only in the event loop's thread; a second order can only shorten the grace period.

        Args:
            grace: seconds for everything that still runs to end by itself.
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
        """Return once the order is given."""
        await self._event.wait()

    async def wait_grace(self) -> None:
        """Return once the grace period is over; at once if no order was given yet."""
        while (left := self._deadline - monotonic()) > 0:
            self._moved.clear()
            try:
                await asyncio.wait_for(self._moved.wait(), left)
            except TimeoutError:
                return

    def listen(self, listener: Callable[[], None]) -> None:
        """Call a function once the order is given, at once if it was. It must not raise. For callers without a task."""
        if self._event.is_set():
            listener()
        else:
            self._listeners.add(listener)

    def forget(self, listener: Callable[[], None]) -> None:
        """Do not call the listener any more."""
        self._listeners.discard(listener)
