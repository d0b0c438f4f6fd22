"""Threads for code that blocks: `def` handlers, synchronous iterables, file work."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_here = threading.local()


class Threads:
    """A pool of daemon threads, started as they are needed.

    The standard library's pool joins its threads when the interpreter exits, so one stuck handler would keep a stopped
    server alive for ever. These do not: what still runs past the deadline is reported by name and left behind.

    Args:
        size: how many calls may run at once; the others wait their turn.
        name: what the threads are called.
    """

    def __init__(self, size: int, name: str) -> None:
        if size < 1:
            raise ValueError(f"expected at least one thread, got {size!r}")
        self._size = size
        self._name = name
        self._jobs: deque[Callable[[], None] | None] = deque()
        self._changed = threading.Condition()
        self._started = 0
        self._waiting = 0
        self._running: dict[int, str] = {}

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call the function in a thread, in a copy of the current context, and return or raise what it does.

        A caller that is cancelled stops waiting; the thread itself cannot be stopped.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        context = contextvars.copy_context()

        def settle(result: T | None, error: BaseException | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type]

        def job() -> None:
            if future.cancelled():
                return
            _here.loop = loop
            result, error = None, None
            self._running[threading.get_ident()] = getattr(function, "__qualname__", repr(function))
            try:
                result = context.run(function, *args, **kwargs)
            except BaseException as exc:
                # A future cannot hold StopIteration (PEP 479 for coroutines says the same).
                error = RuntimeError("the function raised StopIteration") if isinstance(exc, StopIteration) else exc
            finally:
                del self._running[threading.get_ident()]
            try:
                loop.call_soon_threadsafe(settle, result, error)
            except RuntimeError:  # the loop was closed: nobody waits any more
                if not loop.is_closed():
                    raise

        self._submit(job)
        return await future

    def _submit(self, job: Callable[[], None]) -> None:
        with self._changed:
            self._jobs.append(job)
            if len(self._jobs) > self._waiting and self._started < self._size:
                self._started += 1
                threading.Thread(target=self._work, name=f"{self._name}-{self._started}", daemon=True).start()
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._waiting += 1
                while not self._jobs:
                    self._changed.wait()
                self._waiting -= 1
                job = self._jobs.popleft()
            if job is None:
                return
            job()
            del job  # what the call holds must not live until the next one

    def running(self) -> list[str]:
        """The qualified names of the functions that run now."""
        return sorted(self._running.values())

    def close(self) -> None:
        """End the threads that are idle now, and the others after their call."""
        with self._changed:
            self._jobs.extend([None] * self._started)
            self._started = 0
            self._changed.notify_all()


file_threads = Threads(8, "sketch-file")
"""For opening, reading and closing files: apart from handlers, so that no slow handler starves a download."""

stream_threads = Threads(40, "sketch-stream")
"""For synchronous iterables: one `next()` at a time."""


def wait(awaitable: Awaitable[T]) -> T:
    """Run an awaitable in the event loop that this thread works for, and return its result.

    Raises:
        RuntimeError: outside a handler's thread: in a coroutine, use `await`.
    """
    loop: asyncio.AbstractEventLoop | None = getattr(_here, "loop", None)
    if loop is None:
        raise RuntimeError("expected to be in the thread of a `def` handler; in a coroutine use `await`")

    async def run() -> T:
        return await awaitable

    return asyncio.run_coroutine_threadsafe(run(), loop).result()


async def iterate_in_thread(iterable: Iterable[bytes]) -> AsyncIterator[bytes]:
    """The items of a synchronous iterable, each produced in a thread."""
    end: Any = object()
    iterator = await stream_threads.run(iter, iterable)
    try:
        while (item := await stream_threads.run(next, iterator, end)) is not end:
            yield item
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            await stream_threads.run(close)
