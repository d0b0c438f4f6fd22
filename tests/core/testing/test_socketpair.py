"""The two ends of a websocket in memory: backpressure, one receiver, and the limit of a message."""

from __future__ import annotations

import asyncio

import pytest

from sketch import Limits, WebSocket, WebSocketDisconnected, WebSocketPolicy
from sketch.testing import TestClient
from sketch.testing.socketpair import BUFFER
from tests.core.testing.websockets import Ends, echo, end_of, serving
from tests.support.requests import in_loop


@in_loop
async def test_one_receives_at_a_time() -> None:
    async with TestClient(serving(echo)) as client, client.websocket("/ws") as ws:
        waiting = asyncio.create_task(ws.receive())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="one receiver"):
            await ws.receive()
        await ws.send("a")
        assert await waiting == "a"


@pytest.mark.parametrize("size", [0, 1000, BUFFER + 1])
@in_loop
async def test_a_client_waits_for_a_session_that_does_not_receive(size: int) -> None:
    go_on = asyncio.Event()

    async def session(ws: WebSocket) -> None:
        await go_on.wait()
        await echo(ws)

    async with TestClient(serving(session)) as client, client.websocket("/ws") as ws:
        sent = 0

        async def flood() -> None:
            nonlocal sent
            while True:
                await ws.send(b"x" * size)
                sent += 1

        task = asyncio.create_task(flood())
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0)
        assert 0 < sent * (size + 14) < 2 * BUFFER + size
        go_on.set()
        assert await ws.receive() == b"x" * size
        task.cancel()
        ws.abort()


@in_loop
async def test_a_session_waits_for_a_client_that_does_not_receive_but_not_for_ever() -> None:
    ended = asyncio.Event()

    async def session(ws: WebSocket) -> None:
        await ws.send("x" * BUFFER)
        with pytest.raises(WebSocketDisconnected) as caught:
            await ws.send("one too many")
        assert caught.value.code == 1006
        ended.set()

    app = serving(session, limits=Limits(write_timeout=0.02))
    async with TestClient(app) as client, client.websocket("/ws") as ws:
        await ended.wait()
        assert [len(message) async for message in ws] == [BUFFER]
        assert ws.close_code == 1006


@pytest.mark.parametrize("message", ["ä" * 6, b"x" * 11])
@in_loop
async def test_a_message_that_is_too_large(message: str | bytes) -> None:
    ends = Ends()
    app = serving(ends.session, WebSocketPolicy(max_message=10))
    async with TestClient(app) as client, client.websocket("/ws") as ws:
        await ws.send("ä" * 5)
        await ws.send(message)
        assert (await end_of(ws.receive()))[0] == 1009
    assert (ends.received, ends.code) == (["ä" * 5], 1009)
