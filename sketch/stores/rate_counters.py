"""Counts requests: in memory and bounded, or in a storage of the package `limits`, within a time."""

from __future__ import annotations

import asyncio
import time

from limits.aio.storage import Storage


class MemoryCounters(Storage):
    """Counts in this process. Each counter lives for the time of its window, from its first request on.

    The package's own storage in memory has no bound, and looks through all counters at each request.

    Args:
        most: counters of one length of window; for another one, the counter is dropped that would end first.
    """

    STORAGE_SCHEME = None

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        # By the length of the window: so each dict is in the order in which its counters end.
        self._windows: dict[int, dict[str, _Counter]] = {}

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """What the storage raises if it is away: it never is."""
        return ()

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count requests of a key. Returns how many there were in its window."""
        now = _now()
        counters = self._windows.setdefault(expiry, {})
        counter = counters.get(key)
        if counter is None or counter.ends <= now:
            counters.pop(key, None)
            self._make_room(counters, now)
            counter = counters[key] = _Counter(now + expiry)
        counter.count += amount
        return counter.count

    def _make_room(self, counters: dict[str, _Counter], now: float) -> None:
        while counters:
            first = next(iter(counters))
            if counters[first].ends > now and len(counters) < self._most:
                break
            del counters[first]

    def _find(self, key: str) -> _Counter | None:
        found = (counters[key] for counters in self._windows.values() if key in counters)
        counter = next(found, None)
        return counter if counter is not None and counter.ends > _now() else None

    async def get(self, key: str) -> int:
        """Return how many requests there were in the window of a key."""
        counter = self._find(key)
        return 0 if counter is None else counter.count

    async def get_expiry(self, key: str) -> float:
        """Return when the window of a key ends, in seconds since the epoch."""
        counter = self._find(key)
        return time.time() + (0.0 if counter is None else counter.ends - _now())

    async def check(self) -> bool:
        """Return that the storage can be reached."""
        return True

    async def clear(self, key: str) -> None:
        """Forget a key."""
        for counters in self._windows.values():
            counters.pop(key, None)

    async def reset(self) -> int:
        """Forget all keys. Returns how many there were."""
        count = sum(map(len, self._windows.values()))
        self._windows.clear()
        return count


class _Counter:
    __slots__ = ("count", "ends")

    def __init__(self, ends: float) -> None:
        self.count = 0
        self.ends = ends


def _now() -> float:
    return asyncio.get_running_loop().time()  # no change of the system's clock moves it


async def count(storage: Storage, key: str, window: int, timeout: float) -> tuple[int, float]:
    """Count a request. Returns how many there were in the window of the key, and the seconds until it ends.

    Args:
        storage: has the counters.
        key: whose request it is, and under which limit.
        window: in seconds.
        timeout: seconds that the storage may take; memory takes none.

    Raises:
        Exception: whatever the storage raises; `TimeoutError` if it does not answer in time.
    """
    if isinstance(storage, MemoryCounters):
        return await storage.incr(key, window), await storage.get_expiry(key) - time.time()
    async with asyncio.timeout(timeout):
        return await storage.incr(key, window), await storage.get_expiry(key) - time.time()
