"""Routes of files: downloads, a directory, JSON lines."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

from sketch import Application, FileResponse, JSONLinesResponse, Request, Response, StreamResponse
from sketch.templates import Templates

STATIC = Path(__file__).parent / "static"
TEMPLATES = Templates("templates")


def add_files(app: Application) -> None:
    app.add_static(
        "/static", STATIC, index="index.html", precompressed=True, immutable=r"\.[0-9a-f]{8}\.", name="static"
    )

    app.add_static("/spa", STATIC, fallback="index.html")

    @app.get("/conditional")
    async def conditional() -> Response:
        response = Response("hello", headers={"ETag": '"v1"'})
        response.set_cookie("seen", "1")
        return response

    @app.get("/conditional/stream")
    async def conditional_stream() -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"hello"

        return StreamResponse(parts(), headers={"Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"})

    @app.put("/conditional")
    async def change(request: Request) -> Response:
        request.check_preconditions(etag='"v1"', required=True)
        return Response(await request.read())

    @app.get("/page/{name}")
    async def page(request: Request, name: str) -> Response:
        return await TEMPLATES.response(request, "page.html", {"name": name}, block=request.query.get("block"))

    @app.get("/page/{name}/stream")
    async def page_stream(request: Request, name: str) -> Response:
        return await TEMPLATES.stream(request, "page.html", {"name": name * 20_000})

    @app.get("/files/download")
    async def download(request: Request) -> Response:
        return FileResponse(request.query["path"], filename="Größe 1.bin")

    @app.get("/files/shrinking")
    async def shrinking(request: Request) -> Response:
        """A file that becomes shorter between its `fstat` and the first byte of the answer."""
        path = request.query["path"]
        response = await FileResponse(path).prepare(request)
        os.truncate(path, Path(path).stat().st_size // 2)  # noqa: ASYNC240  # that is the point
        return response

    @app.get("/lines")
    async def lines() -> Response:
        return JSONLinesResponse([{"n": 1}, {"n": 2}, "é"])
