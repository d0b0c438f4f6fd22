"""A websocket in memory: two ends, each of which receives what the other sends."""

from __future__ import annotations

import asyncio
from collections import deque

from sketch.websocket import ABNORMAL, TOO_BIG, WebSocketDisconnected

BUFFER = 64 * 1024
"""Bytes that may be in flight in one direction; beyond them the sender waits, as on a connection."""

NO_CODE = 1005

_HEAD = 14
"""The most bytes that a message needs besides its content: an empty message takes room, too."""


class MemorySocket:
    """One end of a websocket in memory, a `WebSocketTransport`. Its `peer` receives what it sends.

    Args:
        max_message: how many bytes a message that it receives may have, None without a limit.
        patience: how many seconds it waits for the peer to receive, None without a limit.
    """

    peer: MemorySocket

    def __init__(self, *, max_message: int | None = None, patience: float | None = None) -> None:
        self.end: tuple[int, str] | None = None
        """Code and reason, once either end has closed."""
        self.sent = 0
        """Bytes of messages sent."""
        self._max_message = max_message
        self._patience = patience
        self._arrived: deque[str | bytes] = deque()
        self._size = 0
        self._receiving = False
        self._changed = asyncio.Event()

    async def receive(self) -> str | bytes:
        """The next message.

        Raises:
            WebSocketDisconnected: at the end.
            RuntimeError: if another task already waits.
        """
        if self._receiving:
            raise RuntimeError("expected one receiver of a websocket at a time, got a second one")
        self._receiving = True
        try:
            while not self._arrived:
                self._check()
                await self._change()
        finally:
            self._receiving = False
        message = self._arrived.popleft()
        self._size -= _size(message)
        self.peer._tell()
        return message

    async def send(self, data: str | bytes) -> None:
        """Send a message, once the peer has received enough of what was sent before.

        Raises:
            WebSocketDisconnected: after the end, and if the peer does not make room within `patience` seconds.
        """
        self._check()
        if self.peer._size >= BUFFER:
            await self._wait_for_room()
        self.sent += len(data.encode() if isinstance(data, str) else data)
        self.peer._arrive(data)

    async def _wait_for_room(self) -> None:
        try:
            async with asyncio.timeout(self._patience):
                while self.peer._size >= BUFFER:
                    await self._change()
                    self._check()
        except TimeoutError:
            self.abort()
            self._check()

    async def close(self, code: int | None = 1000, reason: str = "") -> None:
        """Close, unless either end has; messages in flight to this end are dropped."""
        if self.end is not None:
            return
        self._arrived.clear()
        self._finish(code or NO_CODE, reason)
        self.peer._finish(code or NO_CODE, reason)

    def abort(self) -> None:
        """Break the connection off."""
        self._finish(ABNORMAL, "")
        self.peer._finish(ABNORMAL, "")

    def _arrive(self, data: str | bytes) -> None:
        size = _size(data)
        if self._max_message is not None and size - _HEAD > self._max_message:
            reason = f"expected a message of at most {self._max_message} bytes"
            self._finish(TOO_BIG, reason)
            self.peer._finish(TOO_BIG, reason)
            return
        self._arrived.append(data)
        self._size += size
        self._tell()

    def _finish(self, code: int, reason: str) -> None:
        """Note the end, unless it is known, and wake waiting tasks."""
        if self.end is None:
            self.end = (code, reason)
            self._tell()

    def _check(self) -> None:
        if self.end is not None:
            raise WebSocketDisconnected(*self.end)

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _tell(self) -> None:
        self._changed.set()


def _size(data: str | bytes) -> int:
    return len(data.encode() if isinstance(data, str) else data) + _HEAD


def connect(server: MemorySocket, client: MemorySocket) -> None:
    """Connect two ends to one websocket."""
    server.peer, client.peer = client, server
