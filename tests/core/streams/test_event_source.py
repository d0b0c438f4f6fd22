"""The source of an event stream: its task, its pace, and pings while it is silent."""

from __future__ import annotations

import asyncio
import contextvars
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sketch import EventStreamResponse, current_request
from sketch.application import Application
from sketch.concurrency.idle import idle_timer
from sketch.middleware.compression import Compression
from sketch.response import Response
from sketch.streams.event_source import PING, EventStream
from sketch.testing import TestClient
from tests.core.streams.support import Source, drained, numbers, streaming, turns
from tests.support.requests import answer, in_loop

# -- the source --------------------------------------------------------------------------------------------------------


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
    """It is closed once, in the task that ran it, before the exchange goes on."""
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
    """A generator that is resumed from several tasks would break them."""
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
async def test_an_error_while_the_source_closes_is_raised() -> None:
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
async def test_a_source_cancelled_from_elsewhere_breaks_the_stream() -> None:
    async def source() -> AsyncIterator[Any]:
        yield 1
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    chunks = streaming(source())
    with pytest.raises(RuntimeError, match="cancelled by something of its own"):
        await drained(chunks)


@pytest.mark.parametrize("stray", [asyncio.CancelledError("inner"), SystemExit(2), KeyboardInterrupt()], ids=repr)
@in_loop
async def test_what_a_source_raises_is_an_error_and_never_leaves_its_task(stray: BaseException) -> None:
    async def source() -> AsyncIterator[Any]:
        yield 1
        raise stray

    chunks = streaming(source())
    with pytest.raises(RuntimeError) as caught:
        await drained(chunks)
    assert caught.value.__cause__ is stray


@in_loop
async def test_a_second_cancellation_reaches_the_source() -> None:
    """No task is left waiting for a source that ignores the first cancellation."""
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
            raise AssertionError("expected the source not to be asked")

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
    """Each event can be read as it arrives, and the source is closed in its task."""
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
async def test_pings_can_be_switched_off() -> None:
    watch = idle_timer(100)
    before = len(watch.waiting)
    source = Source()
    async with streaming(source.events(), ping=None) as chunks:
        pulling = asyncio.create_task(chunks.next())
        await source.waiting.wait()
        assert len(watch.waiting) == before
        source.give(1)
        assert await pulling == b"data: 1\n\n"


@in_loop
async def test_only_a_stream_that_waits_is_silent() -> None:
    """A client that reads an event slowly gets no ping; each event restarts the count of silence."""
    source = Source()
    source.give("1")
    stream = EventStream(source.events(), str.encode, ping=10)
    assert await anext(stream) == b"1"
    stream.idled(100)
    pulling = asyncio.ensure_future(anext(stream))
    await source.waiting.wait()
    stream.idled(100)  # it may have begun to wait just before
    stream.idled(9)
    await turns()
    assert not pulling.done()
    stream.idled(1)
    assert await pulling == PING
    await stream.aclose()


@in_loop
async def test_nothing_is_left_behind() -> None:
    """No timer, no listener and no task is left after an end, an error, and a client that left."""
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
        assert not watch.waiting
        assert not app.stopping._listeners
