"""Topics and their subscribers, in one process and in several that share a backend."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sketch import Channels, Event, EventStreamResponse, Request, Response, last_event_id
from sketch.application import Application
from sketch.channels import MemoryBackend
from sketch.testing import TestClient
from tests.core.channels.support import Broker, BrokerBackend
from tests.support.eventstream import EventReader
from tests.support.requests import in_loop


@pytest.mark.parametrize(
    ("topics", "options", "error", "message"),
    [
        ([], {}, ValueError, "one or more topics"),
        ([1], {}, TypeError, "a topic of str, got 1"),
        (["a"], {"queue": 0}, ValueError, "1 or more messages, got 0"),
        (["a"], {"policy": "block"}, ValueError, "one of drop-oldest, drop-newest, close, got 'block'"),
        (["a"], {"history": -1}, ValueError, "0 or more messages, got -1"),
    ],
)
def test_invalid_subscriptions_are_refused(
    topics: list[Any], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Channels().subscribe(*topics, **options)


@in_loop
async def test_every_subscriber_gets_every_message() -> None:
    channels = Channels()
    async with channels.subscribe("news") as one, channels.subscribe("news") as two:
        assert repr(channels) == "<Channels with 1 topics, MemoryBackend>"
        await channels.publish("news", {"a": 1})
        await channels.publish("other", {"a": 2})
        first, second = await anext(one), await anext(two)
        assert first is second
        assert first.data == {"a": 1}


@in_loop
async def test_data_that_cannot_be_published_is_the_publishers_error() -> None:
    channels = Channels()
    async with channels.subscribe("news") as subscription:
        with pytest.raises(TypeError):
            await channels.publish("news", object())
        with pytest.raises(TypeError, match="expected a topic of str, got 7"):
            await channels.publish(7, "x")  # type: ignore[arg-type]
        await channels.publish("news", "after")
        assert (await anext(subscription)).data == "after"


# -- the life of an application ----------------------------------------------------------------------------------------


@in_loop
async def test_an_application_runs_it() -> None:
    """Subscriptions of its tasks end with it; the application can then start again."""
    app = Application()
    backend = BrokerBackend(Broker())
    channels = Channels(backend)
    app.cleanup_ctx.append(channels.running)
    for _ in range(2):
        await app.startup()
        async with channels.subscribe("news") as subscription:
            await channels.publish("news", 1)
            assert (await anext(subscription)).data == 1
            await app.shutdown()
            assert subscription.end == "stopped"
        await app.cleanup()
        assert backend.calls[-2:] == ["publish news", "unsubscribe news"]
        assert not backend._broker.backends


# -- a backend between processes ---------------------------------------------------------------------------------------


@in_loop
async def test_processes_share_a_backend() -> None:
    broker = Broker()
    here, there = Channels(BrokerBackend(broker)), Channels(BrokerBackend(broker))
    for channels in (here, there):
        await channels.backend.start()
    async with here.subscribe("news") as one, here.subscribe("news") as two, there.subscribe("news") as three:
        name = await there.publish("news", {"a": 1})
        for subscription in (one, two, three):
            message = await anext(subscription)
            assert (message.id, message.data) == (name, {"a": 1})
    for channels in (here, there):
        await channels.backend.stop()


@in_loop
async def test_the_backend_is_subscribed_once_per_topic() -> None:
    backend = BrokerBackend(Broker())
    channels = Channels(backend)
    async with asyncio.TaskGroup() as group:
        subscriptions = [channels.subscribe("news", "more") for _ in range(5)]
        for subscription in subscriptions:
            group.create_task(subscription.__aenter__())
    assert sorted(backend.calls) == ["subscribe more", "subscribe news"]
    async with asyncio.TaskGroup() as group:
        for subscription in subscriptions:
            group.create_task(subscription.__aexit__(None, None, None))
    assert sorted(backend.calls[2:]) == ["unsubscribe more", "unsubscribe news"]
    assert channels._topics == {}


@in_loop
async def test_subscribing_while_the_last_subscriber_leaves() -> None:
    broker = Broker()
    backend = BrokerBackend(broker)
    await backend.start()
    channels = Channels(backend)
    first = await channels.subscribe("news").__aenter__()
    leaving = asyncio.create_task(first.__aexit__(None, None, None))
    await asyncio.sleep(0)
    assert backend.calls == ["subscribe news", "unsubscribe news"]
    async with channels.subscribe("news") as second:
        await leaving
        broker.publish("news", b"j1")
        assert (await anext(second)).data == 1
    assert backend.subscribed == set()
    assert channels._topics == {}
    await backend.stop()


@in_loop
async def test_backend_error_is_raised_by_subscribe() -> None:
    backend = BrokerBackend(Broker())
    channels = Channels(backend)
    backend.fail = "subscribe b"
    with pytest.raises(ConnectionError, match="subscribe b failed"):
        await channels.subscribe("a", "b", "c").__aenter__()
    assert channels._topics == {}
    assert backend.subscribed == set()
    backend.fail = None
    async with channels.subscribe("b"):
        assert backend.subscribed == {"b"}


@in_loop
async def test_backend_error_of_unsubscribe_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    backend = BrokerBackend(Broker())
    channels = Channels(backend)
    backend.fail = "unsubscribe news"
    with caplog.at_level(logging.ERROR, "sketch"):
        async with channels.subscribe("news", "more"):
            pass
    assert "error while unsubscribing from 'news'" in caplog.text
    assert channels._topics == {}


@in_loop
async def test_cancelled_unsubscribe_leaves_every_topic() -> None:
    backend = BrokerBackend(Broker())
    channels = Channels(backend)
    subscription = await channels.subscribe("a", "b", "c").__aenter__()
    leaving = asyncio.create_task(subscription.__aexit__(None, None, None))
    await asyncio.sleep(0)
    assert backend.calls[3:] == ["unsubscribe a"]
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert backend.calls[3:] == ["unsubscribe a", "unsubscribe b", "unsubscribe c"]
    assert channels._topics == {}


# -- from an event stream ----------------------------------------------------------------------------------------------


def feed() -> tuple[Application, Channels]:
    app, channels = Application(), Channels(MemoryBackend(history=10))

    @app.get("/feed")
    async def events(request: Request) -> Response:
        async def source() -> AsyncIterator[Event]:
            async with channels.subscribe("news", after=last_event_id(request)) as subscription:
                entered.set()
                async for message in subscription:
                    yield Event(message.data, id=message.id)

        entered: asyncio.Event = app.entered
        return EventStreamResponse(source())

    app.entered = asyncio.Event()
    return app, channels


@in_loop
async def test_a_feed_goes_on_where_it_was_left() -> None:
    app, channels = feed()
    async with TestClient(app) as client:
        chunks = (response := await client.get("/feed")).stream()
        reader = EventReader(lambda: anext(chunks, b""))
        first = asyncio.create_task(reader.event())
        await app.entered.wait()
        await channels.publish("news", "one")
        received = await first
        assert received is not None
        assert received.data == "one"
        await response.close()
        assert channels._topics == {}
        for text in ("two", "three"):
            await channels.publish("news", text)
        chunks = (await client.get("/feed", headers={"Last-Event-ID": received.id})).stream()
        reader = EventReader(lambda: anext(chunks, b""))
        again = [await reader.event(), await reader.event()]
        assert [event.data for event in again if event] == ["two", "three"]
        end = asyncio.create_task(reader.event())
        await client.shutdown()
        assert await end is None
    assert channels._topics == {}
