"""The routes of the demo."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import datetime

from sketch.application import Application
from sketch.demo import chat
from sketch.demo.facts import extras, running, version_of
from sketch.demo.page import HEADERS, render, static_file
from sketch.limits import MIB, Limits
from sketch.openapi import OpenAPI
from sketch.request import Request
from sketch.response import HTMLResponse, JSONResponse, Response, TextResponse
from sketch.streams.stream import StreamResponse

_ORJSON = version_of("orjson")
_JSON_NOTE = (
    f"Written by orjson {_ORJSON}."
    if _ORJSON
    else "Written by the standard library: orjson is missing (pip install 'sketch-web[fast]')."
)

app = Application("sketch demo", json="orjson" if _ORJSON else "stdlib")
if version_of("websockets"):  # without it the native server refuses to start an application with websocket routes
    app.add_group(chat.routes)
    app.cleanup_ctx.append(chat.channels.running)


@app.get("/", include_in_schema=False)
async def index(request: Request) -> Response:
    """The page itself."""
    return HTMLResponse(render(running(request), extras(), _JSON_NOTE), headers=HEADERS)


@app.get("/demo.css", "/chat.css", include_in_schema=False)
async def style(request: Request) -> Response:
    """The style of a page."""
    return Response(static_file(request.path[1:]), content_type="text/css; charset=utf-8")


@app.get("/demo.js", "/chat.js", include_in_schema=False)
async def script(request: Request) -> Response:
    """The script of a page."""
    return Response(static_file(request.path[1:]), content_type="text/javascript; charset=utf-8")


@app.get("/hello/{name}")
async def hello(name: str) -> TextResponse:
    """A greeting. Plain text, so nothing in the name can be markup."""
    return TextResponse(f"Hello, {name}!\n", headers={"X-Content-Type-Options": "nosniff"})


@app.get("/json")
async def facts(request: Request) -> JSONResponse:
    """The facts of the page as JSON."""
    return JSONResponse(running(request))


# The upload is hashed as it arrives and never kept, so it may be far larger than an ordinary body.
@app.post("/upload", limits=Limits(body=1024 * MIB))
async def upload(request: Request) -> JSONResponse:
    """The size and the SHA-256 of a raw request body."""
    size, digest = 0, hashlib.sha256()
    async for chunk in request.stream():
        size += len(chunk)
        digest.update(chunk)
    return JSONResponse({"size": size, "sha256": digest.hexdigest()})


async def ticks() -> AsyncIterator[bytes]:
    """The local time, at every full second, until the client leaves or the server stops."""
    stopping = app.stopping
    while not stopping:
        now = datetime.now().astimezone()
        yield f"{now:%H:%M:%S}\n".encode()
        try:
            await asyncio.wait_for(stopping.wait(), 1 - now.microsecond / 1e6)
        except TimeoutError:
            continue


@app.get("/clock")
async def clock() -> Response:
    """A stream without an end."""
    return StreamResponse(ticks(), content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})


@app.get("/error", responses={500: "The mistake."})
async def error() -> Response:
    """A handler with a mistake: the answer is a 500 that tells the client nothing more."""
    raise RuntimeError("the demo's deliberate mistake")


OpenAPI(
    title="sketch demo",
    version=version_of("sketch-web") or "0",
    description="The application that `sketch demo` serves.",
).attach(app)
