"""The body of a request on its way from the socket to the handler; only a few chunks of it are held at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from sketch.limits import SLOWEST
from sketch.transport import ClientDisconnected

if TYPE_CHECKING:
    from sketch_native.interfaces import Line


class RequestBody:
    """The `BodyReader` of a native request; it pauses the socket while too much of the body waits for the handler.

    Args:
        line: the connection; it sets the deadline of a waiting handler, and resumes reading.
        length: the announced size in bytes, None for a chunked body.
        high_water: the number of waiting bytes at which reading pauses.
        send_continue: writes `100 Continue`; called by the first read, unless the body has begun. None for a client
            that does not wait for it (RFC 9110 section 10.1.1).
    """

    __slots__ = (
        "_chunks",
        "_error",
        "_high_water",
        "_line",
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
        line: Line,
        length: int | None,
        high_water: int,
        send_continue: Callable[[], None] | None = None,
    ) -> None:
        self.length = length
        self._line = line
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
    def skippable(self) -> bool:
        """Whether the connection can go on after an answer that comes now: the rest is short, or all has arrived.

        Without `100 Continue` the client may send its body or may never do so: the server cannot tell.
        """
        if self.ended:
            return True
        return self._send_continue is None and self.length is not None and self.length <= self._line.server.limits.drain

    @property
    def complete(self) -> bool:
        """Whether all of the body was read."""
        return self.ended and not self._chunks

    @property
    def full(self) -> bool:
        """Whether the buffer is full: the handler has to read before more should come."""
        return self._chunks is not None and self._size >= self._high_water

    async def read(self) -> bytes:
        """Return the next chunk, `b""` at the end; raises `ClientDisconnected` for a body that was cut short."""
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
            self._line.want_body()
        return data

    async def _wait(self) -> None:
        loop, server = self._line.loop, self._line.server
        since = server.time()
        self._waiter = loop.create_future()
        self._line.body_awaited(self._received / SLOWEST - self._waited)
        try:
            await self._waiter
        finally:
            self._waiter = None
            self._waited += server.time() - since
            self._line.body_arrived()

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body from the parser."""
        self._send_continue = None
        if self._chunks is None:
            self._line.body_skipped(len(data))
            return
        self._size += len(data)
        self._received += len(data)
        self._chunks.append(data)
        if self._size >= self._high_water:
            self._line.transport.pause_reading()
        self._wake()

    def end(self) -> None:
        """Mark the body as complete."""
        self.ended = True
        self._wake()

    def cut(self) -> None:
        """Note that the client is gone: reads return what has arrived, then raise `ClientDisconnected`."""
        self.fail(ClientDisconnected("the client left before the end of the request body"))

    def fail(self, error: Exception) -> None:
        """Note why no more will come: reads return what has arrived, then raise the error."""
        if not self.ended and self._error is None:
            self._error = error
            self._wake()

    def discard(self) -> None:
        """Keep no bytes from now on, since the answer is out."""
        if self._chunks is not None:
            self._chunks = None
            if self._size >= self._high_water:
                self._line.want_body()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
