"""Threads for code that blocks: `def` handlers, synchronous iterables, file work."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import os
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from sketch.transport import FileBody

P = ParamSpec("P")
T = TypeVar("T")

_here = threading.local()

PIECE = 256 * 1024
"""Bytes of a file per read: each costs one thread hop (about 60 us), and more do not make a transfer faster."""


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
        self._jobs: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._started = 0
        self._waiting = 0
        self._life = 0
        self._running: dict[int, str] = {}

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call the function in a thread, in a copy of the current context, and return or raise what it does.

        A caller that is cancelled stops waiting; the thread itself cannot be stopped.
        """
        return await self._begin(function, *args, **kwargs)

    async def acquire(self, function: Callable[..., T], /, *args: Any, undo: Callable[[T], None]) -> T:
        """The same for a function that opens something: where the caller is cancelled, `undo` gets the result."""
        future = self._begin(function, *args)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            future.add_done_callback(lambda done: None if done.exception() else undo(done.result()))
            raise

    def _begin(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
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
        return future

    def _submit(self, job: Callable[[], None]) -> None:
        with self._changed:
            self._jobs.append(job)
            if len(self._jobs) > self._waiting and self._started < self._size:
                self._started += 1
                name = f"{self._name}-{self._started}"
                threading.Thread(target=self._work, args=(self._life,), name=name, daemon=True).start()
            self._changed.notify()

    def _work(self, life: int) -> None:
        while True:
            with self._changed:
                self._waiting += 1
                while not self._jobs and life == self._life:
                    self._changed.wait()
                self._waiting -= 1
                if not self._jobs:
                    return
                job = self._jobs.popleft()
            job()
            del job  # what the call holds must not live until the next one

    def running(self) -> list[str]:
        """The qualified names of the functions that run now."""
        return sorted(self._running.values())

    def close(self) -> None:
        """End the threads that are idle now, and the others after their call. Later calls start new ones."""
        with self._changed:
            self._life += 1
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
        if inspect.iscoroutine(awaitable):
            awaitable.close()  # it will not be awaited: no second complaint
        raise RuntimeError("expected to be in the thread of a `def` handler; in a coroutine use `await`")

    async def run() -> T:
        return await awaitable

    return asyncio.run_coroutine_threadsafe(run(), loop).result()


async def iterate_in_thread(iterable: Iterable[bytes]) -> AsyncIterator[bytes]:
    """The items of a synchronous iterable, each produced in a thread."""
    end: Any = object()
    iterator = await stream_threads.run(iter, iterable)
    busy = threading.Lock()

    def step() -> Any:
        with busy:
            return next(iterator, end)

    def close() -> None:
        with busy:  # where the consumer has left, the last step may still run: a running generator cannot be closed
            iterator.close()  # type: ignore[attr-defined]

    try:
        while (item := await stream_threads.run(step)) is not end:
            yield item
    finally:
        if hasattr(iterator, "close"):
            await stream_threads.run(close)


async def read_in_thread(body: FileBody) -> AsyncIterator[bytes]:
    """The bytes of a file body, each piece read in a thread. The file is left open: it is its holder's to close.

    Raises:
        RuntimeError: if the file has become shorter.
    """
    position, end = body.offset, body.offset + body.count
    while position < end:
        data = await file_threads.run(os.pread, body.file.fileno(), min(PIECE, end - position), position)
        if not data:
            raise RuntimeError(f"the file {body.path} has shrunk while it was sent: {end - position} bytes are missing")
        yield data
        position += len(data)
