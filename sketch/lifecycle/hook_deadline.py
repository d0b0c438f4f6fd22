"""The time that a hook has: one that hangs holds up neither the end of an application nor its start for ever."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from sketch.concurrency.cancellation import Interruption
from sketch.lifecycle.background import CANCELLED_GRACE
from sketch.lifecycle.stopping import Stopping


class StartCancelled(Exception):
    """The application was told to stop before it had started."""


class _Overdue(Exception):
    """A hook has used up its time."""


class _Bounded(Interruption):
    """A block that is cancelled at some time. One that goes on all the same is reported: see `Stopping.give_up`.

    Args:
        name: of what runs in the block.
        stopping: of the application.
    """

    __slots__ = ("_handle", "_name", "_stopping")

    def __init__(self, name: str, stopping: Stopping) -> None:
        super().__init__()
        self._handle: asyncio.TimerHandle | None = None
        self._name = name
        self._stopping = stopping

    def interrupt(self) -> None:
        """Cancel the block, and wait for its end within bounds."""
        super().interrupt()
        self._call_later(CANCELLED_GRACE, self._give_up)

    def _give_up(self) -> None:
        self._stopping.give_up(self._name)

    def _call_later(self, seconds: float, function: Callable[[], None]) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._handle = asyncio.get_running_loop().call_later(seconds, function)

    def __enter__(self) -> None:
        super().__enter__()
        self._watch()

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, traceback: object) -> None:
        self._leave()
        if self._handle is not None:
            self._handle.cancel()
        super().__exit__(kind, exc, traceback)

    @abstractmethod
    def _watch(self) -> None:
        """Arrange for `interrupt` to be called."""

    @abstractmethod
    def _leave(self) -> None:
        """Undo that."""


class UntilOrder(_Bounded):
    """Cancels the start of an application once the order to stop comes. The block then raises `StartCancelled`."""

    __slots__ = ()

    def __init__(self, stopping: Stopping) -> None:
        super().__init__("the start of the application", stopping)

    def error(self) -> Exception:
        """Return the exception for a cancelled start."""
        return StartCancelled("the order to stop came during the start")

    def _watch(self) -> None:
        self._stopping.listen(self.interrupt)

    def _leave(self) -> None:
        self._stopping.forget(self.interrupt)


class _HookDeadline(_Bounded):
    """Cancels a hook that has used up its time, at once if another order to stop comes."""

    __slots__ = ()

    def error(self) -> Exception:
        """Return the exception for a cancelled hook."""
        return _Overdue()

    def _watch(self) -> None:
        self._stopping.hurried.add(self.interrupt)
        self._call_later(self._stopping.hook_deadline() - monotonic(), self.interrupt)

    def _leave(self) -> None:
        self._stopping.hurried.discard(self.interrupt)


async def call_in_time(call: Callable[[], Awaitable[Any]], name: str, stopping: Stopping) -> None:
    """Call a hook while an application stops. One that has used up its time is cancelled, and noted as cut off."""
    try:
        with _HookDeadline(name, stopping):
            await call()
    except _Overdue:
        stopping.note_cut(name)
