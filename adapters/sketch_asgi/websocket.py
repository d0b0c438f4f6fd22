"""Websocket scopes: refused, until sessions are built."""

from __future__ import annotations

from sketch_asgi.exchange import Scope
from sketch_asgi.inbox import Receive
from sketch_asgi.writer import Send

_TEXT = b"501 Not Implemented: websockets are not supported by this server"


async def refuse_websocket(scope: Scope, receive: Receive, send: Send) -> int:
    """Answer a handshake with 501 where the server can, else by a close, which it turns into 403. Returns the status.

    Raises:
        RuntimeError: if the server does not keep to the protocol.
    """
    message = await receive()
    if message["type"] != "websocket.connect":
        raise RuntimeError(f"expected the server to send websocket.connect, got {message['type']!r}")
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": 1000, "reason": ""})
        return 403
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(_TEXT))]
    await send({"type": "websocket.http.response.start", "status": 501, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": _TEXT, "more_body": False})
    return 501
