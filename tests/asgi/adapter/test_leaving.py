"""Handlers that end with their client: which messages the server sees."""

from __future__ import annotations

import asyncio
import logging

import pytest

from sketch import Application, Request, Response
from tests.support.scripts import DISCONNECT, END, Script, chunk, http_scope, in_loop, started, until

LENGTH_6 = [(b"host", b"test"), (b"content-length", b"6")]


class Handler:
    """Ends only by cancellation."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    async def __call__(self, request: Request) -> Response:
        self.notes.append("running")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.notes.append("cancelled")
            raise
        raise AssertionError


def application(handler: object) -> Application:
    app = Application()
    app.router.add_route(("GET", "POST"), "/", handler, on_disconnect="cancel")
    return app


@in_loop
async def test_nothing_is_sent_and_nothing_is_raised(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "sketch")
    handler, script = Handler(), Script(END)
    asgi = started(application(handler))
    task = asyncio.create_task(asgi(http_scope(), script.receive, script.send))
    await until(lambda: handler.notes)
    script.put(DISCONNECT)
    await task
    assert handler.notes == ["running", "cancelled"]
    assert script.sent == []
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("DEBUG", "GET '/': the client left, so its handler was cancelled")
    ]


@in_loop
async def test_an_unread_body_is_received_to_see_the_disconnect() -> None:
    handler, script = Handler(), Script(chunk(b"abc"), chunk(b"def", more=False), DISCONNECT)
    asgi = started(application(handler))
    await asgi(http_scope("POST", headers=LENGTH_6), script.receive, script.send)
    assert (handler.notes, script.sent) == (["running", "cancelled"], [])


@in_loop
async def test_the_body_is_still_there_to_be_read() -> None:
    async def handler(request: Request) -> Response:
        for _ in range(5):
            await asyncio.sleep(0)
        return Response(await request.read())

    script = Script(chunk(b"abc"), chunk(b"def", more=False))
    await started(application(handler))(http_scope("POST", headers=LENGTH_6), script.receive, script.send)
    assert (script.body, script.complete) == (b"abcdef", True)


@in_loop
async def test_other_routes_do_not_listen() -> None:
    async def handler(request: Request) -> Response:
        await asyncio.sleep(0)
        return Response("x")

    app = Application()
    app.router.add_route("GET", "/", handler)
    script = Script(END)
    await started(app)(http_scope(), script.receive, script.send)
    assert (script.status, script.receives) == (200, 0)


@in_loop
async def test_cancellation_by_the_server_passes_through() -> None:
    handler, script = Handler(), Script(END)
    task = asyncio.create_task(started(application(handler))(http_scope(), script.receive, script.send))
    await until(lambda: handler.notes)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert script.sent == []
