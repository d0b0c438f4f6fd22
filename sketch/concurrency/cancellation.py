"""Cancel a task when an event occurs, and tell that cancellation from any other."""

from __future__ import annotations

import asyncio


class LinkedTask:
    """The current task, cancelled when a watcher task ends; tells whether that was the only cancellation."""

    __slots__ = ("_before", "_ended", "_task")

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "expected to be made in a task"
        self._task = task
        self._before = task.cancelling()
        self._ended = False

    def watcher_ended(self, watcher: asyncio.Task[None]) -> None:
        """Cancel the task, unless the watcher was cancelled or has failed. A callback of the watcher."""
        if not watcher.cancelled() and watcher.exception() is None:
            self._ended = True
            self._task.cancel()

    def cancelled_by_watcher(self) -> bool:
        """Whether the end of the watcher is the only reason for the cancellation."""
        return self._ended and self._task.cancelling() - 1 <= self._before

    def end(self) -> None:
        """Withdraw the cancellation with `uncancel`: it was handled, one way or another."""
        if self._ended:
            self._task.uncancel()
