"""Routes that leave background work, and tasks that outlive their request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

from sketch import (
    Application,
    FileResponse,
    HTTPConflict,
    Request,
    Response,
    StreamResponse,
    WebSocket,
    WebSocketResponse,
    current_request,
)
from sketch.routing import WEBSOCKET
from tests.contract.routes_answers import CHUNK


async def chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield CHUNK


ANSWERS: dict[str, Callable[[], Response]] = {
    "plain": lambda: Response("plain"),
    "large": lambda: Response(CHUNK * 5),
    "stream": lambda: StreamResponse(chunks(5)),
    "sized": lambda: StreamResponse(chunks(5), headers={"Content-Length": str(len(CHUNK) * 5)}),
    "empty": lambda: Response(status=204),
    "unchanged": lambda: Response(status=304),
    "endless": lambda: StreamResponse(chunks(1_000_000_000)),
}


def add_background(app: Application) -> None:
    async def after(request: Request) -> None:
        """Work that ends only once the client has confirmed the answer."""
        same = current_request.query["key"] == request.query["key"]
        app.journal.write(request, "began" if same else "began for another request")
        await app.journal.wait(request.query["key"], "got it")
        app.journal.write(request, "ended")

    @app.get("/background/{kind}")
    async def background(request: Request, kind: str) -> Response:
        response = ANSWERS[kind]()
        response.background = partial(after, request)
        return response

    @app.get("/background/file")
    async def file(request: Request) -> Response:
        response = FileResponse(request.query["path"])
        response.background = partial(after, request)
        return response

    @app.post("/background/unread")
    async def unread(request: Request) -> Response:
        """Answers, and leaves the body unread."""
        response = Response("unread")
        response.background = partial(after, request)
        return response

    @app.get("/background/failed")
    async def failed(request: Request) -> Response:
        response = Response()
        response.background = partial(after, request)
        raise HTTPConflict("the response is not sent")

    @app.on_startup
    async def remember_loop() -> None:
        app.loop = asyncio.get_running_loop()

    @app.get("/background/thread")
    def thread(request: Request) -> Response:
        response = Response("thread")
        response.background = partial(app.loop.call_soon_threadsafe, app.journal.write, request, "in a thread")
        return response

    async def handshake(request: Request) -> Response:
        async def session(ws: WebSocket) -> None:
            app.journal.write(request, await ws.receive_text())

        response = WebSocketResponse(session)
        response.background = partial(after, request)
        return response

    app.add_route(WEBSOCKET, "/background/websocket", handshake)
    add_spawning(app)


def add_spawning(app: Application) -> None:
    @app.get("/spawn/last")
    async def last(request: Request) -> Response:
        """A task that writes a file once the server stops: it is given the time."""

        async def work() -> None:
            await app.stopping.wait()
            await asyncio.to_thread(Path(request.query["path"]).write_text, "done")

        app.spawn(work(), name="last words")
        return Response("spawned")

    @app.get("/spawn/endless")
    async def endless(request: Request) -> Response:
        """A task that ends only by being cancelled, and then does not at once."""

        async def work() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.to_thread(Path(request.query["path"]).write_text, "cancelled")

        app.spawn(work(), endless=request.query["how"] == "endless")
        return Response("spawned")

    @app.get("/spawn/failing")
    async def failing() -> Response:
        async def work() -> None:
            raise ValueError("the newsletter is empty")

        app.spawn(work(), name="newsletter")
        return Response("spawned")
