"""One websocket scope of a foreign application."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from sketch.concurrency.containment import as_error, ends_task
from sketch.http.fields import RawFields
from sketch.response import ErrorResponse, Response
from sketch.transport import ClientDisconnected
from sketch.websocket import ANY_ORIGIN, WebSocket, WebSocketDisconnected, WebSocketPolicy, WebSocketResponse
from sketch_asgi.hosting.conversation import tells_of_leaving
from sketch_asgi.hosting.response import RawResponse

if TYPE_CHECKING:
    from sketch.request import WebSocketRequest
    from sketch.serving.asgi import ASGIApp, Message

POLICY = WebSocketPolicy(origins=ANY_ORIGIN)
"""Allows any origin: a foreign application checks origins by itself."""

# Stages: the handshake is not answered, it is being denied, it is accepted, the application has closed.
CONNECTING, DENYING, OPEN, CLOSED = range(4)


class SocketConversation:
    """The `receive` and `send` of one websocket scope. The application runs in its own task, from the handshake on.

    Args:
        request: the handshake.
    """

    def __init__(self, request: WebSocketRequest) -> None:
        loop = asyncio.get_running_loop()
        self.request = request
        self.response: asyncio.Future[Response] = loop.create_future()
        """The application's response to the handshake."""
        self.socket: asyncio.Future[WebSocket] = loop.create_future()
        """The open websocket, once the response is sent."""
        self.error: Exception | None = None
        """What the application has failed with."""
        self._asked = False
        self._stage = CONNECTING
        self._denial: RawResponse | None = None
        self._task: asyncio.Task[Any] | None = None

    async def converse(self, app: ASGIApp, scope: MutableMapping[str, Any]) -> None:
        """Run the application, through the handshake and then with the open websocket."""
        self._task = asyncio.current_task()
        try:
            await app(scope, self.receive, self.send)
        except BaseException as exc:
            if ends_task(exc):
                raise
            self.error = as_error(exc)
        finally:
            if not self.response.done():
                missing = RuntimeError("expected the ASGI application to answer the handshake before it returned")
                self.response.set_exception(self.error or missing)
            self._task = None

    # -- the application's side ---------------------------------------------------------------------------------------

    async def receive(self) -> Message:
        """Return the connect, then the client's messages, then the disconnect, which is returned again and again."""
        if not self._asked:
            self._asked = True
            return {"type": "websocket.connect"}
        try:
            message = await (await self._opened()).receive()
        except WebSocketDisconnected as end:
            return {"type": "websocket.disconnect", "code": end.code, "reason": end.reason}
        except ClientDisconnected:
            return {"type": "websocket.disconnect", "code": 1006, "reason": ""}
        return {"type": "websocket.receive", "text" if isinstance(message, str) else "bytes": message}

    async def _opened(self) -> WebSocket:
        """Wait for the open websocket. A cancelled waiter must not cancel it for the others."""
        return await asyncio.shield(self.socket)

    async def send(self, message: Message) -> None:
        """Take a message.

        Raises:
            ClientDisconnected, WebSocketDisconnected: if the client has left. Both are an OSError.
            RuntimeError: for a message out of order.
            TypeError, ValueError: for what cannot be sent.
        """
        kind, stage = message["type"], self._stage
        if stage == OPEN and kind == "websocket.send":
            await (await self._opened()).send(_content(message))
        elif stage == OPEN and kind == "websocket.close":
            self._stage = CLOSED
            await (await self._opened()).close(message.get("code", 1000), message.get("reason") or "")
        elif stage == CONNECTING and kind == "websocket.accept":
            self._stage = OPEN
            self._answer(self._accept(message))
            await self._opened()
        elif stage == CONNECTING and kind == "websocket.close":
            self._stage = CLOSED
            self._answer(ErrorResponse(403))
        elif stage == CONNECTING and kind == "websocket.http.response.start":
            self._stage = DENYING
            self._denial = RawResponse(message["status"], message.get("headers", ()), b"")
        elif stage == DENYING and kind == "websocket.http.response.body" and self._denial is not None:
            self._denial.body = bytes(self._denial.body) + message.get("body", b"")  # type: ignore[arg-type]
            if not message.get("more_body", False):
                self._stage = CLOSED
                self._answer(self._denial)
        else:
            raise RuntimeError(f"expected {_EXPECTED[stage]}, got {kind!r}")

    def _accept(self, message: Message) -> Response:
        fields = RawFields(message.get("headers") or ()).decoded()
        self.request.at_end.resources.append(self)
        return WebSocketResponse(self.hold, subprotocol=message.get("subprotocol"), headers=fields, policy=POLICY)

    def _answer(self, response: Response) -> None:
        if not self.response.done():
            self.response.set_result(response)

    # -- the websocket's side -----------------------------------------------------------------------------------------

    async def hold(self, ws: WebSocket) -> None:
        """Run the session until the application ends. Raises what the application fails with."""
        self.socket.set_result(ws)
        task = self._task
        if task is not None:
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                task.cancel()
                raise
        if self.error is not None and not (ws.close_code is not None and tells_of_leaving(self.error)):
            raise self.error

    async def aclose(self) -> None:
        """Give a websocket up that was accepted and never opened: the exchange is over.

        Middleware has answered in the application's place, or the client has left.
        """
        if not self.socket.done():
            self.socket.set_exception(ClientDisconnected("the websocket was not opened"))
            self.socket.exception()  # mark it as retrieved: the application may never await it


_EXPECTED = {
    CONNECTING: "websocket.accept, websocket.close or websocket.http.response.start",
    DENYING: "websocket.http.response.body",
    OPEN: "websocket.send or websocket.close",
    CLOSED: "nothing after the end of the websocket",
}


def _content(message: Message) -> str | bytes:
    data = message.get("bytes")
    content: str | bytes = message["text"] if data is None else data
    return content
