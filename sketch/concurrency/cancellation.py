"""Cancelling a task for a reason that can be told from any other cancellation."""

from __future__ import annotations

import asyncio


class AttendedTask:
    """The current task, and who has cancelled it."""

    __slots__ = ("_before", "_left", "_task")

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "an exchange runs in a task"
        self._task = task
        self._before = task.cancelling()
        self._left = False

    def client_left(self, leaving: asyncio.Task[None]) -> None:
        """Cancel the handler, unless the wait itself was cancelled or has failed."""
        if not leaving.cancelled() and leaving.exception() is None:
            self._left = True
            self._task.cancel()

    def cancelled_by_client(self) -> bool:
        """Whether the client was the only one to cancel."""
        return self._left and self._task.cancelling() - 1 <= self._before

    def end(self) -> None:
        """Take the cancellation back: it has been dealt with, in whichever way."""
        if self._left:
            self._task.uncancel()
