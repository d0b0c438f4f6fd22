"""Admission control: how many exchanges the server runs at once, and what happens to further requests."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sketch_native.protocol import HTTPProtocol


class ConcurrencyLimit:
    """Bounds the number of exchanges that run at once.

    A request over the limit is refused, or waits in a queue while its connection is not read.

    Args:
        limit: the number of exchanges that may run at once.
        wait: whether requests over the limit wait; if not, they are refused.
    """

    __slots__ = ("_limit", "_running", "_wait", "_waiting")

    def __init__(self, limit: int, *, wait: bool) -> None:
        self._limit = limit
        self._wait = wait
        self._running = 0
        self._waiting: deque[HTTPProtocol] = deque()

    @property
    def waits(self) -> bool:
        """Whether a connection that finds no free slot may queue for one."""
        return self._wait

    def enter(self) -> bool:
        """Take a slot for an exchange. Returns whether one was free."""
        if self._running >= self._limit:
            return False
        self._running += 1
        return True

    def queue(self, connection: HTTPProtocol) -> None:
        """Queue a connection: its `admitted` is called when a slot is free for it."""
        self._waiting.append(connection)

    def forget(self, connection: HTTPProtocol) -> None:
        """Remove a connection from the queue, if it is in it."""
        if connection in self._waiting:
            self._waiting.remove(connection)

    def leave(self) -> None:
        """Release a slot, and admit the connection that has waited longest."""
        self._running -= 1
        if self._waiting:
            self._waiting.popleft().admitted()
