"""Channels from websockets: rooms, and members that read nothing."""

from __future__ import annotations

import asyncio
import base64
import os
from contextlib import AsyncExitStack

import pytest

from tests.contract.sockets import ended
from tests.contract.transports import Served, Transport
from tests.support.eventstream import EventReader
from tests.support.wire import DEADLINE

MIB = 1024 * 1024
LARGE = base64.b64encode(os.urandom(48 * 1024)).decode()
"""64 KiB that cannot be compressed by much: nothing else stalls a websocket."""
FILL = 200
"""Messages that fill the buffers to a member that reads nothing."""
MESSAGES = 300
POLICIES = ("drop-oldest", "drop-newest", "close")


def room(key: str, member: str, policy: str = "drop-oldest") -> str:
    return f"/events/room/{key}?key={key}-{member}&policy={policy}"


async def test_a_room_of_websockets_and_event_streams(transport: Transport, key: str) -> None:
    async with (
        transport.websocket(room(key, "1")) as one,
        transport.websocket(room(key, "2")) as two,
        transport.stream("GET", f"/events/feed/{key}?key={key}-3") as stream,
    ):
        coming = asyncio.create_task(EventReader(stream.chunk).event())
        for member in "123":
            await transport.journal(f"{key}-{member}", "subscribed")
        await one.send("hello")
        async with asyncio.timeout(DEADLINE):
            assert [await one.receive(), await two.receive()] == ["hello", "hello"]
            event = await coming
        assert event is not None
        assert event.data == "hello"
        two.abort()
        assert await transport.journal(f"{key}-2", "left") == ["subscribed", "left"]
        await one.send("again")
        assert await one.receive() == "again"
    assert await transport.journal(f"{key}-1", "left") == ["subscribed", "left"]


@pytest.mark.alone
async def test_stalled_members_do_not_delay_the_others(wired: Served, key: str) -> None:
    """One of each policy beside one that reads, which gets every message; the server's memory stays flat."""
    async with AsyncExitStack() as stack, wired.websocket(room(key, "reads")) as reading:
        await wired.journal(f"{key}-reads", "subscribed")
        stalled = [await stack.enter_async_context(wired.websocket(room(key, each, each))) for each in POLICIES]
        for each in POLICIES:
            await wired.journal(f"{key}-{each}", "subscribed")
        before = 0
        for number in range(MESSAGES):
            if number == FILL:
                before = wired.forget_peak()
            await reading.send(f"{number} {LARGE}")
            async with asyncio.timeout(DEADLINE):
                assert await reading.receive() == f"{number} {LARGE}"
        grown = wired.peak() - before
        assert grown < 4 * MIB, f"expected what queues of 5 hold, got {grown} more bytes"
        async with asyncio.timeout(DEADLINE):
            assert await ended(stalled[2]) == (1013, "too slow")
        for ws in stalled:
            ws.abort()
        for each in POLICIES:
            await wired.journal(f"{key}-{each}", "left")
