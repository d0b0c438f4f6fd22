"""Applications that are busy with everything that a stop may meet; `hanging` has a hook that hangs, too."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

from sketch import Application, EventStreamResponse, Health, Request, Response, StreamResponse, WebSocket


def tell_begun(path: str) -> None:
    """Tell the test that a request has begun: no answer says so."""
    sys.stderr.write(f"begun {path}\n")  # one write, so that lines of two workers do not mix
    sys.stderr.flush()


def make_app(*, hangs: bool = False) -> Application:
    app = Application()
    Health().attach(app)

    @app.get("/")
    async def hello() -> Response:
        return Response("hello")

    @app.get("/slow")
    async def slow() -> Response:
        tell_begun("/slow")
        await app.stopping.wait()
        await asyncio.sleep(0.2)
        return Response("complete")

    @app.get("/stuck")
    async def stuck() -> Response:
        tell_begun("/stuck")
        await asyncio.Event().wait()
        raise AssertionError

    @app.post("/upload")
    async def upload(request: Request) -> Response:
        tell_begun("/upload")
        return Response(await request.read())

    @app.get("/events")
    async def events() -> EventStreamResponse:
        async def source() -> AsyncIterator[str]:
            yield "first"
            await asyncio.Event().wait()

        return EventStreamResponse(source())

    @app.get("/endless")
    async def endless() -> StreamResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"first"
            await asyncio.Event().wait()

        return StreamResponse(chunks())

    @app.websocket("/ws")
    async def talk(ws: WebSocket) -> None:
        await ws.send("open")
        async for _ in ws:
            raise AssertionError

    if hangs:
        add_hanging_hook(app)
    return app


def add_hanging_hook(app: Application) -> None:
    @app.on_cleanup
    async def never_ends() -> None:
        await asyncio.Event().wait()


app = make_app()
hanging = make_app(hangs=True)


async def foreign(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI application of another framework, which knows of no order to stop."""
    if scope["type"] == "lifespan":
        for step in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{step}.complete"})
    elif scope["path"] == "/endless":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await asyncio.Event().wait()
    else:
        tell_begun(scope["path"])
        await asyncio.Event().wait()
