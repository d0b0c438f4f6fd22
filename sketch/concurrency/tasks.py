"""Await several coroutines: until the first ends, or each in turn whatever becomes of the others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from sketch.concurrency.containment import as_error, ends_task

logger = logging.getLogger("sketch")


async def first_of(*coroutines: Coroutine[Any, Any, Any]) -> None:
    """Run the coroutines as tasks until one ends, then cancel the others and wait for their end."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def await_all(calls: Iterable[Callable[[], Awaitable[Any]]], where: str) -> Exception | None:
    """Await each call, one after the other, also if one of them fails or is cancelled.

    Args:
        calls: functions without arguments.
        where: what they belong to; each exception is logged with it.

    Returns:
        The first exception, None without one.

    Raises:
        asyncio.CancelledError: the last cancellation of this task, once the others were called.
    """
    first: Exception | None = None
    error: Exception | None = None
    ended: asyncio.CancelledError | None = None
    try:
        for call in calls:
            try:
                await call()
            except BaseException as exc:
                if ends_task(exc):
                    if not isinstance(exc, asyncio.CancelledError):
                        raise
                    ended = exc
                else:
                    error = as_error(exc)
                    logger.exception("error in %s", where, exc_info=error)
                    first = first or error
        if ended is not None:
            raise ended
        return first
    finally:
        first = error = ended = None  # their tracebacks refer to this frame, which would form a cycle
