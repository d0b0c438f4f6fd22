"""Server-sent events, and what is published to several streams at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.contract.support import MOST_CHUNKS
from tests.contract.transports import Transport
from tests.support.eventstream import EventReader, Received
from tests.support.wire import Broken

APP = "tests.contract.app:app"


async def publish(transport: Transport, topic: str, text: str) -> str:
    """Publish; returns the id of the message."""
    reply = await transport.post(f"/events/feed/{topic}", text.encode())
    assert reply.status == 200, reply.text
    return reply.text


async def following(transport: Transport, reader: EventReader, key: str) -> asyncio.Task[Received | None]:
    """Ask for the next event, and wait until the source has subscribed: in memory nothing runs before it is asked."""
    task = asyncio.create_task(reader.event())
    await transport.journal(key, "subscribed")
    return task


async def test_the_fields_of_an_event_stream(transport: Transport) -> None:
    async with transport.stream("GET", "/events/kinds") as stream:
        fields = dict(stream.headers)
        assert stream.status == 200
        assert fields["content-type"] == "text/event-stream"
        assert fields["cache-control"] == "no-store"
        assert fields["x-accel-buffering"] == "no"
        assert fields["x-kind"] == "events"
        assert "content-length" not in fields


async def test_every_kind_of_event(transport: Transport) -> None:
    async with transport.stream("GET", "/events/kinds") as stream:
        reader = EventReader(stream.chunk)
        assert await reader.event() == Received("message", "text\nof ü\nlines\n", "")
        assert reader.parser.retry == 2000
        assert await reader.event() == Received("message", '{"json":[1,null]}', "")
        assert await reader.event() == Received("tick", "", "ü")
        assert reader.parser.retry == 1500
        assert await reader.event() is None
        assert reader.parser.last_id == "last"


async def test_events_arrive_one_by_one(transport: Transport, key: str) -> None:
    """Each event arrives before the next is sent, and long before the end."""
    async with transport.stream("GET", f"/events/feed/{key}?key={key}") as stream:
        reader = EventReader(stream.chunk)
        coming = await following(transport, reader, key)
        for text in ("one", "two", "three"):
            name = await publish(transport, key, text)
            assert await coming == Received("message", text, name)
            coming = asyncio.create_task(reader.event())
        coming.cancel()


async def test_a_publisher_reaches_every_stream(transport: Transport, key: str) -> None:
    async with (
        transport.stream("GET", f"/events/feed/{key}?key={key}-1") as one,
        transport.stream("GET", f"/events/feed/{key}?key={key}-2") as two,
    ):
        first, second = EventReader(one.chunk), EventReader(two.chunk)
        coming = [await following(transport, first, f"{key}-1"), await following(transport, second, f"{key}-2")]
        name = await publish(transport, key, "for both")
        assert await asyncio.gather(*coming) == [Received("message", "for both", name)] * 2
        await one.leave()
        await transport.journal(f"{key}-1", "closed in its task")
        name = await publish(transport, key, "for one")
        assert await second.event() == Received("message", "for one", name)


async def test_a_client_that_comes_back_gets_what_it_has_missed(transport: Transport, key: str) -> None:
    async with transport.stream("GET", f"/events/feed/{key}?key={key}") as stream:
        coming = await following(transport, EventReader(stream.chunk), key)
        await publish(transport, key, "one")
        seen = await coming
        assert seen is not None
    names = [await publish(transport, key, text) for text in ("two", "three")]
    headers = [("Last-Event-ID", seen.id)]
    async with transport.stream("GET", f"/events/feed/{key}?key={key}", headers=headers) as stream:
        reader = EventReader(stream.chunk)
        assert await reader.event() == Received("message", "two", names[0])
        assert await reader.event() == Received("message", "three", names[1])


async def test_pings(transport: Transport, key: str) -> None:
    """Pings come while the source waits for its first event; the source is asked only once."""
    async with transport.stream("GET", f"/events/silent?key={key}") as stream:
        reader = EventReader(stream.chunk)
        assert [await reader.comment() for _ in range(3)] == [" ping"] * 3
        assert (await transport.get(f"/journal/{key}")).json() == ["asked"]


async def test_a_source_that_waits_is_closed_once_when_its_client_leaves(transport: Transport, key: str) -> None:
    async with transport.stream("GET", f"/events/silent?key={key}") as stream:
        await EventReader(stream.chunk).comment()
        await stream.leave()
    assert await transport.journal(key, "closed in its task") == ["asked", "closed in its task"]


async def test_a_client_that_does_not_read_stops_the_source(transport: Transport, key: str) -> None:
    async with transport.stream("GET", f"/events/endless?key={key}") as stream:
        await stream.chunk()
        produced, same = 0, 0
        while same < 20:
            now = len((await transport.get(f"/journal/{key}")).json())
            produced, same = now, same + 1 if now == produced else 0
        assert produced < MOST_CHUNKS
        await stream.leave()
    entries = await transport.journal(key, "closed in its task")
    assert entries.count("closed in its task") == 1
    assert entries[-1] == "closed in its task"


async def test_a_source_that_fails_does_not_look_complete(transport: Transport) -> None:
    with pytest.raises(Broken):
        await transport.get("/events/broken")
    assert (await transport.get("/")).text == "hello"


async def test_head_asks_no_source(transport: Transport, key: str) -> None:
    reply = await transport.request("HEAD", f"/events/silent?key={key}")
    assert (reply.status, reply.body, reply.header("content-type")) == (200, b"", "text/event-stream")
    assert (await transport.get(f"/journal/{key}")).json() == []


async def test_streams_come_to_their_end_when_the_server_stops(pool: Any, server_name: str, key: str) -> None:
    """Both waiting and active ones end; events that a source sends while it closes still arrive.

    So does what another stream sends that waits for `app.stopping`, which the signal sets while requests still run.
    """
    with pool.own(server_name, APP) as served:
        async with (
            served.stream("GET", "/events/goodbye") as one,
            served.stream("GET", f"/events/feed/{key}?key={key}") as two,
            served.stream("GET", "/stream/until-stopping") as plain,
        ):
            assert await plain.chunk() == b"begin "
            speaking, waiting = EventReader(one.chunk), EventReader(two.chunk)
            assert await speaking.event() == Received("message", "hello", "")
            await served.journal(key, "subscribed")
            served.terminate()
            assert await speaking.event() == Received("message", "goodbye", "")
            assert await speaking.event() is None
            assert await waiting.event() is None
            rest = b""
            async with asyncio.timeout(15):
                while part := await plain.chunk():
                    rest += part
            assert rest == b"end"
        await served.exit_code()
        assert "Traceback" not in served.program.output
