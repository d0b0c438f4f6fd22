"""A Litestar application, in its own module: Litestar resolves annotations by the names in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from litestar import Litestar, Request, WebSocket, get, post, websocket
from litestar.background_tasks import BackgroundTask
from litestar.response import Response, Stream


@get("/items/{number:int}")
async def item(request: Request[Any, Any, Any]) -> dict[str, Any]:
    return {**request.path_params, "q": request.query_params["q"]}


@post("/items")
async def create(request: Request[Any, Any, Any]) -> dict[str, int]:
    return {name: value * 2 for name, value in (await request.json()).items()}


async def parts() -> AsyncIterator[bytes]:
    for part in (b"one,", b"two"):
        yield part


@get("/stream")
async def stream() -> Stream:
    return Stream(parts())


@websocket("/ws")
async def talk(socket: WebSocket[Any, Any, Any]) -> None:
    await socket.accept()
    await socket.send_text((await socket.receive_text()).upper())
    await socket.close(4000)


def make_app(notes: list[str]) -> Litestar:
    async def later() -> None:
        await asyncio.sleep(0.01)
        notes.append("later")

    @get("/background")
    async def background() -> Response[str]:
        return Response("now", background=BackgroundTask(later))

    async def started() -> None:
        notes.append("started")

    return Litestar([item, create, stream, background, talk], on_startup=[started], openapi_config=None)
