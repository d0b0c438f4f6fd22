"""aiohttp on its own server."""

from __future__ import annotations

import os
import ssl
from functools import partial
from typing import Any

import uvloop
from aiohttp import log as web_log, web
from orjson import dumps as dump, loads

from benchmarks import realistic
from benchmarks.peers.serving import HOST, certificate
from benchmarks.work import CHUNK, CHUNKS, DATA, GIBIBYTE, Variant


def dumps(data: Any) -> str:
    return dump(data).decode()


json_response = partial(web.json_response, dumps=dumps)


async def text(request: web.Request) -> web.Response:
    return web.Response(text="Hello, World!")


async def json(request: web.Request) -> web.Response:
    return json_response(DATA)


async def user(request: web.Request) -> web.Response:
    return web.Response(text=request.match_info["id"])


async def echo(request: web.Request) -> web.Response:
    return json_response(await request.json(loads=loads))


async def form(request: web.Request) -> web.Response:
    fields = await request.post()
    file = fields["file"].file
    return web.Response(text=f"{len(fields)} {file.seek(0, os.SEEK_END)}")


async def stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(CHUNKS):
        await response.write(CHUNK)
    return response


async def talk(request: web.Request) -> web.WebSocketResponse:
    websocket = web.WebSocketResponse(compress=False)
    await websocket.prepare(request)
    async for message in websocket:
        await websocket.send_bytes(message.data)
    return websocket


@web.middleware
async def nothing(request: web.Request, handler: Any) -> web.StreamResponse:
    response: web.StreamResponse = await handler(request)
    return response


def make(variant: Variant) -> web.Application:
    if variant.realistic:
        return realistic.aiohttp()
    app = web.Application(middlewares=[nothing] * variant.middlewares, client_max_size=GIBIBYTE)

    async def file(request: web.Request) -> web.FileResponse:
        return web.FileResponse(variant.file)

    app.router.add_get("/", text)
    app.router.add_get("/json", json)
    app.router.add_get("/user/{id}", user)
    app.router.add_post("/echo", echo)
    app.router.add_post("/form", form)
    app.router.add_get("/stream", stream)
    app.router.add_get("/file", file)
    app.router.add_get("/ws", talk)
    for number in range(variant.routes):
        app.router.add_get(f"/section{number}/{{id}}", user)
    return app


def serve(variant: Variant, port: int, server: str) -> None:
    loop = uvloop.new_event_loop()
    context = None
    if variant.tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate(variant))
    log = web_log.access_logger if variant.realistic else None
    web.run_app(
        make(variant), host=HOST, port=port, loop=loop, access_log=log, print=None, shutdown_timeout=1,
        ssl_context=context,
    )  # fmt: skip
