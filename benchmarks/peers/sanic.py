"""Sanic on its own server."""

from __future__ import annotations

import orjson
from sanic import HTTPResponse, Request, Sanic, json, text
from sanic.response import file as file_response

from benchmarks.peers.serving import HOST
from benchmarks.work import CHUNK, CHUNKS, DATA, Variant


async def index(request: Request) -> HTTPResponse:
    return text("Hello, World!")


async def data(request: Request) -> HTTPResponse:
    return json(DATA)


async def user(request: Request, id: str) -> HTTPResponse:
    return text(id)


async def echo(request: Request) -> HTTPResponse:
    return json(request.json)


async def stream(request: Request) -> None:
    response = await request.respond(content_type="application/octet-stream")
    for _ in range(CHUNKS):
        await response.send(CHUNK)
    await response.eof()


async def nothing(request: Request) -> None:
    """A request middleware that does nothing."""


async def nothing_after(request: Request, response: HTTPResponse) -> None:
    """A response middleware that does nothing: Sanic needs both for what is one middleware in other frameworks."""


def make(variant: Variant) -> Sanic:
    app = Sanic("benchmark", dumps=orjson.dumps, loads=orjson.loads, configure_logging=False)

    async def file(request: Request) -> HTTPResponse:
        return await file_response(variant.file)

    for _ in range(variant.middlewares):
        app.register_middleware(lambda request: nothing(request), "request")
        app.register_middleware(lambda request, response: nothing_after(request, response), "response")
    app.add_route(index, "/")
    app.add_route(data, "/json")
    app.add_route(user, "/user/<id:str>")
    app.add_route(echo, "/echo", methods=["POST"])
    app.add_route(stream, "/stream")
    app.add_route(file, "/file", name="file")
    for number in range(variant.routes):
        app.add_route(user, f"/section{number}/<id:str>", name=f"section{number}")
    return app


def serve(variant: Variant, port: int, server: str) -> None:
    make(variant).run(HOST, port, single_process=True, access_log=False, motd=False)
