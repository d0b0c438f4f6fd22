"""An open websocket of an ASGI server: messages in and out, and every end that it can have."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from sketch.websocket import ABNORMAL, TOO_BIG, WebSocketDisconnected, WebSocketPolicy
from sketch_asgi.body import Receive
from sketch_asgi.deadlines import DeadlineTimer, WriteDeadline
from sketch_asgi.writer import Send

if TYPE_CHECKING:
    from sketch.request import WebSocketRequest

logger = logging.getLogger("sketch.server")

NO_CODE = 1005
_TELLING = 1.0
"""Seconds in which a server that refuses a message has to say why: each does so in the same turn of the loop."""
_FAIRNESS = 16
"""After that many messages other tasks get a turn, whether or not the server made the session wait."""


class Socket:
    """A `WebSocketTransport`.

    A task takes what the server has as soon as it has it, up to the bounds of the policy. Without it nobody who only
    sends would hear of the peer's leaving (two of three servers drop what is sent then, without a word), who stops
    waiting for a message could lose it, and a session that works on a message for long would seem dead to the server.

    Args:
        request: the handshake.
        policy: of the response.
        timer: counts the time that is spent waiting for the peer to read.
        receive, send: of the scope.
    """

    __slots__ = (
        "_closed",
        "_lifted",
        "_messages",
        "_policy",
        "_receive",
        "_request",
        "_room",
        "_send",
        "_size",
        "_taker",
        "_timer",
        "_told",
        "_turns",
        "_waiter",
        "_waiting",
        "end",
        "sent",
    )  # fmt: skip

    def __init__(
        self, request: WebSocketRequest, policy: WebSocketPolicy, timer: DeadlineTimer, receive: Receive, send: Send
    ) -> None:
        self.sent = 0
        """Bytes of messages."""
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
        self._closed = False  # by us
        self._told = asyncio.Event()
        self._lifted = False
        self._room: asyncio.Event | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._taker: asyncio.Task[None] | None = None

    # -- for the session --------------------------------------------------------------------------------------------

    async def receive(self) -> str | bytes:
        """The next message.

        Raises:
            WebSocketDisconnected: at the end.
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
            WebSocketDisconnected: after the end, and when the peer reads nothing for the write timeout.
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
        """For the peer to read; of its own for who sends while somebody else does."""
        waiting = self._waiting
        return waiting if waiting.idle else WriteDeadline(self._timer, self._request)

    async def _why(self, exc: Exception) -> Exception:
        """What a message that cannot be sent fails with: `receive()` tells the end, perhaps a moment later."""
        if self.end is None:
            await self._hear(_TELLING)
        if self.end is None:
            if not isinstance(exc, OSError):
                return exc
            self._finish(ABNORMAL, "")
        assert self.end is not None
        return WebSocketDisconnected(*self.end)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Send a close; nothing that comes after it is received."""
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
        """Returns what has failed, unless it is the peer that was faster. A server that was, says so by `receive()`."""
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
        """Take messages from now on; the task that does."""
        if self._taker is None:
            self._taker = asyncio.get_running_loop().create_task(self._take())
        return self._taker

    async def stop(self) -> None:
        """Take no more for now."""
        taker, self._taker = self._taker, None
        if taker is not None and not taker.done():
            taker.cancel()
            await asyncio.wait([taker])

    async def detach(self) -> None:
        """At the end of the session: give the peer some time to answer our close. What else it sends is dropped.

        A server whose messages nobody takes may wait for ever with those that it still has.
        """
        if self._closed:
            await self._hear(self._policy.close_timeout)

    async def _hear(self, seconds: float) -> None:
        """Wait until the server has told of the end, but no longer."""
        if not self._told.is_set():
            self._lifted = True
            if self._room is not None:
                self._room.set()
            await asyncio.wait([self.start()], timeout=seconds)

    @property
    def gone(self) -> bool:
        """Whether the server has told of the end."""
        return self._told.is_set()

    async def wait_gone(self) -> None:
        """Return once the peer has closed, or the exchange is over."""
        await self._told.wait()

    def over(self) -> None:
        """The exchange is over."""
        self._told.set()

    # -- what the server has ----------------------------------------------------------------------------------------

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
        """Whether a message is not too large, in UTF-8 if it is text."""
        size, most = len(data), self._policy.max_message
        if size > most or isinstance(data, bytes) or data.isascii():
            return size <= most
        return len(data.encode()) <= most

    async def _refuse(self) -> None:
        """Close because of a message that is too large; what came before it can still be received."""
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
            # Who has got a close frame without a code has got an empty reason with it. Who has got none at all says
            # 1005 as well: uvicorn and granian, of a connection that broke off.
            code = ABNORMAL
        self._told.set()
        self._finish(int(code), reason or "")

    def _finish(self, code: int, reason: str) -> None:
        """Note the end, unless it is known, and wake who waits for a message."""
        if self.end is None:
            self.end = (code, reason)
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(None)


def _binary(message: Any) -> bytes:
    data = message.get("bytes")
    if data is None:
        raise RuntimeError(f"expected the server to send a message with text or bytes, got {message!r}")
    return bytes(data)
