"""The access log: one line for each answer, however it ended."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
from collections.abc import AsyncIterator

import pytest

from sketch import Application, Request, Response, StreamResponse
from sketch.serving.asgi import Message, Receive, Send
from sketch.testing import TestClient
from sketch_native.exchange import Exchange
from tests.support.native import GET, HOST, make_app, serving, turns, until
from tests.support.scripts import Script, http_scope

LINE = re.compile(r'127\.0\.0\.1:\d+ "(\S+) (\S+)" (\d{3}|-) (\d+) \d+\.\d{6}')


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="sketch.access")
    return caplog


def seen(caplog: pytest.LogCaptureFixture) -> list[tuple[str, ...]]:
    found = []
    for record in caplog.records:
        if record.name == "sketch.access":
            match = LINE.fullmatch(record.getMessage())
            assert match, record.getMessage()
            found.append(match.groups())
    return found


async def test_a_line_for_each_answer(lines: pytest.LogCaptureFixture) -> None:
    async with serving(make_app(), access_log=True) as served, served.connect() as wire:
        await wire.send(GET + b"GET /nowhere?a=%20b HTTP/1.1\r\n" + HOST + b"\r\n")
        await wire.send(b"POST /echo HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello")
        await wire.send(b"GET /stream HTTP/1.1\r\n" + HOST + b"\r\n" + GET.replace(b"GET", b"HEAD"))
        for method in ("GET", "GET", "POST", "GET", "HEAD"):
            await wire.receive(method)
        await until(lambda: len(seen(lines)) == 5, "the last line")
    found = seen(lines)
    assert [line[:3] for line in found] == [
        ("GET", "/", "200"),
        ("GET", "/nowhere?a=%20b", "404"),
        ("POST", "/echo", "200"),
        ("GET", "/stream", "200"),
        ("HEAD", "/", "200"),
    ]
    assert [line[3] for line in found if line[2] == "200"] == ["2", "5", "7", "0"]


async def test_a_line_for_what_was_refused(lines: pytest.LogCaptureFixture) -> None:
    async with serving(make_app(), access_log=True) as served:
        without_host = await served.refusal(b"GET / HTTP/1.1\r\n\r\n")
        unknown = await served.refusal(b"FOO / HTTP/1.1\r\n\r\n")
    sizes = [str(len(reply.body)) for reply in (without_host, unknown)]
    assert seen(lines) == [("-", "-", "400", sizes[0]), ("-", "-", "501", sizes[1])]


async def test_a_line_for_a_body_that_was_cut_short(lines: pytest.LogCaptureFixture) -> None:
    async with serving(make_app(), access_log=True) as served, served.connect() as wire:
        await wire.send(b"POST /echo HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\nabc")
        wire.half_close()
        reply = await wire.receive("POST")
        await until(lambda: seen(lines), "the line")
    assert seen(lines) == [("POST", "/echo", "400", str(len(reply.body)))]


async def test_a_line_for_what_broke_off(lines: pytest.LogCaptureFixture) -> None:
    app = Application()

    @app.get("/")
    async def breaks(request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"12345"
            raise RuntimeError("on purpose")

        return StreamResponse(parts())

    async with serving(app, access_log=True) as served, served.connect() as wire:
        await wire.send(GET)
        await wire.ended()
    assert [line[2:] for line in seen(lines)] == [("200", "5")]


async def test_nothing_in_a_target_forges_a_line(lines: pytest.LogCaptureFixture) -> None:
    async with serving(make_app(), access_log=True) as served:
        await served.exchange(b'GET /a"%0a127.0.0.1:1%20"GET HTTP/1.1\r\n' + HOST + b"\r\n")
    ((method, target, status, _),) = seen(lines)
    assert (method, target, status) == ("GET", '/a\\"%0a127.0.0.1:1%20\\"GET', "404")


async def test_switched_off(lines: pytest.LogCaptureFixture) -> None:
    async with serving(make_app(), access_log=False) as served:
        await served.exchange(GET)
        await served.refusal(b"GET / HTTP/1.1\r\n\r\n")
    assert seen(lines) == []


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("fails", [False, True])
async def test_a_line_for_a_foreign_application_that_goes_on_after_its_answer(
    parts: int, fails: bool, lines: pytest.LogCaptureFixture
) -> None:
    """It is written when the answer is complete, and only then."""
    go_on, finishing = asyncio.Event(), asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 202, "headers": []})
        for left in reversed(range(parts)):
            assert seen(lines) == []
            await send({"type": "http.response.body", "body": b"12345", "more_body": left > 0})
        await go_on.wait()
        finishing.set()
        if fails:
            raise RuntimeError("on purpose")

    async with serving(app, access_log=True) as served:
        async with served.connect() as wire:
            await wire.send(GET)
            assert len((await wire.receive()).body) == 5 * parts
            assert seen(lines) == [("GET", "/", "202", str(5 * parts))]
        assert not finishing.is_set()
        go_on.set()
        await until(lambda: not served.server.going_on, "the end of the application")
        assert finishing.is_set()
    assert len(seen(lines)) == 1


# -- for whom a log is written -----------------------------------------------------------------------------------------


async def test_an_application_that_was_served_writes_no_line_elsewhere(lines: pytest.LogCaptureFixture) -> None:
    app = make_app()
    async with serving(app, access_log=True) as served:
        await served.exchange(GET)
    assert len(seen(lines)) == 1
    async with TestClient(app) as client:
        assert (await client.get("/")).status == 200
    start, stop = {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}
    life, script = Script(start), Script()
    living = asyncio.create_task(app({"type": "lifespan"}, life.receive, life.send))
    await until(lambda: life.sent, "the start")
    await app(http_scope(), script.receive, script.send)
    assert script.status == 200
    life.put(stop)
    await living
    assert len(seen(lines)) == 1


async def test_a_client_that_cannot_start_an_application_leaves_its_log(lines: pytest.LogCaptureFixture) -> None:
    """The application already runs: under a server."""
    app = make_app()
    async with serving(app, access_log=True) as served:
        with pytest.raises(RuntimeError, match="expected an application that is not running"):
            await TestClient(app).start()
        await served.exchange(GET)
        await until(lambda: seen(lines), "the line")
    assert len(seen(lines)) == 1


# -- what a line leaves behind -----------------------------------------------------------------------------------------


async def test_an_error_that_was_answered_leaves_nothing_to_the_garbage_collector() -> None:
    class Expected(Exception): ...

    app = Application()

    @app.get("/")
    async def fail(request: Request) -> Response:
        raise Expected

    @app.error_handler(Expected)
    async def answer(request: Request, exc: Expected) -> Response:
        return Response("expected", status=409)

    async with serving(app, access_log=True) as served:
        gc.collect()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            assert (await served.exchange(GET)).status == 409
            await served.alone()
            await turns()  # until then the loop itself knows the task
            gc.collect()
            assert not [thing for thing in gc.garbage if isinstance(thing, (Request, Expected, Exchange))]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
