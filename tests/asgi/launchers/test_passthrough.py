"""Foreign ASGI applications on ASGI servers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sketch_asgi.hosting.served import HostedApplication
from sketch_asgi.launchers.passthrough import PassthroughApplication
from tests.asgi.adapter.support import CONNECT, scope as websocket_scope
from tests.asgi.hosting.serving import Message, Receive, Send, answer
from tests.support.scripts import Script, http_scope, in_loop, until


@asynccontextmanager
async def running(app: Any, *, access_log: bool = True, root_path: str = "") -> AsyncIterator[PassthroughApplication]:
    """The application, started by its server."""
    passed = PassthroughApplication(HostedApplication(app), access_log=access_log, root_path=root_path, grace=1.0)
    life = Script({"type": "lifespan.startup"})
    living = asyncio.create_task(passed({"type": "lifespan"}, life.receive, life.send))
    await until(lambda: life.sent)
    yield passed
    life.put({"type": "lifespan.shutdown"})
    await living


def seen(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines of the access log, without their seconds."""
    return [record.getMessage().rpartition(" ")[0] for record in caplog.records if record.name == "sketch.access"]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "sketch.access")
    return caplog


@pytest.mark.parametrize("access_log", [False, True])
@pytest.mark.parametrize("target", [b"/x%20y", b"/a%20%C3%A4/x%20y"])
@in_loop
async def test_a_root_path_is_decoded_where_scopes_have_it_decoded(access_log: bool, target: bytes) -> None:
    scopes: list[Message] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        scopes.append(scope)
        await answer(send, b"body")

    path = "/a \xe4/x y" if b"C3" in target else "/x y"
    script = Script()
    async with running(app, access_log=access_log, root_path="/a%20%C3%A4/") as passed:
        await passed(http_scope(target=target, path=path), script.receive, script.send)
    (scope,) = scopes
    assert (scope["root_path"], scope["path"]) == ("/a \xe4", "/a \xe4/x y")
    assert scope["raw_path"] == b"/a%20%C3%A4/x%20y"


# -- the access log ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("headers", "status"), [([(b"host", b"test")], 202), ([], 202)], ids=["usual", "without host"])
@pytest.mark.parametrize("fails", [False, True])
@in_loop
async def test_a_line_when_the_answer_is_complete(
    headers: Any, status: int, fails: bool, lines: pytest.LogCaptureFixture
) -> None:
    """Also if the application goes on after it, and for a request that sketch itself would refuse."""
    go_on = asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"123", "more_body": True})
        assert seen(lines) == []
        await send({"type": "http.response.body", "body": b"45"})
        await go_on.wait()
        if fails:
            raise LookupError("on purpose")

    script = Script()
    async with running(app) as passed:
        asking = asyncio.create_task(passed(http_scope(headers=headers), script.receive, script.send))
        await until(lambda: script.complete)
        await asyncio.sleep(0)
        assert not asking.done()
        assert seen(lines) == ['192.0.2.1:1234 "GET /" 202 5']
        go_on.set()
        await asyncio.wait([asking])
        assert isinstance(asking.exception(), LookupError) is fails
    assert len(seen(lines)) == 1


@in_loop
async def test_a_line_for_an_answer_that_broke_off(lines: pytest.LogCaptureFixture) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"123", "more_body": True})
        raise LookupError("on purpose")

    script = Script()
    async with running(app) as passed:
        with pytest.raises(LookupError):
            await passed(http_scope(), script.receive, script.send)
    assert seen(lines) == ['192.0.2.1:1234 "GET /" 200 3']


@pytest.mark.parametrize("kind", ["pathsend", "zerocopysend", "missing"])
@in_loop
async def test_a_line_counts_what_the_server_sends_of_a_file(
    kind: str, tmp_path: Path, lines: pytest.LogCaptureFixture
) -> None:
    path, missing = tmp_path / "file", tmp_path / "missing"
    path.write_bytes(b"x" * 1234)

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if kind == "zerocopysend":
            await send({"type": "http.response.zerocopysend", "file": 99, "offset": 4, "count": 1230})
        else:
            await send({"type": "http.response.pathsend", "path": str(path if kind == "pathsend" else missing)})

    script = Script()
    async with running(app) as passed:
        await passed(http_scope(), script.receive, script.send)
    size = {"pathsend": 1234, "zerocopysend": 1230, "missing": 0}[kind]
    assert seen(lines) == [f'192.0.2.1:1234 "GET /" 200 {size}']


@in_loop
async def test_a_line_counts_the_messages_of_a_websocket(lines: pytest.LogCaptureFixture) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "gr\xfc\xdfe"})
        await send({"type": "websocket.send", "bytes": b"1234", "text": None})
        await send({"type": "websocket.send", "bytes": None, "text": "5"})
        assert seen(lines) == []
        await send({"type": "websocket.close", "code": 1000})

    script = Script(CONNECT)
    async with running(app) as passed:
        await passed(websocket_scope(), script.receive, script.send)
    assert seen(lines) == ['- "GET /ws" 101 12']


# -- faults ------------------------------------------------------------------------------------------------------------

STRAYS = [SystemExit(2), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError("inner")]


@pytest.mark.parametrize("access_log", [False, True])
@pytest.mark.parametrize("stray", STRAYS, ids=repr)
@in_loop
async def test_the_server_gets_an_error_for_what_would_end_it(stray: BaseException, access_log: bool) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        raise stray

    script = Script()
    async with running(app, access_log=access_log) as passed:
        with pytest.raises(RuntimeError) as caught:
            await passed(http_scope(), script.receive, script.send)
    assert caught.value.__cause__ is stray


@in_loop
async def test_the_cancellation_of_the_task_passes_through() -> None:
    begun = asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        begun.set()
        await asyncio.Event().wait()

    script = Script()
    async with running(app) as passed:
        task = asyncio.create_task(passed(http_scope(), script.receive, script.send))
        await begun.wait()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
