"""The life of an event stream and its source: who runs it, when it is asked, pings, and every end."""

from __future__ import annotations

import asyncio
import contextvars
import random
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sketch import EventStreamResponse, current_request
from sketch.application import Application
from sketch.concurrency.idle import idle_timer
from sketch.lifecycle.stopping import Stopping
from sketch.middleware.compression import Compression
from sketch.pipeline.finalize import finalize
from sketch.response import Response
from sketch.streams.event_source import PING, EventStream
from sketch.testing import TestClient
from sketch.transport import Chunks, FileBody
from tests.support.eventstream import EventReader, Received
from tests.support.requests import answer, in_loop, make_request


def streaming(source: Any, **options: Any) -> Chunks:
    """A stream as an adapter pulls it."""
    response = EventStreamResponse(source, **options)
    finalize(make_request(), response)
    assert not isinstance(response.payload, bytes | FileBody)
    return Chunks(response.payload)


async def drained(stream: Chunks) -> list[bytes]:
    parts = []
    async with stream as chunks:
        while chunk := await chunks.next():
            parts.append(chunk)
    return parts


async def numbers(count: int = 2) -> AsyncIterator[Any]:
    for number in range(count):
        yield number


# -- the source --------------------------------------------------------------------------------------------------------


class Source:
    """Events when the test gives them; notes how it is run."""

    def __init__(self) -> None:
        self.asked = 0
        self.closed: list[str] = []
        self.task: asyncio.Task[Any] | None = None
        self.waiting = asyncio.Event()
        self._events: asyncio.Queue[Any] = asyncio.Queue()

    def give(self, *events: Any) -> None:
        for event in events:
            self._events.put_nowait(event)

    async def events(self) -> AsyncIterator[Any]:
        self.task = asyncio.current_task()
        try:
            while True:
                self.asked += 1
                self.waiting.set()
                event = await self._events.get()
                self.waiting.clear()
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            self.closed.append("here" if asyncio.current_task() is self.task else "elsewhere")


