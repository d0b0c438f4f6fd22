"""Quart on uvicorn or hypercorn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
from quart import Quart, Response, jsonify, request, send_file
from quart.json.provider import JSONProvider

from benchmarks.peers.serving import on_hypercorn, on_uvicorn
from benchmarks.peers.starlette import Nothing
from benchmarks.work import CHUNK, CHUNKS, DATA, Variant

PLAIN = {"Content-Type": "text/plain; charset=utf-8"}


class ORJSONProvider(JSONProvider):
    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return orjson.loads(s)


async def text() -> Any:
    return "Hello, World!", PLAIN


async def json() -> Any:
    return jsonify(DATA)


async def user(id: str) -> Any:
    return id, PLAIN


async def echo() -> Any:
    return jsonify(await request.get_json())


async def chunks() -> AsyncIterator[bytes]:
    for _ in range(CHUNKS):
        yield CHUNK


async def stream() -> Any:
    return Response(chunks(), content_type="application/octet-stream")


def make(variant: Variant) -> Quart:
    app = Quart("benchmarks")
    app.json = ORJSONProvider(app)

    async def file() -> Any:
        return await send_file(variant.file)

    app.add_url_rule("/", view_func=text)
    app.add_url_rule("/json", view_func=json)
    app.add_url_rule("/user/<id>", view_func=user)
    app.add_url_rule("/echo", view_func=echo, methods=["POST"])
    app.add_url_rule("/stream", view_func=stream)
    app.add_url_rule("/file", view_func=file)
    for number in range(variant.routes):
        app.add_url_rule(f"/section{number}/<id>", view_func=user)
    for _ in range(variant.middlewares):
        app.asgi_app = Nothing(app.asgi_app)  # type: ignore[method-assign]
    return app


def serve(variant: Variant, port: int, server: str) -> None:
    (on_hypercorn if server == "hypercorn" else on_uvicorn)(make(variant), port)
