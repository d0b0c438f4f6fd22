"""Serves a websocket scope: reads the handshake, answers it, and runs the session if it is accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sketch.request import WebSocketRequest
from sketch.serving.asgi import Send
from sketch.serving.endings import log_left
from sketch.transport import ClientDisconnected, Switch, WireResponse, close_body
from sketch_asgi.connection import Scope, ScopeConnection
from sketch_asgi.scope import read_head
from sketch_asgi.writer import without_date, write_body
from sketch_gateway.body import Receive
from sketch_gateway.handshake import HandshakeConnection
from sketch_gateway.refusal import Refused
from sketch_gateway.streaming import pass_on
from sketch_gateway.websocket import Socket

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.concurrency.idle import DeadlineTimer

DENIAL = "websocket.http.response"
SUBPROTOCOLS = b"sec-websocket-protocol"
_GATHERED = 64 * 1024
"""Bytes of a denial that are gathered in one message: granian takes only one, uvicorn gathers them itself."""


class Handshake(HandshakeConnection, ScopeConnection):
    """The connection of a websocket scope, from the handshake to the end of the session.

    Args:
        app, timer, scope, receive: as for `ScopeConnection`.
        send: of the scope.
        root_path: the prefix under which the application is published, if the scope has none.
    """

    __slots__ = ("_root_path", "_send")

    def __init__(
        self,
        app: Application,
        timer: DeadlineTimer,
        scope: Scope,
        receive: Receive,
        send: Send,
        root_path: str,
    ) -> None:
        ScopeConnection.__init__(self, app, timer, scope, receive)
        self.request = None
        self._send = send
        self._root_path = root_path
        self._socket = None
        self._over = False

    async def read(self) -> WebSocketRequest:
        """Read the handshake as a request. Raises as `HandshakeConnection.read` does.

        Raises:
            RuntimeError: if the server breaks the protocol.
        """
        message: Any = await self._receive()
        if message["type"] == "websocket.disconnect":
            raise ClientDisconnected("the client left before its handshake was answered")
        if message["type"] != "websocket.connect":
            raise RuntimeError(f"expected the server to send websocket.connect, got {message['type']!r}")
        self.request = read_head(self.scope, self, self._root_path, WebSocketRequest)
        offered = self.scope.get("subprotocols")
        if offered and self.request.header(SUBPROTOCOLS) is None:  # uvicorn with wsproto removes the field
            self.request.raw_headers.append((SUBPROTOCOLS, ", ".join(offered).encode("latin-1")))
        return self.request

    async def answer(self, request: WebSocketRequest, wire: WireResponse) -> None:
        """Accept the handshake and run the session, or deny it. Raises as `HandshakeConnection.answer` does."""
        wire.fields = without_date(wire.fields)
        if wire.switch is not None:
            await self._open(request, wire, wire.switch)
        else:
            await self._deny(request, wire)

    async def _open(self, request: WebSocketRequest, wire: WireResponse, switch: Switch) -> None:
        socket = Socket(request, switch.policy, self._timer, self._receive, self._send)
        self._socket = socket  # before the body is closed: wait_disconnected() then goes on with the socket
        if self.body is not None:
            await self.body.close()
            if self.body.gone:
                raise ClientDisconnected("the client left before its handshake was answered")
        message = {"type": "websocket.accept", "subprotocol": switch.subprotocol, "headers": wire.fields}
        await pass_on(self._send, message, self)
        self.note(101)
        await self.hold(socket, switch)

    async def _deny(self, request: WebSocketRequest, wire: WireResponse) -> None:
        if not self._can_answer:
            await close_body(wire.payload)
            await self._forbid()
            return
        self.status = wire.status
        start = {"type": "http.response.start", "status": wire.status, "headers": wire.fields}
        send = Denial(self._send)
        # Without the scope: its extensions for files do not apply to handshakes.
        await write_body(self, send, start, wire.payload, wire.length, {}, request)

    async def refuse(self, refusal: Refused) -> None:
        """Answer in plain text a handshake that the application does not see."""
        try:
            if not self._can_answer:
                await self._forbid()
                return
            body = str(refusal).encode()
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
            start = {"type": f"{DENIAL}.start", "status": refusal.status, "headers": headers}
            await pass_on(self._send, start, self)
            self.note(refusal.status)
            await pass_on(self._send, {"type": f"{DENIAL}.body", "body": body, "more_body": False}, self)
            self.size = len(body)
        except ClientDisconnected as exc:
            log_left("GET", self.scope["path"], exc)

    @property
    def _can_answer(self) -> bool:
        return DENIAL in (self.scope.get("extensions") or {})

    async def _forbid(self) -> None:
        """Refuse if the server takes no response: it turns a close before the acceptance into a 403."""
        await pass_on(self._send, {"type": "websocket.close", "code": 1000, "reason": ""}, self)
        self.note(403)

    @property
    def disconnected(self) -> bool:
        """Whether the server has reported that the client left, or the exchange is over."""
        return self._over or (super().disconnected if self._socket is None else self._socket.gone)

    async def wait_disconnected(self) -> None:
        """Return once the peer is gone, or the exchange is over."""
        while self._socket is None:
            if self._over or super().disconnected:
                return
            await super().wait_disconnected()
        await self._socket.wait_gone()


class Denial:
    """A `send` that turns the messages of an HTTP response into those of a denied handshake.

    Args:
        send: of the scope.
    """

    __slots__ = ("_parts", "_send", "_size", "_start")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Any = None
        self._parts: list[bytes] = []
        self._size = 0

    async def __call__(self, message: Any) -> None:
        """Send a message, or keep it until the rest of a small body is there."""
        if message["type"] == "http.response.start":
            self._start = {**message, "type": f"{DENIAL}.start"}
            return
        more = message.get("more_body", False)
        self._parts.append(message["body"])
        self._size += len(message["body"])
        if more and self._size < _GATHERED:
            return
        if self._start is not None:
            start, self._start = self._start, None
            await self._send(start)
        body = b"".join(self._parts)
        self._parts.clear()
        await self._send({"type": f"{DENIAL}.body", "body": body, "more_body": more})
