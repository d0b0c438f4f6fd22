"""Where tasks stand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from sketch.concurrency.stacks import describe_tasks
from tests.support.requests import in_loop


class Wrapped:
    """Awaits by a generator of its own."""

    def __init__(self, awaited: Any) -> None:
        self._awaited = awaited

    def __await__(self) -> Iterator[Any]:
        return (yield from self._awaited.__await__())


@asynccontextmanager
async def connected() -> AsyncIterator[None]:
    await connect()
    yield


async def connect() -> None:
    await Wrapped(asyncio.wait_for(never(), 60))


async def never() -> None:
    await asyncio.Event().wait()


async def start() -> None:
    async with connected():
        pass


@in_loop
async def test_every_frame_that_waits_is_shown() -> None:
    tasks = [asyncio.create_task(start(), name="starting"), asyncio.create_task(never(), name="other")]
    await asyncio.sleep(0.01)
    text = describe_tasks(asyncio.get_running_loop())
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    starting = text[text.index("starting (most recent call last):") :]
    names = ("in start\n", "in connected\n", "in connect\n", "in __await__\n", "in wait_for\n")
    places = [starting.index(name) for name in names]
    assert places == sorted(places)
    assert "async with connected():" in starting
    assert text.index("other (most recent call last):") < text.index("starting (most")


@in_loop
async def test_a_task_that_has_not_begun() -> None:
    task = asyncio.create_task(never(), name="new")
    assert 'new (most recent call last):\n  File "' in describe_tasks(asyncio.get_running_loop())
    task.cancel()
    await asyncio.wait([task])


class Circular:
    """Awaits by an iterator that knows the coroutine which awaits it."""

    __slots__ = ("coroutine",)

    def __init__(self) -> None:
        self.coroutine: Any = None

    def __await__(self) -> Circular:
        return self

    def __iter__(self) -> Circular:
        return self

    def __next__(self) -> None:
        """Wait for the next turn of the event loop."""


@in_loop
async def test_a_chain_that_leads_back_to_itself_has_an_end() -> None:
    awaited = Circular()

    async def wait() -> None:
        await awaited  # type: ignore[misc]

    awaited.coroutine = wait()
    task = asyncio.create_task(awaited.coroutine, name="circular")
    await asyncio.sleep(0)
    text = describe_tasks(asyncio.get_running_loop())
    task.cancel()
    await asyncio.wait([task])
    assert text.count("in wait\n") == 1
