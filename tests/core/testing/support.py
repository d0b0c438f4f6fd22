"""What the tests of the test client share."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any

from sketch.application import Application
from sketch.request import Request
from sketch.response import JSONResponse, Response


def in_loop(function: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run a coroutine test in a loop of its own, bounded."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(asyncio.wait_for(function(*args, **kwargs), 20))

    return run


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
