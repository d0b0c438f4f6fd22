"""Where tasks stand: all that a task awaits, one in the other. `Task.get_stack` knows the outermost coroutine alone."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from traceback import StackSummary
from types import AsyncGeneratorType, CoroutineType, FrameType, GeneratorType
from typing import Any

_ATTRIBUTES = (
    (CoroutineType, "cr_frame", "cr_await"),
    (AsyncGeneratorType, "ag_frame", "ag_await"),
    (GeneratorType, "gi_frame", "gi_yieldfrom"),
)
"""Kinds of what can be awaited, and their attributes for the frame and for what it awaits."""


def describe_tasks(loop: asyncio.AbstractEventLoop) -> str:
    """Describe where each task of an event loop stands, in the form of tracebacks; that with the most frames last."""
    stacks = [(task.get_name(), StackSummary.extract(_frames(task.get_coro()))) for task in asyncio.all_tasks(loop)]
    stacks.sort(key=lambda each: len(each[1]))
    return "".join(f"{name} (most recent call last):\n{''.join(stack.format())}" for name, stack in stacks)


def _frames(awaited: Any) -> Iterator[tuple[FrameType, int]]:
    """Yield the frames of a coroutine and of what it awaits, with their lines."""
    seen: set[int] = set()
    while awaited is not None and id(awaited) not in seen:
        seen.add(id(awaited))
        for kind, frame_name, next_name in _ATTRIBUTES:
            if isinstance(awaited, kind):
                frame = getattr(awaited, frame_name)
                if frame is not None:
                    yield frame, frame.f_lineno
                awaited = getattr(awaited, next_name)
                break
        else:
            awaited = _wrapped(awaited)


def _wrapped(awaited: Any) -> Any:
    """Return what the object that `__await__` or `anext` returns stands for; None for a future, the end of a chain.

    It is a guess, which may lead back to where the chain came from.
    """
    kinds = tuple(kind for kind, _, _ in _ATTRIBUTES)
    return next((each for each in gc.get_referents(awaited) if isinstance(each, kinds)), None)
