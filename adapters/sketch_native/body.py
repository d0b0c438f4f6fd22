"""A request body on its way from the socket to the handler, never more of it than a few chunks."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from sketch.limits import SLOWEST
from sketch.transport import ClientDisconnected

if TYPE_CHECKING:
    from sketch_native.protocol import HTTPProtocol


class RequestBody:
    """A `BodyReader` that stops the socket while too much of the body is waiting.

    Args:
        protocol: is told when to stop and when to go on reading.
        length: the announced size in bytes, None for a chunked body.
        high_water: bytes that may wait.
        send_continue: writes the interim response; called at the first read of a body that has not begun, for a
            client that waits for it (RFC 9110 section 10.1.1).
    """

    __slots__ = (
        "_chunks",
        "_error",
        "_high_water",
        "_protocol",
        "_received",
        "_send_continue",
        "_size",
        "_waited",
        "_waiter",
        "ended",
        "length",
    )

    def __init__(
        self,
        protocol: HTTPProtocol,
        length: int | None,
        high_water: int,
        send_continue: Callable[[], None] | None = None,
    ) -> None:
        self.length = length
        self._protocol = protocol
        self._high_water = high_water
        self._send_continue = send_continue
        self._chunks: deque[bytes] | None = deque()
        self._size = 0
        self._received = 0
        self._waited = 0.0
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self.ended = False

    @property
    def awaits_continue(self) -> bool:
        """Whether the client still waits for leave to send."""
        return self._send_continue is not None

    @property
    def complete(self) -> bool:
        """Whether all of it was read."""
        return self.ended and not self._chunks

    @property
    def full(self) -> bool:
        """Whether no more should come before something is read."""
        return self._chunks is not None and self._size >= self._high_water

    async def read(self) -> bytes:
        """The next chunk, `b""` at the end; raises `ClientDisconnected` for a body that was cut short."""
        while not self._chunks:
            if self._chunks is None:
                raise ClientDisconnected("the answer is out, the rest of the request body was discarded")
            if self.ended:
                return b""
            if self._error is not None:
                raise self._error
            if self._send_continue is not None:
                self._send_continue()
                self._send_continue = None
            if self._waiter is not None:
                raise RuntimeError("expected one reader of a request body at a time, got a second one")
            await self._wait()
        data = self._chunks.popleft()
        stopped = self._size >= self._high_water
        self._size -= len(data)
        if stopped and self._size < self._high_water:
            self._protocol.want_body()
        return data

    async def _wait(self) -> None:
        loop = self._protocol.loop
        since = loop.time()
        self._waiter = loop.create_future()
        self._protocol.body_awaited(self._received / SLOWEST - self._waited)
        try:
            await self._waiter
        finally:
            self._waiter = None
            self._waited += loop.time() - since
            self._protocol.body_arrived()

    def feed(self, data: bytes) -> None:
        """More bytes have come in."""
        self._send_continue = None
        self._size += len(data)
        self._received += len(data)
        if self._chunks is None:
            return
        self._chunks.append(data)
        if self._size >= self._high_water:
            self._protocol.enough_body()
        self._wake()

    def end(self) -> None:
        """The body is complete."""
        self.ended = True
        self._wake()

    def cut(self) -> None:
        """The client is gone; what is here can still be read, and then there is an error instead of an end."""
        self.fail(ClientDisconnected("the client left before the end of the request body"))

    def fail(self, error: Exception) -> None:
        """Nothing more will come, for that reason; what is here can still be read."""
        if not self.ended and self._error is None:
            self._error = error
            self._wake()

    def discard(self) -> int:
        """Keep nothing from now on; the number of bytes that came but were not read. For an answer that is out."""
        if self._chunks is not None:
            self._chunks = None
            if self._size >= self._high_water:
                self._protocol.want_body()
        return self._size

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
