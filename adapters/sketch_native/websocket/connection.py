"""A native connection after a websocket handshake: messages, the heartbeat, and every way in which it can end."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING

from sketch.serving.endings import WEBSOCKET
from sketch.transport import ClientDisconnected, WebSocketBounds
from sketch.websocket import ABNORMAL, NO_CODE, WebSocketDisconnected
from sketch_native.base_protocol import NEVER, BaseProtocol
from sketch_native.websocket.frames import BINARY, CLOSE, PING, PONG, TEXT, FrameError, FrameReader, frame_head

if TYPE_CHECKING:
    from sketch.request import WebSocketRequest
    from sketch_native.interfaces import Line
    from sketch_native.websocket.deflate import Deflate

logger = logging.getLogger("sketch.native")

OPEN, CLOSING, ENDED = "open", "closing", "ended"

COMPRESSED_FROM = 1024
"""Size in bytes from which on a message is compressed: a shorter one fits into one packet anyway."""

LARGE = 64 * 1024
"""Size in bytes from which on joining head and message costs more than a second write."""

_TEXT_HEADS = [frame_head(TEXT, size) for size in range(126)]
_BINARY_HEADS = [frame_head(BINARY, size) for size in range(126)]


class WebSocketConnection(BaseProtocol):
    """The protocol of an open websocket, and the `WebSocketTransport` of its session.

    It replaces the HTTP protocol, to which no reference is kept. Messages that were read and not received yet are
    bounded: beyond the bound the socket is not read.

    Args:
        line: the connection, as the HTTP protocol has served it until now.
        request: the handshake.
        policy: the policy of the response.
        deflate: the compression that was agreed on, None without.
    """

    __slots__ = (
        "_heard",
        "_held",
        "_peer_close",
        "_pinged",
        "_policy",
        "_pong",
        "_queue",
        "_queued",
        "_reader",
        "_request",
        "_state",
        "_task",
        "_waiter",
        "end",
        "sent",
    )

    def __init__(
        self,
        line: Line,
        request: WebSocketRequest,
        policy: WebSocketBounds,
        deflate: Deflate | None,
    ) -> None:
        super().__init__(line.server, line.flow)
        self.transport = line.transport
        self.connection = line.connection
        self.sent = 0
        """Bytes of messages sent so far, before compression."""
        self.end: tuple[int, str] | None = None
        """Code and reason of the first close by either side; None while the websocket is open."""
        self._request = request
        self._policy = policy
        self._reader = FrameReader(self, policy.max_message, deflate)
        self._state = OPEN
        self._peer_close: tuple[int, str] | None = None
        self._waiter: asyncio.Future[str | bytes] | None = None
        self._queue: deque[str | bytes] | None = None
        self._queued = 0
        self._held = False
        self._pong: bytes | None = None
        self._heard = self.server.now
        self._pinged = NEVER
        self._task = asyncio.current_task()
        if policy.ping_interval is not None:
            self.read_deadline = self.server.now + policy.ping_interval
        self._take_over(line)

    def _take_over(self, line: Line) -> None:
        rest, ended = line.hand_over(self)
        self.transport.set_protocol(self)
        if not self.transport.is_closing():
            self.transport.resume_reading()
        if rest:
            self.data_received(rest)
        if ended and not self.eof_received():
            self.transport.close()

    def __repr__(self) -> str:
        return f"<WebSocketConnection {self._state}, request {self._request!r}>"

    @property
    def write_timeout(self) -> float | None:
        """The write timeout of the route, in seconds."""
        return self._request.limits.write_timeout

    # -- for the session --------------------------------------------------------------------------------------------

    async def receive(self) -> str | bytes:
        """Return the next message.

        Raises:
            WebSocketDisconnected: at the end of the websocket.
            RuntimeError: if another task already waits for a message.
        """
        if self._queue:
            return self._next(self._queue)
        if self.end is not None:
            raise WebSocketDisconnected(*self.end)
        if self._waiter is not None:
            raise RuntimeError("expected one receiver of a websocket at a time, got a second one")
        waiter: asyncio.Future[str | bytes] = self.loop.create_future()
        self._waiter = waiter
        try:
            return await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled() and waiter.exception() is None:  # a message came, and would be lost
                self._put_back(waiter.result())
            raise
        finally:
            self._waiter = None

    def _next(self, queue: deque[str | bytes]) -> str | bytes:
        message = queue.popleft()
        self._queued -= len(message)
        if self._held and not queue:
            self._go_on()
        return message

    def _put_back(self, message: str | bytes) -> None:
        if self._queue is None:
            self._queue = deque()
        self._queue.appendleft(message)
        self._queued += len(message)

    async def send(self, data: str | bytes) -> None:
        """Send a message, once the peer has read what was sent before.

        Raises:
            WebSocketDisconnected: after the end of the websocket.
        """
        if self.flow.blocked:
            await self._drain()
        if self.end is not None:
            raise WebSocketDisconnected(*self.end)
        if isinstance(data, str):
            payload, opcode, heads = data.encode(), TEXT, _TEXT_HEADS
        else:
            payload, opcode, heads = data, BINARY, _BINARY_HEADS
        size = len(payload)
        self.sent += size
        if size < len(heads):
            self.transport.write(heads[size] + payload)
        elif size >= COMPRESSED_FROM and self._reader.deflate is not None:
            payload = self._reader.deflate.compress(payload)
            self._write(frame_head(opcode, len(payload), compressed=True), payload)
        else:
            self._write(frame_head(opcode, size), payload)

    def _write(self, head: bytes, payload: bytes) -> None:
        if len(payload) < LARGE:
            self.transport.write(head + payload)
        else:
            self.transport.write(head)
            self.transport.write(payload)

    async def _drain(self) -> None:
        try:
            await self.flow.drain()
        except ClientDisconnected:
            raise WebSocketDisconnected(*(self.end or (ABNORMAL, ""))) from None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Send a close frame, unless either side has closed, and give the peer some time to answer it."""
        if self.end is not None:
            return
        self._ended(code, reason)
        self._write_close(code, reason)
        self._state = CLOSING
        self.read_deadline = self.server.now + self._policy.close_timeout
        self._queue = None
        if self._held:
            self._go_on()

    def session_ended(self) -> None:
        """Note that the task of the session does nothing more with the websocket."""
        self._task = None
        if self.flow.lost:
            self.server.forget(self)

    # -- called by the transport ------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Feed the frame reader; after the end, discard the bytes."""
        self._heard = self.server.now
        if self._state == ENDED:
            self.discard(len(data))
            return
        try:
            self._reader.feed(data)
        except FrameError as error:
            self._fail(error)

    def eof_received(self) -> bool:
        """End the websocket: the peer is gone, with or without a close frame."""
        self._eof = True
        self._close_arrived()
        self._gone()
        if self._state != ENDED:
            self._state = ENDED
            self.read_deadline = self.server.now + self.server.limits.linger_timeout
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - whatever the reason
        """End the websocket: the connection is gone."""
        self._state = ENDED
        self.read_deadline = self.write_deadline = NEVER
        self.flow.lose()
        self._gone()
        if self._task is None:
            self.server.forget(self)

    def resume_writing(self) -> None:
        """Let writers go on, and answer the last ping that had to wait: the peer has caught up."""
        super().resume_writing()
        if self._pong is not None:
            payload, self._pong = self._pong, None
            self.on_ping(payload)

    # -- called by the frame reader ---------------------------------------------------------------------------------

    def on_message(self, message: str | bytes) -> None:
        """Hand a message to the waiting receiver, or queue it; pause reading while the queue is full."""
        if self.end is not None:
            return
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(message)
            return
        queue = self._queue
        if queue is None:
            queue = self._queue = deque()
        queue.append(message)
        self._queued += len(message)
        if len(queue) >= self._policy.max_queue or self._queued >= self._policy.max_message:
            self._held = True
            self._reader.hold()
            self.transport.pause_reading()

    def on_ping(self, payload: bytes) -> None:
        """Answer a ping. While the peer does not read, keep only its last one to answer (RFC 6455 section 5.5.3)."""
        if self.end is not None:
            return
        if self.flow.blocked:
            self._pong = payload
        else:
            self.transport.write(frame_head(PONG, len(payload)) + payload)

    def on_close(self, code: int, reason: str) -> None:
        """Answer a close frame, after the session has had a turn to answer what came before it."""
        self._peer_close = (code, reason)
        self.loop.call_soon(self._close_arrived)

    # -- teardown ---------------------------------------------------------------------------------------------------

    def _ended(self, code: int, reason: str) -> None:
        """Note code and reason of the end, unless they are known, and wake the waiting receiver."""
        if self.end is None:
            self.end = (code, reason)
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_exception(WebSocketDisconnected(code, reason))

    def _write_close(self, code: int, reason: str) -> None:
        payload = b"" if code == NO_CODE else code.to_bytes(2) + reason.encode()
        self.transport.write(frame_head(CLOSE, len(payload)) + payload)

    def _close_arrived(self) -> None:
        """Answer the peer's close frame with its own code, then close the connection."""
        close, self._peer_close = self._peer_close, None
        if close is None or self._state == ENDED:
            return
        if self.end is None:
            self._ended(*close)
            self._write_close(close[0], "")
        self.connection.lost()
        self._finish()

    def _fail(self, error: FrameError) -> None:
        """Close because the peer has broken the protocol or a limit; nothing more is read from it."""
        if self.end is None:
            self._ended(error.code, error.reason)
            self._write_close(error.code, error.reason)
        self._finish()

    def _gone(self) -> None:
        """Note that the peer has closed or lost the connection."""
        self._ended(*(self._peer_close or (ABNORMAL, "")))
        self.connection.lost()

    def _finish(self) -> None:
        """Close the connection: both sides have sent a close frame, or had the chance to."""
        if self._state != ENDED:
            self._state = ENDED
            if not self.transport.is_closing():
                self.linger()

    def _go_on(self) -> None:
        """Resume reading after a pause."""
        self._held = False
        try:
            self._reader.go_on()
        except FrameError as error:
            self._fail(error)
        if not self._held and not self.transport.is_closing():
            self.transport.resume_reading()

    # -- called by the server ---------------------------------------------------------------------------------------

    @property
    def under_way(self) -> str | None:
        """A websocket."""
        return WEBSOCKET

    def shut_down(self) -> None:
        """Do nothing: `app.stopping` has already told the session."""

    def cancel(self) -> None:
        """Cancel the session; without one, abort the connection."""
        if self._task is not None:
            self._task.cancel()
        else:
            self.transport.abort()

    def read_expired(self) -> None:
        """Ping a silent peer, or give it up; if the websocket is closing, end the wait for the peer."""
        if self._state == OPEN:
            self._beat()
        else:
            self.linger_expired()

    def _beat(self) -> None:
        now, interval, timeout = self.server.now, self._policy.ping_interval, self._policy.ping_timeout
        assert interval is not None
        if self._held or self.flow.blocked:  # nothing can be heard, or sent
            self.read_deadline = now + interval
        elif self._heard < self._pinged != NEVER:
            logger.info("%s: no answer to a ping, the websocket is cut", self.connection.client)
            self.transport.abort()
        elif now < self._heard + interval:
            self._pinged = NEVER
            self.read_deadline = self._heard + interval
        else:
            self.transport.write(frame_head(PING, 0))
            self._pinged = NEVER if timeout is None else now
            self.read_deadline = now + (timeout or interval)
