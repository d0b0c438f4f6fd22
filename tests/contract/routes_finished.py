"""Routes whose exchanges end in every way, and a listener that notes how."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

from sketch import (
    Application,
    FileResponse,
    HTTPConflict,
    Limits,
    Outcome,
    Request,
    Response,
    StreamResponse,
    WebSocket,
    WebSocketPolicy,
    WebSocketResponse,
)
from sketch.request import BaseRequest
from sketch.routing import WEBSOCKET

CHUNK = b"x" * 1000
SHARED = Response("hello")
SPOOLED = Limits(form_memory=2500)


class Expected(Exception):
    """Answered by an error handler."""


def append(path: Path, entry: str) -> None:
    with path.open("a") as file:
        file.write(entry + "\n")


def note_outcomes(app: Application) -> None:
    @app.on_finished
    async def note(request: BaseRequest, outcome: Outcome) -> None:
        if not request.path.startswith("/finished/"):
            return
        task = asyncio.current_task()
        error = None if outcome.error is None else type(outcome.error).__name__
        assert outcome.began_at <= (outcome.first_byte_at or outcome.ended_at) <= outcome.ended_at
        assert (outcome.first_byte_at is None) == (outcome.status is None)
        assert not hasattr(request, "task") or request.task is task, "expected the task of the handler"
        entry = json.dumps([outcome.status, outcome.sent, error, outcome.disconnected, outcome.cancelled])
        app.journal.write(request, entry)
        if "path" in request.query:
            # The server that stops has to wait for what a listener waits for.
            await asyncio.to_thread(append, Path(request.query["path"]), entry)


def add_finished(app: Application) -> None:  # noqa: C901  # a list of routes, nothing else
    note_outcomes(app)

    @app.get("/finished/plain")
    async def plain(request: Request) -> Response:
        request.task = asyncio.current_task()
        return Response("plain")

    @app.get("/finished/large")
    async def large(request: Request) -> Response:
        request.task = asyncio.current_task()
        return Response(CHUNK * 200)

    @app.post("/finished/unread")
    async def unread() -> Response:
        return Response("unread")

    @app.get("/finished/empty")
    async def empty() -> Response:
        return Response(status=204)

    @app.get("/finished/file")
    async def file(request: Request) -> Response:
        return FileResponse(request.query["file"])

    @app.get("/finished/stream")
    async def stream(request: Request) -> Response:
        request.task = asyncio.current_task()
        return StreamResponse(chunks(5))

    @app.get("/finished/complete")
    async def complete(request: Request) -> Response:
        async def five() -> AsyncIterator[bytes]:
            """Goes on after its last byte, until the client has left."""
            yield b"12345"
            await request.wait_disconnected()
            app.journal.write(request, "went on")

        return StreamResponse(five(), headers={"Content-Length": "5"})

    @app.get("/finished/endless")
    async def endless() -> Response:
        return StreamResponse(chunks(1_000_000_000))

    @app.get("/finished/halfway")
    async def halfway() -> Response:
        return StreamResponse(breaking())

    @app.get("/finished/raised")
    async def raised() -> Response:
        raise HTTPConflict("not now")

    @app.get("/finished/returned")
    async def returned() -> Response:
        return HTTPConflict("not now")  # type: ignore[return-value]

    @app.get("/finished/unexpected")
    async def unexpected() -> Response:
        raise ValueError("on purpose")

    @app.get("/finished/expected")
    async def expected() -> Response:
        raise Expected

    @app.error_handler(Expected)
    async def answer_expected(request: Request, exc: Expected) -> Response:
        return Response("expected", status=409)

    @app.get("/finished/unsendable")
    async def unsendable() -> Response:
        return Response(headers={"X-Bad": "a\r\nb"})

    @app.post("/finished/small", limits=Limits(body=10))
    async def small(request: Request) -> Response:
        return Response(await request.read())

    @app.post("/finished/read")
    async def read(request: Request) -> Response:
        """Reads a body that does not come to its end."""
        async for chunk in request.stream():
            app.journal.write(request, f"read {len(chunk)}")
        return Response("to nobody")

    @app.get("/finished/attended", on_disconnect="cancel")
    async def attended(request: Request) -> Response:
        app.journal.write(request, "waiting")
        await app.stopping.wait()
        return Response("to nobody")

    @app.get("/finished/hanging")
    async def hanging(request: Request) -> Response:
        app.journal.write(request, "waiting")
        await asyncio.Event().wait()
        return Response("to nobody")

    @app.route("/finished/shared", methods=["GET", "POST"], limits=SPOOLED)
    async def shared(request: Request) -> Response:
        """Returns one object to all; a POST has to close a file before its answer is complete."""
        if request.has_body:
            await request.form()
        return SHARED

    add_sessions(app)


def add_sessions(app: Application) -> None:
    @app.websocket("/finished/websocket")
    async def websocket(ws: WebSocket) -> None:
        await ws.send(await ws.receive())

    @app.websocket("/finished/waiting")
    async def waiting(ws: WebSocket) -> None:
        app.journal.write(ws.request, "open")
        await ws.receive()

    @app.websocket("/finished/failing")
    async def failing(ws: WebSocket) -> None:
        raise ValueError("on purpose")

    async def refused(request: BaseRequest) -> Response:
        return Response("no", status=403)

    async def foreign(request: BaseRequest) -> Response:
        async def session(ws: WebSocket) -> None:
            raise AssertionError

        return WebSocketResponse(session, policy=WebSocketPolicy(origins=["https://example.com"]))

    app.add_route(WEBSOCKET, "/finished/refused", refused)
    app.add_route(WEBSOCKET, "/finished/foreign", foreign)


async def chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield CHUNK


async def breaking() -> AsyncIterator[bytes]:
    yield CHUNK
    yield CHUNK
    raise ValueError("on purpose")
