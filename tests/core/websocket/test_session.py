"""Websocket sessions: errors, cancellation, and the end of the server."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast

import pytest

from sketch import WebSocket, WebSocketDisconnected, WebSocketPolicy, WebSocketResponse
from sketch.application import Application
from sketch.request import Request
from sketch.transport import ClientDisconnected
from tests.core.websocket.support import Pipe, handshake
from tests.support.requests import in_loop


@in_loop
async def test_an_error_closes_with_1011_and_is_told_to_the_hooks(caplog: pytest.LogCaptureFixture) -> None:
    app = Application()
    told: list[Any] = []

    @app.exception
    def hook(request: Request, exc: Exception) -> None:
        told.append((request.raw_path, str(exc)))
        raise RuntimeError("of the hook")

    async def talk(ws: WebSocket) -> None:
        raise ValueError("of the session")

    pipe = Pipe()
    request = handshake(app)
    with caplog.at_level(logging.ERROR, "sketch"):
        await WebSocketResponse(talk).run(request, pipe)
    assert pipe.closed == (1011, "")
    assert str(request.error) == "of the session"
    assert told == [("/ws", "of the session")]
    assert [record.getMessage() for record in caplog.records] == [
        "error in the websocket session of '/ws'",
        "error in a hook for an error in the websocket session of '/ws'",
    ]


@pytest.mark.parametrize(
    ("error", "logged"),
    [
        (WebSocketDisconnected(1001), False),
        (ClientDisconnected(), False),
        (ExceptionGroup("", [WebSocketDisconnected(), ExceptionGroup("", [WebSocketDisconnected()])]), False),
        (ExceptionGroup("", [WebSocketDisconnected(), ValueError()]), True),
        (ConnectionResetError(), True),
    ],
)
@in_loop
async def test_the_leaving_of_the_peer_is_not_logged(
    error: Exception, logged: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def talk(ws: WebSocket) -> None:
        raise error

    pipe = Pipe()
    pipe.leave(1001)
    await WebSocketResponse(talk).run(handshake(Application()), pipe)
    assert pipe.closed is None
    assert bool(caplog.records) == logged


@in_loop
async def test_the_leaving_of_another_peer_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    """The session's own peer did not leave, so the error is logged and closes with 1011."""

    async def talk(ws: WebSocket) -> None:
        raise WebSocketDisconnected(1001)

    pipe = Pipe()
    await WebSocketResponse(talk).run(handshake(Application()), pipe)
    assert pipe.closed == (1011, "")
    assert [record.getMessage() for record in caplog.records] == ["error in the websocket session of '/ws'"]


@in_loop
async def test_the_server_stops() -> None:
    app = Application()
    seen: list[Any] = []
    open_ = asyncio.Event()

    async def talk(ws: WebSocket) -> None:
        open_.set()
        try:
            await ws.receive()
        except WebSocketDisconnected as end:
            seen.append((end.code, end.reason, str(end)))
            await asyncio.sleep(0)  # it still has time
            seen.append("tidied up")

    await app.startup()
    pipe = Pipe()
    policy = WebSocketPolicy(close_reason="back soon")
    running = asyncio.create_task(WebSocketResponse(talk, policy=policy).run(handshake(app), pipe))
    await open_.wait()
    app.stopping.set()
    await running
    assert pipe.closed == (1012, "back soon")
    assert seen == [(1012, "back soon", "the websocket has ended with 1012: back soon"), "tidied up"]


@in_loop
async def test_a_websocket_that_opens_while_the_server_stops() -> None:
    app = Application()
    app.stopping.set()
    codes: list[int | None] = []

    async def talk(ws: WebSocket) -> None:
        async for _ in ws:
            raise AssertionError
        codes.append(ws.close_code)

    pipe = Pipe()
    await WebSocketResponse(talk).run(handshake(app), pipe)
    assert (codes, pipe.closed) == ([1012], (1012, ""))


@in_loop
async def test_cancellation_passes_through_and_leaves_nothing() -> None:
    app = Application()
    open_ = asyncio.Event()

    class Stuck(Pipe):
        async def close(self, code: int = 1000, reason: str = "") -> None:
            open_.set()
            await asyncio.Event().wait()

    async def talk(ws: WebSocket) -> None:
        open_.set()
        await asyncio.Event().wait()

    before = asyncio.all_tasks()
    running = asyncio.create_task(WebSocketResponse(talk).run(handshake(app), Stuck()))
    await open_.wait()
    open_.clear()
    app.stopping.set()
    await open_.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


@in_loop
async def test_a_session_that_is_cancelled_when_its_peer_leaves(caplog: pytest.LogCaptureFixture) -> None:
    app = Application()
    seen: list[str] = []
    open_ = asyncio.Event()

    @app.websocket("/ws", on_disconnect="cancel")
    async def talk(ws: WebSocket) -> None:
        open_.set()
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("cancelled")

    request = handshake(app)
    response = await app.handle(request)
    assert response.switch is not None
    pipe = Pipe()
    running = asyncio.create_task(response.switch.run(request, pipe))
    await open_.wait()
    pipe.leave(1001)
    cast("Any", request.connection).gone.set()
    await running
    assert seen == ["cancelled"]
    assert not caplog.records


@in_loop
async def test_a_session_that_goes_on_after_its_cancellation(caplog: pytest.LogCaptureFixture) -> None:
    app = Application()
    open_ = asyncio.Event()

    @app.websocket("/ws", on_disconnect="cancel")
    async def talk(ws: WebSocket) -> None:
        open_.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)

    request = handshake(app)
    response = await app.handle(request)
    assert response.switch is not None
    pipe = Pipe()
    running = asyncio.create_task(response.switch.run(request, pipe))
    await open_.wait()
    cast("Any", request.connection).gone.set()
    await running
    assert running.cancelling() == 0
    assert not caplog.records


@in_loop
async def test_nothing_is_kept_of_a_session() -> None:
    app = Application()

    async def talk(ws: WebSocket) -> None:
        assert app.stopping._listeners

    await WebSocketResponse(talk, policy=WebSocketPolicy(idle_timeout=1)).run(handshake(app), Pipe())
    assert not app.stopping._listeners
