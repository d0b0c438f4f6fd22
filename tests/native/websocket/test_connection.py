"""Connections of native websockets: heartbeats, peers that do not read, and what the server keeps."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
from typing import Any

import pytest

from sketch import Application, Limits, WebSocket, WebSocketDisconnected, WebSocketPolicy
from sketch.serving.options import ServeError, ServeOptions
from sketch_native import Server, ServerLimits
from sketch_native.parser import RequestParser
from sketch_native.protocol import HTTPProtocol
from sketch_native.websocket import handshake
from tests.native.websocket.support import MIB, QUICK, Scene, scene
from tests.support.frames import PING, PONG, TEXT, Close, Ping, Pong, Refused, close_frame, frame, shake
from tests.support.native import GET, Served, serving, until

# -- time --------------------------------------------------------------------------------------------------------------


async def test_a_silent_peer_is_pinged_and_given_up() -> None:
    stage = scene(ping_interval=0.1, ping_timeout=0.1)
    async with serving(stage.app, server_limits=QUICK) as served, served.connect() as wire:
        ws = await shake(wire)
        assert await ws.receive() == Ping()
        await ws.ended()
        await until(lambda: stage.ends, "the session to end")
        assert stage.ends == [(1006, "")]


async def test_a_peer_that_answers_stays() -> None:
    stage = scene(ping_interval=0.1, ping_timeout=0.2)
    async with serving(stage.app, server_limits=QUICK) as served, served.connect() as wire:
        ws = await shake(wire)
        for _ in range(4):
            assert await ws.receive() == Ping()
            await ws.send(frame(PONG))
        await ws.close()


async def test_an_active_peer_is_not_pinged() -> None:
    stage = scene(ping_interval=0.3, ping_timeout=0.1)
    async with serving(stage.app, server_limits=QUICK) as served, served.connect() as wire:
        ws = await shake(wire)
        loop = asyncio.get_running_loop()
        end = loop.time() + 0.8
        while loop.time() < end:
            await ws.send(frame(TEXT, b"x"))
            assert await ws.receive() == "x"
        await ws.close()


async def test_pings_without_an_end() -> None:
    stage = scene(ping_interval=0.1, ping_timeout=None)
    async with serving(stage.app, server_limits=QUICK) as served, served.connect() as wire:
        ws = await shake(wire)
        assert [await ws.receive() for _ in range(4)] == [Ping()] * 4
        await ws.close()


async def test_a_peer_is_not_given_up_while_its_messages_wait() -> None:
    stage = Scene()
    go = asyncio.Event()

    @stage.session("/busy", policy=WebSocketPolicy(max_queue=1, ping_interval=0.1, ping_timeout=0.1))
    async def busy(ws: WebSocket) -> None:
        await go.wait()
        await ws.send(await ws.receive())

    async with serving(stage.app, server_limits=QUICK) as served, served.connect() as wire:
        ws = await shake(wire, "/busy", early=[frame(TEXT, b"x"), frame(TEXT, b"y")])
        server = served.server
        since = server.now
        await until(lambda: server.now > since + 0.5, "some looks at the deadlines")
        go.set()
        assert await ws.receive() == "x"
        await ws.closed(1000)


async def test_an_idle_session() -> None:
    stage = scene(idle_timeout=0.1)
    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire)
        assert await ws.receive() == Close(1001, "idle for too long")
        await ws.send(close_frame(1001))
        await ws.ended()
        assert stage.ends == [(1001, "idle for too long")]


# -- peers that do not read --------------------------------------------------------------------------------------------


def stalled(served: Served) -> Any:
    """A connection with a very small receive buffer."""
    return served.connect(receive_buffer=4096)


async def test_a_stalled_reader_is_cut_and_the_others_go_on() -> None:
    stage = Scene(limits=Limits(write_timeout=0.2))
    sent = 0
    ends: list[int] = []

    @stage.session("/flood")
    async def flood(ws: WebSocket) -> None:
        nonlocal sent
        try:
            while True:
                await ws.send(b"x" * 50_000)
                sent += 50_000
        except WebSocketDisconnected as end:
            ends.append(end.code)
            raise

    async with serving(stage.app, server_limits=QUICK) as served, stalled(served) as wire, served.connect() as other:
        await shake(wire, "/flood")
        wire.pause()
        ws = await shake(other)
        while not ends:
            await ws.send(frame(TEXT, b"x"))
            assert await ws.receive() == "x"
        assert ends == [1006]
        assert sent < 20 * MIB  # what the kernel takes, and no more
        await ws.close()


async def test_a_slow_reader_is_not_cut() -> None:
    stage = Scene(limits=Limits(write_timeout=0.3))

    @stage.session("/much")
    async def much(ws: WebSocket) -> None:
        for _ in range(40):
            await ws.send(b"x" * 50_000)

    async with serving(stage.app, server_limits=QUICK) as served, stalled(served) as wire:
        ws = await shake(wire, "/much")
        for _ in range(40):
            assert await ws.receive() == b"x" * 50_000
        await ws.closed(1000)


async def test_pings_of_a_peer_that_does_not_read_fill_no_memory() -> None:
    stage = Scene()

    @stage.session("/big")
    async def big(ws: WebSocket) -> None:
        await ws.send(b"x" * (8 * MIB))
        async for _ in ws:
            raise AssertionError

    async with serving(stage.app) as served, stalled(served) as wire:
        ws = await shake(wire, "/big")
        wire.pause()
        (connection,) = served.server.connections
        await until(lambda: connection.flow.blocked, "the socket to be full")
        before = connection.transport.get_write_buffer_size()
        for n in range(2000):
            await ws.send(frame(PING, b"%0100d" % n))
        await ws.send(frame(PONG))
        await until(lambda: connection._pong == b"%0100d" % 1999, "the pings to be read")  # type: ignore[attr-defined]
        assert connection.transport.get_write_buffer_size() <= before
        wire.resume()
        assert await ws.receive() == b"x" * (8 * MIB)
        assert await ws.receive() == Pong(b"%0100d" % 1999)
        await ws.close()


# -- the server --------------------------------------------------------------------------------------------------------


async def test_the_access_log_has_a_line_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sketch.access")
    async with serving(Scene().app, access_log=True) as served, served.connect() as wire:
        ws = await shake(wire, "/ws?a=1")
        await ws.send(frame(TEXT, b"12345"))
        assert await ws.receive() == "12345"
        assert not caplog.records
        await ws.close()
        await served.alone()
        with pytest.raises(Refused):
            await _refused(served)
    lines = [record.getMessage() for record in caplog.records]
    assert re.fullmatch(r'127\.0\.0\.1:\d+ "GET /ws\?a=1" 101 5 \d+\.\d+', lines[0])
    assert re.fullmatch(r'127\.0\.0\.1:\d+ "GET /nowhere" 404 \d+ \d+\.\d+', lines[1])
    assert len(lines) == 2


async def _refused(served: Served) -> None:
    async with served.connect() as wire:
        await shake(wire, "/nowhere")


async def test_an_open_websocket_takes_no_place_of_a_request() -> None:
    limits = ServerLimits(concurrency=1)
    async with (
        serving(Scene().app, server_limits=limits) as served,
        served.connect() as wire,
        served.connect() as other,
    ):
        ws = await shake(wire)
        await other.send(GET)
        assert (await other.receive()).status == 200
        await ws.close()


async def test_nothing_of_http_is_kept_for_an_open_websocket() -> None:
    gc.collect()
    async with serving(Scene().app) as served, served.connect() as wire:
        ws = await shake(wire)
        await ws.send(frame(PING))
        assert await ws.receive() == Pong()
        assert not [each for each in gc.get_objects() if type(each) in (HTTPProtocol, RequestParser)]
        await ws.close()


async def test_many_come_and_go(descriptors: None) -> None:
    stage = Scene()
    async with serving(stage.app) as served:
        for _ in range(5):
            async with asyncio.TaskGroup() as group:
                for n in range(20):
                    group.create_task(_come_and_go(served, n))
        await served.alone()
    assert len(stage.ends) == 100
    assert not stage.app.stopping._listeners


async def _come_and_go(served: Served, n: int) -> None:
    async with served.connect() as wire:
        ws = await shake(wire)
        await ws.send(frame(TEXT, b"x" * n))
        assert await ws.receive() == "x" * n
        if n % 2:
            await ws.close()


async def test_a_missing_package_is_found_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The missing package is found before a client connects."""
    monkeypatch.setattr(handshake, "available", lambda: False)
    outer = Application()
    outer.mount("/inner", Scene().app)
    server = Server(outer, ServeOptions(port=0))
    with pytest.raises(ServeError, match="websockets"):
        await server.start()
