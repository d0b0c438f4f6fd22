"""A mounted foreign application: middleware and limits around it, and the access log."""

from __future__ import annotations

import asyncio
import logging
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

import pytest

from sketch import Application, Limits, Request, Response, current_request
from sketch.testing import TestClient
from sketch_asgi.hosting import conversation
from tests.asgi.hosting.serving import (
    MODES,
    PREFIX,
    Message,
    Receive,
    Send,
    answer,
    app_of,
    errors,
    hosting,
    part,
    start,
)  # fmt: skip
from tests.support.scripts import in_loop
from tests.support.wire import Broken

pytestmark = pytest.mark.parametrize("mode", MODES)


colour: ContextVar[str] = ContextVar("colour", default="none")


@in_loop
async def test_middleware_and_hooks_around_a_mounted_application(mode: str) -> None:
    if mode != "mounted":
        return  # nothing is

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        seen = f"{colour.get()} {current_request.path} {dict(scope['headers'])[b'x']!r}"
        if scope["path"].endswith("/stream"):
            await send(start())
            await send(part(seen.encode()))
            await send(part(b" end", more=False))
        else:
            await answer(send, seen.encode(), 200, (b"x-two", b"1"), (b"x-two", b"\xe9"))

    async def middleware(request: Request, handler: Any) -> Response:
        colour.set("blue")
        response: Response = await handler(request)
        response.headers.add("X-Two", "3")
        return response

    outer = Application(middlewares=[middleware])
    outer.mount(PREFIX, app_of(app))
    async with TestClient(outer) as client:
        for target, body in (("/a", "blue /a b'y'"), ("/stream", "blue /stream b'y' end")):
            response = await client.get(PREFIX + target, headers={"X": "y"})
            assert await response.text() == body
            assert response.headers.getall("X-Two") == ([] if "end" in body else ["1", "\xe9"]) + ["3"]


@in_loop
async def test_a_stream_that_middleware_throws_away(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if mode != "mounted":
        return  # there is no middleware
    monkeypatch.setattr(conversation, "ABANDONED_GRACE", 0.02)
    ended = asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(start())
        try:
            while True:
                await send(part(b"x"))
        finally:
            ended.set()

    async def middleware(request: Request, handler: Any) -> Response:
        await handler(request)
        return Response("another")

    outer = Application(middlewares=[middleware])
    outer.mount(PREFIX, app_of(app))
    async with TestClient(outer) as client:
        assert await (await client.get(PREFIX)).text() == "another"
        await ended.wait()


@in_loop
async def test_the_time_for_a_handler(mode: str) -> None:
    notes = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            notes.append("cancelled")
            raise

    async with hosting(app_of(app), mode, Limits(handler_timeout=0.01)) as client:
        reply = await client.get()
    assert (reply.status, reply.body) == (503, b"no answer within 0.01 seconds")
    assert notes == ["cancelled"]


@in_loop
async def test_the_access_log(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sketch.access")

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        scope["route"] = SimpleNamespace(path="/{path}")  # as frameworks tell it
        if scope["path"].endswith("/stream"):
            await send(start(201))
            await send(part(b"one,"))
            await send(part(b"two", more=False))
        else:
            await answer(send, b"body")

    async with hosting(app_of(app), mode, access_log=True) as client:
        for target in ("/x?y", "/stream", "/x?y"):
            await client.get(target)
    lines = [record.getMessage().partition('"')[2].rpartition(" ")[0] for record in caplog.records]
    assert lines == [
        f'GET {client.prefix}/x?y" 200 4', f'GET {client.prefix}/stream" 201 7', f'GET {client.prefix}/x?y" 200 4',
    ]  # fmt: skip
    routes = {record.route for record in caplog.records}  # type: ignore[attr-defined]
    assert routes == {"/below/*" if mode == "mounted" else "/{path}"}


STRAYS = [SystemExit(2), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError("inner")]


@pytest.mark.parametrize("stray", STRAYS, ids=repr)
@in_loop
async def test_what_is_no_exception_is_an_error_of_the_application(
    mode: str, stray: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["path"].endswith("/halfway"):
            await send(start())
            await send(part(b"one,"))
        if not scope["path"].endswith("/whole"):
            raise stray
        await answer(send)

    async with hosting(app_of(app), mode) as client:
        assert (await client.get()).status == 500
        with pytest.raises(Broken):
            await client.get("/halfway")
        assert (await client.get("/whole")).body == b"ok"
    assert len(errors(caplog)) == 2
    assert repr(stray) in caplog.text


@in_loop
async def test_an_access_log_that_fails_breaks_no_answer(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(start())
        await send(part(b"one,"))
        await send(part(b"two", more=False))

    def fail(record: logging.LogRecord) -> bool:
        raise SystemExit("broken filter")

    access = logging.getLogger("sketch.access")
    caplog.set_level(logging.INFO, "sketch.access")
    access.addFilter(fail)
    try:
        async with hosting(app_of(app), mode, access_log=True) as client:
            for _ in range(2):
                assert (await client.get()).body == b"one,two"
    finally:
        access.removeFilter(fail)
    assert len(errors(caplog)) == 2
    assert "error in the access log of GET" in caplog.text
