"""Starlette on uvicorn, or another server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from benchmarks import realistic
from benchmarks.peers.serving import on_server
from benchmarks.work import CHUNK, CHUNKS, DATA, Variant


class ORJSONResponse(Response):
    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


class Nothing:
    """A pure ASGI middleware that does nothing: the cheapest kind."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


async def text(request: Request) -> Response:
    return PlainTextResponse("Hello, World!")


async def json(request: Request) -> Response:
    return ORJSONResponse(DATA)


async def user(request: Request) -> Response:
    return PlainTextResponse(request.path_params["id"])


async def echo(request: Request) -> Response:
    return ORJSONResponse(orjson.loads(await request.body()))


async def form(request: Request) -> Response:
    async with request.form() as fields:
        return PlainTextResponse(f"{len(fields)} {fields['file'].size}")


async def chunks() -> AsyncIterator[bytes]:
    for _ in range(CHUNKS):
        yield CHUNK


async def stream(request: Request) -> Response:
    return StreamingResponse(chunks())


async def talk(websocket: WebSocket) -> None:
    await websocket.accept()
    async for message in websocket.iter_bytes():
        await websocket.send_bytes(message)


def make(variant: Variant) -> Starlette:
    if variant.realistic:
        return realistic.starlette()

    async def file(request: Request) -> Response:
        return FileResponse(variant.file)

    routes = [
        Route("/", text),
        Route("/json", json),
        Route("/user/{id}", user),
        Route("/echo", echo, methods=["POST"]),
        Route("/form", form, methods=["POST"]),
        Route("/stream", stream),
        Route("/file", file),
        WebSocketRoute("/ws", talk),
    ]
    routes += [Route(f"/section{number}/{{id}}", user) for number in range(variant.routes)]
    return Starlette(routes=routes, middleware=[Middleware(Nothing)] * variant.middlewares)


def serve(variant: Variant, port: int, server: str) -> None:
    on_server(make(variant), port, server, variant)
