"""More requests than the server is willing to run at once."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sketch_native.protocol import HTTPProtocol


class ConcurrencyLimit:
    """Lets so many exchanges run at a time. The others are refused, or wait their turn on an unread connection.

    Args:
        limit: how many run.
        wait: whether the others wait.
    """

    __slots__ = ("_limit", "_running", "_wait", "_waiting")

    def __init__(self, limit: int, *, wait: bool) -> None:
        self._limit = limit
        self._wait = wait
        self._running = 0
        self._waiting: deque[HTTPProtocol] = deque()

    @property
    def waits(self) -> bool:
        """Whether a connection that finds no free place may queue."""
        return self._wait

    def enter(self) -> bool:
        """Take a place, if there is one."""
        if self._running >= self._limit:
            return False
        self._running += 1
        return True

    def queue(self, connection: HTTPProtocol) -> None:
        """Call the connection's `admitted` when there is a place for it."""
        self._waiting.append(connection)

    def forget(self, connection: HTTPProtocol) -> None:
        """A waiting connection has gone."""
        if connection in self._waiting:
            self._waiting.remove(connection)

    def leave(self) -> None:
        """Give the place back, to the one that has waited longest."""
        self._running -= 1
        if self._waiting:
            self._waiting.popleft().admitted()
