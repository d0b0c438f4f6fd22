"""Cancel a task when an event occurs, and turn that cancellation, and no other, into another exception."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

logger = logging.getLogger("sketch")


class Interruption(ABC):
    """A context manager whose block is cancelled by `interrupt`, and then ends with another exception.

    Nothing else gets a task out of an `await` that may never return. As with `asyncio.timeout`, a cancellation from
    elsewhere passes through, also one that comes at the same time; an exception that the block raises meanwhile is
    kept; and the task's count of cancellations (`Task.cancelling`) is afterwards as if there had been no interruption.

    A block may follow another one. Blocks of different objects may be nested.
    """

    __slots__ = ("_cancelling", "_interrupted", "_task")

    insistent: ClassVar[bool] = False
    """Whether a block that catches its cancellation and comes to its end still ends with the exception."""

    def __init__(self) -> None:
        self._task: asyncio.Task[Any] | None = None
        self._cancelling = 0
        self._interrupted = False

    @abstractmethod
    def error(self) -> Exception:
        """Return the exception for an interrupted block."""

    def interrupt(self) -> None:
        """Cancel the task in the block; its clean-up is not cancelled again. Does nothing before and after the block.

        Called by another task or by a callback of the event loop.
        """
        if self._task is not None and not self._interrupted:
            self._interrupted = True
            self._task.cancel()

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("expected to run in a task")
        self._task = task
        self._cancelling = task.cancelling()

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, traceback: object) -> None:
        task, self._task = self._task, None  # its context refers to the request: kept, it would form a cycle
        if not self._interrupted or task is None:
            return
        self._interrupted = False
        alone = task.uncancel() <= self._cancelling
        ended_by_it = self.insistent if kind is None else alone and issubclass(kind, asyncio.CancelledError)
        if ended_by_it:
            raise self.error() from None


class InterruptedBy(Interruption):
    """Interrupts its block once an event has occurred: `with InterruptedBy(request.wait_disconnected, ...)`.

    Args:
        event: a coroutine function that returns after the event. It runs in a task, which is cancelled at the end of
            the block. If it fails, that is logged and interrupts nothing.
        error: makes the exception for the interrupted block.
    """

    __slots__ = ("_error", "_event", "_watcher")

    def __init__(self, event: Callable[[], Coroutine[Any, Any, object]], error: Callable[[], Exception]) -> None:
        super().__init__()
        self._event = event
        self._error = error

    def error(self) -> Exception:
        """Return the exception for an interrupted block."""
        return self._error()

    def __enter__(self) -> None:
        super().__enter__()
        assert self._task is not None
        self._watcher = self._task.get_loop().create_task(self._event())
        self._watcher.add_done_callback(self._ended)

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, traceback: object) -> None:
        watcher = self._watcher
        del self._watcher  # its callback refers to this object
        watcher.remove_done_callback(self._ended)
        watcher.cancel()
        super().__exit__(kind, exc, traceback)

    def _ended(self, watcher: asyncio.Task[object]) -> None:
        if watcher.cancelled():
            return
        if (failure := watcher.exception()) is None:
            self.interrupt()
        else:
            logger.error("the wait for an event failed: %r", self._event, exc_info=failure)
