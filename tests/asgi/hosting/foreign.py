"""Foreign ASGI applications of several kinds, for servers that are started as programs."""

from __future__ import annotations

from typing import Any

from sketch import Application, Request, Response, WebSocket
from tests.asgi.hosting.serving import Message, Receive, Send, answer, part, read, start


async def app(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await live(scope, receive, send)
    elif scope["type"] == "websocket":
        await echo(receive, send)
    elif scope["path"].endswith("/echo"):
        await answer(send, await read(receive))
    elif scope["path"].endswith("/stream"):
        await send(start())
        for body in (b"one,", b"two"):
            await send(part(body))
        await send(part(b"", more=False))
    else:
        await answer(send, f"{scope['state']['pool']} {scope['root_path']} {scope['path']}".encode())


async def live(scope: Message, receive: Receive, send: Send) -> None:
    assert (await receive())["type"] == "lifespan.startup"
    scope["state"]["pool"] = "pool"
    await send({"type": "lifespan.startup.complete"})
    assert (await receive())["type"] == "lifespan.shutdown"
    print("the end", flush=True)
    await send({"type": "lifespan.shutdown.complete"})


async def echo(receive: Receive, send: Send) -> None:
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"].upper()})


async def failing(scope: Message, receive: Receive, send: Send) -> None:
    assert scope["type"] == "lifespan"
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "there is no database"})


async def without_lifespan(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        raise ValueError(f"no {scope['type']} here")
    await answer(send, b"no lifespan")


def create_app() -> Any:
    return app


class Noting:
    """ASGI middleware that notes what passes."""

    def __init__(self, app: Any, *, name: str) -> None:
        self.app = app
        self.name = name

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        async def noting(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.accept"):
                fields = [*message.get("headers", ()), (b"x-noted", self.name.encode())]
                message = {**message, "headers": fields}
            await send(message)

        print(self.name, scope["type"], flush=True)
        await self.app(scope, receive, noting)


def wrapped() -> Application:
    """A sketch application inside raw ASGI middleware."""
    app = Application()
    app.wrap_asgi(Noting, name="inner")
    app.wrap_asgi(Noting, name="outer")

    @app.on_startup
    def begin(app: Application) -> None:
        app.pool = "pool"

    @app.on_cleanup
    def end() -> None:
        print("the end", flush=True)

    @app.get("/{rest:path}")
    async def root(request: Request) -> Response:
        return Response(f"{request.app.pool} {request.root_path} {request.root_path}{request.path}")

    @app.post("/echo")
    async def echo(request: Request) -> Response:
        return Response(await request.read())

    @app.websocket("/ws")
    async def ws(ws: WebSocket) -> None:
        async for message in ws:
            await ws.send(str(message).upper())

    return app


inside = wrapped()
