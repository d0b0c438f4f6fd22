"""Cancel a task when the client leaves, and tell that cancellation from any other."""

from __future__ import annotations

import asyncio


class AttendedTask:
    """The current task, cancelled when the client leaves; tells whether that was the only cancellation."""

    __slots__ = ("_before", "_left", "_task")

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "an exchange runs in a task"
        self._task = task
        self._before = task.cancelling()
        self._left = False

    def client_left(self, leaving: asyncio.Task[None]) -> None:
        """Cancel the task once `leaving` (the wait for the disconnect) is done, unless that was cancelled or failed."""
        if not leaving.cancelled() and leaving.exception() is None:
            self._left = True
            self._task.cancel()

    def cancelled_by_client(self) -> bool:
        """Whether the client's disconnect is the only reason for the cancellation."""
        return self._left and self._task.cancelling() - 1 <= self._before

    def end(self) -> None:
        """Withdraw the cancellation with `uncancel`: it was handled, one way or another."""
        if self._left:
            self._task.uncancel()
