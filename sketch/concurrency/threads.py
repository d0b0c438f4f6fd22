"""Thread pools for code that blocks: `def` handlers, synchronous iterables, file work."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractContextManager
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

from sketch.callables import close_coroutine, name_of
from sketch.concurrency.containment import contained
from sketch.concurrency.contexts import changed_since, set_variables

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger("sketch")

_here = threading.local()


class _Returns:
    """A queue of ended calls for an event loop, which is woken once for all calls that wait in the queue."""

    __slots__ = ("_calls", "_told", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._calls: deque[_Call] = deque()
        self._told = False

    def add(self, call: _Call) -> None:
        """Queue a call that has ended. Called in a pool thread."""
        self._calls.append(call)
        if not self._told:
            self._told = True  # `_settle` resets it before it takes the calls, so that none is left behind
            try:
                self.loop.call_soon_threadsafe(self._settle)
            except RuntimeError:  # the loop was closed: no task waits any more
                if not self.loop.is_closed():
                    raise

    def _settle(self) -> None:
        self._told = False
        while self._calls:
            call = self._calls.popleft()
            try:
                call.settle()
            except Exception:
                logger.exception("error while undoing %s after its caller was cancelled", call.name)


class _Call:
    """A function call that a pool thread makes, and the future for its result."""

    __slots__ = ("_args", "_context", "_error", "_function", "_kwargs", "_result", "_undo", "future", "returns")

    def __init__(
        self,
        function: Callable[..., Any],
        args: Any,
        kwargs: Any,
        undo: Callable[..., None] | None,
        returns: _Returns,
        context: contextvars.Context,
    ) -> None:
        self._function = function
        self._args = args
        self._kwargs = kwargs
        self._undo = undo
        self._context = context
        self._error: BaseException | None = None
        self.returns = returns
        self.future: asyncio.Future[Any] = returns.loop.create_future()

    @property
    def name(self) -> str:
        """The qualified name of the function."""
        return name_of(self._function)

    def make(self) -> None:
        """Call the function. Called in a pool thread."""
        _here.loop = self.returns.loop
        try:
            self._result = self._context.run(self._function, *self._args, **self._kwargs)
        except BaseException as exc:
            self._error = exc
            if isinstance(exc, StopIteration | GeneratorExit):
                # A future cannot hold StopIteration (PEP 479 for coroutines says the same), and with a GeneratorExit it
                # closes the coroutines that await it.
                self._error = RuntimeError(f"the function raised {type(exc).__name__}")
                self._error.__cause__ = exc

    def settle(self) -> None:
        """Set the result of the future, or undo the call if no task waits for it any more. Called in the event loop."""
        if self.future.done():
            if self._undo is not None and self._error is None:
                self._undo(self._result)
        elif self._error is not None:
            self.future.set_exception(self._error)
        else:
            self.future.set_result(self._result)


class _Crew:
    """The threads that take calls from one queue. A pool that is closed gets a new crew."""

    __slots__ = ("calls", "lock", "pending", "started")

    def __init__(self) -> None:
        self.calls: SimpleQueue[_Call | None] = SimpleQueue()
        self.lock = threading.Lock()
        self.pending = 0
        """Calls that are queued or running."""
        self.started = 0


class Threads:
    """A pool of daemon threads, each started when it is needed.

    The standard library's pool joins its threads when the interpreter exits, so one stuck handler would keep a stopped
    server alive for ever. This pool does not: a call that still runs past the deadline is reported by name and left
    behind.

    Args:
        size: how many calls may run at once; the others are queued.
        name: the prefix of the threads' names.
    """

    def __init__(self, size: int, name: str) -> None:
        if size < 1:
            raise ValueError(f"expected at least one thread, got {size!r:.200}")
        self._size = size
        self._name = name
        self._crew = _Crew()
        self._returns: _Returns | None = None
        self._running: dict[int, _Call] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle it as a pool of the same size, without the threads and what they do."""
        return Threads, (self._size, self._name)

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call the function in a thread. Returns or raises what it does.

        It runs in a copy of the current context; the context variables that it has set are set for the caller as well,
        as if the caller had awaited a coroutine. A caller that is cancelled stops waiting; the thread itself cannot be
        stopped.
        """
        before = contextvars.copy_context()
        context = before.copy()
        future = self._begin(function, args, kwargs, context=context)
        try:
            return await future
        finally:
            if not future.cancelled():  # else the caller has stopped waiting, and the function may still run
                set_variables(changed_since(before, context))

    async def acquire(self, function: Callable[..., T], /, *args: Any, undo: Callable[[T], None]) -> T:
        """Call a function that opens something, in a thread. If the caller is cancelled, `undo` gets the result."""
        future = self._begin(function, args, {}, undo)
        try:
            return await future
        except asyncio.CancelledError:
            if not future.cancelled() and future.exception() is None:  # the result was on its way to the caller
                undo(future.result())
            raise

    async def enter(self, manager: AbstractContextManager[T]) -> T:
        """Enter a context manager in a thread, as `run` calls a function; leave it again if the caller is cancelled."""
        before = contextvars.copy_context()
        context = before.copy()

        def leave(_: T) -> None:
            self._begin(manager.__exit__, (asyncio.CancelledError, asyncio.CancelledError(), None), {})

        future = self._begin(manager.__enter__, (), {}, leave, context)
        try:
            value = await future
        except asyncio.CancelledError:
            if not future.cancelled() and future.exception() is None:  # as in `acquire`
                leave(future.result())
            raise
        set_variables(changed_since(before, context))
        return value

    async def complete(self, function: Callable[[], None], /) -> None:
        """Call a function that closes something, in a thread. It runs even if the caller is cancelled."""
        await asyncio.shield(self._begin(function, (), {}))

    def _begin(
        self,
        function: Callable[..., T],
        args: Any,
        kwargs: Any,
        undo: Callable[[T], None] | None = None,
        context: contextvars.Context | None = None,
    ) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        returns = self._returns
        if returns is None or returns.loop is not loop:
            returns = self._returns = _Returns(loop)
        if context is None:
            context = contextvars.copy_context()
        call = _Call(function, args, kwargs, undo, returns, context)
        self._submit(call)
        return call.future

    def _submit(self, call: _Call) -> None:
        crew = self._crew
        with crew.lock:
            crew.pending += 1
            lacking = crew.pending > crew.started and crew.started < self._size
            if lacking:
                crew.started += 1
        crew.calls.put(call)
        if lacking:
            self._start(crew, call)

    def _start(self, crew: _Crew, call: _Call) -> None:
        name = f"{self._name}-{crew.started}"
        try:
            threading.Thread(target=self._work, args=(crew,), name=name, daemon=True).start()
        except RuntimeError:  # the system has no more threads: the call waits for an existing one
            with crew.lock:
                crew.started -= 1
            if not crew.started:
                call.future.cancel()
                raise

    def _work(self, crew: _Crew) -> None:
        ident = threading.get_ident()
        while (call := crew.calls.get()) is not None:
            cancelled = call.future.cancelled()
            if not cancelled:
                self._running[ident] = call
                call.make()
                del self._running[ident]
            with crew.lock:  # before the caller learns of it, so that its next call finds this thread free
                crew.pending -= 1
            if not cancelled:
                call.returns.add(call)
            del call  # else its objects would live until the next call

    def running(self) -> list[str]:
        """Return the qualified names of the functions that run now."""
        return sorted(call.name for call in list(self._running.values()))

    def close(self) -> None:
        """End the idle threads now, the others after their calls. Later calls start new threads."""
        crew, self._crew = self._crew, _Crew()
        for _ in range(crew.started):
            crew.calls.put(None)


file_threads = Threads(8, "sketch-file")
"""Threads to open, read and close files; separate from handlers, so that no slow handler starves a download."""

stream_threads = Threads(40, "sketch-stream")
"""Threads to run synchronous iterables, one `next()` at a time."""


def in_pool_thread() -> bool:
    """Whether this is the thread of a pool, so that `wait` can be called."""
    return hasattr(_here, "loop")


def wait(awaitable: Awaitable[T]) -> T:
    """Run an awaitable in the event loop that this pool thread works for, and return its result.

    Raises:
        RuntimeError: outside a pool thread. In a coroutine, use `await`. And for what it raises that is no `Exception`.
    """
    loop: asyncio.AbstractEventLoop | None = getattr(_here, "loop", None)
    if loop is None:
        close_coroutine(awaitable)
        raise RuntimeError("expected to be in the thread of a `def` handler; in a coroutine use `await`")

    return asyncio.run_coroutine_threadsafe(contained(awaitable), loop).result()


async def iterate_in_thread(iterable: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Yield the items of a synchronous iterable, each produced in a thread, all in one context.

    So a generator keeps the context variables that it sets, and may reset them by their tokens.
    """
    end: Any = object()
    context = contextvars.copy_context()
    iterator = await stream_threads.run(context.run, iter, iterable)
    busy = threading.Lock()

    def step() -> Any:
        with busy:
            return context.run(next, iterator, end)

    def close() -> None:
        with busy:  # a cancelled consumer's last step may still run, and a running generator cannot close
            context.run(iterator.close)  # type: ignore[attr-defined]

    try:
        while (item := await stream_threads.run(step)) is not end:
            yield item
    finally:
        if hasattr(iterator, "close"):
            await stream_threads.run(close)


coding_threads = Threads(os.cpu_count() or 1, "sketch-coding")
"""Threads to compress and expand large bodies. One per core, because all the libraries release the GIL."""
