"""Falcon on uvicorn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import falcon
import falcon.asgi
import orjson

from benchmarks.peers.serving import on_uvicorn
from benchmarks.work import CHUNK, CHUNKS, DATA, Variant


class Text:
    async def on_get(self, req: Any, resp: Any) -> None:
        resp.content_type = falcon.MEDIA_TEXT
        resp.text = "Hello, World!"


class JSON:
    async def on_get(self, req: Any, resp: Any) -> None:
        resp.media = DATA


class User:
    async def on_get(self, req: Any, resp: Any, id: str) -> None:
        resp.content_type = falcon.MEDIA_TEXT
        resp.text = id


class Echo:
    async def on_post(self, req: Any, resp: Any) -> None:
        resp.media = await req.get_media()


class Form:
    """Counts the bytes of the file as they pass: Falcon has nothing that keeps a whole form."""

    async def on_post(self, req: Any, resp: Any) -> None:
        names: set[str] = set()
        size = 0
        async for part in await req.get_media():
            names.add(part.name)
            if part.filename is None:
                await part.text
            else:
                async for chunk in part.stream:
                    size += len(chunk)
        resp.content_type = falcon.MEDIA_TEXT
        resp.text = f"{len(names)} {size}"


async def chunks() -> AsyncIterator[bytes]:
    for _ in range(CHUNKS):
        yield CHUNK


class Stream:
    async def on_get(self, req: Any, resp: Any) -> None:
        resp.stream = chunks()


class Nothing:
    async def process_request(self, req: Any, resp: Any) -> None:
        """Before the handler."""

    async def process_response(self, req: Any, resp: Any, resource: Any, req_succeeded: bool) -> None:
        """After it."""


def make(variant: Variant) -> falcon.asgi.App:
    app = falcon.asgi.App(middleware=[Nothing() for _ in range(variant.middlewares)])
    handler = falcon.media.JSONHandler(dumps=orjson.dumps, loads=orjson.loads)
    for options in (app.req_options, app.resp_options):
        options.media_handlers[falcon.MEDIA_JSON] = handler
    app.add_route("/", Text())
    app.add_route("/json", JSON())
    app.add_route("/user/{id}", User())
    app.add_route("/echo", Echo())
    app.add_route("/form", Form())
    app.add_route("/stream", Stream())
    path = Path(variant.file)
    if path.is_absolute():  # without a path no case asks for a file
        app.add_static_route("/file", str(path.parent), fallback_filename=path.name)
    for number in range(variant.routes):
        app.add_route(f"/section{number}/{{id}}", User())
    return app


def serve(variant: Variant, port: int, server: str) -> None:
    on_uvicorn(make(variant), port)
