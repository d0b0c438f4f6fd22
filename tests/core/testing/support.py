"""Applications for the tests of the test client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from sketch.application import Application
from sketch.request import Request
from sketch.response import JSONResponse, Response
from sketch.streams.stream import StreamResponse


def serving(handler: Any, *methods: str, path: str = "/{rest:path}") -> Application:
    """An application with one handler for everything."""
    app = Application()
    for method in methods or ("GET", "POST"):
        app.router.add_route(method, path, handler)
    return app


async def echo(request: Request) -> Response:
    return JSONResponse(
        {
            "method": request.method,
            "target": request.target.decode("latin-1"),
            "path": request.path,
            "url": str(request.url),
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "cookies": dict(request.cookies),
            "query": list(request.query.items()),
            "body": (await request.read()).decode("latin-1"),
            "has_body": request.has_body,
        }
    )


class Endless:
    """An endless body that notes what happens to it."""

    def __init__(self) -> None:
        self.produced = 0
        self.tasks: list[Any] = []
        self.closed: list[Any] = []

    async def body(self) -> AsyncIterator[bytes]:
        self.tasks.append(asyncio.current_task())
        try:
            while True:
                self.produced += 1
                yield b"x"
        finally:
            self.closed.append(asyncio.current_task())

    async def handler(self) -> Response:
        return StreamResponse(self.body())
