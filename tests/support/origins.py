"""Applications that say where a request comes from: a foreign one, and one of sketch inside raw ASGI middleware."""

from __future__ import annotations

import json
from typing import Any

from sketch import Application, Request, Response, WebSocket, json_response
from tests.support.scripts import Message


def origin(scope: Message) -> list[Any]:
    """Client, scheme and hosts of a scope."""
    client = scope["client"]
    hosts = [value.decode() for name, value in scope["headers"] if name == b"host"]
    return [client and client[0], scope["scheme"], *hosts]


async def foreign(scope: Message, receive: Any, send: Any) -> None:
    """A foreign application."""
    if scope["type"] == "lifespan":
        raise ValueError("no lifespan here")
    text = json.dumps(origin(scope))
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": text.encode()})
        return
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": text})
    await send({"type": "websocket.close"})


class Noting:
    """ASGI middleware that tells the application what it has seen."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            scope = {**scope, "noted": origin(scope)}
        await self.app(scope, receive, send)


def make_app() -> Application:
    """An application of sketch, with the foreign one below it."""
    app = Application()

    @app.get("/")
    async def index(request: Request) -> Response:
        client = request.client
        seen = [client and client[0], request.scheme, request.host]
        return json_response([seen, request.headers.getall("Host"), (request.scope or {}).get("noted")])

    @app.websocket("/ws")
    async def ws(ws: WebSocket) -> None:
        await ws.send(json.dumps([ws.request.client and ws.request.client[0], ws.request.scheme, ws.request.host]))

    app.mount("/below", foreign)
    return app


inside = make_app()
inside.wrap_asgi(Noting)
