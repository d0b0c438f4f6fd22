"""A mounted application in which anything may raise what is no `Exception`: where and what, the client says."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

from sketch import Application, Outcome, Request, Response, StreamResponse, WebSocket
from sketch.request import BaseRequest

STRAYS: dict[str, BaseException] = {
    "exit": SystemExit(2),
    "interrupt": KeyboardInterrupt(),
    "closed": GeneratorExit(),
    "cancelled": asyncio.CancelledError("of something else"),
}
"""What is raised, by its name. Each is the fault of what raises it, and no reason to end a request or a server."""

ANSWERED = (
    "middleware", "outer", "before", "after", "prepare", "handler", "thread", "error-handler", "exception-hook",
    "waiting",
)  # fmt: skip
"""Where a fault makes a 500 of the answer."""

AFTERWARDS = ("background", "background-thread", "task", "exit", "finished")
"""Where a fault comes after the answer."""


def fail(request: BaseRequest, place: str) -> None:
    """Raise what the client asks for, if it asks for this place."""
    if request.query.get("at") == place:
        raise STRAYS[request.query["raises"]].with_traceback(None)


def add_faults(app: Application) -> None:
    async def middleware(request: Request, handler: Any) -> Response:
        fail(request, "middleware")
        return await handler(request)

    async def outer(request: Request, handler: Any) -> Response:
        response = await handler(request)
        fail(request, "outer")
        response.headers["X-Outer"] = str(response.status)
        return response

    faults = Application("faults", middlewares=[middleware], outer_middlewares=[outer])
    app.mount("/faults", faults)
    add_hooks(faults, app)
    add_handlers(faults)
    add_shared(faults, app)


def add_hooks(faults: Application, app: Application) -> None:
    faults.before_request(partial(call_hook, place="before"))
    faults.after_request(lambda request, _: fail(request, "after"))
    faults.on_response_prepare(partial(call_hook_with_response, place="prepare"))

    @faults.on_finished
    async def first(request: BaseRequest, outcome: Outcome) -> None:
        fail(request, "finished")

    @faults.on_finished
    async def second(request: BaseRequest, outcome: Outcome) -> None:
        if "key" in request.query:
            app.journal.note(request.query["key"], "finished")

    @faults.error_handler(ValueError)
    async def on_value_error(request: BaseRequest, exc: ValueError) -> Response:
        fail(request, "error-handler")
        return Response("handled")

    @faults.exception
    async def note(request: BaseRequest, exc: Exception) -> None:
        fail(request, "exception-hook")
        if "key" in request.query:
            app.journal.note(request.query["key"], f"hook: {type(exc.__cause__).__name__}")


async def call_hook(request: BaseRequest, place: str) -> None:
    fail(request, place)


async def call_hook_with_response(request: BaseRequest, response: Response, place: str) -> None:
    fail(request, place)


def add_handlers(faults: Application) -> None:
    @faults.get("/handler")
    async def handler(request: Request) -> Response:
        fail(request, "handler")
        if request.query["at"] == "error-handler":
            raise ValueError("handled")
        if request.query["at"] == "exception-hook":
            raise LookupError("not handled")
        response = Response("whole")
        response.background = [partial(call_hook, request, "background"), partial(fail, request, "background-thread")]
        faults.spawn(call_hook(request, "task"))
        request.at_end.exits.append(lambda _: call_hook(request, "exit"))
        return response

    @faults.get("/thread")
    def thread(request: Request) -> Response:
        fail(request, "thread")
        if request.query["at"] == "waiting":
            request.wait(call_hook(request, "waiting"))
        return Response("whole")

    @faults.get("/arguments")
    def arguments(request: Request) -> Response:
        argparse.ArgumentParser(exit_on_error=True).parse_args(["--unknown"])
        return Response("parsed")

    @faults.get("/stream/{kind}")
    async def stream(request: Request, kind: str) -> Response:
        return StreamResponse(parts(request) if kind == "async" else parts_in_thread(request))

    @faults.websocket("/session")
    async def session(ws: WebSocket) -> None:
        await ws.send("first")
        fail(ws.request, "session")


async def parts(request: Request) -> AsyncIterator[bytes]:
    yield b"first"
    fail(request, "stream")


def parts_in_thread(request: Request) -> Iterator[bytes]:
    yield b"first"
    fail(request, "stream")


def add_shared(faults: Application, app: Application) -> None:
    """Two requests await one task, and the client of the one that has begun it leaves."""
    fetching: dict[str, asyncio.Task[Any]] = {}

    @faults.get("/owner", on_disconnect="cancel")
    async def owner(request: Request) -> Response:
        fetching[request.query["key"]] = task = asyncio.create_task(asyncio.Event().wait())
        app.journal.write(request, "begun")
        await task
        return Response("fetched")

    @faults.get("/other")
    async def other(request: Request) -> Response:
        app.journal.write(request, "joined")
        await fetching[request.query["key"]]
        return Response("fetched")
