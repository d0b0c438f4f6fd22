"""Channels and websockets together: rooms, slow members, and members that leave."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sketch import Channels, WebSocket, WebSocketDisconnected
from sketch.application import Application
from sketch.channels import Subscription
from sketch.testing import TestClient
from tests.support.requests import in_loop

LARGE = "x" * 10_000
MESSAGES = 500


async def send_all(ws: WebSocket, subscription: Subscription) -> None:
    async for message in subscription:
        await ws.send(message.text)
    if subscription.end == "slow":
        await ws.close(1013, "too slow")


class Rooms:
    """An application with rooms, and the members in them."""

    def __init__(self, policy: Any) -> None:
        self.app = Application()
        self.channels = Channels()
        self.members: dict[str, Subscription] = {}
        self._changed = asyncio.Event()

        @self.app.websocket("/rooms/{name}")
        async def room(ws: WebSocket, name: str) -> None:
            member = ws.request.query["member"]
            subscribing = self.channels.subscribe(name, queue=10, policy=policy)
            try:
                async with subscribing as subscription, asyncio.TaskGroup() as group:
                    self._change(self.members.__setitem__, member, subscription)
                    group.create_task(send_all(ws, subscription))
                    async for message in ws:
                        await self.channels.publish(name, message)
                    subscription.close()
            finally:
                self._change(self.members.pop, member)

    def _change(self, change: Any, *arguments: Any) -> None:
        change(*arguments)
        self._changed.set()
        self._changed = asyncio.Event()

    async def with_members(self, count: int) -> None:
        while len(self.members) != count:
            await self._changed.wait()


@in_loop
async def test_a_room() -> None:
    rooms = Rooms("drop-oldest")
    async with TestClient(rooms.app) as client:
        async with client.websocket("/rooms/a?member=1") as one, client.websocket("/rooms/a?member=2") as two:
            await rooms.with_members(2)
            await one.send("hello")
            assert [await one.receive(), await two.receive()] == ["hello", "hello"]
            async with client.websocket("/rooms/b?member=3") as other:
                await rooms.with_members(3)
                await other.send("elsewhere")
                assert await other.receive() == "elsewhere"
            await rooms.with_members(2)
            await two.send("again")
            assert [await one.receive(), await two.receive()] == ["again", "again"]
        await rooms.with_members(0)
        assert rooms.channels._topics == {}


@pytest.mark.parametrize("policy", ["drop-oldest", "drop-newest", "close"])
@in_loop
async def test_a_stalled_member_does_not_delay_the_others(policy: Any) -> None:
    """The others get every message; of the stalled one no more is kept than its queue and its connection hold."""
    rooms = Rooms(policy)
    async with TestClient(rooms.app, shutdown_timeout=0.1) as client:
        async with (
            client.websocket("/rooms/a?member=reading") as reading,
            client.websocket("/rooms/a?member=stalled") as stalled,
        ):
            await rooms.with_members(2)
            for number in range(MESSAGES):
                await rooms.channels.publish("a", f"{number} {LARGE}")
                assert await reading.receive() == f"{number} {LARGE}"
            slow = rooms.members["stalled"]
            assert len(slow._queue) == 10
            assert slow.end == ("slow" if policy == "close" else None)
            assert slow.dropped == 1 or slow.dropped > MESSAGES - 30
            got = await all_of(stalled, 30 if policy == "close" else 12)
            assert 10 < len(got) < 30
            if policy == "close":
                assert stalled.close_code == 1013
                assert got == list(range(len(got)))
            stalled.abort()
            await rooms.with_members(1)
        await rooms.with_members(0)
    assert rooms.channels._topics == {}


async def all_of(stalled: Any, count: int) -> list[int]:
    """The numbers of the next messages, to the end or until there are so many."""
    got: list[int] = []
    try:
        while len(got) < count:
            got.append(int((await stalled.receive()).partition(" ")[0]))
    except WebSocketDisconnected:
        return got
    return got


@in_loop
async def test_a_room_closes_when_the_server_stops() -> None:
    rooms = Rooms("drop-oldest")
    async with TestClient(rooms.app) as client:
        async with client.websocket("/rooms/a?member=1") as one:
            await rooms.with_members(1)
            await client.shutdown()
            with pytest.raises(WebSocketDisconnected) as end:
                await one.receive()
            assert end.value.code == 1012
        await rooms.with_members(0)
