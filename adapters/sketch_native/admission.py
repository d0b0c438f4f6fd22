"""Admission control: how many exchanges the server runs at once, and what happens to further requests."""

from __future__ import annotations

from collections import deque
from typing import Protocol


class Waiting(Protocol):
    """A connection whose next request waits for a slot."""

    def admitted(self) -> None:
        """Called when a slot is free for it."""


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
        self._waiting: deque[Waiting] = deque()

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

    def queue(self, connection: Waiting) -> None:
        """Queue a connection: its `admitted` is called when a slot is free for it."""
        self._waiting.append(connection)

    def forget(self, connection: Waiting) -> None:
        """Remove a connection from the queue, if it is in it."""
        if connection in self._waiting:
            self._waiting.remove(connection)

    def leave(self) -> None:
        """Release a slot, and admit the connection that has waited longest and still wants to be admitted."""
        self._running -= 1
        while self._waiting and self._running < self._limit:
            self._waiting.popleft().admitted()
