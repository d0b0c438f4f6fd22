"""Background tasks: an application starts them, logs them by name, and waits for them or cancels them when it ends."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sketch.callables import Work, describe, is_coroutine_function, name_of
from sketch.checks import check_flags
from sketch.concurrency.containment import contained
from sketch.concurrency.tasks import first_of
from sketch.concurrency.threads import in_pool_thread, wait

if TYPE_CHECKING:
    from sketch.concurrency.threads import Threads
    from sketch.lifecycle.stopping import Stopping

logger = logging.getLogger("sketch")

T = TypeVar("T")

CANCELLED_GRACE = 5.0
"""Seconds that cancelled tasks get to end. A task that still runs then is logged by name and left behind."""


class Background:
    """The background tasks of one application."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._endless: set[asyncio.Task[Any]] = set()
        self._idle = asyncio.Event()
        self._open = True

    def open(self) -> None:
        """Accept tasks again, perhaps in another event loop than before."""
        self._open, self._idle = True, asyncio.Event()

    def spawn(self, coroutine: Coroutine[Any, Any, T], name: str | None, endless: bool) -> asyncio.Task[T]:
        """Start a task; see `Application.spawn`."""
        if not inspect.iscoroutine(coroutine):
            raise TypeError(f"expected a coroutine, got {coroutine!r:.200}: call the function, app.spawn(work())")
        if in_pool_thread():
            return wait(self._spawn_for_thread(coroutine, name, endless))
        return self._spawn(coroutine, name, endless)

    async def _spawn_for_thread(
        self, coroutine: Coroutine[Any, Any, T], name: str | None, endless: bool
    ) -> asyncio.Task[T]:
        return self._spawn(coroutine, name, endless)

    def _spawn(self, coroutine: Coroutine[Any, Any, T], name: str | None, endless: bool) -> asyncio.Task[T]:
        label = name or str(getattr(coroutine, "__qualname__", "?"))
        try:
            check_flags(endless=endless)
            if not self._open:
                raise RuntimeError(f"expected an application that has not ended, to run {label}")
            task = _begin(coroutine, label)
        except BaseException:
            coroutine.close()  # avoids the warning that it was never awaited
            raise
        self._idle.clear()
        self._tasks.add(task)
        if endless:
            self._endless.add(task)
        task.add_done_callback(self._ended)
        task.add_done_callback(lambda _: coroutine.close())  # if the task was cancelled before its first step
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._endless.discard(task)
        if not self._tasks:
            self._idle.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("background task %s failed", task.get_name(), exc_info=error)

    async def drain(self, stopping: Stopping) -> None:
        """Cancel the endless tasks, wait for the others until the grace period ends, then cancel those, too.

        Tasks that do not end are logged by name. A task may spawn others meanwhile. Without an order to stop there is
        no grace period.
        """
        for task in self._endless:
            task.cancel()
        try:
            if awaited := sorted(task.get_name() for task in self._tasks - self._endless):
                logger.info("waiting for background tasks: %s", ", ".join(awaited))
                await first_of(self._idle.wait(), stopping.wait_grace())
        finally:
            self._open = False
            for task in self._tasks:
                task.cancel()
                if task not in self._endless:
                    stopping.note_cut(f"background task {task.get_name()}")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CANCELLED_GRACE)
        for task in self._tasks:
            logger.warning("left behind: background task %s does not end", task.get_name())


def _begin(coroutine: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError("expected to be in the event loop's thread, or in that of a `def` handler or hook") from None
    return loop.create_task(contained(coroutine), name=name)


def begin_work(work: Work, occasion: str, spawn: Callable[..., Any], threads: Threads) -> None:
    """Start the background work of a response. Never fails: an error can only be logged.

    Args:
        work: the function to call.
        occasion: what the work comes after, for the task's name.
        spawn: `Application.spawn` of the application that has answered.
        threads: where a plain function is called.
    """
    name = f"{_name_of(work)} after {occasion}"
    try:
        spawn(_run(work, threads), name=name)
    except RuntimeError as exc:
        logger.error("background task %s was not begun: %s", name, exc)  # noqa: TRY400  # the message says it all


async def _run(work: Work, threads: Threads) -> None:
    result = work() if is_coroutine_function(work) else await threads.run(work)
    if inspect.isawaitable(result):
        await result
    elif inspect.isgenerator(result) or inspect.isasyncgen(result):
        raise TypeError(f"expected a function for the background, got {describe(work)}, a generator: no line of it ran")


def _name_of(work: Work) -> str:
    while isinstance(work, partial):
        work = work.func
    return name_of(work)
