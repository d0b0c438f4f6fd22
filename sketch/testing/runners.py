"""Runs a server under test: as a task of the test's event loop, or in a thread with a loop of its own.

Each server is a coroutine function that is told when to stop: see `sketch.testing.servers`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Protocol

STARTUP = 30.0
"""Seconds that a server may take to start."""

GRACE = 5.0
"""Seconds that a server and its clean-up hooks may take to stop, beyond the timeout for requests."""

CANCELLED = 1.0
"""Seconds that a server may take to end once it is cancelled."""


class Control:
    """What a running server is told, and what it tells.

    Attributes:
        started: gets the port once the server listens.
        told: set when the server has to stop.
    """

    def __init__(self) -> None:
        self.started: Future[int] = Future()
        self.told = asyncio.Event()


Serve = Callable[[Control], Coroutine[Any, Any, None]]
"""Serves until `told` is set. Raises what the application's hooks have raised."""


class Runner(Protocol):
    """Runs one server."""

    async def start(self, seconds: float) -> int:
        """Start the server. Returns its port; raises what the start has raised, TimeoutError after so many seconds."""
        ...

    def tell(self) -> None:
        """Tell the server to stop."""

    async def end(self, seconds: float) -> None:
        """Wait for the server's end, and cancel it after so many seconds. Raises what the stop has raised."""

    def kill(self) -> None:
        """Stop the server where nothing can be awaited."""


async def _first(one: asyncio.Future[Any], other: asyncio.Future[Any], seconds: float) -> None:
    """Wait until one of them is done, no longer than so many seconds."""
    await asyncio.wait([one, other], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)


class InTask:
    """Runs a server as a task of the running event loop."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._control: Control | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, seconds: float) -> int:
        """Start the server: see `Runner`."""
        self._control = control = Control()
        self._task = task = asyncio.create_task(self._serve(control), name="sketch server under test")
        started = asyncio.wrap_future(control.started)
        try:
            await _first(task, started, seconds)
            if started.done():
                return started.result()
            if task.done():
                await task
                raise RuntimeError("the server has ended at its start")
            raise TimeoutError(f"the server did not start within {seconds} seconds")
        except BaseException:
            started.cancel()
            await self._cancel()
            raise

    def tell(self) -> None:
        """Tell the server to stop."""
        if self._control is not None:
            self._control.told.set()

    async def end(self, seconds: float) -> None:
        """Wait for the server's end: see `Runner`."""
        if self._task is None:
            return
        try:
            await asyncio.wait([self._task], timeout=seconds)
        finally:
            in_time = self._task.done()
            await self._cancel()
        if not in_time:
            raise TimeoutError(f"the server did not stop within {seconds} seconds")
        await self._task

    async def _cancel(self) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task], timeout=CANCELLED)

    def kill(self) -> None:
        """Do nothing: the task ends with its event loop."""


class InThread:
    """Runs a server in a thread, in an event loop of its own."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._control: Control | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self._ended: Future[Exception | None] = Future()  # an exception as its result: not all who wait retrieve it
        self._thread: threading.Thread | None = None

    async def start(self, seconds: float) -> int:
        """Start the server: see `Runner`."""
        self._ended = Future()
        begun: Future[Control] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(begun, self._ended), name="sketch server under test", daemon=True
        )
        self._thread.start()
        try:
            self._control = await asyncio.wrap_future(begun)
            started, ended = asyncio.wrap_future(self._control.started), asyncio.wrap_future(self._ended)
            await _first(started, ended, seconds)
            if started.done():
                return started.result()
            if ended.done():
                raise ended.result() or RuntimeError("the server has ended at its start")
            raise TimeoutError(f"the server did not start within {seconds} seconds")
        except BaseException:
            self._cancel()
            await self._wait(CANCELLED)
            raise

    def _run(self, begun: Future[Control], ended: Future[Exception | None]) -> None:
        async def main() -> None:
            self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
            control = Control()
            begun.set_result(control)
            await self._serve(control)

        try:
            asyncio.run(main())
        except BaseException as exc:
            ended.set_result(exc if isinstance(exc, Exception) else RuntimeError(f"the server has ended by {exc!r}"))
        else:
            ended.set_result(None)

    def tell(self) -> None:
        """Tell the server to stop."""
        if self._control is not None:
            self._call(self._control.told.set)

    def _call(self, function: Callable[[], object]) -> None:
        if self._loop is not None and not self._ended.done():
            try:
                self._loop.call_soon_threadsafe(function)
            except RuntimeError:  # the loop has closed meanwhile
                return

    async def end(self, seconds: float) -> None:
        """Wait for the server's end: see `Runner`."""
        if self._control is None:
            return
        if not await self._wait(seconds):
            self._cancel()
            left = "" if await self._wait(CANCELLED) else ": it ignores its cancellation, its thread is left"
            raise TimeoutError(f"the server did not stop within {seconds} seconds{left}")
        error = self._ended.result()
        if error is not None:
            raise error

    async def _wait(self, seconds: float) -> bool:
        """Wait for the end of the thread, no longer than so many seconds. Returns whether it has ended."""
        await asyncio.wait([asyncio.wrap_future(self._ended)], timeout=seconds)
        if self._ended.done() and self._thread is not None:
            self._thread.join()  # it has nothing left to do
        return self._ended.done()

    def kill(self) -> None:
        """Stop the server where nothing can be awaited: block until it has ended, within bounds."""
        self.tell()
        if self._thread is not None:
            self._thread.join(CANCELLED)
            self._cancel()
            self._thread.join(CANCELLED)

    def _cancel(self) -> None:
        if self._main is not None:
            self._call(self._main.cancel)
