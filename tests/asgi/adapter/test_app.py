"""One scope through the whole adapter, under a server that does exactly what ASGI demands."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from sketch.observability.access_log import log_access
from sketch.request import Request
from sketch.response import Response
from sketch_asgi.app import ASGIApplication
from tests.asgi.adapter.support import Ticks, hello
from tests.support.scripts import (
    DISCONNECT,
    END,
    Script,
    application,
    chunk,
    exchange,
    http_scope,
    in_loop,
    started,
    until,
)

POST = ((b"host", b"test"), (b"content-length", b"6"))


@in_loop
async def test_plain_answer_is_two_messages() -> None:
    script = await exchange(hello, Script())
    assert [message["type"] for message in script.sent] == ["http.response.start", "http.response.body"]
    assert (script.status, script.body) == (200, b"hello")
    assert script.headers[b"content-length"] == b"5"
    assert script.receives == 0


@in_loop
async def test_head_has_no_body() -> None:
    script = await exchange(hello, Script(), http_scope("HEAD"))
    assert (script.body, script.headers[b"content-length"]) == (b"", b"5")
    assert script.complete


@pytest.mark.parametrize(
    "scope",
    [http_scope(headers=[]), http_scope(headers=[(b"host", b"a")] * 2), http_scope(target=b"/\xff")],
)
@in_loop
async def test_refused_heads_never_reach_the_application(scope: dict[str, Any]) -> None:
    async def handler(request: Request) -> Response:
        raise AssertionError("reached")

    script = await exchange(handler, Script(), scope)
    assert script.status == 400
    assert script.headers[b"content-type"] == b"text/plain; charset=utf-8"
    assert script.complete


async def echo(request: Request) -> Response:
    return Response(await request.read())


@in_loop
async def test_body_is_read() -> None:
    script = await exchange(
        echo, Script(chunk(b"abc"), chunk(b""), chunk(b"def"), END), http_scope("POST", headers=POST)
    )
    assert script.body == b"abcdef"


@pytest.mark.parametrize("before", [[], [chunk(b"abc")]])
@in_loop
async def test_truncated_body_gets_no_answer(before: list[Any], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "sketch")
    script = await exchange(echo, Script(*before, DISCONNECT), http_scope("POST", headers=POST))
    assert script.sent == []
    assert "left before the end of the request body" in caplog.text


@in_loop
async def test_short_body_of_a_client_that_stays_is_refused() -> None:
    script = await exchange(echo, Script(chunk(b"abc"), END), http_scope("POST", headers=POST))
    assert script.status == 400


@in_loop
async def test_cancellation_passes_through_and_closes() -> None:
    ticks = Ticks()
    task = asyncio.create_task(exchange(ticks.handler, Script()))
    await until(lambda: ticks.count)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ticks.closed == 1


@in_loop
async def test_one_response_in_two_exchanges_at_once() -> None:
    ok = Response("ok")
    gate = asyncio.Event()

    class Slow(Script):
        async def send(self, message: dict[str, Any]) -> None:
            await gate.wait()
            await super().send(message)

    async def handler(request: Request) -> Response:
        return ok

    asgi = started(application(handler))
    slow, head = Slow(), Script()
    first = asyncio.create_task(asgi(http_scope(), slow.receive, slow.send))
    await asyncio.sleep(0)
    await asgi(http_scope("HEAD"), head.receive, head.send)
    gate.set()
    await first
    assert (slow.body, head.body) == (b"ok", b"")


@in_loop
async def test_a_cancellation_at_the_end_leaves_no_task_behind() -> None:
    """A listener waits when the server ends its grace period; the body is still watched for the disconnect."""
    entered = asyncio.Event()

    async def handler(request: Request) -> Response:
        waiting.append(asyncio.create_task(request.wait_disconnected()))
        await asyncio.sleep(0)
        return Response("done")

    async def listen() -> None:
        entered.set()
        await asyncio.Event().wait()

    waiting: list[asyncio.Task[None]] = []
    app, script = application(handler), Script()
    app.on_finished(listen)
    app.freeze()
    task = asyncio.create_task(started(app)(http_scope(), script.receive, script.send))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert script.complete
    async with asyncio.timeout(5):
        await asyncio.wait(waiting)  # they wait for the watcher, as long as there is one
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, left


@pytest.mark.parametrize("kind", ["http2", "", "smtp"])
@in_loop
async def test_unknown_scope_type(kind: str) -> None:
    with pytest.raises(RuntimeError, match=f"expected a scope of type .*, got {kind!r}"):
        await ASGIApplication(application(hello))({"type": kind}, Script().receive, Script().send)


@in_loop
async def test_access_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sketch.access")
    app = application(hello)
    await app.startup(log_access)
    asgi = started(app)
    await asgi(http_scope(target=b"/a?b"), Script().receive, Script().send)
    await asgi(http_scope(headers=[], target=b'/"\x1b'), Script().receive, Script().send)
    lines = [record.getMessage().rpartition(" ")[0] for record in caplog.records]
    assert lines[0] == '192.0.2.1:1234 "GET /a?b" 200 5'
    assert lines[1].startswith('192.0.2.1:1234 "GET /\\"\\x1b" 400 ')
