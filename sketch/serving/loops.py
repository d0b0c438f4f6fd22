"""Where a backend runs its server: in the main thread, in an event loop of its own."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections.abc import Callable, Coroutine
from importlib import import_module
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, TypeVar

from sketch.serving.options import ServeError
from sketch.serving.processes.link import current_link

logger = logging.getLogger("sketch.server")

if TYPE_CHECKING:
    import socket

LoopFactory = Callable[[], asyncio.AbstractEventLoop]
T = TypeVar("T")


def check_place() -> None:
    """Check that a backend can run here: it takes the signals of the process, and starts an event loop of its own.

    Raises:
        RuntimeError: in another thread than the main one, and inside a running event loop.
    """
    thread = threading.current_thread()
    if thread is not threading.main_thread():
        raise RuntimeError(f"expected run_app in the main thread, which gets the signals, got {thread!r}: {_ADVICE}")
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(f"expected run_app outside of a running event loop, got {loop!r}: {_ADVICE}")


_ADVICE = "there use `async with sketch.serve(app):`"


class ServersKnown:
    """A mixin for event loops: keeps the servers that were made, and how, for `opened_servers`."""

    _servers_made: list[asyncio.Server]
    _last_call: tuple[tuple[Any, ...], dict[str, Any]]

    async def create_server(self: Any, *arguments: Any, **options: Any) -> asyncio.Server:
        """Make a server."""
        server: asyncio.Server = await super().create_server(*arguments, **options)  # type: ignore[misc]
        self._servers_made = [*getattr(self, "_servers_made", ()), server]
        self._last_call = arguments, options
        return server


def opened_servers() -> list[asyncio.Server]:
    """Return the servers that were made in the running event loop, one of `loop_factory`."""
    return list(getattr(asyncio.get_running_loop(), "_servers_made", ()))


async def open_another_server(sock: socket.socket) -> asyncio.Server:
    """Make a server in the running event loop, one of `loop_factory`, like the last one but on another bound socket.

    Its connections are those of the program that has made the last one, which has chosen their protocol.
    """
    loop: Any = asyncio.get_running_loop()
    arguments, options = loop._last_call
    server: asyncio.Server = await loop.create_server(*arguments, **{**options, "sock": sock})
    return server


class ExitsContained:
    """A mixin for event loops: a `SystemExit` that leaves a task is the result of that task, and does not end the loop.

    asyncio gives the exit to the task, and then raises it out of the loop as well. The tasks of `asyncio.wait_for`,
    `gather`, `TaskGroup` and `create_task` are not sketch's to wrap. One that is not awaited is logged by asyncio.
    """

    def run_until_complete(self: Any, future: Any) -> Any:
        """Run the loop until the future is done, and return its result."""
        future = asyncio.ensure_future(future, loop=self)
        while True:
            try:
                return super().run_until_complete(future)  # type: ignore[misc]
            except SystemExit as exc:
                own = future.done() and not future.cancelled() and future.exception() is exc
                if own or not _left_task(exc):
                    raise


def _left_task(exc: BaseException) -> bool:
    """Whether the exception comes out of a coroutine, not of a callback of the loop or a signal handler beside it."""
    return any(frame.f_code.co_flags & inspect.CO_COROUTINE for frame, _ in walk_tb(exc.__traceback__))


class _AsyncioLoop(ExitsContained, ServersKnown, asyncio.SelectorEventLoop):
    pass


def loop_factory(name: str) -> LoopFactory:
    """Return the factory of the event loop with a name of `ServeOptions.loop`.

    `"auto"` is uvloop where it is installed. uvloop is not imported for `"asyncio"`. In a worker, the loop sends its
    heartbeats.

    Raises:
        ServeError: if uvloop is asked for and not installed.
    """
    factory = _factory(name)
    link = current_link()
    if link is None:
        return factory

    def attached() -> asyncio.AbstractEventLoop:
        loop = factory()
        link.attach(loop)
        return loop

    return attached


def _factory(name: str) -> LoopFactory:
    if name == "asyncio":
        return _AsyncioLoop
    try:
        uvloop: Any = import_module("uvloop")
    except ModuleNotFoundError:
        if name == "uvloop":
            raise ServeError("the loop 'uvloop' is not installed: pip install 'sketch-web[fast]'", "loop") from None
        return _AsyncioLoop
    return type("UVLoop", (ExitsContained, ServersKnown, uvloop.Loop), {})


ENDING = 1.0
"""Seconds that the tasks which are left at the end of a server get to end, once they are cancelled."""


def run_server(factory: LoopFactory, serving: Coroutine[Any, Any, T]) -> T:
    """Run a server in an event loop of its own, and return its result. Tasks that do not end are left behind.

    Not by `asyncio.Runner`: it waits for every task, so one that swallows its cancellation would keep a stopped server
    alive for ever.
    """
    loop = factory()
    try:
        return loop.run_until_complete(_and_end(serving))
    finally:
        loop.close()


async def _and_end(serving: Coroutine[Any, Any, T]) -> T:
    try:
        return await serving
    finally:
        await _end_tasks()


async def _end_tasks() -> None:
    """Cancel the tasks that the application has left running and close its generators, within a bounded time."""
    loop = asyncio.get_running_loop()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    closing = loop.create_task(loop.shutdown_asyncgens())
    _, left = await asyncio.wait([*tasks, closing], timeout=ENDING)
    for task in left:
        logger.warning("left behind: %r does not end", task)


def run_alone(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in an event loop of its own, which is closed afterwards."""
    return asyncio.run(coroutine)


def repeat(call: Callable[[], object], interval: float) -> None:
    """Call a function now, and every so many seconds, in the running event loop until that is closed."""
    call()
    asyncio.get_running_loop().call_later(interval, repeat, call, interval)
