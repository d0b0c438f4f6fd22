"""What an application under a gateway server is busy with: the exchanges that run, each with its task."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, ClassVar, Protocol

from sketch.serving.endings import REQUEST, STREAM, WEBSOCKET


class Exchange(Protocol):
    """The connection of an exchange, as an adapter has it."""

    is_websocket: ClassVar[bool]
    """Whether it is that of a websocket."""

    @property
    def status(self) -> int | None:
        """The status of the response, None until there is one."""
        ...

    def leave(self) -> None:
        """Stop waiting for the client to answer a close: the server does not tell of it any more."""


class Exchanges(dict[asyncio.Task[Any], Exchange]):
    """The exchanges that run, by their tasks."""

    def __init__(self) -> None:
        super().__init__()
        self.finishing: set[asyncio.Task[Any]] = set()
        """Tasks of exchanges whose end is being reported."""

    def under_way(self) -> Iterator[str]:
        """Return what each is, as in `sketch.serving.endings`."""
        return map(kind_of, self.values())

    def leave(self) -> None:
        """Let those end that only wait for the client to answer a close."""
        for connection in self.values():
            connection.leave()

    def cut(self) -> None:
        """Cancel all of them."""
        for task in self:
            task.cancel()

    def cut_streams(self) -> None:
        """Cancel the streams and websockets."""
        for task, connection in self.items():
            if kind_of(connection) != REQUEST:
                task.cancel()

    async def websockets_ended(self) -> None:
        """Wait until no websocket is open, including those that open meanwhile."""
        while sockets := [task for task, connection in self.items() if connection.is_websocket]:
            await asyncio.wait(sockets)


def kind_of(connection: Exchange) -> str:
    """Return what an exchange is, as in `sketch.serving.endings`."""
    if connection.is_websocket:
        return WEBSOCKET
    return REQUEST if connection.status is None else STREAM
