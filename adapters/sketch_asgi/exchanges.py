"""What an application under an ASGI server is busy with: the exchanges that run, each with its task."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from sketch.serving.endings import REQUEST, STREAM, WEBSOCKET
from sketch_asgi.connection import ScopeConnection


class Exchanges(dict[asyncio.Task[Any], ScopeConnection]):
    """The exchanges that run, by their tasks."""

    def under_way(self) -> Iterator[str]:
        """Yield what each is, as in `sketch.serving.endings`."""
        for connection in self.values():
            if connection.scope["type"] == "websocket":
                yield WEBSOCKET
            else:
                yield REQUEST if connection.status is None else STREAM

    def cut(self) -> None:
        """Cancel all of them."""
        for task in self:
            task.cancel()

    async def websockets_ended(self) -> None:
        """Wait until no websocket is open, including those that open meanwhile."""
        while sockets := [task for task, connection in self.items() if connection.scope["type"] == "websocket"]:
            await asyncio.wait(sockets)
