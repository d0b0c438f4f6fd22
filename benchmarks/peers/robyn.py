"""Robyn: Python handlers on a server in Rust."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

import orjson
from robyn import Request, Response, Robyn, StreamingResponse, serve_file

from benchmarks.peers.serving import HOST
from benchmarks.work import CHUNK, CHUNKS, DATA, Variant

JSON = {"Content-Type": "application/json"}


async def text() -> str:
    return "Hello, World!"


async def json() -> Response:
    return Response(200, JSON, orjson.dumps(DATA))


async def user(request: Request) -> str:
    return request.path_params["id"]


async def echo(request: Request) -> Response:
    return Response(200, JSON, orjson.dumps(orjson.loads(request.body)))


async def chunks() -> AsyncIterator[bytes]:
    for _ in range(CHUNKS):
        yield CHUNK


async def stream() -> StreamingResponse:
    return StreamingResponse(chunks(), media_type="application/octet-stream")


async def nothing(request: Request) -> Request:
    return request


async def nothing_after(response: Response) -> Response:
    return response


def make(variant: Variant) -> Robyn:
    # Robyn reads its settings from the command line of the process.
    sys.argv = ["benchmark", "--processes", "1", "--workers", "1", "--log-level", "ERROR", "--disable-openapi"]
    app = Robyn(__file__)

    async def file() -> object:
        return serve_file(variant.file)

    for _ in range(variant.middlewares):
        app.before_request()(nothing)
        app.after_request()(nothing_after)
    app.get("/")(text)
    app.get("/json")(json)
    app.get("/user/:id")(user)
    app.post("/echo")(echo)
    app.get("/stream")(stream)
    app.get("/file")(file)
    for number in range(variant.routes):
        app.get(f"/section{number}/:id")(user)
    return app


def serve(variant: Variant, port: int, server: str) -> None:
    make(variant).start(HOST, port, _check_port=False)
