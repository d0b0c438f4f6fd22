"""Lets uvicorn and hypercorn accept connections on further sockets, those of other workers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from sketch.serving.loops import open_another_server, opened_servers
from sketch_asgi.launchers.stopping import close_servers

_POLL = 0.01
"""Seconds between two looks whether the server listens: no server tells."""


class Acceptor:
    """Opens servers of the event loop like the one that uvicorn or hypercorn has opened, which have no means for it."""

    def __init__(self) -> None:
        self._servers: dict[socket.socket, asyncio.Server] = {}
        self._wanted: Sequence[socket.socket] = ()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def accept_also(self, sockets: Sequence[socket.socket]) -> None:
        """Accept on these listening sockets as well, and on no others beside those of the server."""
        if self._closed:
            return
        self._wanted = sockets
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._change())

    async def close(self) -> None:
        """Accept no more connections at all, but let the server serve those that were accepted."""
        self._closed, self._wanted = True, ()
        if self._task is not None:
            await asyncio.wait([self._task])
        await close_servers(opened_servers())

    async def _change(self) -> None:
        while not opened_servers():  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(_POLL)
        while set(self._servers) != set(self._wanted):
            for sock in set(self._wanted) - set(self._servers):
                # The loop closes the socket that it is given, so it gets a duplicate.
                self._servers[sock] = await open_another_server(sock.dup())
            await close_servers([self._servers.pop(sock) for sock in set(self._servers) - set(self._wanted)])
