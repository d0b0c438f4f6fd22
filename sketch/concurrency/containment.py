"""Tells what ends a task from what code of the application has raised, and makes an error of the latter."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


def ends_task(exc: BaseException) -> bool:
    """Whether an exception has to end the current task: it must be raised again, whatever the task is doing.

    That is so for the cancellation of this very task, for a Ctrl-C that Python itself raises, and for a coroutine that
    is closed outside of a task. Anything else is the fault of the code that was called: a `SystemExit` (`argparse`
    raises it for bad input), a `KeyboardInterrupt` of its own, or the cancellation of something that it awaited.
    """
    if isinstance(exc, Exception):
        return False
    if isinstance(exc, BaseExceptionGroup):
        return any(ends_task(inner) for inner in exc.exceptions)
    if isinstance(exc, KeyboardInterrupt):
        return _interrupted_by_signal()
    task = _current_task()
    if isinstance(exc, asyncio.CancelledError):
        return task is None or task.cancelling() > 0
    return isinstance(exc, GeneratorExit) and task is None


def as_error(exc: BaseException) -> Exception:
    """Return what code of the application has raised as an `Exception`: what is none becomes the cause of one.

    Not for what ends the task, see `ends_task`.
    """
    if isinstance(exc, Exception):
        return exc
    if isinstance(exc, asyncio.CancelledError):
        error = RuntimeError(f"expected a result, got {exc!r:.200}: what was awaited was cancelled, not the task")
    else:
        error = RuntimeError(f"expected an Exception from the application, got {exc!r:.200}: raise one instead")
    error.__cause__ = exc
    return error


async def contained(awaitable: Awaitable[T]) -> T:
    """Await code of the application in a task of its own, and raise only its errors, see `as_error`.

    The event loop itself ends with a `SystemExit` or a `KeyboardInterrupt` that leaves any of its tasks.
    """
    try:
        return await awaitable
    except BaseException as exc:
        if isinstance(exc, Exception) or ends_task(exc):
            raise
        raise as_error(exc)  # noqa: B904 - it has its cause


def _interrupted_by_signal() -> bool:
    """Whether Python's own handler raises `KeyboardInterrupt` here: a server that runs has replaced it."""
    return (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )


def _current_task() -> asyncio.Task[object] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # there is no event loop: the coroutine is closed by the garbage collector
        return None
