"""An application with one websocket route, and what its sessions have seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sketch import Application, Request, Response, WebSocket, WebSocketPolicy
from sketch_native import ServerLimits

MIB = 1 << 20


class Scene:
    """An application with one websocket route, and what its sessions have seen."""

    def __init__(self, policy: WebSocketPolicy | None = None, **options: Any) -> None:
        self.app = Application(**options)
        self.ends: list[tuple[int | None, str]] = []
        self.errors: list[Exception] = []
        self.app.add_websocket("/ws", self.echo, policy=policy, subprotocols=["v2", "v1"])
        self.app.add_get("/", lambda request: Response("ok"))
        self.app.exception.append(self.note)

    async def echo(self, ws: WebSocket) -> None:
        async for message in ws:
            await ws.send(message)
        self.ends.append((ws.close_code, ws.close_reason))

    def note(self, request: Request, exc: Exception) -> None:
        self.errors.append(exc)

    def session(self, path: str, **options: Any) -> Callable[[Any], Any]:
        return self.app.websocket(path, **options)


def scene(**policy: Any) -> Scene:
    return Scene(WebSocketPolicy(**policy))


QUICK = ServerLimits(header_timeout=0.2, linger_timeout=0.2)
"""The deadlines are looked at twenty times a second."""
