"""Control of time: deadlines, heartbeats and expiry without waiting, in memory and natively."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import uvloop

from sketch import (
    Application,
    Event,
    EventStreamResponse,
    Limits,
    Request,
    Response,
    WebSocket,
    WebSocketDisconnected,
    WebSocketPolicy,
)
from sketch.testing import TestClient
from sketch.testing.clock import TimeControl
from tests.support.pace import bound

both = pytest.mark.parametrize("transport", ["memory", "native"])


def in_plain_loop(function: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run a coroutine test without a bound of the loop's own: its time jumps. pytest-timeout bounds it."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        began = time.monotonic()
        asyncio.run(function(*args, **kwargs))  # type: ignore[arg-type]
        assert time.monotonic() - began < bound(idle=5, loaded=20), "expected jumps, not waiting"

    return run


@both
@in_plain_loop
async def test_a_timeout_of_a_handler(transport: str) -> None:
    app = Application(limits=Limits(handler_timeout=30))
    begun = asyncio.Event()

    @app.get("/")
    async def slow() -> Response:
        begun.set()
        await asyncio.sleep(3600)
        return Response("late")

    async with TestClient(app, transport=transport) as client, client.time() as now:
        asking = asyncio.create_task(client.get("/"))
        await begun.wait()
        await now.advance(29)
        assert not asking.done()
        await now.advance(2)
        assert (await asking).status == 503


@both
@in_plain_loop
async def test_work_that_sleeps(transport: str) -> None:
    app = Application()

    @app.get("/")
    async def slow() -> Response:
        await asyncio.sleep(600)
        return Response("done")

    async with TestClient(app, transport=transport) as client, client.time() as now:
        asking = asyncio.create_task(client.get("/"))
        await now.advance(601)
        assert await (await asking).text() == "done"


@both
@in_plain_loop
async def test_keep_alive_comments_of_an_event_stream(transport: str) -> None:
    app = Application()

    @app.get("/")
    async def feed() -> Response:
        async def events() -> AsyncIterator[Event]:
            yield Event("first")
            await asyncio.Event().wait()

        return EventStreamResponse(events(), ping=15)

    async with TestClient(app, transport=transport) as client, client.time() as now:
        response = await client.get("/")
        chunks = response.stream()
        assert b"first" in await anext(chunks)
        waiting = asyncio.ensure_future(anext(chunks))
        await now.advance(10)
        assert not waiting.done()
        await now.advance(10)
        assert (await waiting).startswith(b":")
        await response.close()


@in_plain_loop
async def test_a_heartbeat_that_is_answered_and_one_that_is_not() -> None:
    """Natively: the client of the test answers pings while it is read, and not once its connection is paused."""
    app = Application()
    ended: list[int] = []

    @app.websocket("/", policy=WebSocketPolicy(ping_interval=20, ping_timeout=10))
    async def session(ws: WebSocket) -> None:
        try:
            await ws.receive()
        except WebSocketDisconnected as end:
            ended.append(end.code)

    async with TestClient(app, transport="native") as client, client.time() as now, client.websocket("/") as ws:
        await now.advance(200)
        assert ws.close_code is None
        ws._socket._connection.transport.pause_reading()  # type: ignore[attr-defined]
        await now.advance(60)
        assert ended == [1006]
        ws.abort()


@both
@in_plain_loop
async def test_expiry_by_the_wall_clock(transport: str) -> None:
    app = Application()

    @app.get("/")
    async def visit(request: Request) -> Response:
        response = Response(request.cookies.get("seen", "never"))
        response.set_cookie("seen", str(int(time.time())), max_age=3600)
        return response

    began = time.time()
    async with TestClient(app, transport=transport) as client:
        async with client.time() as now:
            assert await (await client.get("/")).text() == "never"
            await now.advance(1800)
            assert abs(int(await (await client.get("/")).text()) - began) < 60
            await now.advance(1800)
            assert abs(int(await (await client.get("/")).text()) - began - 1800) < 60
            await now.advance(3601)
            assert await (await client.get("/")).text() == "never"
        assert abs(time.time() - began) < 60


@in_plain_loop
async def test_what_is_due_on_the_way_runs_at_its_own_time() -> None:
    loop = asyncio.get_running_loop()
    began, ran = loop.time(), []

    async def tick() -> None:
        while True:
            await asyncio.sleep(10)
            ran.append(round(loop.time() - began))

    task = asyncio.create_task(tick())
    async with TimeControl() as now:
        await now.advance(35)
        assert ran == [10, 20, 30]
        await now.advance(0)
        assert ran == [10, 20, 30]
        await now.advance(5)
        assert ran == [10, 20, 30, 40]
    task.cancel()
    before = loop.time()
    assert before - began >= 40, "the clock of the loop never goes back"
    async with TimeControl() as now:
        await now.advance(100)
    assert loop.time() - before >= 100


@in_plain_loop
async def test_mistakes() -> None:
    async with TimeControl() as now:
        with pytest.raises(ValueError, match=r"expected a finite number of seconds of at least 0, got -1"):
            await now.advance(-1)
        with pytest.raises(ValueError, match=r"expected a finite number of seconds of at least 0, got inf"):
            await now.advance(float("inf"))
        with pytest.raises(TypeError, match=r"expected seconds as a number, got '5'"):
            await now.advance("5")  # type: ignore[arg-type]
        with pytest.raises(RuntimeError, match="the time is controlled already"):
            async with TimeControl():
                pass

        async def busy() -> None:
            while True:  # noqa: ASYNC110
                await asyncio.sleep(0)

        task = asyncio.create_task(busy())
        with pytest.raises(RuntimeError, match="the event loop is busy after 10000 turns"):
            await now.advance(1)
        task.cancel()


def test_other_loops() -> None:
    async def enter() -> None:
        async with TimeControl():
            pass

    message = "expected asyncio's own event loop for time control, got uvloop's"
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, pytest.raises(RuntimeError, match=message):
        runner.run(enter())
