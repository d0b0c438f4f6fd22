"""Where a backend runs its server: in the main thread, in an event loop of its own."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine
from importlib import import_module
from traceback import walk_tb
from typing import Any, TypeVar

from sketch.serving.options import ServeError

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


class _AsyncioLoop(ExitsContained, asyncio.SelectorEventLoop):
    pass


def loop_factory(name: str) -> LoopFactory:
    """Return the factory of the event loop with a name of `ServeOptions.loop`.

    `"auto"` is uvloop where it is installed. uvloop is not imported for `"asyncio"`.

    Raises:
        ServeError: if uvloop is asked for and not installed.
    """
    if name == "asyncio":
        return _AsyncioLoop
    try:
        uvloop: Any = import_module("uvloop")
    except ModuleNotFoundError:
        if name == "uvloop":
            raise ServeError("the loop 'uvloop' is not installed: pip install 'sketch-web[fast]'") from None
        return _AsyncioLoop
    return type("UVLoop", (ExitsContained, uvloop.Loop), {})


def run_alone(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in an event loop of its own, which is closed afterwards."""
    return asyncio.run(coroutine)
