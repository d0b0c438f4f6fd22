"""Websockets of RSGI: accepted, denied, closed by either side, broken off."""

from __future__ import annotations

from typing import Any

import pytest

from sketch import Application, HTTPForbidden, Request, Response, WebSocket, WebSocketDisconnected, WebSocketPolicy
from tests.rsgi.scripted import Message, WebSocketProtocol, ask, scope
from tests.support.scripts import in_loop

QUICK = WebSocketPolicy(close_timeout=0.05, max_message=10)


def handshake(path: str = "/", *fields: tuple[str, str], **others: Any) -> Any:
    return scope("GET", path, *fields, proto="ws", **others)


def echoing() -> tuple[Application, list[Any]]:
    app, seen = Application(), []

    @app.websocket("/", policy=QUICK)
    async def echo(ws: WebSocket) -> None:
        try:
            while True:
                await ws.send(await ws.receive())
        except WebSocketDisconnected as exc:
            seen.append(exc.code)

    @app.websocket("/fails", policy=QUICK)
    async def fails(ws: WebSocket) -> None:
        raise LookupError("expected by the test")

    @app.websocket("/returns", policy=QUICK)
    async def returns(ws: WebSocket) -> None:
        await ws.send("last")

    return app, seen


@in_loop
async def test_messages_both_ways_until_the_client_closes() -> None:
    app, seen = echoing()
    protocol = await ask(app, handshake(), WebSocketProtocol(Message(2, "a"), Message(1, b"b"), Message(0, after=2)))
    assert (protocol.accepted, protocol.sent, seen) == (True, ["a", b"b"], [1005])
    assert protocol.closed == [None]


@in_loop
async def test_a_connection_that_breaks_off_is_1006() -> None:
    app, seen = echoing()
    outcomes = []
    app.on_finished.append(lambda request, outcome: outcomes.append(outcome.disconnected))
    await ask(app, handshake(), WebSocketProtocol(Message(2, "a"), RuntimeError("closed")))
    assert (seen, outcomes) == ([1006], [True])


@pytest.mark.parametrize("path", ["/returns", "/fails"])
@in_loop
async def test_the_session_closes(path: str) -> None:
    app, _ = echoing()
    protocol = await ask(app, handshake(path), WebSocketProtocol())
    assert protocol.closed[0] is None


@in_loop
async def test_a_message_over_the_limit_closes() -> None:
    app, seen = echoing()
    protocol = await ask(app, handshake(), WebSocketProtocol(Message(1, bytes(11))))
    assert (seen, protocol.sent, protocol.closed[0]) == ([1009], [], None)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (handshake("/nowhere"), 404),
        (handshake("/denied"), 403),
        (handshake("/", host=None), 400),
        (handshake("/", ("content-length", "3")), 400),
        (handshake("/", ("transfer-encoding", "chunked")), 400),
        (handshake("/raises"), 500),
    ],
)
@in_loop
async def test_a_denial_is_a_status(head: Any, status: int) -> None:
    app, _ = echoing()

    @app.websocket("/denied")
    async def denied(request: Request) -> Response:
        raise HTTPForbidden("no")

    @app.before_request
    async def raise_there(request: Request) -> None:
        if request.path == "/raises":
            raise ValueError("expected by the test")
        if request.path == "/denied":
            raise HTTPForbidden("no")

    protocol = await ask(app, head, WebSocketProtocol())
    assert (protocol.accepted, protocol.closed) == (False, [status])


@in_loop
async def test_a_client_that_leaves_before_the_acceptance() -> None:
    app, seen = echoing()
    outcomes = []
    app.on_finished.append(lambda request, outcome: outcomes.append((outcome.status, outcome.disconnected)))
    protocol = await ask(app, handshake(), WebSocketProtocol(refused=RuntimeError("RSGI protocol error")))
    assert (protocol.accepted, seen, outcomes) == (False, [], [(None, True)])


@in_loop
async def test_subprotocols_are_read_and_fields_too() -> None:
    app = Application()
    seen = []

    @app.websocket("/", policy=QUICK)
    async def note(ws: WebSocket) -> None:
        seen.append((ws.request.subprotocols, ws.request.headers["x-a"]))

    await ask(app, handshake("/", ("sec-websocket-protocol", "a, b"), ("x-a", "1")), WebSocketProtocol())
    assert seen == [(("a", "b"), "1")]


@pytest.mark.parametrize("message", [Message(7, "x"), Message(2, None), Message("2", 5)])
@in_loop
async def test_a_message_of_a_wrong_kind_breaks_the_websocket_and_nothing_else(message: Message) -> None:
    app, seen = echoing()
    protocol = await ask(app, handshake(), WebSocketProtocol(message))
    assert seen == [1006]
    assert protocol.sent == []
