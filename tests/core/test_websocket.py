"""Websocket answers, until there are websockets."""

from __future__ import annotations

from typing import Any

from sketch.application import Application
from sketch.response import Response
from sketch.websocket import WebSocketResponse
from tests.core.support import answer, in_loop


async def session(websocket: Any) -> None:
    raise AssertionError("no session can begin")


def test_it_can_be_made_and_copied() -> None:
    response = WebSocketResponse(session, subprotocol="chat", headers={"X-A": "1"})
    assert (response.status, response.headers["X-A"]) == (101, "1")
    copy = response.copy()
    assert (copy.session, copy.subprotocol, copy.headers) == (session, "chat", response.headers)


@in_loop
async def test_it_is_refused() -> None:
    app = Application()

    @app.get("/chat")
    async def chat() -> Response:
        return WebSocketResponse(session)

    response = await answer(app, "/chat")
    assert (response.status, response.payload) == (501, b"websockets are not supported yet: /chat")
