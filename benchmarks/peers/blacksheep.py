"""BlackSheep on uvicorn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
from blacksheep import Application, Content, Request, Response, Router, StreamedContent, text as text_response
from blacksheep.server.responses import file as file_response

from benchmarks.peers.serving import on_uvicorn
from benchmarks.work import CHUNK, CHUNKS, DATA, Variant


def orjson_response(data: Any) -> Response:
    return Response(200, None, Content(b"application/json", orjson.dumps(data)))


async def text() -> Response:
    return text_response("Hello, World!")


async def json() -> Response:
    return orjson_response(DATA)


async def user(id: str) -> Response:
    return text_response(id)


async def echo(request: Request) -> Response:
    return orjson_response(orjson.loads(await request.read() or b""))


async def form(request: Request) -> Response:
    fields: Any = await request.form()
    return text_response(f"{len(fields)} {fields['file'][0].size}")


async def chunks() -> AsyncIterator[bytes]:
    for _ in range(CHUNKS):
        yield CHUNK


async def stream() -> Response:
    return Response(200, None, StreamedContent(b"application/octet-stream", chunks))


async def nothing(request: Request, handler: Any) -> Response:
    response: Response = await handler(request)
    return response


def make(variant: Variant) -> Application:
    app = Application(router=Router())
    app.middlewares.extend([nothing] * variant.middlewares)

    async def file() -> Response:
        return file_response(variant.file, "application/octet-stream")

    app.router.add_get("/", text)
    app.router.add_get("/json", json)
    app.router.add_get("/user/{id}", user)
    app.router.add_post("/echo", echo)
    app.router.add_post("/form", form)
    app.router.add_get("/stream", stream)
    app.router.add_get("/file", file)
    for number in range(variant.routes):
        app.router.add_get(f"/section{number}/{{id}}", user)
    return app


def serve(variant: Variant, port: int, server: str) -> None:
    on_uvicorn(make(variant), port)
