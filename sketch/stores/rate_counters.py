"""Counts requests: in memory and bounded, or in a storage of the package `limits`, which several processes share."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sketch.concurrency.workers import report_unshared

if TYPE_CHECKING:
    from limits.aio.storage import Storage


_AT_ONCE = 1000
"""Counters that one request drops at most: a million that end at once would keep the event loop for a second."""


class Counted(NamedTuple):
    """What is known once a request was counted."""

    used: int
    """Requests in the window, this one included."""
    left: float
    """Seconds until the window ends."""


class Counters(Protocol):
    """Counts the requests of each key. A window begins with the first request, and lasts for its time."""

    async def count(self, key: str, window: int) -> Counted:
        """Count a request of a key in its window of so many seconds.

        Raises:
            Exception: if that is impossible now.
        """
        ...


class MemoryCounters:
    """Counts in this process.

    Those of `limits` have no bound in memory, and it looks through all of them at each request.

    Args:
        most: counters of one length of window; for another one, that is dropped which would end first.
    """

    __slots__ = ("_most", "_windows")

    def __init__(self, most: int) -> None:
        self._most = most
        # By the length of the window: so the counters of each are in the order in which they end. A plain dict looks
        # for its first key behind all those that were deleted before it.
        self._windows: dict[int, OrderedDict[str, _Counter]] = {}

    async def count(self, key: str, window: int) -> Counted:
        """Count a request."""
        report_unshared("a RateLimit", "Give it a storage that all of them reach, in Redis say")
        now = asyncio.get_running_loop().time()  # no change of the system's clock moves it
        counters = self._windows.setdefault(window, OrderedDict())
        counter = counters.get(key)
        if counter is None or counter.ends <= now:
            counters.pop(key, None)
            self._make_room(counters, now)
            counter = counters[key] = _Counter(now + window)
        counter.used += 1
        return Counted(counter.used, counter.ends - now)

    def _make_room(self, counters: OrderedDict[str, _Counter], now: float) -> None:
        """Drop counters that have ended, and one more where there is no room."""
        for _ in repeat(None, _AT_ONCE):
            if not counters or (counters[next(iter(counters))].ends > now and len(counters) < self._most):
                break
            counters.popitem(last=False)

    def __len__(self) -> int:
        return sum(map(len, self._windows.values()))


class _Counter:
    __slots__ = ("ends", "used")

    def __init__(self, ends: float) -> None:
        self.used = 0
        self.ends = ends


class StorageCounters:
    """Counts in an async storage of `limits`.

    Args:
        storage: the storage, or its URI, as `"async+redis://localhost"`.
        timeout: seconds that it may take for a request; then it raises `TimeoutError`.

    Raises:
        TypeError: for what is none.
        RuntimeError: if `limits` is not installed.
    """

    __slots__ = ("_storage", "_timeout")

    def __init__(self, storage: Storage | str, timeout: float) -> None:
        try:
            from limits.aio.storage import Storage as AsyncStorage
            from limits.storage import storage_from_string
        except ModuleNotFoundError as exc:
            raise RuntimeError("a storage needs the package limits: pip install 'sketch-web[ratelimit]'") from exc
        opened: object = storage
        if isinstance(storage, str):
            # Of the clients for Redis, redis-py is the one that connects by itself: coredis has to be entered.
            options = {"implementation": "redispy"} if storage.startswith("async+redis") else {}
            opened = storage_from_string(storage, **options)
        if not isinstance(opened, AsyncStorage):
            raise TypeError(f"expected an async storage of limits, or its URI 'async+...', got {type(opened).__name__}")
        self._storage: Storage = opened
        self._timeout = timeout

    async def count(self, key: str, window: int) -> Counted:
        """Count a request. Raises what the storage raises, and `TimeoutError`."""
        async with asyncio.timeout(self._timeout):
            used = await self._storage.incr(key, window)
            return Counted(used, await self._storage.get_expiry(key) - time.time())
