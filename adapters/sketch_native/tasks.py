"""The tasks of exchanges."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine
from typing import Any

_PLAIN = ("asyncio.base_events", "uvloop.loop")


def makes_plain_tasks(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether a loop's `create_task` is that of asyncio or uvloop, and not one of a subclass."""
    kind = next(kind for kind in type(loop).__mro__ if "create_task" in vars(kind))
    return kind.__module__ in _PLAIN


def start_task(
    loop: asyncio.AbstractEventLoop, plain: bool, run: Coroutine[Any, Any, Any], context: contextvars.Context
) -> asyncio.Task[Any]:
    """Run a coroutine in a task.

    Args:
        loop: the event loop.
        plain: what `makes_plain_tasks` says of it.
        run: the coroutine.
        context: the context that it runs in.
    """
    if plain and loop.get_task_factory() is None:
        # What `create_task` does, but for the name: to format one for each task takes longer than to make the task.
        return asyncio.Task(run, loop=loop, name="exchange", context=context)
    return loop.create_task(run, context=context)
