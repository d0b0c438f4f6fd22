"""Websockets in memory: the exchange of the handshake, and the client's end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sketch.http.grammar import tokens
from sketch.testing.socketpair import MemorySocket, connect
from sketch.testing.transport import Exchange
from sketch.transport import ClientDisconnected, WireResponse
from sketch.websocket import ABNORMAL, WebSocketDisconnected

if TYPE_CHECKING:
    from sketch.http.fields import RawHeaders
    from sketch.request import WebSocketRequest


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


class MemoryEnd:
    """The client's end of a websocket in memory: see `sketch.testing.interfaces.Socket`.

    Args:
        exchange: that of the handshake; the session runs in it.
        socket: the end.
        raise_errors: raise the exception of the session instead of `WebSocketDisconnected`, once.
    """

    def __init__(self, exchange: Handshake, socket: MemorySocket, raise_errors: bool) -> None:
        self.subprotocol = exchange.subprotocol
        self._exchange = exchange
        self._socket = socket
        self._raise_errors = raise_errors

    @property
    def end(self) -> tuple[int, str] | None:
        """Code and reason, once either side has closed."""
        return self._socket.end

    async def receive(self) -> str | bytes:
        """The next message. Raises `WebSocketDisconnected` at the end."""
        try:
            return await self._socket.receive()
        except WebSocketDisconnected:
            self._raise_error()
            raise

    async def send(self, data: str | bytes) -> None:
        """Send a message; waits while the session receives too slowly. Raises `WebSocketDisconnected` after the end."""
        try:
            await self._socket.send(data)
        except WebSocketDisconnected:
            self._raise_error()
            raise

    async def close(self, code: int | None, reason: str) -> None:
        """Close, unless either side has."""
        await self._socket.close(code, reason)
        self._exchange.closed()

    def abort(self) -> None:
        """Break the connection off."""
        self._exchange.disconnect()

    async def ended(self, seconds: float) -> None:
        """Wait at most so many seconds for the session to end. Raises the exception of the session."""
        await asyncio.wait([self._exchange.task], timeout=seconds)
        self._raise_error()

    def _raise_error(self) -> None:
        """Raise the exception of the session, once."""
        error = self._exchange.session_error
        if error is not None and self._raise_errors:
            self._raise_errors = False
            raise error
