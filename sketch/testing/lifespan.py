"""Starts and stops an application under test, in a task of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sketch.application import Application

Step = Callable[[], Coroutine[Any, Any, None]]


class Lifespan:
    """Runs start, shutdown and clean-up in one task, one after the other, as servers do.

    A context that is entered at the start must be left in the same task, but fixtures of a test may start and stop a
    client in two tasks.
    """

    def __init__(self, app: Application) -> None:
        self._app = app
        self._steps: asyncio.Queue[tuple[Step, asyncio.Future[None]] | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._told = False
        self._interrupted = False

    @property
    def started(self) -> bool:
        """Whether the application runs."""
        return self._task is not None

    async def start(self) -> None:
        """Start the application. Raises what a hook raises; then the application need not be stopped."""
        if self._task is not None:
            raise RuntimeError("the application is already started")
        self._told = False
        self._task = asyncio.create_task(self._run())
        try:
            await self._do(self._app.startup)
        except BaseException:
            await self._end()
            raise

    async def shutdown(self) -> None:
        """Tell the application to stop. Telling again does nothing."""
        if self._task is not None and not self._told:
            self._told = True
            await self._do(self._app.shutdown)

    async def cleanup(self) -> None:
        """Clean up, and end the task."""
        if self._task is not None:
            try:
                await self._do(self._app.cleanup)
            finally:
                await self._end()

    async def _do(self, step: Step) -> None:
        """Run a step in the task. If the caller is cancelled, the step is cancelled; the steps after it still run."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._steps.put_nowait((step, done))
        try:
            await done
        except asyncio.CancelledError:
            if self._task is not None and done.cancelled():
                self._interrupted = True
                self._task.cancel()
            raise

    async def _end(self) -> None:
        task, self._task = self._task, None
        self._steps.put_nowait(None)
        if task is not None:
            await task

    async def _run(self) -> None:
        while True:
            try:
                item = await self._steps.get()
                if item is None:
                    return
                await self._step(*item)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or not self._interrupted:
                    raise
                self._interrupted = False
                task.uncancel()

    async def _step(self, step: Step, done: asyncio.Future[None]) -> None:
        try:
            await step()
        except Exception as exc:
            if not done.cancelled():
                done.set_exception(exc)
        else:
            if not done.cancelled():
                done.set_result(None)
