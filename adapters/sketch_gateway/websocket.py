"""The transport of an open websocket, over messages of ASGI: sends and receives, and notes how the session ended."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from sketch.transport import WebSocketBounds
from sketch.websocket import ABNORMAL, TOO_BIG, WebSocketDisconnected
from sketch_gateway.body import Receive
from sketch_gateway.deadlines import WriteDeadline

if TYPE_CHECKING:
    from sketch.concurrency.idle import DeadlineTimer
    from sketch.request import WebSocketRequest
    from sketch.serving.asgi import Send

logger = logging.getLogger("sketch.server")

NO_CODE = 1005
_TELLING = 1.0
"""Seconds that a server has to say why it refused a message: each does so in the same turn of the loop."""
_FAIRNESS = 16
"""Messages after which other tasks get a turn, whether or not the server made the session wait."""


class Socket:
    """The `WebSocketTransport` of one websocket scope.

    A task takes each message from the server as soon as it arrives, up to the bounds of the policy. Without the task, a
    session that only sends would not learn that the peer has left (two of three servers then silently drop what is
    sent), a cancelled `receive()` could lose a message, and a session that works long on one message would seem dead
    to the server.

    Args:
        request: the handshake.
        policy: of the response.
        timer: counts the time spent waiting for the peer to read.
        receive, send: of the scope.
    """

    __slots__ = (
        "_closed", "_lifted", "_messages", "_policy", "_receive", "_request", "_room", "_send", "_size", "_taker",
        "_timer", "_told", "_turns", "_waiter", "_waiting", "end", "sent",
    )  # fmt: skip

    def __init__(
        self, request: WebSocketRequest, policy: WebSocketBounds, timer: DeadlineTimer, receive: Receive, send: Send
    ) -> None:
        self.sent = 0
        """Bytes of messages sent."""
        self.end: tuple[int, str] | None = None
        """Code and reason, once either side has closed."""
        self._request = request
        self._policy = policy
        self._timer = timer
        self._receive = receive
        self._send = send
        self._messages: deque[str | bytes] = deque()
        self._size = 0
        self._turns = 0
        self._waiting = WriteDeadline(timer, request)
        self._closed = False  # by this side
        self._told = asyncio.Event()
        self._lifted = False
        self._room: asyncio.Event | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._taker: asyncio.Task[None] | None = None

    # -- for the session --------------------------------------------------------------------------------------------

    async def receive(self) -> str | bytes:
        """Return the next message.

        Raises:
            WebSocketDisconnected: after the last message, once either side has closed.
            RuntimeError: if another task already waits.
        """
        while not self._messages:
            if self.end is not None:
                raise WebSocketDisconnected(*self.end)
            if self._waiter is not None:
                raise RuntimeError("expected one receiver of a websocket at a time, got a second one")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        message = self._messages.popleft()
        self._size -= len(message)
        if self._room is not None and not self._full():
            self._room.set()
        return message

    async def send(self, data: str | bytes) -> None:
        """Send a message, once the peer has read enough of what was sent before.

        Raises:
            WebSocketDisconnected: after the end, or if the peer reads nothing for the write timeout.
        """
        if self.end is not None:
            raise WebSocketDisconnected(*self.end)
        message: dict[str, Any]
        if isinstance(data, str):
            message = {"type": "websocket.send", "text": data}
            self.sent += len(data) if data.isascii() else len(data.encode())
        else:
            message = {"type": "websocket.send", "bytes": data}
            self.sent += len(data)
        try:
            with self._write_deadline():
                await self._send(message)
        except Exception as exc:
            raise await self._why(exc) from None
        self._turns += 1
        if not self._turns % _FAIRNESS:
            await asyncio.sleep(0)

    def _write_deadline(self) -> WriteDeadline:
        """The write deadline; a separate one if another task is already sending."""
        waiting = self._waiting
        return waiting if waiting.idle else WriteDeadline(self._timer, self._request)

    async def _why(self, exc: Exception) -> Exception:
        """Return the error to raise for a failed `send`: that of the end, which `receive()` may report later."""
        if self.end is None:
            await self._hear(_TELLING)
        if self.end is None:
            if not isinstance(exc, OSError):
                return exc
            self._finish(ABNORMAL, "")
        assert self.end is not None
        return WebSocketDisconnected(*self.end)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Send a close. Messages that are not received yet are dropped."""
        if self.end is not None:
            return
        self._closed = True
        self._messages.clear()
        self._finish(code, reason)
        await self.stop()  # granian holds a close back while a receive() waits
        failed = await self._send_close(code, reason)
        if failed is not None:
            await self._hear(_TELLING)
            if not self._told.is_set():
                raise failed

    async def _send_close(self, code: int, reason: str) -> Exception | None:
        """Send a close. Return the error, or None for an OSError: then the peer has closed first.

        If the server itself has closed first, `receive()` says so.
        """
        try:
            with self._write_deadline():
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
        except OSError:
            return None
        except Exception as exc:
            return exc
        return None

    # -- for the adapter --------------------------------------------------------------------------------------------

    def start(self) -> asyncio.Task[None]:
        """Start the task that takes messages, unless it runs; return it."""
        if self._taker is None:
            self._taker = asyncio.get_running_loop().create_task(self._take())
        return self._taker

    async def stop(self) -> None:
        """Stop taking messages, until the next `start`."""
        taker, self._taker = self._taker, None
        if taker is not None and not taker.done():
            taker.cancel()
            await asyncio.wait([taker])

    async def await_close(self) -> None:
        """End the session: give the peer some time to answer this side's close, and drop its other messages.

        Otherwise a server may wait for ever to deliver the messages that it still has.
        """
        if self._closed:
            await self._hear(self._policy.close_timeout)

    def leave(self) -> None:
        """End `await_close`, as if its time were over. A session that has not closed goes on."""
        if self._closed and self._taker is not None:
            self._taker.cancel()

    async def _hear(self, seconds: float) -> None:
        """Wait for at most `seconds` until the server has reported the end of the websocket."""
        if not self._told.is_set():
            self._lifted = True
            if self._room is not None:
                self._room.set()
            await asyncio.wait([self.start()], timeout=seconds)

    @property
    def gone(self) -> bool:
        """Whether the server has reported the end of the websocket, or the exchange is over."""
        return self._told.is_set()

    async def wait_gone(self) -> None:
        """Return once the peer has closed, or the exchange is over."""
        await self._told.wait()

    def over(self) -> None:
        """Note that the exchange is over."""
        self._told.set()

    # -- messages of the server -------------------------------------------------------------------------------------

    def _full(self) -> bool:
        return len(self._messages) >= self._policy.max_queue or self._size >= self._policy.max_message

    async def _take(self) -> None:
        receive, largest = self._receive, self._policy.max_message
        try:
            while not self._told.is_set():
                if self._full() and not self._lifted:
                    await self._wait_for_room()
                message = await receive()
                if message["type"] != "websocket.receive":
                    self._note_end(message)
                    continue
                if self.end is not None:
                    await asyncio.sleep(0)  # a receive() that never waits must not stop everything else
                    continue
                data: str | bytes | None = message.get("text")
                if data is None:
                    data = _binary(message)
                if len(data) * 4 > largest and not self._fits(data):
                    await self._refuse()
                    continue
                self._messages.append(data)
                self._size += len(data)
                if self._waiter is not None and not self._waiter.done():
                    self._waiter.set_result(None)
        except Exception as exc:
            if not isinstance(exc, OSError):
                logger.exception("the ASGI server's receive() failed: taken as a disconnect")
            self._told.set()
            self._finish(ABNORMAL, "")

    async def _wait_for_room(self) -> None:
        self._room = asyncio.Event()
        try:
            await self._room.wait()
        finally:
            self._room = None

    def _fits(self, data: str | bytes) -> bool:
        """Whether the policy allows a message of this size. The size of text is that of its UTF-8."""
        size, most = len(data), self._policy.max_message
        if size > most or isinstance(data, bytes) or data.isascii():
            return size <= most
        return len(data.encode()) <= most

    async def _refuse(self) -> None:
        """Close because a message is too large. Earlier messages can still be received."""
        reason = f"expected a message of at most {self._policy.max_message} bytes"
        self._closed = True
        self._finish(TOO_BIG, reason)
        await self._send_close(TOO_BIG, reason)

    def _note_end(self, message: Any) -> None:
        if message["type"] != "websocket.disconnect":
            raise RuntimeError(f"expected the server to send websocket.receive, got {message['type']}")
        code, reason = message.get("code"), message.get("reason")
        if code is None:
            code = NO_CODE
        elif code == NO_CODE and reason is None:
            # A close frame without a code comes with an empty reason. For a connection that broke off, without a close
            # frame, uvicorn and granian say 1005 as well, but without a reason.
            code = ABNORMAL
        self._told.set()
        self._finish(int(code), reason or "")

    def _finish(self, code: int, reason: str) -> None:
        """Note the end, unless it is known, and wake the task that waits for a message."""
        if self.end is None:
            self.end = (code, reason)
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(None)


def _binary(message: Any) -> bytes:
    data = message.get("bytes")
    if data is None:
        raise RuntimeError(f"expected the server to send a message with text or bytes, got {message!r:.200}")
    return bytes(data)
