"""How an event stream ends when the server stops, and the life of a stream in random orders."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sketch import EventStreamResponse
from sketch.application import Application
from sketch.concurrency.idle import idle_timer
from sketch.lifecycle.stopping import Stopping
from sketch.response import Response
from sketch.streams.event_source import PING, EventStream
from sketch.testing import TestClient
from tests.core.streams.support import Source
from tests.support.eventstream import EventReader, Received
from tests.support.requests import in_loop

# -- the end of the server ---------------------------------------------------------------------------------------------


def serving(source: AsyncIterator[Any]) -> Application:
    app = Application()

    @app.get("/")
    async def index() -> Response:
        return EventStreamResponse(source)

    return app


@in_loop
async def test_a_stream_ends_properly_when_the_server_stops() -> None:
    source = Source()
    source.give(1)
    async with TestClient(serving(source.events())) as client:
        chunks = (await client.get("/")).stream()
        reader = EventReader(lambda: anext(chunks, b""))
        assert await reader.event() == Received("message", "1", "")
        rest = asyncio.create_task(reader.event())
        await source.waiting.wait()
        await client.shutdown()
        assert await rest is None
        assert source.closed == ["here"]


@in_loop
async def test_a_source_may_say_goodbye() -> None:
    """What the source yields while it closes is sent; it is not resumed again."""

    async def source() -> AsyncIterator[Any]:
        try:
            waiting.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            while True:
                yield "goodbye"

    waiting = asyncio.Event()
    async with TestClient(serving(source())) as client:
        text = asyncio.create_task((await client.get("/")).text())
        await waiting.wait()
        await client.shutdown()
        assert await text == "data: goodbye\n\n"


@in_loop
async def test_a_source_that_stands_at_its_yield_may_say_goodbye() -> None:
    async def source() -> AsyncIterator[Any]:
        try:
            yield "hello"
        except asyncio.CancelledError:
            yield "goodbye"

    async with TestClient(serving(source())) as client:
        chunks = (await client.get("/")).stream()
        reader = EventReader(lambda: anext(chunks, b""))
        assert await reader.event() == Received("message", "hello", "")
        await client.shutdown()
        assert await reader.event() == Received("message", "goodbye", "")
        assert await reader.event() is None


@in_loop
async def test_a_source_that_takes_its_cancellation_for_its_end() -> None:
    async def source() -> AsyncIterator[Any]:
        try:
            yield "hello"
        except asyncio.CancelledError:
            return

    async with TestClient(serving(source())) as client:
        chunks = (await client.get("/")).stream()
        assert await anext(chunks) == b"data: hello\n\n"
        await client.shutdown()
        assert await anext(chunks, b"") == b""


@in_loop
async def test_a_stream_that_begins_when_the_server_has_stopped() -> None:
    source = Source()
    async with TestClient(serving(source.events())) as client:
        await client.shutdown()
        assert await (await client.get("/")).text() == ""
    assert source.asked == 0


@in_loop
async def test_an_error_while_the_server_stops_breaks_the_stream() -> None:
    async def source() -> AsyncIterator[Any]:
        try:
            waiting.set()
            await asyncio.Event().wait()
            yield 1
        finally:
            raise LookupError("while stopping")

    waiting = asyncio.Event()
    async with TestClient(serving(source())) as client:
        text = asyncio.create_task((await client.get("/")).text())
        await waiting.wait()
        await client.shutdown()
        with pytest.raises(LookupError, match="while stopping"):
            await text


# -- everything at once ------------------------------------------------------------------------------------------------


class Chance:
    """One life of a stream in which source, client and server act in random order."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.stopping = Stopping()
        self.yielded: list[int] = []
        self.got: list[int] = []
        self.closed: list[bool] = []
        self.end = ""
        self.stream = EventStream(self.source(), lambda item: b"%d" % item, ping=1, stopping=self.stopping)

    async def pause(self) -> None:
        for _ in range(self.random.randrange(4)):
            await asyncio.sleep(0)

    async def source(self) -> AsyncIterator[Any]:
        task = asyncio.current_task()
        try:
            for number in range(self.random.randrange(8)):
                await self.pause()
                self.yielded.append(number)
                yield number
            if self.random.random() < 0.2:
                raise LookupError
            if self.random.random() < 0.3:
                await asyncio.Event().wait()
        finally:
            self.closed.append(asyncio.current_task() is task)
            await self.pause()

    async def exchange(self) -> None:
        try:
            async for chunk in self.stream:
                self.got += [] if chunk == PING else [int(chunk)]
                await self.pause()
            self.end = "properly"
        except LookupError:
            self.end = "by its error"
        finally:
            await self.stream.aclose()

    async def live(self) -> None:
        task = asyncio.create_task(self.exchange())
        leave, stop = self.random.randrange(60), self.random.randrange(60)
        for turn in range(40):
            await asyncio.sleep(0)
            if self.random.random() < 0.2:
                self.stream.idled(2)
            if turn == leave:
                task.cancel()
            if turn == stop:
                self.stopping.set()
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()) is not None:
            assert isinstance(error, LookupError)
            assert not self.end


@pytest.mark.parametrize("seed", range(0, 2000, 100))
@in_loop
async def test_invariants_hold_in_every_order_of_events(seed: int) -> None:
    """Every event comes once and in order, the source is at most one ahead, closed once, and nothing is left."""
    tasks = asyncio.all_tasks()
    for each in range(seed, seed + 100):
        chance = Chance(each)
        await chance.live()
        assert chance.got == list(range(len(chance.got))), each
        assert len(chance.yielded) - len(chance.got) <= (0 if chance.end else 1), each
        assert chance.closed == [True] or not chance.yielded, each
        assert asyncio.all_tasks() == tasks, each
        assert not chance.stopping._listeners, each
        assert not idle_timer(1).waiting, each
