"""Litestar on uvicorn. Its own JSON is msgspec's, about as fast as orjson."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from litestar import Litestar, MediaType, get, post
from litestar.middleware import DefineMiddleware
from litestar.response import File, Stream

from benchmarks.peers.serving import on_uvicorn
from benchmarks.peers.starlette import Nothing
from benchmarks.work import CHUNK, CHUNKS, DATA, Variant


@get("/", media_type=MediaType.TEXT)
async def text() -> str:
    return "Hello, World!"


@get("/json")
async def json() -> dict[str, str]:
    return DATA


@get("/user/{id:str}", media_type=MediaType.TEXT)
async def user(id: str) -> str:
    return id


@post("/echo", status_code=200)
async def echo(data: dict[str, Any]) -> dict[str, Any]:
    return data


async def chunks() -> AsyncIterator[bytes]:
    for _ in range(CHUNKS):
        yield CHUNK


@get("/stream")
async def stream() -> Stream:
    return Stream(chunks())


def make(variant: Variant) -> Litestar:
    @get("/file")
    async def file() -> File:
        return File(variant.file, media_type="application/octet-stream")

    @get([f"/section{number}/{{id:str}}" for number in range(variant.routes)], media_type=MediaType.TEXT)
    async def section(id: str) -> str:
        return id

    return Litestar(
        [text, json, user, echo, stream, file, section],
        middleware=[DefineMiddleware(Nothing)] * variant.middlewares,
        openapi_config=None,
        logging_config=None,
    )


def serve(variant: Variant, port: int, server: str) -> None:
    on_uvicorn(make(variant), port)
