"""Messages of native websockets: fragments, queues, broken frames and compression."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sketch import WebSocket, WebSocketPolicy
from sketch_native.websocket.connection import COMPRESSED_FROM
from tests.native.websocket.support import MIB, Scene, scene
from tests.support.frames import (
    BINARY,
    OFFER,
    PING,
    PONG,
    RSV1,
    TEXT,
    Close,
    Pong,
    close_frame,
    fragments,
    frame,
    shake,
)
from tests.support.native import serving, turns, until

# -- messages ----------------------------------------------------------------------------------------------------------


async def test_fragments_and_control_frames_between_them() -> None:
    async with serving(Scene().app) as served, served.connect() as wire:
        ws = await shake(wire)
        first, second = fragments(TEXT, "wö".encode()[:2], "wö".encode()[2:])
        await ws.send(first, frame(PING, b"now"))
        assert await ws.receive() == Pong(b"now")
        await ws.send(second, frame(PONG, b"unasked"))
        assert await ws.receive() == "wö"
        await ws.close()


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(TEXT, b"x", mask=False), 1002),
        (frame(TEXT, b"x", rsv=RSV1), 1002),
        (frame(3), 1002),
        (close_frame(1006), 1002),
        (frame(TEXT, b"\xff"), 1007),
        (frame(TEXT, b"x" * 1001), 1009),
        (frame(TEXT, b"x" * 1001)[:20], 1009),
    ],
)
async def test_the_peer_breaks_a_rule(sent: bytes, code: int) -> None:
    stage = scene(max_message=1000)
    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire)
        await ws.send(sent)
        close = await ws.closed(code)
        await until(lambda: stage.ends, "the session to end")
        assert stage.ends == [(code, close.reason)]
        assert close.reason


async def test_messages_before_a_broken_frame_are_received() -> None:
    stage = Scene()
    got: list[Any] = []

    @stage.session("/list")
    async def collect(ws: WebSocket) -> None:
        await asyncio.sleep(0)
        async for message in ws:
            got.append(message)
        got.append(ws.close_code)

    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/list", early=[frame(TEXT, b"1"), frame(TEXT, b"2"), frame(3), frame(TEXT, b"3")])
        await ws.closed(1002)
        await until(lambda: len(got) == 3, "the session to end")
        assert got == ["1", "2", 1002]


async def test_a_broken_frame_behind_messages_that_wait() -> None:
    stage = Scene()
    go = asyncio.Event()
    got: list[Any] = []

    @stage.session("/late", policy=WebSocketPolicy(max_queue=1))
    async def late(ws: WebSocket) -> None:
        await go.wait()
        async for message in ws:
            got.append(message)
        got.append(ws.close_code)

    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/late", early=[frame(TEXT, b"1"), frame(TEXT, b"2"), frame(3), frame(TEXT, b"3")])
        go.set()
        await ws.closed(1002)
        assert got == ["1", "2", 1002]


async def test_cancelled_receive_loses_no_message() -> None:
    stage = Scene()
    got: list[Any] = []

    @stage.session("/late")
    async def late(ws: WebSocket) -> None:
        first = asyncio.create_task(ws.receive())
        await asyncio.sleep(0)
        await ws.send("ready")
        while not first.cancelling():
            await asyncio.sleep(0)
            # The message has arrived and the task has not run yet: it is cancelled at this moment.
            waiter = ws._transport._waiter  # type: ignore[attr-defined]
            if waiter is not None and waiter.done():
                first.cancel()
        await asyncio.wait([first])
        assert first.cancelled()
        got.append(await ws.receive())

    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/late")
        assert await ws.receive() == "ready"
        await ws.send(frame(TEXT, b"kept"))
        await ws.closed(1000)
        assert (got, stage.errors) == (["kept"], [])


async def test_two_receivers_are_a_mistake() -> None:
    stage = Scene()

    @stage.session("/two")
    async def two(ws: WebSocket) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(ws.receive())
            group.create_task(ws.receive())

    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/two")
        await ws.closed(1011)
        (error,) = stage.errors
        assert isinstance(error, ExceptionGroup)
        assert "one receiver of a websocket at a time" in str(error.exceptions[0])


async def test_many_messages_wait_in_the_socket_and_come_in_order() -> None:
    stage = scene(max_queue=4)
    go = asyncio.Event()
    got: list[str | bytes] = []
    most = 0

    @stage.session("/slow", policy=WebSocketPolicy(max_queue=4))
    async def slow(ws: WebSocket) -> None:
        nonlocal most
        await go.wait()
        async for message in ws:
            got.append(message)
            most = max(most, len(ws._transport._queue or ()))  # type: ignore[attr-defined]
            await asyncio.sleep(0)

    messages = [b"%d" % n for n in range(1000)]
    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/slow")
        await ws.send(*[frame(TEXT, message) for message in messages])
        go.set()
        await ws.close(1000)
        assert got == [message.decode() for message in messages]
        assert most <= 4


async def test_waiting_messages_are_bounded_in_bytes(request: pytest.FixtureRequest) -> None:
    """A session that receives nothing: what the peer sends stays with the peer."""
    stage = scene()
    go = asyncio.Event()

    @stage.session("/deaf", policy=WebSocketPolicy(max_message=100_000))
    async def deaf(ws: WebSocket) -> None:
        await go.wait()

    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/deaf")
        (connection,) = served.server.connections
        sending = asyncio.create_task(ws.send(*[frame(BINARY, b"x" * 60_000)] * 500))
        await until(lambda: connection._held, "the reading to pause")  # type: ignore[attr-defined]
        await turns(20)
        assert not sending.done()
        kept = connection._queued + len(connection._reader._rest)  # type: ignore[attr-defined]
        assert kept < 500_000
        go.set()
        assert await ws.receive() == Close(1000)
        sending.cancel()
        wire.abort()


async def test_several_tasks_may_send() -> None:
    stage = Scene()

    @stage.session("/many")
    async def many(ws: WebSocket) -> None:
        async with asyncio.TaskGroup() as group:
            for n in range(20):
                group.create_task(ws.send(b"%d" % n * 100_000))

    async with serving(stage.app) as served, served.connect(receive_buffer=8192) as wire:
        ws = await shake(wire, "/many")
        got = [await ws.receive() for _ in range(20)]
        assert sorted(got) == sorted(b"%d" % n * 100_000 for n in range(20))  # type: ignore[type-var]
        await ws.closed(1000)


# -- compression -------------------------------------------------------------------------------------------------------


async def test_compression() -> None:
    async with serving(Scene().app) as served, served.connect() as wire:
        ws = await shake(wire, headers=[OFFER])
        assert ws.deflate is not None
        assert ws.deflate.parameters == {"server_max_window_bits": "12", "client_max_window_bits": "12"}
        text = "sketch " * COMPRESSED_FROM
        for _ in range(3):
            await ws.send(frame(TEXT, ws.deflate.deflate(text.encode()), rsv=RSV1))
            assert await ws.receive() == text
        data = ws.deflate.deflate(b"x" * 5000)
        await ws.send(*fragments(BINARY, data[:5], data[5:10], data[10:], rsv=RSV1))
        await ws.send(frame(TEXT, b"short"))
        assert await ws.receive() == b"x" * 5000
        assert await ws.receive() == "short"
        await ws.close()


async def test_long_messages_are_sent_compressed_and_short_ones_are_not() -> None:
    stage = Scene()

    @stage.session("/sizes")
    async def sizes(ws: WebSocket) -> None:
        await ws.send("x" * (COMPRESSED_FROM - 1))
        await ws.send("x" * COMPRESSED_FROM)

    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/sizes", headers=[OFFER])
        first = await ws._frame_head()
        second = await ws._frame_head()
        assert first is not None
        assert second is not None
        assert (first[2], len(first[3])) == (0, COMPRESSED_FROM - 1)
        assert second[2] == RSV1
        assert len(second[3]) < 100
        await ws.closed(1000)


async def test_a_bomb() -> None:
    async with serving(Scene().app) as served, served.connect() as wire:
        ws = await shake(wire, headers=[OFFER])
        assert ws.deflate is not None
        await ws.send(frame(BINARY, ws.deflate.deflate(b"\0" * (64 * MIB)), rsv=RSV1))
        await ws.closed(1009)


async def test_compression_may_be_switched_off() -> None:
    async with serving(scene(compression=False).app) as served, served.connect() as wire:
        ws = await shake(wire, headers=[OFFER])
        assert ws.deflate is None
        await ws.close()
