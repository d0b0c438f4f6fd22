"""Context variables that the start of the application sets, in hooks and contexts, and where they are seen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextvars import ContextVar
from functools import partial
from typing import Any

from sketch import Application, JSONResponse, Request, Response, StreamResponse, WebSocket

PLACES = ("context", "hook", "thread")
VARIABLES: dict[str, ContextVar[str]] = {name: ContextVar(name, default="unset") for name in PLACES}


def read() -> dict[str, str]:
    """The values here and now. Then they are set to others, which only this request may see."""
    values = {name: variable.get() for name, variable in VARIABLES.items()}
    for variable in VARIABLES.values():
        variable.set("of a request")
    return values


def add_variables(app: Application) -> None:
    add_setting(app)

    @app.get("/variables/handler")
    async def handler() -> Response:
        return JSONResponse(read())

    @app.get("/variables/thread")
    def thread() -> Response:
        return JSONResponse(read())

    @app.get("/variables/stream")
    async def stream() -> Response:
        async def body() -> AsyncIterator[bytes]:
            yield b" ".join(value.encode() for value in read().values())

        return StreamResponse(body())

    @app.get("/variables/afterwards")
    async def afterwards(request: Request) -> Response:
        response = Response()
        response.background = partial(note, app, request.query["key"])
        return response

    @app.websocket("/variables/session")
    async def session(ws: WebSocket) -> None:
        await ws.send(" ".join(read().values()))

    inner = Application("variables")
    app.mount("/variables/hook", inner)
    inner.before_request(lambda: JSONResponse(read()))
    inner.on_finished(partial(note_finished, app))


async def note(app: Application, key: str) -> None:
    app.journal.note(key, " ".join(read().values()))


async def note_finished(app: Application, request: Request, outcome: Any) -> None:
    if "key" in request.query:
        await note(app, request.query["key"])


def add_setting(app: Application) -> None:
    async def context(app: Application) -> AsyncIterator[None]:
        VARIABLES["context"].set("set")
        yield

    app.cleanup_ctx.append(context)

    @app.on_startup
    async def hook() -> None:
        VARIABLES["hook"].set("set")

    @app.on_startup
    def thread() -> None:
        VARIABLES["thread"].set("set")
