"""An application that is busy with everything that a stop may meet; `hanging` has a hook that hangs, too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from sketch import Application, EventStreamResponse, Request, Response, StreamResponse, WebSocket


class Begun:
    """Knows when a request to each of `/slow`, `/stuck` and `/upload` has begun."""

    def __init__(self) -> None:
        self.all = asyncio.Event()
        self._missing = {"/slow", "/stuck", "/upload"}

    def note(self, path: str) -> None:
        self._missing.discard(path)
        if not self._missing:
            self.all.set()


def make_app(*, hangs: bool = False) -> Application:
    app = Application()
    begun = Begun()

    @app.get("/")
    async def hello() -> Response:
        return Response("hello")

    @app.get("/slow")
    async def slow() -> Response:
        begun.note("/slow")
        await app.stopping.wait()
        await asyncio.sleep(0.2)
        return Response("complete")

    @app.get("/stuck")
    async def stuck() -> Response:
        begun.note("/stuck")
        await asyncio.Event().wait()
        raise AssertionError

    @app.post("/upload")
    async def upload(request: Request) -> Response:
        begun.note("/upload")
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
        """Tell that the session is open, and when all requests of a test have begun."""
        await ws.send("open")
        await begun.all.wait()
        await ws.send("begun")
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
