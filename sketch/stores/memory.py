"""The store of one process."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from sketch.concurrency.workers import report_unshared
from sketch.stores.store import check_entry

_SHARED = "Keep values in a store that all of them reach, in Redis say"


class _Entry(NamedTuple):
    value: bytes
    end: float


class MemoryStore:
    """A store in the memory of this process: other processes do not see its values, and a restart loses them.

    It is bounded. If it is full, values whose time is over are dropped first, then those that were used least recently.

    Args:
        max_entries: how many values to keep at most.
        max_bytes: how many bytes of keys and values to keep at most.
        clock: returns the time in seconds; for tests.

    Raises:
        ValueError: for a bound that is not positive.
    """

    __slots__ = ("_bytes", "_clock", "_ends", "_entries", "_max_bytes", "_max_entries")

    def __init__(
        self,
        *,
        max_entries: int = 100_000,
        max_bytes: int = 64 * 1024 * 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        for name, most in (("max_entries", max_entries), ("max_bytes", max_bytes)):
            if not isinstance(most, int) or most < 1:
                raise ValueError(f"expected {name} as an int of at least 1, got {most!r:.200}")
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()  # the least recently used first
        self._ends: list[tuple[float, str]] = []  # a heap; a pair that no entry has any more counts for nothing
        self._bytes = 0

    async def get(self, key: str) -> bytes | None:
        """Return the value of a key, None if there is none."""
        report_unshared("a MemoryStore", _SHARED)
        entry = self._find(key)
        return None if entry is None else entry.value

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        """Set the value of a key for `ttl` seconds.

        Raises:
            TypeError, ValueError: for what is no entry of a store, and for a value that is larger than the store.
        """
        report_unshared("a MemoryStore", _SHARED)
        check_entry(key, ttl, value)
        size = _size(key, value)
        if size > self._max_bytes:
            raise ValueError(f"expected a value that fits in a store of {self._max_bytes} bytes, got one of {size}")
        self._drop(key)
        self._make_room(size)
        self._put(key, value, ttl)
        self._bytes += size

    async def delete(self, key: str) -> None:
        """Remove a key and its value."""
        self._drop(key)

    async def touch(self, key: str, ttl: float) -> bool:
        """Keep the value of a key for `ttl` seconds from now. Returns whether there is one."""
        check_entry(key, ttl)
        entry = self._find(key)
        if entry is None:
            return False
        self._put(key, entry.value, ttl)
        return True

    def __len__(self) -> int:
        """How many values it holds, those included whose time is over and that were not dropped yet."""
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<MemoryStore of {len(self)} values, {self._bytes} bytes>"

    def _find(self, key: str) -> _Entry | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.end <= self._clock():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry

    def _put(self, key: str, value: bytes, ttl: float) -> None:
        entry = self._entries[key] = _Entry(value, self._clock() + ttl)
        self._entries.move_to_end(key)
        heappush(self._ends, (entry.end, key))
        if len(self._ends) > 2 * len(self._entries) + 64:  # most are of entries that have changed since
            self._ends = [(entry.end, key) for key, entry in self._entries.items()]
            heapify(self._ends)

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= _size(key, entry.value)

    def _make_room(self, size: int) -> None:
        """Drop what is over, and then the least recently used, until there is room for one more."""
        now = self._clock()
        while self._ends and self._ends[0][0] <= now:
            end, key = heappop(self._ends)
            entry = self._entries.get(key)
            if entry is not None and entry.end == end:
                self._drop(key)
        while self._entries and (len(self._entries) >= self._max_entries or self._bytes + size > self._max_bytes):
            self._drop(next(iter(self._entries)))


def _size(key: str, value: bytes) -> int:
    return len(key) + len(value)
