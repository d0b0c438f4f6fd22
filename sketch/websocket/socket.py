"""The open websocket with which a session receives and sends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from sketch.concurrency.idle import BEGUN, waited
from sketch.jsoncodec import ValidationError, loads_as
from sketch.websocket.close_codes import (
    GOING_AWAY,
    INVALID,
    NORMAL,
    RESTART,
    UNSUPPORTED,
    WebSocketDisconnected,
    check_close,
)
from sketch.websocket.policy import DEFAULT_POLICY, WebSocketPolicy

if TYPE_CHECKING:
    from sketch.request import WebSocketRequest
    from sketch.transport import WebSocketTransport

T = TypeVar("T")


class WebSocket:
    """The open websocket of a session. After its end, receiving and sending raise `WebSocketDisconnected`.

        async for message in ws:
            await ws.send(message)

    One task may receive while another sends.
    """

    __slots__ = ("_closing", "_idle", "_policy", "_transport", "request", "subprotocol")

    request: WebSocketRequest
    """The request of the handshake."""
    subprotocol: str | None
    """The subprotocol that was agreed on, if any."""

    def __init__(
        self,
        request: WebSocketRequest,
        transport: WebSocketTransport,
        *,
        subprotocol: str | None = None,
        policy: WebSocketPolicy = DEFAULT_POLICY,
    ) -> None:
        self.request = request
        self.subprotocol = subprotocol
        self._transport = transport
        self._policy = policy
        self._idle: float | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def close_code(self) -> int | None:
        """The close code of the side that closed first; None while the websocket is open.

        Messages that arrived before a peer's close can still be received afterwards.
        """
        end = self._transport.end
        return None if end is None else end[0]

    @property
    def close_reason(self) -> str:
        """The text that came with the close code."""
        end = self._transport.end
        return "" if end is None else end[1]

    async def receive(self) -> str | bytes:
        """The next message: `str` for text, `bytes` for binary.

        Raises:
            WebSocketDisconnected: at the end.
        """
        self._idle = BEGUN
        try:
            return await self._transport.receive()
        finally:
            self._idle = None

    async def receive_text(self) -> str:
        """The next message, which has to be text: a binary one closes the websocket with 1003.

        Raises:
            WebSocketDisconnected: at the end, also when this closes the websocket.
        """
        message = await self.receive()
        if isinstance(message, str):
            return message
        raise await self._close_with(UNSUPPORTED, "expected a text message")

    async def receive_bytes(self) -> bytes:
        """The next message, which has to be binary: text closes the websocket with 1003.

        Raises:
            WebSocketDisconnected: at the end, also when this closes the websocket.
        """
        message = await self.receive()
        if isinstance(message, bytes):
            return message
        raise await self._close_with(UNSUPPORTED, "expected a binary message")

    @overload
    async def receive_json(self) -> Any: ...
    @overload
    async def receive_json(self, type: type[T]) -> T: ...
    @overload
    async def receive_json(self, type: Any) -> Any: ...
    async def receive_json(self, type: Any = None) -> Any:
        """The next message, text or binary, parsed as JSON: anything else closes the websocket with 1007.

        Args:
            type: the type to convert to, as in `Request.json`; JSON that does not have it closes with 1007, too.

        Raises:
            WebSocketDisconnected: at the end, also when this closes the websocket.
            TypeError, RuntimeError: for a type that no library supports, or none that is installed.
        """
        message = await self.receive()
        text = message.encode() if isinstance(message, str) else message
        try:
            return self.request.app.json.loads(text) if type is None else loads_as(text, type)
        except ValidationError as exc:
            raise await self._close_with(INVALID, _short(f"expected another message: {exc}")) from None
        except (ValueError, RecursionError):
            raise await self._close_with(INVALID, "expected a message in JSON") from None

    async def send(self, message: str | bytes | bytearray | memoryview) -> None:
        """Send one message, text for `str`, binary for `bytes`; waits while the peer reads slowly.

        Raises:
            WebSocketDisconnected: after the end.
            TypeError: for a message of another type.
        """
        if not isinstance(message, (str, bytes)):
            if not isinstance(message, bytearray | memoryview):
                raise TypeError(f"expected a message of str or bytes, got {message!r:.200}: use send_json() for data")
            message = bytes(message)
        if self._idle is not None:
            self._idle = BEGUN
        await self._transport.send(message)

    async def send_json(self, data: Any) -> None:
        """Send data as JSON in a text message, written by the application's codec.

        Raises:
            WebSocketDisconnected: after the end.
            TypeError, ValueError: for data that JSON cannot hold.
        """
        await self.send(self.request.app.json.dumps(data).decode())

    async def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Close the websocket. A waiting receive ends; messages that are not received yet are dropped.

        Closing again, or after the peer, does nothing.

        Args:
            code: one that may be sent (RFC 6455 section 7.4): 1000 for the usual end, 3000 to 4999 for your own.
            reason: for people; at most 123 bytes.

        Raises:
            ValueError: for another code, or a longer reason.
        """
        check_close(code, reason)
        await self._transport.close(code, reason)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str | bytes:
        """The next message; the iteration ends with the websocket, however that ends."""
        self._idle = BEGUN
        try:
            return await self._transport.receive()  # like receive(), with one coroutine less
        except WebSocketDisconnected:
            raise StopAsyncIteration from None
        finally:
            self._idle = None

    def __repr__(self) -> str:
        state = "open" if self.close_code is None else f"closed with {self.close_code}"
        return f"<WebSocket {self.request.raw_path} {state}>"

    async def _close_with(self, code: int, reason: str) -> WebSocketDisconnected:
        """Close because of a message, and return the error to raise: the peer's close, if that came first."""
        await self._transport.close(code, reason)
        return WebSocketDisconnected(*(self._transport.end or (code, reason)))

    # -- for the session's end ----------------------------------------------------------------------------------------

    def _begin_close(self, code: int, reason: str) -> None:
        """Close in a task of its own: the call comes from outside the session."""
        if self._closing is None and self._transport.end is None:
            self._closing = asyncio.get_running_loop().create_task(self.close(code, reason))

    def stop(self) -> None:
        """Close, because the server stops."""
        self._begin_close(RESTART, self._policy.close_reason)

    def idled(self, seconds: float) -> None:
        """Count seconds without a message, and close after the idle timeout; called from time to time."""
        if self._idle is not None and self._policy.idle_timeout is not None:
            self._idle = waited(self._idle, seconds)
            if self._idle > self._policy.idle_timeout:
                self._begin_close(GOING_AWAY, "idle for too long")

    async def finish(self, code: int) -> None:
        """Close at the end of the session, and wait for a close that has begun before."""
        await self.close(code)
        if self._closing is not None:
            await self._closing

    def abandon(self) -> None:
        """Stop closing: the session was cancelled, and the adapter cuts the connection."""
        if self._closing is not None:
            self._closing.cancel()


def _short(reason: str) -> str:
    """Cut the reason of a close to the 123 bytes that it may have."""
    return reason.encode()[:123].decode("utf-8", "ignore")
