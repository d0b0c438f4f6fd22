"""FastAPI on uvicorn, or another server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, PlainTextResponse, Response, StreamingResponse

from benchmarks import realistic
from benchmarks.peers.serving import on_server
from benchmarks.peers.starlette import Nothing, ORJSONResponse
from benchmarks.work import CHUNK, CHUNKS, DATA, Variant


async def text() -> Response:
    return PlainTextResponse("Hello, World!")


async def json() -> Response:
    return ORJSONResponse(DATA)


async def user(id: str) -> Response:
    return PlainTextResponse(id)


async def echo(request: Request) -> Response:
    return ORJSONResponse(orjson.loads(await request.body()))


async def chunks() -> AsyncIterator[bytes]:
    for _ in range(CHUNKS):
        yield CHUNK


async def stream() -> Response:
    return StreamingResponse(chunks())


def make(variant: Variant) -> FastAPI:
    if variant.realistic:
        return realistic.fastapi()
    app = FastAPI(openapi_url=None)
    for _ in range(variant.middlewares):
        app.add_middleware(Nothing)

    async def file() -> Response:
        return FileResponse(variant.file)

    handlers: dict[str, Any] = {"/": text, "/json": json, "/user/{id}": user, "/stream": stream, "/file": file}
    handlers |= {f"/section{number}/{{id}}": user for number in range(variant.routes)}
    for path, handler in handlers.items():
        app.add_api_route(path, handler, response_model=None)
    app.add_api_route("/echo", echo, methods=["POST"], response_model=None)
    return app


def serve(variant: Variant, port: int, server: str) -> None:
    on_server(make(variant), port, server, variant)
