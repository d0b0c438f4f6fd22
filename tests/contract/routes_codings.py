"""Routes with compressed bodies, on the way out or on the way in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from sketch import (
    Application,
    Compression,
    Decompression,
    FileResponse,
    JSONResponse,
    Limits,
    Request,
    Response,
    RouteGroup,
    StreamResponse,
)

TEXT = "a text that is long enough, and compresses well; " * 100
UPLOAD_LIMIT = 200_000


def add_codings(app: Application) -> None:
    coded = RouteGroup("/coded", middlewares=[Compression(), Decompression()], limits=Limits(body=UPLOAD_LIMIT))

    @coded.get("/text")
    async def text() -> Response:
        return Response(TEXT, headers={"ETag": '"text"'})

    @coded.get("/small")
    async def small() -> Response:
        return Response("small")

    @coded.get("/large")
    async def large() -> Response:
        return Response(TEXT * 100)

    @coded.get("/events")
    async def events(request: Request) -> Response:
        """One event, then nothing for ever."""

        async def body() -> AsyncIterator[bytes]:
            try:
                yield b"data: first\n\n"
                await asyncio.Event().wait()
            finally:
                app.journal.write(request, "closed")

        return StreamResponse(body(), content_type="text/event-stream")

    @coded.get("/broken")
    async def broken() -> Response:
        async def body() -> AsyncIterator[bytes]:
            yield b"one chunk"
            raise RuntimeError("secret halfway")

        return StreamResponse(body(), content_type="text/plain")

    @coded.get("/file")
    async def file(request: Request) -> Response:
        return FileResponse(request.query["path"])

    @coded.post("/upload")
    async def upload(request: Request) -> Response:
        sizes = [len(chunk) async for chunk in request.stream()]
        return JSONResponse({"size": sum(sizes), "largest": max(sizes, default=0)})

    app.add_group(coded)

    @app.post("/uncoded/upload")
    async def uncoded(request: Request) -> Response:
        return Response(await request.read())
