"""Applications for the tests of the test kit, found by import strings on every transport."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from sketch import Application, Event, EventStreamResponse, JSONResponse, Request, Response, StreamResponse, WebSocket


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield b"x"
        await asyncio.sleep(0.001)


def leaving() -> Application:
    """Streams and websockets without an end, and a handler that never answers."""
    app = Application()

    @app.get("/endless")
    async def stream() -> Response:
        return StreamResponse(endless())

    @app.get("/events")
    async def events() -> Response:
        async def feed() -> AsyncIterator[Event]:
            yield Event("first")
            await asyncio.Event().wait()

        return EventStreamResponse(feed())

    @app.websocket("/socket")
    async def socket(ws: WebSocket) -> None:
        await ws.send("open")
        await asyncio.Event().wait()

    @app.get("/never", on_disconnect="cancel")
    async def never() -> Response:
        await asyncio.Event().wait()
        return Response()

    return app


def clinging() -> Application:
    """Takes long to shut down."""
    app = Application()

    @app.get("/")
    async def index() -> Response:
        return Response("hello")

    @app.on_shutdown
    async def cling() -> None:
        await asyncio.sleep(60)

    return app


def failing() -> Application:
    """Cannot be started."""
    app = Application()

    @app.on_startup
    async def fail() -> None:
        raise LookupError("no database")

    return app


def hanging() -> Application:
    """Never ends its start."""
    app = Application()

    @app.on_startup
    async def hang() -> None:
        await asyncio.Event().wait()

    return app


def stubborn() -> Application:
    """Fails when it is stopped."""
    app = Application()

    @app.on_cleanup
    async def fail() -> None:
        raise LookupError("the database is gone")

    return app


def echoing() -> Application:
    """Answers with what it was sent."""
    app = Application()

    @app.route("/{rest:path}", methods=["GET", "HEAD", "POST", "PUT"])
    async def echo(request: Request) -> Response:
        body = await request.read()
        return JSONResponse(
            {
                "method": request.method,
                "target": request.target.decode("latin-1"),
                "url": str(request.url),
                "root_path": request.root_path,
                "headers": {name.lower(): value for name, value in request.headers.items()},
                "cookies": dict(request.cookies),
                "body": body.decode("latin-1"),
            }
        )

    return app


def asking() -> Application:
    """A websocket that tells what it was opened with, and echoes."""
    app = Application()

    @app.websocket("/ws", subprotocols=["b"])
    async def ws(ws: WebSocket) -> None:
        request = ws.request
        await ws.send_json(
            {
                "a": request.headers.get("X-A"),
                "cookie": request.cookies.get("k"),
                "q": request.query.get("q"),
                "host": request.host,
            }
        )
        async for message in ws:
            await ws.send(message)

    return app
