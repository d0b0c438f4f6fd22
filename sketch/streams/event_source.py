"""The chunks of an event stream: runs the source in a task, adds pings while it is silent, and closes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Self

from sketch.concurrency.containment import contained
from sketch.concurrency.idle import BEGUN, DeadlineTimer, idle_timer, waited

if TYPE_CHECKING:
    from sketch.lifecycle.stopping import Stopping

PING = b": ping\n\n"
"""A comment: browsers ignore it, and proxies see that the connection is alive."""


class EventStream:
    """An iterator over the chunks of one event stream; each chunk is an event or a ping.

    A ping is due while the source still waits for its next event, and that wait must not be cancelled for a ping. So
    there are two tasks: the source's, which lives as long as the source, and the one that pulls chunks here. They take
    turns, so the source does not run ahead of the client. Neither sets a timer: the event loop's `DeadlineTimer` calls
    `idled`.

    Args:
        source: an async iterable of events.
        encode: turns an event into the bytes to send.
        first: a chunk to begin with, None for none.
        ping: seconds of silence until a ping, None for never.
        stopping: ends the stream when the server is told to stop.
    """

    __slots__ = (
        "_chunk", "_encode", "_ending", "_first", "_ping", "_running", "_silent", "_source", "_stopping", "_task",
        "_told", "_turn", "_waiter", "_watch",
    )  # fmt: skip

    def __init__(
        self,
        source: AsyncIterable[Any],
        encode: Callable[[Any], bytes],
        *,
        first: bytes | None = None,
        ping: float | None = None,
        stopping: Stopping | None = None,
    ) -> None:
        self._source = source
        self._encode = encode
        self._first = first
        self._ping = ping
        self._stopping = stopping
        self._task: asyncio.Task[None] | None = None
        self._running = False
        self._ending = False
        self._told = False
        self._chunk: bytes | None = None
        self._turn: asyncio.Future[None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._watch: DeadlineTimer | None = None
        self._silent = BEGUN

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """Return the next event, or a ping, as bytes.

        Raises:
            Exception: whatever the source raises.
        """
        task = self._task or self._begin()
        if self._first is not None:
            first, self._first = self._first, None
            return first
        if self._chunk is None and not task.done():
            await self._wait()
        chunk, self._chunk = self._chunk, None
        if chunk is None and task.done():
            self._end(task)
        return chunk or PING

    async def aclose(self) -> None:
        """Cancel the source, and wait until it is closed. Raises the error that it then fails with."""
        self._forget()
        try:
            if self._task is not None:
                await self._end_source(self._task)
        finally:
            if not self._running:  # there is no task, or it was cancelled before its first line
                self._running = True
                await _close(self._source)

    # -- in the task that pulls -------------------------------------------------------------------------------------

    def _begin(self) -> asyncio.Task[None]:
        task = self._task = asyncio.get_running_loop().create_task(self._run())
        task.add_done_callback(self._wake)
        if self._ping is not None:
            self._watch = idle_timer(self._ping)
            self._watch.add(self)
        if self._stopping is not None:
            self._stopping.listen(self._stop)
        return task

    async def _wait(self) -> None:
        """Let the source go on, and wait for its event, its end, or the time for a ping."""
        if self._turn is not None and not self._turn.done():
            self._turn.set_result(None)
        self._silent = BEGUN
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    async def _end_source(self, task: asyncio.Task[None]) -> None:
        self._ending = True
        task.cancel()
        cancelled: asyncio.CancelledError | None = None
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as exc:
                # As if the source ran in this task: a cancellation of the task cancels the source, too.
                cancelled = exc
                task.cancel()
        if cancelled is not None:
            raise cancelled
        if not self._told and not task.cancelled() and (error := task.exception()) is not None:
            self._told = True
            raise error

    def _end(self, task: asyncio.Task[None]) -> None:
        """End the iteration: raise the source's error, else StopAsyncIteration."""
        self._forget()
        self._told = True
        if not task.cancelled():
            task.result()
        elif not self._ending:
            raise RuntimeError("expected the source to go on or to end, but it was cancelled by something of its own")
        raise StopAsyncIteration

    def _forget(self) -> None:
        if self._watch is not None:
            self._watch.discard(self)
        if self._stopping is not None:
            self._stopping.forget(self._stop)

    def _stop(self) -> None:
        """Cancel the source because the server stops; the stream ends when the source has ended."""
        assert self._task is not None
        self._ending = True
        self._task.cancel()

    def _wake(self, _: object = None) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def idled(self, seconds: float) -> None:
        """Count seconds that have passed, and wake the pulling task if a ping is due; called by the timer."""
        if self._waiter is not None and self._ping is not None:
            self._silent = waited(self._silent, seconds)
            if self._silent >= self._ping:
                self._wake()

    # -- in the source's task ---------------------------------------------------------------------------------------

    async def _run(self) -> None:
        self._running = True
        await contained(self._iterate())

    async def _iterate(self) -> None:
        iterator: AsyncIterator[Any] | None = None
        try:
            iterator = aiter(self._source)
            async for item in iterator:
                self._hand_over(item)
                if self._ending:
                    return
                try:
                    self._turn = asyncio.get_running_loop().create_future()
                    await self._turn
                except asyncio.CancelledError as exc:
                    await self._interrupt(iterator, exc)
                    return
        finally:
            await _close(self._source if iterator is None else iterator)

    def _hand_over(self, item: Any) -> None:
        self._chunk = self._encode(item)
        self._wake()

    async def _interrupt(self, iterator: AsyncIterator[Any], exc: asyncio.CancelledError) -> None:
        """Raise the cancellation inside the source, at its `yield`.

        Closing a generator raises GeneratorExit there, which a task group around the `yield` takes for an error.
        """
        athrow = getattr(iterator, "athrow", None)
        if athrow is None:
            raise exc
        try:
            item = await athrow(exc)
        except StopAsyncIteration:
            return
        self._hand_over(item)


async def _close(source: object) -> None:
    aclose = getattr(source, "aclose", None)
    if aclose is not None:
        await aclose()
