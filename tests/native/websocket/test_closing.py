"""Every end of a native websocket: closes of both sides, failures, and the end of the server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sketch import WebSocket, WebSocketDisconnected, WebSocketPolicy
from sketch_native.websocket.connection import WebSocketConnection
from tests.native.websocket.support import QUICK, Scene, scene
from tests.support.frames import BINARY, PING, TEXT, Close, close_frame, frame, shake
from tests.support.native import serving, turns, until


@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4999, None])
async def test_the_peer_closes(code: int | None) -> None:
    stage = Scene()
    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire)
        await ws.close(code)
        await until(lambda: stage.ends, "the session to end")
        assert stage.ends == [(1005 if code is None else code, "")]


async def test_messages_before_a_close_in_one_packet_are_answered() -> None:
    async with serving(Scene().app) as served, served.connect() as wire:
        ws = await shake(wire)
        await ws.send(*[frame(TEXT, b"%d" % n) for n in range(10)], close_frame(1000, b"bye"), frame(PING))
        assert [await ws.receive() for _ in range(10)] == [str(n) for n in range(10)]
        await ws.closed(1000)


async def test_close_and_end_in_one_packet() -> None:
    stage = Scene()
    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire)
        await ws.send(frame(TEXT, b"x"), close_frame(4000, b"bye"))
        wire.half_close()
        assert await ws.receive() == "x"
        await ws.closed(4000, answer=False)
        await until(lambda: stage.ends, "the session to end")
        assert stage.ends == [(4000, "bye")]


@pytest.mark.parametrize("how", ["end", "reset", "in a frame", "in a message"])
async def test_the_connection_breaks(how: str) -> None:
    stage = Scene()
    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire)
        if how.startswith("in"):
            await ws.send(frame(BINARY, b"x" * 5000)[:1000] if how == "in a frame" else frame(TEXT, b"x", fin=False))
            await turns()
        if how == "reset":
            wire.abort()
        else:
            wire.half_close()
            assert await wire.ended() == b""
        await until(lambda: stage.ends, "the session to end")
        assert stage.ends == [(1006, "")]


@pytest.mark.parametrize("how", ["close", "break"])
async def test_a_session_that_waits_for_something_else_is_cancelled_when_the_peer_leaves(how: str) -> None:
    stage = Scene()
    seen: list[str] = []

    @stage.session("/wait", on_disconnect="cancel")
    async def wait(ws: WebSocket) -> None:
        await ws.send("ready")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/wait")
        assert await ws.receive() == "ready"
        if how == "close":
            await ws.close(1000)
        else:
            wire.abort()
        await until(lambda: seen, "the session to be cancelled")
        await served.alone()
        assert not stage.errors


async def test_the_session_closes_and_the_peer_answers() -> None:
    stage = Scene()
    seen: list[Any] = []

    @stage.session("/close")
    async def closing(ws: WebSocket) -> None:
        receiving = asyncio.create_task(ws.receive())
        await asyncio.sleep(0)
        await ws.close(4001, "enough")
        for attempt in (receiving, ws.receive(), ws.send("x")):
            with pytest.raises(WebSocketDisconnected) as caught:
                await attempt
            seen.append((caught.value.code, caught.value.reason))

    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/close")
        assert await ws.receive() == Close(4001, "enough")
        await ws.send(frame(TEXT, b"late"), close_frame(4001))
        await ws.ended()
        assert (seen, stage.errors) == ([(4001, "enough")] * 3, [])


async def test_the_peer_does_not_answer_a_close() -> None:
    stage = Scene()

    @stage.session("/close", policy=WebSocketPolicy(close_timeout=0.1))
    async def closing(ws: WebSocket) -> None:
        await ws.close(1000)

    async with serving(stage.app, server_limits=QUICK) as served, served.connect() as wire:
        ws = await shake(wire, "/close")
        assert await ws.receive() == Close(1000)
        await wire.ended()


async def test_both_close_at_once() -> None:
    stage = Scene()
    go = asyncio.Event()

    @stage.session("/close")
    async def closing(ws: WebSocket) -> None:
        await go.wait()
        await ws.close(4001)

    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/close")
        go.set()
        await ws.send(close_frame(4002))
        await ws.closed(4001, 4002)


async def test_a_session_that_has_not_received_everything_closes() -> None:
    stage = Scene()

    @stage.session("/one", policy=WebSocketPolicy(max_queue=2))
    async def one(ws: WebSocket) -> None:
        await ws.receive()

    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/one", early=[frame(TEXT, b"x")] * 10)
        assert await ws.receive() == Close(1000)
        await ws.send(close_frame(1000))
        await ws.ended()


async def test_a_session_fails(caplog: pytest.LogCaptureFixture) -> None:
    stage = Scene()

    @stage.session("/broken")
    async def broken(ws: WebSocket) -> None:
        await ws.send("a")
        raise ValueError("on purpose")

    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/broken")
        assert await ws.receive() == "a"
        await ws.closed(1011)
        assert [str(error) for error in stage.errors] == ["on purpose"]
        assert "error in the websocket session of '/broken'" in caplog.text


async def test_the_server_stops() -> None:
    stage = scene(close_reason="back soon")
    async with serving(stage.app) as served, served.connect() as wire, served.connect() as other:
        ws, second = await shake(wire), await shake(other)
        stopping = asyncio.create_task(served.server.stop())
        for each in (ws, second):
            assert await each.receive() == Close(1012, "back soon")
            await each.send(close_frame(1012))
            await each.ended()
        await stopping
        assert stage.ends == [(1012, "back soon")] * 2


async def test_a_session_has_time_when_the_server_stops_and_is_cancelled_then() -> None:
    stage = Scene()
    seen: list[str] = []

    @stage.session("/tidy")
    async def tidy(ws: WebSocket) -> None:
        await ws.send("ready")
        try:
            async for _ in ws:
                raise AssertionError
            seen.append("has time")
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async with serving(stage.app, shutdown_timeout=0.1) as served, served.connect() as wire:
        ws = await shake(wire, "/tidy")
        assert await ws.receive() == "ready"
        await served.server.stop()
        assert await ws.receive() == Close(1012)
        await wire.ended()
        assert seen == ["has time", "cancelled"]


@pytest.mark.parametrize(("close_timeout", "shutdown_timeout"), [(0.1, 5), (60, 0.1)])
async def test_a_peer_that_does_not_answer_does_not_delay_the_stop(
    close_timeout: float, shutdown_timeout: float
) -> None:
    stage = scene(close_timeout=close_timeout)
    options = {"server_limits": QUICK, "shutdown_timeout": shutdown_timeout}
    async with serving(stage.app, **options) as served, served.connect() as wire:
        ws = await shake(wire)
        async with asyncio.timeout(4):
            await served.server.stop()
        assert await ws.receive() == Close(1012)
        await wire.ended()


async def test_pings_are_not_answered_after_the_close() -> None:
    stage = Scene()

    @stage.session("/close")
    async def closing(ws: WebSocket) -> None:
        await ws.close(1000)

    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/close")
        assert await ws.receive() == Close(1000)
        await ws.send(frame(PING, b"late"), close_frame(1000))
        await ws.ended()


async def test_a_session_that_cannot_be_ended_is_cut(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(self: WebSocketConnection, code: int = 1000, reason: str = "") -> None:
        raise RuntimeError("on purpose")

    stage = Scene()

    @stage.session("/short")
    async def short(ws: WebSocket) -> None:
        assert repr(ws._transport).startswith("<WebSocketConnection open, request <")

    monkeypatch.setattr(WebSocketConnection, "close", broken)
    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/short")
        await ws.ended()
        assert "the websocket session of '/short' could not be ended" in caplog.text
        assert not stage.errors
