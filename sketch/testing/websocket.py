"""Websockets of the test client: the exchange of the handshake, and the client's end, which a test uses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

from sketch.http.grammar import tokens
from sketch.testing.response import ClientResponse
from sketch.testing.socketpair import MemorySocket, connect
from sketch.testing.transport import Exchange
from sketch.transport import ClientDisconnected, WireResponse
from sketch.websocket import ABNORMAL, WebSocketDisconnected, check_close

if TYPE_CHECKING:
    from sketch.http.fields import RawHeaders
    from sketch.request import WebSocketRequest


class WebSocketRefused(ConnectionError):
    """Raised when the application answers a handshake without opening a websocket.

    Args:
        response: the application's response.
    """

    def __init__(self, response: ClientResponse) -> None:
        super().__init__(f"expected a websocket, got an answer with status {response.status}")
        self.response = response
        """The response; its body can be read until the client stops."""


def handshake_fields(subprotocols: Iterable[str]) -> RawHeaders:
    """Return the header fields that make a request a handshake (RFC 6455 section 4.1)."""
    fields = [
        (b"connection", b"Upgrade"),
        (b"upgrade", b"websocket"),
        (b"sec-websocket-key", b"c2tldGNoLXRlc3RjbGllbg=="),
        (b"sec-websocket-version", b"13"),
    ]
    offered = ", ".join(tokens("subprotocols", subprotocols))
    return [*fields, (b"sec-websocket-protocol", offered.encode("latin-1"))] if offered else fields


class Handshake(Exchange):
    """The exchange of a websocket handshake; if it opens a websocket, the session runs in the same task."""

    request: WebSocketRequest
    client_end: MemorySocket | None = None
    """The client's end of the websocket, once it is open."""
    subprotocol: str | None = None
    """The subprotocol that was agreed on, if any."""

    @property
    def unexpected(self) -> Exception | None:
        """The unexpected exception of a handler; that of a session is `session_error`."""
        return None if self.client_end is not None else super().unexpected

    @property
    def session_error(self) -> Exception | None:
        """The exception of the session, for which the application has closed with 1011."""
        return None if self.client_end is None else self.request.error

    async def _answer(self) -> WireResponse:
        wire = await super()._answer()
        if wire.switch is not None:
            # Before the client gets the response: it may send at once.
            self._server_end = MemorySocket(
                max_message=wire.switch.policy.max_message, patience=self.request.limits.write_timeout
            )
            self.client_end = MemorySocket()
            connect(self._server_end, self.client_end)
            self.subprotocol = wire.switch.subprotocol
        return wire

    async def _send(self, wire: WireResponse) -> None:
        if wire.switch is None:
            await super()._send(wire)
            return
        try:
            await wire.switch.run(self.request, self._server_end)
        finally:
            self._sent = self._server_end.sent
            end = self._server_end.end
            self._server_end.abort()
            self.closed()
        if end is not None and end[0] == ABNORMAL:
            raise ClientDisconnected("the websocket broke off")

    def closed(self) -> None:
        """Note that the websocket has ended: this counts as the client leaving."""
        self._connection.disconnect()

    def disconnect(self) -> None:
        """Make the client leave; an open websocket ends without a close."""
        if self.client_end is not None:
            self.client_end.abort()
            self.closed()
        else:
            super().disconnect()


class ClientWebSocket:
    """The client's end of an open websocket. After its end everything but `close` raises `WebSocketDisconnected`.

    A client with `raise_errors` raises the exception of the session instead, if there is one.
    """

    request: WebSocketRequest
    """The handshake as the application got it."""
    response: ClientResponse
    """The application's response, without the header fields that servers add."""
    subprotocol: str | None
    """The subprotocol that was agreed on, if any."""

    def __init__(self, exchange: Handshake, socket: MemorySocket, response: ClientResponse, raise_errors: bool) -> None:
        self.request = exchange.request
        self.response = response
        self.subprotocol = exchange.subprotocol
        self._exchange = exchange
        self._socket = socket
        self._raise_errors = raise_errors

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
        try:
            return await self._socket.receive()
        except WebSocketDisconnected:
            self._raise_error()
            raise

    async def receive_text(self) -> str:
        """The next message, which has to be text.

        Raises:
            AssertionError: if it is binary.
            WebSocketDisconnected: at the end.
        """
        message = await self.receive()
        if isinstance(message, str):
            return message
        raise AssertionError(f"expected a text message, got {message!r}")

    async def receive_bytes(self) -> bytes:
        """The next message, which has to be binary.

        Raises:
            AssertionError: if it is text.
            WebSocketDisconnected: at the end.
        """
        message = await self.receive()
        if isinstance(message, bytes):
            return message
        raise AssertionError(f"expected a binary message, got {message!r}")

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
            raise TypeError(f"expected a message of str or bytes, got {message!r}: use send_json() for data")
        try:
            await self._socket.send(message)
        except WebSocketDisconnected:
            self._raise_error()
            raise

    async def send_json(self, data: Any) -> None:
        """Send data as JSON in a text message. Raises as `send` does."""
        await self.send(json.dumps(data))

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
        self._exchange.closed()

    def abort(self) -> None:
        """Break the connection off without a close: the session sees the code 1006."""
        self._exchange.disconnect()

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
        await asyncio.wait([self._exchange.task], timeout=seconds)
        self._raise_error()

    def _raise_error(self) -> None:
        """Raise the exception of the session, once."""
        error = self._exchange.session_error
        if error is not None and self._raise_errors:
            self._raise_errors = False
            raise error

    def __repr__(self) -> str:
        state = "open" if self.close_code is None else f"closed with {self.close_code}"
        return f"<ClientWebSocket {self.request.raw_path} {state}>"