async def turns() -> None:
    """Let everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


@in_loop
async def test_the_source_does_not_run_ahead() -> None:
    source = Source()
    source.give(1, 2, 3)
    async with streaming(source.events()) as chunks:
        await turns()
        assert source.asked == 0
        assert await chunks.next() == b"data: 1\n\n"
        await turns()
        assert source.asked == 1
        assert await chunks.next() == b"data: 2\n\n"
        await turns()
        assert source.asked == 2
    assert source.closed == ["here"]


@in_loop
async def test_a_source_that_waits_is_cancelled_when_the_client_leaves() -> None:
    """And is closed once, in the task that ran it, before the exchange goes on."""
    source = Source()
    chunks = streaming(source.events())

    async def exchange() -> None:
        async with chunks:
            await chunks.next()

    task = asyncio.create_task(exchange())
    await source.waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert source.closed == ["here"]
    assert source.task is not None
    assert source.task.done()


@in_loop
async def test_timeouts_task_groups_and_variables_hold_in_a_source() -> None:
    """What a generator that is resumed from several tasks would break."""
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable")
    ended = []

    async def source() -> AsyncIterator[Any]:
        token = variable.set(1)
        try:
            async with asyncio.timeout(10), asyncio.TaskGroup() as group:
                group.create_task(asyncio.Event().wait())
                while True:
                    yield variable.get()
        finally:
            variable.reset(token)
            ended.append(True)

    async with streaming(source(), ping=0.01) as chunks:
        await chunks.next()
        await asyncio.create_task(chunks.next())
    assert ended == [True]


@in_loop
async def test_an_error_of_the_source_is_that_of_the_stream() -> None:
    source = Source()
    source.give(1, LookupError("lost"))
    chunks = streaming(source.events())
    with pytest.raises(LookupError, match="lost"):
        await drained(chunks)
    assert source.closed == ["here"]


@in_loop
async def test_an_item_that_is_no_event_closes_the_source() -> None:
    source = Source()
    source.give(None)
    chunks = streaming(source.events())
    with pytest.raises(ValueError, match="nothing in it"):
        async with chunks:
            await chunks.next()
    assert source.closed == ["here"]


@in_loop
async def test_an_error_on_the_way_out_is_not_lost() -> None:
    async def source() -> AsyncIterator[Any]:
        try:
            yield 1
        finally:
            raise LookupError("while closing")

    chunks = streaming(source())
    with pytest.raises(LookupError, match="while closing"):
        async with chunks:
            await chunks.next()


@in_loop
async def test_a_source_that_something_else_cancels_is_no_proper_end() -> None:
    async def source() -> AsyncIterator[Any]:
        yield 1
        never = asyncio.get_running_loop().create_future()
        never.cancel()
        await never

    chunks = streaming(source())
    with pytest.raises(RuntimeError, match="cancelled by something of its own"):
        await drained(chunks)


@in_loop
async def test_a_second_cancellation_reaches_the_source() -> None:
    """Nobody is left waiting for a source that takes the first one for nothing."""
    tries = []

    async def source() -> AsyncIterator[Any]:
        while len(tries) < 2:
            try:
                yield await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                tries.append(True)
                waiting.set()

    waiting = asyncio.Event()
    chunks = streaming(source())

    async def exchange() -> None:
        async with chunks:
            await chunks.next()

    task = asyncio.create_task(exchange())
    await turns()
    task.cancel()
    await waiting.wait()
    await turns()
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(tries) == 2


@in_loop
async def test_a_source_that_is_never_asked_is_closed() -> None:
    closes = []

    class Unused:
        def __aiter__(self) -> Any:
            return self

        async def __anext__(self) -> Any:
            raise AssertionError("expected nobody to ask")

        async def aclose(self) -> None:
            closes.append(asyncio.current_task())

    async with streaming(Unused()):
        pass
    assert closes == [asyncio.current_task()]
    app = Application()

    @app.get("/")
    async def index() -> Response:
        return EventStreamResponse(Unused())

    response = await answer(app, method="HEAD")
    assert response.payload == b""
    assert len(closes) == 2


@in_loop
async def test_a_stream_that_is_never_asked_closes_its_source_once() -> None:
    source = Source()
    stream = EventStream(source.events(), str.encode)
    await stream.aclose()
    await stream.aclose()
    assert source.asked == 0


@in_loop
async def test_a_source_may_be_an_iterator_that_cannot_be_closed() -> None:
    class Iterator:
        def __aiter__(self) -> Any:
            return self

        async def __anext__(self) -> Any:
            return 1

    async with streaming(Iterator()) as chunks:
        assert await chunks.next() == b"data: 1\n\n"


@in_loop
async def test_the_source_sees_its_request() -> None:
    app = Application()

    @app.get("/{name}")
    async def index(name: str) -> Response:
        async def source() -> AsyncIterator[Any]:
            yield current_request.match_info["name"]

        return EventStreamResponse(source())

    async with TestClient(app) as client:
        assert await (await client.get("/x")).text() == "data: x\n\n"


@in_loop
async def test_events_that_are_compressed_on_their_way() -> None:
    """Each can be read when it comes, and the source is closed where it ran."""
    source = Source()
    app = Application(middlewares=[Compression()])

    @app.get("/")
    async def index() -> Response:
        return EventStreamResponse(source.events(), ping=0.02)

    async with TestClient(app) as client:
        response = await client.get("/", headers={"Accept-Encoding": "gzip"})
        assert response.headers["Content-Encoding"] == "gzip"
        expand = zlib.decompressobj(31).decompress
        chunks = response.stream()
        assert expand(await anext(chunks)) == PING
        source.give(1)
        text = b""
        while b"data" not in text:
            text += expand(await anext(chunks))
        assert text.endswith(b"data: 1\n\n")
        await response.close()
    assert source.closed == ["here"]


# -- pings -------------------------------------------------------------------------------------------------------------


@in_loop
async def test_pings_come_while_the_source_is_silent() -> None:
    source = Source()
    async with streaming(source.events(), ping=0.02) as chunks:
        assert await chunks.next() == PING
        assert await chunks.next() == PING
        assert source.asked == 1
        source.give("after all")
        assert await chunks.next() == b"data: after all\n\n"
    assert source.closed == ["here"]


@in_loop
async def test_an_event_that_comes_while_a_ping_is_written_is_the_next() -> None:
    source = Source()
    async with streaming(source.events(), ping=0.02) as chunks:
        assert await chunks.next() == PING
        source.give(1, 2)
        await turns()
        assert source.asked == 1
        assert [await chunks.next(), await chunks.next()] == [b"data: 1\n\n", b"data: 2\n\n"]


@in_loop
async def test_there_are_no_pings_where_none_are_asked_for() -> None:
    watch = idle_timer(100)
    before = len(watch._idlers)
    source = Source()
    async with streaming(source.events(), ping=None) as chunks:
        pulling = asyncio.create_task(chunks.next())
        await source.waiting.wait()
        assert len(watch._idlers) == before
        source.give(1)
        assert await pulling == b"data: 1\n\n"


@in_loop
async def test_only_a_stream_that_waits_is_silent() -> None:
    """A client that takes its time with an event needs no ping; an event begins the silence anew."""
    source = Source()
    source.give("1")
    stream = EventStream(source.events(), str.encode, ping=10)
    assert await anext(stream) == b"1"
    stream.idled(100)
    pulling = asyncio.ensure_future(anext(stream))
    await source.waiting.wait()
    stream.idled(9)
    await turns()
    assert not pulling.done()
    stream.idled(1)
    assert await pulling == PING
    await stream.aclose()


@in_loop
async def test_nothing_is_left_behind() -> None:
    """No timer, no listener, no task: after an end, an error, and a client that left."""
    app = Application()
    watch = idle_timer(100)

    async def failing() -> AsyncIterator[Any]:
        yield 1
        raise LookupError

    @app.get("/end")
    async def end() -> Response:
        return EventStreamResponse(numbers())

    @app.get("/error")
    async def error() -> Response:
        return EventStreamResponse(failing())

    @app.get("/left")
    async def left() -> Response:
        return EventStreamResponse(Source().events())

    async with TestClient(app, raise_errors=False) as client:
        tasks = asyncio.all_tasks()
        await (await client.get("/end")).read()
        with pytest.raises(ConnectionError):
            await (await client.get("/error")).read()
        response = await client.get("/left")
        reading = asyncio.create_task(response.read())
        await turns()
        await response.close()
        with pytest.raises(ConnectionError):
            await reading
        await turns()
        assert asyncio.all_tasks() == tasks
        assert not watch._idlers
        assert not app.stopping._listeners


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
    """What it yields on its way out is sent; it is not asked for more."""

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
async def test_an_error_at_the_end_of_the_server_is_no_proper_end() -> None:
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
    """One life of a stream in which everybody takes turns by chance."""

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
async def test_whatever_happens_in_whatever_order(seed: int) -> None:
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
        assert not idle_timer(1)._idlers, each
