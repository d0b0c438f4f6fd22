"""Routes of files: downloads, a directory, JSON lines."""

from __future__ import annotations

import os
from pathlib import Path

from sketch import Application, FileResponse, JSONLinesResponse, Request, Response

STATIC = Path(__file__).parent / "static"


def add_files(app: Application) -> None:
    app.add_static(
        "/static", STATIC, index="index.html", precompressed=True, immutable=r"\.[0-9a-f]{8}\.", name="static"
    )

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
