"""Serves a websocket of RSGI: reads the handshake, answers it, and runs the session if it is accepted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sketch.request import WebSocketRequest
from sketch.transport import ClientDisconnected, Switch, WireResponse, close_body
from sketch.websocket import ABNORMAL, NO_CODE
from sketch_gateway.handshake import HandshakeConnection
from sketch_gateway.refusal import Refused
from sketch_gateway.websocket import Socket
from sketch_rsgi.connection import RSGIConnection
from sketch_rsgi.interfaces import Scope, WebSocketProtocol, WebSocketTransport
from sketch_rsgi.scope import read_head

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.concurrency.idle import DeadlineTimer

CLOSE, BYTES, TEXT = 0, 1, 2
"""The kinds of message."""


class Handshake(HandshakeConnection, RSGIConnection):
    """The connection of a ws scope, from the handshake to the end of the session.

    RSGI takes neither header fields nor a subprotocol for an acceptance, and of a denial only the status.

    Args:
        app, timer, scope: as for `RSGIConnection`.
        protocol: as the server gave it.
    """

    __slots__ = ("_ended", "_websocket")

    def __init__(self, app: Application, timer: DeadlineTimer, scope: Scope, protocol: WebSocketProtocol) -> None:
        RSGIConnection.__init__(self, app, timer, scope, protocol)
        self._websocket = protocol
        self._ended = asyncio.Event()
        self.request = None
        self._socket = None
        self._over = False

    async def read(self) -> WebSocketRequest:
        """Read the handshake as a request. Raises as `HandshakeConnection.read` does."""
        self.request = read_head(self.head, self, WebSocketRequest)
        return self.request

    async def answer(self, request: WebSocketRequest, wire: WireResponse) -> None:
        """Accept the handshake and run the session, or deny it. Raises as `HandshakeConnection.answer` does."""
        if wire.switch is None:
            await close_body(wire.payload)
            self._deny(wire.status)
        else:
            await self._open(request, wire.switch)

    async def _open(self, request: WebSocketRequest, switch: Switch) -> None:
        try:
            link = Link(self._websocket, await self._websocket.accept())
        except Exception as exc:  # RSGI names no error
            raise ClientDisconnected("the client left before its handshake was answered") from exc
        self.note(101)
        self._socket = Socket(request, switch.policy, self._timer, link.receive, link.send)
        try:
            await self.hold(self._socket, switch)
        finally:
            self._websocket.close(None)  # does nothing if it is closed
            link.release()

    async def refuse(self, refusal: Refused) -> None:
        """Deny a handshake that the application does not see."""
        self._deny(refusal.status)

    def _deny(self, status: int) -> None:
        self._websocket.close(status)
        self.note(status)

    def over(self) -> None:
        """End the waits for the client to leave, and drop the references to the request."""
        super().over()
        self._ended.set()

    @property
    def disconnected(self) -> bool:
        """Whether the server has reported that the client left, or the exchange is over."""
        return self._over or (self._socket is not None and self._socket.gone)

    async def wait_disconnected(self) -> None:
        """Return once the peer is gone, or the exchange is over. Of a pending handshake the server does not tell."""
        if self._socket is None:
            await self._ended.wait()
        else:
            await self._socket.wait_gone()


class Link:
    """An open websocket of RSGI as messages of ASGI, for `Socket`.

    Args:
        protocol, transport: of the websocket.
    """

    __slots__ = ("_protocol", "_transport")

    def __init__(self, protocol: WebSocketProtocol, transport: WebSocketTransport) -> None:
        self._protocol = protocol
        self._transport: WebSocketTransport | None = transport

    def release(self) -> None:
        """Drop the server's object: the connection stays open as long as something, as a traceback, refers to it."""
        self._transport = None

    async def receive(self) -> Any:
        """Return the next message. A close has no code: RSGI does not tell it.

        Raises:
            RuntimeError: for a message that is none of RSGI.
        """
        assert self._transport is not None
        try:
            message = await self._transport.receive()
        except Exception:  # RSGI names no error for a websocket that has broken off
            return {"type": "websocket.disconnect", "code": ABNORMAL, "reason": ""}
        if message.kind == CLOSE:
            return {"type": "websocket.disconnect", "code": NO_CODE, "reason": ""}
        data = message.data
        if message.kind == TEXT and isinstance(data, str):
            return {"type": "websocket.receive", "text": data}
        if message.kind == BYTES and isinstance(data, bytes):
            return {"type": "websocket.receive", "bytes": data}
        raise RuntimeError(f"expected the server to send text or bytes, got kind {message.kind!r} with {data!r:.200}")

    async def send(self, message: Any) -> None:
        """Send a message, or a close: without its code and reason, which RSGI does not take.

        Raises:
            OSError: if the websocket has ended.
        """
        if message["type"] == "websocket.close":
            self._protocol.close(None)
            return
        assert self._transport is not None
        text = message.get("text")
        try:
            await (self._transport.send_bytes(message["bytes"]) if text is None else self._transport.send_str(text))
        except Exception as exc:  # as above
            raise ConnectionError("the websocket has ended") from exc
