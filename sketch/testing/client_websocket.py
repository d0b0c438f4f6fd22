"""The websocket that a test talks through, the same on every transport."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

from sketch.jsoncodec import STDLIB
from sketch.testing.response import ClientResponse
from sketch.websocket import WebSocketDisconnected, check_close

if TYPE_CHECKING:
    from sketch.request import BaseRequest
    from sketch.testing.interfaces import Socket


class WebSocketRefused(ConnectionError):
    """Raised when the application answers a handshake without opening a websocket.

    Args:
        response: the application's response.
    """

    def __init__(self, response: ClientResponse) -> None:
        super().__init__(f"expected a websocket, got an answer with status {response.status}")
        self.response = response
        """The response; its body can be read until the client stops."""


class ClientWebSocket:
    """The client's end of an open websocket. After its end everything but `close` raises `WebSocketDisconnected`.

    A client with `raise_errors` raises the exception of the session instead, if there is one.
    """

    response: ClientResponse
    """The application's response, without the header fields that servers add."""
    subprotocol: str | None
    """The subprotocol that was agreed on, if any."""

    def __init__(self, socket: Socket, response: ClientResponse) -> None:
        self.response = response
        self.subprotocol = socket.subprotocol
        self._socket = socket

    @property
    def request(self) -> BaseRequest:
        """The handshake as the application got it; only in memory.

        Raises:
            RuntimeError: on the other transports.
        """
        return self.response.request

    @property
    def close_code(self) -> int | None:
        """The close code of the side that closed first; None while the websocket is open."""
        return None if self._socket.end is None else self._socket.end[0]

    @property
    def close_reason(self) -> str:
        """The text that came with the close code."""
        return "" if self._socket.end is None else self._socket.end[1]

    async def receive(self) -> str | bytes:
        """The next message: `str` for text, `bytes` for binary.

        Raises:
            WebSocketDisconnected: at the end, once everything that was sent before it is received.
        """
        return await self._socket.receive()

    async def receive_text(self) -> str:
        """The next message, which has to be text.

        Raises:
            AssertionError: if it is binary.
            WebSocketDisconnected: at the end.
        """
        message = await self.receive()
        if isinstance(message, str):
            return message
        raise AssertionError(f"expected a text message, got {message!r:.200}")

    async def receive_bytes(self) -> bytes:
        """The next message, which has to be binary.

        Raises:
            AssertionError: if it is text.
            WebSocketDisconnected: at the end.
        """
        message = await self.receive()
        if isinstance(message, bytes):
            return message
        raise AssertionError(f"expected a binary message, got {message!r:.200}")

    async def receive_json(self) -> Any:
        """The next message, parsed as JSON.

        Raises:
            ValueError: if it is not JSON.
            WebSocketDisconnected: at the end.
        """
        return json.loads(await self.receive())

    async def send(self, message: str | bytes) -> None:
        """Send one message, text for `str`, binary for `bytes`; waits while the session receives too slowly.

        Raises:
            WebSocketDisconnected: after the end.
            TypeError: for a message of another type.
        """
        if not isinstance(message, str | bytes):
            raise TypeError(f"expected a message of str or bytes, got {message!r:.200}: use send_json() for data")
        await self._socket.send(message)

    async def send_json(self, data: Any) -> None:
        """Send data as JSON in a text message: what `JSONResponse` takes. Raises as `send` does.

        Raises:
            TypeError, ValueError: for data that JSON cannot hold.
        """
        await self.send(STDLIB.dumps(data).decode())

    async def close(self, code: int | None = 1000, reason: str = "") -> None:
        """Close the websocket. Closing again, or after the application, does nothing.

        Args:
            code: one that may be sent (RFC 6455 section 7.4); None for a close without a code, which counts as 1005.
            reason: at most 123 bytes.

        Raises:
            ValueError: for another code, or a longer reason.
        """
        if code is not None:
            check_close(code, reason)
        await self._socket.close(code, reason)

    def abort(self) -> None:
        """Break the connection off without a close: the session sees the code 1006."""
        self._socket.abort()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str | bytes:
        """The next message; the iteration ends with the websocket."""
        try:
            return await self.receive()
        except WebSocketDisconnected:
            raise StopAsyncIteration from None

    async def finish(self, seconds: float) -> None:
        """Close, and wait at most so many seconds for the session to end. Raises the exception of the session.

        The client calls this at the end of the block that holds the websocket.
        """
        await self.close()
        await self._socket.ended(seconds)

    def __repr__(self) -> str:
        state = "open" if self.close_code is None else f"closed with {self.close_code}"
        return f"<ClientWebSocket {self.response.url.raw_path} {state}>"
