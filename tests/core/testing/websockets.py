"""Applications with one websocket, and how a websocket ended."""

from __future__ import annotations

from typing import Any

import pytest

from sketch import Application, WebSocket, WebSocketDisconnected, WebSocketPolicy


async def echo(ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


def serving(session: Any, policy: WebSocketPolicy | None = None, **options: Any) -> Application:
    app = Application(**options)
    app.add_websocket("/ws", session, policy=policy)
    return app


async def end_of(call: Any) -> tuple[int, str]:
    with pytest.raises(WebSocketDisconnected) as caught:
        await call
    return caught.value.code, caught.value.reason


class Ends:
    """A session that notes how it ended."""

    def __init__(self) -> None:
        self.code: int | None = None
        self.reason = ""
        self.received: list[str | bytes] = []

    async def session(self, ws: WebSocket) -> None:
        async for message in ws:
            self.received.append(message)
        self.code, self.reason = ws.close_code, ws.close_reason
