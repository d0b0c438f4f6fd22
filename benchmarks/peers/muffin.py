"""Muffin on uvicorn. It uses orjson if that is installed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
from muffin import Application, ResponseFile, ResponseStream

from benchmarks.peers.serving import on_uvicorn
from benchmarks.work import CHUNK, CHUNKS, DATA, Variant


async def text(request: Any) -> Any:
    return "Hello, World!"


async def json(request: Any) -> Any:
    return DATA


async def user(request: Any) -> Any:
    return request.path_params["id"]


async def echo(request: Any) -> Any:
    return orjson.loads(await request.body())


async def chunks() -> AsyncIterator[bytes]:
    for _ in range(CHUNKS):
        yield CHUNK


async def stream(request: Any) -> Any:
    return ResponseStream(chunks())


async def nothing(app: Any, request: Any, receive: Any, send: Any) -> Any:
    return await app(request, receive, send)


def make(variant: Variant) -> Application:
    app = Application()
    for _ in range(variant.middlewares):
        app.middleware(nothing)

    async def file(request: Any) -> Any:
        return ResponseFile(variant.file)

    app.route("/")(text)
    app.route("/json")(json)
    app.route("/user/{id}")(user)
    app.route("/echo", methods=["POST"])(echo)
    app.route("/stream")(stream)
    app.route("/file")(file)
    for number in range(variant.routes):
        app.route(f"/section{number}/{{id}}")(user)
    return app


def serve(variant: Variant, port: int, server: str) -> None:
    on_uvicorn(make(variant), port)
