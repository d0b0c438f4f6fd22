"""`WebSocketResponse`: the answer to a handshake."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from sketch import WebSocketPolicy, WebSocketResponse
from sketch.application import Application
from sketch.request import Request
from sketch.response import Response
from sketch.routing import WEBSOCKET
from tests.core.websocket.support import session, shake
from tests.support.requests import answer, in_loop
from tests.support.responses import headers_of


def test_a_copy_has_its_own_headers() -> None:
    policy = WebSocketPolicy(max_queue=1)
    response = WebSocketResponse(session, subprotocol="chat", headers={"X-A": "1"}, policy=policy)
    copy = response.copy()
    assert (copy.status, copy.session, copy.subprotocol, copy.policy) == (101, session, "chat", policy)
    assert copy.headers == response.headers
    assert copy.headers is not response.headers


@in_loop
async def test_a_handshake_is_answered() -> None:
    app = Application()

    async def chat(request: Request) -> Response:
        return WebSocketResponse(session, headers={"X-Room": "1"})

    app.add_route(WEBSOCKET, "/ws", chat)
    response = await shake(app)
    assert (response.status, response.payload, response.length) == (101, b"", None)
    assert response.fields == [(b"x-room", b"1")]


@in_loop
async def test_a_plain_request_needs_an_upgrade() -> None:
    app = Application()

    @app.get("/ws")
    async def chat() -> Response:
        return WebSocketResponse(session)

    response = await answer(app, "/ws")
    assert response.status == 426
    assert headers_of(response)["Upgrade"] == "websocket"


@in_loop
async def test_middleware_may_change_or_refuse_a_handshake() -> None:
    seen: list[tuple[int, bool]] = []

    async def watch(request: Request, handler: Callable[[Request], Awaitable[Response]]) -> Response:
        if "X-Stop" in request.headers:
            return Response("no", status=403)
        response = await handler(request)
        seen.append((response.status, request.is_websocket))
        response.headers["X-Seen"] = "yes"
        return response

    app = Application(middlewares=[watch])
    app.add_websocket("/ws", session)
    assert (await shake(app)).fields == [(b"x-seen", b"yes")]
    assert seen == [(101, True)]
    refused = await shake(app, headers=[(b"x-stop", b"1")])
    assert (refused.status, refused.payload) == (403, b"no")


@pytest.mark.parametrize("name", ["Sec-WebSocket-Accept", "Sec-WebSocket-Protocol", "Upgrade", "Connection"])
@in_loop
async def test_fields_of_the_handshake_are_refused(name: str) -> None:
    app = Application()

    async def chat() -> Response:
        return WebSocketResponse(session, headers={name: "x"})

    app.add_route(WEBSOCKET, "/ws", chat)
    assert (await shake(app)).status == 500


@in_loop
async def test_one_response_may_answer_many_handshakes() -> None:
    app = Application()
    same = WebSocketResponse(session, subprotocol="a")

    async def chat() -> Response:
        return same

    app.add_route(WEBSOCKET, "/ws", chat)
    plain = await shake(app)
    agreed = await shake(app, headers=[(b"sec-websocket-protocol", b"b, a")])
    assert plain.switch is not None
    assert agreed.switch is not None
    assert (plain.switch.subprotocol, agreed.switch.subprotocol, same.subprotocol) == (None, "a", "a")
