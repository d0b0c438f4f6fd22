"""Subscriptions: queue, policies, ends, and history."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from typing import Any

import pytest

from sketch import Channels
from sketch.application import Application
from sketch.channels import MemoryBackend, Subscription
from tests.core.channels.support import Broker, BrokerBackend
from tests.support.requests import in_loop, make_request


async def ready(subscription: Subscription) -> list[Any]:
    """The data that can be read without waiting."""
    found = []
    while True:
        step = asyncio.ensure_future(anext(subscription))
        for _ in range(3):
            await asyncio.sleep(0)
        if not step.done():
            step.cancel()
            await asyncio.wait([step])
            return found
        try:
            found.append(step.result().data)
        except StopAsyncIteration:
            return found


async def publish(channels: Channels, count: int, topic: str = "news") -> list[str]:
    return [await channels.publish(topic, number) for number in range(count)]


# -- messages ----------------------------------------------------------------------------------------------------------


@in_loop
async def test_messages_come_in_order() -> None:
    channels = Channels()
    async with channels.subscribe("news") as subscription:
        await publish(channels, 3)
        assert [(await anext(subscription)).data for _ in range(3)] == [0, 1, 2]
        assert (subscription.dropped, subscription.end) == (0, None)
    assert subscription.end == "closed"


@in_loop
async def test_a_consumer_that_waits_gets_the_next() -> None:
    channels = Channels()
    async with channels.subscribe("news") as subscription:
        waiting = asyncio.ensure_future(anext(subscription))
        await asyncio.sleep(0)
        name = await channels.publish("news", "now")
        message = await waiting
        assert (message.topic, message.id, message.data) == ("news", name, "now")


@in_loop
async def test_a_wait_that_is_cancelled_loses_nothing() -> None:
    channels = Channels()
    async with channels.subscribe("news") as subscription:
        waiting = asyncio.ensure_future(anext(subscription))
        await asyncio.sleep(0)
        channels._deliver((await kept(1))[0])
        waiting.cancel()
        await asyncio.wait([waiting])
        assert await ready(subscription) == [0]


async def kept(count: int) -> list[Any]:
    backend = MemoryBackend(history=count)
    other = Channels(backend)
    await publish(other, count)
    return await backend.history("news", None, None)


@in_loop
async def test_several_topics() -> None:
    channels = Channels()
    async with channels.subscribe("a", "b", "a") as subscription:
        for topic in ("a", "b", "c", "a"):
            await channels.publish(topic, topic)
        assert subscription.topics == ("a", "b")
        assert await ready(subscription) == ["a", "b", "a"]
    assert channels._topics == {}


@in_loop
async def test_two_tasks_cannot_share_a_subscription() -> None:
    channels = Channels()
    async with channels.subscribe("news") as subscription:
        first = asyncio.ensure_future(anext(subscription))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="subscribe twice"):
            await anext(subscription)
        await channels.publish("news", 1)
        assert (await first).data == 1


@in_loop
async def test_a_subscription_must_be_entered() -> None:
    """Without `async with` no message would ever arrive."""
    with pytest.raises(RuntimeError, match="iterate inside `async with`"):
        await anext(Channels().subscribe("news"))


@in_loop
async def test_a_subscription_is_entered_once() -> None:
    subscription = Channels().subscribe("news")
    async with subscription:
        with pytest.raises(RuntimeError, match="make one for each"):
            await subscription.__aenter__()
    with pytest.raises(RuntimeError, match="make one for each"):
        await subscription.__aenter__()


# -- policies ----------------------------------------------------------------------------------------------------------


@in_loop
async def test_the_oldest_is_dropped() -> None:
    channels = Channels()
    async with channels.subscribe("news", queue=3) as subscription:
        await publish(channels, 8)
        assert repr(subscription) == "<Subscription to news, 3 queued, 5 dropped>"
        assert await ready(subscription) == [5, 6, 7]
        assert (subscription.dropped, subscription.end) == (5, None)
        await publish(channels, 1)
        assert await ready(subscription) == [0]


@in_loop
async def test_the_newest_is_dropped() -> None:
    channels = Channels()
    async with channels.subscribe("news", queue=3, policy="drop-newest") as subscription:
        await publish(channels, 8)
        assert await ready(subscription) == [0, 1, 2]
        assert (subscription.dropped, subscription.end) == (5, None)
        await publish(channels, 1)
        assert await ready(subscription) == [0]


@in_loop
async def test_a_slow_subscription_is_closed() -> None:
    """It gets every message before the first dropped one, so it knows where to resume."""
    channels = Channels()
    async with channels.subscribe("news", queue=3, policy="close") as subscription:
        await publish(channels, 8)
        assert [message.data async for message in subscription] == [0, 1, 2]
        assert (subscription.dropped, subscription.end) == (1, "slow")


@pytest.mark.parametrize("policy", ["drop-oldest", "drop-newest", "close"])
@in_loop
async def test_memory_stays_flat_beside_a_slow_consumer(policy: Any) -> None:
    """However many messages it misses; the other subscribers get every message."""
    channels = Channels()
    received = []

    async def read() -> None:
        async with channels.subscribe("news", queue=2) as subscription:
            entered.set()
            async for message in subscription:
                received.append(message.data[:6])
                if len(received) == 2000:
                    return

    entered = asyncio.Event()
    async with channels.subscribe("news", queue=10, policy=policy) as slow:
        reader = asyncio.create_task(read())
        await entered.wait()
        tracemalloc.start()
        try:
            for number in range(2000):
                await channels.publish("news", f"{number:06}" + "x" * 10_000)
                if number == 100:
                    gc.collect()
                    before = tracemalloc.get_traced_memory()[0]
            await reader
            gc.collect()
            grown = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
        assert received == [f"{number:06}" for number in range(2000)]
        assert grown < 500_000, f"expected what a queue of 10 holds, got {grown} more bytes for 20 MB"
        assert len(await ready(slow)) == 10
        assert slow.dropped == (1 if policy == "close" else 1990)


# -- ends --------------------------------------------------------------------------------------------------------------


@in_loop
async def test_closing_wakes_a_waiting_consumer() -> None:
    channels = Channels()
    async with channels.subscribe("news") as subscription:
        await channels.publish("news", 1)
        reading = asyncio.create_task(rest(subscription))
        for _ in range(3):
            await asyncio.sleep(0)
        subscription.close()
        subscription.close()
        assert await reading == [1]
        await channels.publish("news", 2)
        assert await ready(subscription) == []
        assert (subscription.end, subscription.dropped) == ("closed", 0)


async def rest(subscription: Subscription) -> list[Any]:
    return [message.data async for message in subscription]


@in_loop
async def test_a_subscription_ends_when_the_application_stops() -> None:
    """The application of the request or context in which it was entered; outside of both it goes on."""
    app, channels = Application(), Channels()
    await app.startup()
    with app.request_context(make_request(app=app)):
        subscription = await channels.subscribe("news").__aenter__()
        reading = asyncio.create_task(rest(subscription))
    other = await channels.subscribe("news").__aenter__()
    await channels.publish("news", 1)
    await app.shutdown()
    assert await reading == [1]
    assert (subscription.end, other.end) == ("stopped", None)
    with app.request_context(make_request(app=app)):
        async with channels.subscribe("news") as late:
            assert await rest(late) == []
            assert late.end == "stopped"
    await subscription.__aexit__(None, None, None)
    await other.__aexit__(None, None, None)
    assert channels._topics == {}
    assert not app.stopping._listeners
    await app.cleanup()


@in_loop
async def test_nothing_is_kept_of_a_left_subscription() -> None:
    app, channels = Application(), Channels()
    await app.startup()
    with app.request_context(make_request(app=app)):
        async with channels.subscribe("news"):
            assert app.stopping._listeners
            assert list(channels._topics) == ["news"]
    assert not app.stopping._listeners
    assert channels._topics == {}
    await app.cleanup()


# -- what comes first --------------------------------------------------------------------------------------------------


@in_loop
async def test_history_comes_first() -> None:
    channels = Channels(MemoryBackend(history=5))
    await publish(channels, 8)
    async with channels.subscribe("news", history=3, queue=1) as subscription:
        await channels.publish("news", "new")
        assert await ready(subscription) == [5, 6, 7, "new"]
    async with channels.subscribe("news", history=100) as subscription:
        assert await ready(subscription) == [4, 5, 6, 7, "new"]
    async with channels.subscribe("news") as subscription:
        assert await ready(subscription) == []


@in_loop
async def test_what_was_missed_comes_first() -> None:
    channels = Channels(MemoryBackend(history=5))
    ids = await publish(channels, 8)
    async with channels.subscribe("news", after=ids[5], history=1) as subscription:
        assert await ready(subscription) == [6, 7]
    async with channels.subscribe("news", after="unknown", history=1) as subscription:
        assert await ready(subscription) == [3, 4, 5, 6, 7]
    for missing in (None, ""):
        async with channels.subscribe("news", after=missing, history=1) as subscription:
            assert await ready(subscription) == [7]


@in_loop
async def test_nothing_is_missed_and_nothing_comes_twice_between_history_and_now() -> None:
    """Also messages that are published while a remote backend still sends the history."""
    broker = Broker()
    backend = BrokerBackend(broker)
    await backend.start()
    channels = Channels(backend)

    async def busy() -> None:
        for number in range(60):
            await asyncio.sleep(0)
            broker.publish("news", f"j{number}".encode())

    publishing = asyncio.create_task(busy())
    for _ in range(10):
        await asyncio.sleep(0)
    async with channels.subscribe("news", history=1000) as subscription:
        await publishing
        assert await ready(subscription) == list(range(60))
    await backend.stop()


@in_loop
async def test_a_backend_without_a_history_is_an_error_and_leaves_nothing() -> None:
    channels = Channels()
    for options in ({"history": 1}, {"after": "1"}):
        with pytest.raises(RuntimeError, match="a backend that keeps messages"):
            await channels.subscribe("news", **options).__aenter__()  # type: ignore[arg-type]
    assert channels._topics == {}
