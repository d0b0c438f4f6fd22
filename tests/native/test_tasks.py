"""How the task of an exchange is made: as the event loop would, whatever the application has done to the loop."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import Coroutine
from typing import Any

import pytest

from sketch import Application, Request, Response
from sketch.transport import Outcome
from sketch_native.tasks import makes_plain_tasks, start_task
from tests.support.native import GET, make_app, serving

NUMBER = contextvars.ContextVar("NUMBER", default=0)


async def number() -> int:
    return NUMBER.get()


def context_of(value: int) -> contextvars.Context:
    context = contextvars.copy_context()
    context.run(NUMBER.set, value)
    return context


async def test_a_task_runs_in_its_context_and_has_a_constant_name() -> None:
    loop = asyncio.get_running_loop()
    assert makes_plain_tasks(loop)
    task = start_task(loop, True, number(), context_of(7))
    assert (task.get_name(), await task, NUMBER.get()) == ("exchange", 7, 0)


async def test_a_task_factory_makes_it_also_one_that_is_set_late() -> None:
    loop = asyncio.get_running_loop()
    made: list[asyncio.Task[Any]] = []

    def factory(loop: asyncio.AbstractEventLoop, run: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:
        made.append(asyncio.Task(run, loop=loop, **options))
        return made[-1]

    async with serving(make_app()) as served:
        loop.set_task_factory(factory)
        try:
            assert (await served.exchange(GET)).status == 200
        finally:
            loop.set_task_factory(None)
    assert any("Exchange.run" in repr(task) for task in made)
    assert all(task.done() for task in made)


class CountingLoop(asyncio.SelectorEventLoop):
    """A loop with a `create_task` of its own."""

    count = 0

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        self.count += 1
        return super().create_task(coro, **options)


def test_a_loop_with_its_own_create_task_makes_it() -> None:
    with asyncio.Runner(loop_factory=CountingLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, CountingLoop)
        assert not makes_plain_tasks(loop)

        async def run() -> tuple[int, int]:
            before = loop.count
            return await start_task(loop, False, number(), context_of(3)), loop.count - before

        assert runner.run(run()) == (3, 1)


def need_eager_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Skip the test where the loop cannot make eager tasks: uvloop asks for them by an argument of CPython 3.13.3."""
    loop.set_task_factory(asyncio.eager_task_factory)
    nothing = asyncio.sleep(0)
    try:
        loop.create_task(nothing)
    except TypeError as exc:
        nothing.close()
        pytest.skip(f"{type(loop).__module__} cannot make eager tasks here: {exc}")
    finally:
        loop.set_task_factory(None)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with CPython 3.12")
async def test_exchanges_may_be_eager_tasks() -> None:
    """Their first step, often all of the exchange, runs before the connection knows of them."""
    app = Application()

    @app.get("/")
    async def index() -> Response:
        return Response("ok")

    @app.get("/later")
    async def later() -> Response:
        await asyncio.sleep(0)
        return Response("later")

    finished: list[int | None] = []

    @app.on_finished
    async def note(request: Request, outcome: Outcome) -> None:
        finished.append(outcome.status)

    loop = asyncio.get_running_loop()
    need_eager_tasks(loop)
    async with serving(app) as served, served.connect() as wire:
        loop.set_task_factory(asyncio.eager_task_factory)
        try:
            await wire.send(GET + GET.replace(b"/ ", b"/later ") + GET)
            assert [(await wire.receive()).body for _ in range(3)] == [b"ok", b"later", b"ok"]
            await wire.send(GET * 100)  # more than a stack of them would hold, beyond what the queue takes
            assert {(await wire.receive()).body for _ in range(100)} == {b"ok"}
        finally:
            loop.set_task_factory(None)
    assert finished == [200] * 103


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with CPython 3.12")
async def test_exchanges_of_a_foreign_application_may_be_eager_tasks() -> None:
    async def bare(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"ok"})

    loop = asyncio.get_running_loop()
    need_eager_tasks(loop)
    async with serving(bare) as served, served.connect() as wire:
        loop.set_task_factory(asyncio.eager_task_factory)
        try:
            await wire.send(GET * 3)
            assert [(await wire.receive()).body for _ in range(3)] == [b"ok"] * 3
        finally:
            loop.set_task_factory(None)
