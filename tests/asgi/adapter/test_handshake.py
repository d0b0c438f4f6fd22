"""Handshakes under an ASGI server: accepted, refused in the best way that the server offers, broken off."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sketch import Application, Limits, WebSocket, WebSocketDisconnected, WebSocketResponse
from sketch.files.response import FileResponse
from sketch.request import Request, WebSocketRequest
from sketch.response import Response
from sketch.routing import WEBSOCKET
from sketch.streams.stream import StreamResponse
from sketch_asgi.app import ASGIApplication
from sketch_asgi.handshake import Handshake
from sketch_gateway.websocket import Socket
from tests.asgi.adapter.support import CONNECT, GONE, scope, shake
from tests.support.scripts import Message, Script, in_loop, until

OFFERED: Message = {"extensions": {"websocket.http.response": {}, "http.response.pathsend": {}}}


def denied(script: Script) -> tuple[int, bytes]:
    start, *parts = script.sent
    assert start["type"] == "websocket.http.response.start"
    assert {part["type"] for part in parts} == {"websocket.http.response.body"}
    assert [part["more_body"] for part in parts] == [True] * (len(parts) - 1) + [False]
    return start["status"], b"".join(part["body"] for part in parts)


async def nothing(ws: WebSocket) -> None:
    return


async def never(ws: WebSocket) -> None:
    raise AssertionError("expected no session")


# -- accepted --------------------------------------------------------------------------------------------------------


@in_loop
async def test_accepted_with_headers_and_a_subprotocol() -> None:
    answer = WebSocketResponse(nothing, subprotocol="b", headers={"X-Room": "1"})
    headers = [(b"host", b"test"), (b"sec-websocket-protocol", b"a, b")]
    script = await shake(answer, Script(CONNECT, GONE), headers=headers)
    accept, close = script.sent
    assert accept == {"type": "websocket.accept", "subprotocol": "b", "headers": [(b"x-room", b"1")]}
    assert (close["type"], close["code"]) == ("websocket.close", 1000)


@in_loop
async def test_subprotocols_that_are_only_in_the_scope() -> None:
    answer = WebSocketResponse(nothing, subprotocol="b")
    script = await shake(answer, Script(CONNECT, GONE), subprotocols=["a", "b"])
    assert script.sent[0]["subprotocol"] == "b"


@pytest.mark.parametrize(("sent", "seen"), [("ws", "http"), ("wss", "https"), (None, "http")])
@in_loop
async def test_the_request_of_a_session(sent: str | None, seen: str) -> None:
    facts: list[Any] = []

    async def session(ws: WebSocket) -> None:
        request = ws.request
        facts.extend([request.scheme, request.method, request.http_version, request.has_body, request.client])

    await shake(session, Script(CONNECT, GONE), **({"scheme": sent} if sent else {}))
    assert facts == [seen, "GET", "1.1", False, None]


@in_loop
async def test_background_work_begins_when_the_session_is_over() -> None:
    order: list[str] = []

    async def work() -> None:
        order.append("work")

    async def session(ws: WebSocket) -> None:
        await asyncio.sleep(0)
        order.append("session")

    answer = WebSocketResponse(session)
    answer.background = [work]
    await shake(answer, Script(CONNECT, GONE))
    await until(lambda: len(order) == 2)
    assert order == ["session", "work"]


@in_loop
async def test_a_session_that_fails_is_closed_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def session(ws: WebSocket) -> None:
        raise ValueError("broken")

    script = await shake(session, Script(CONNECT, GONE))
    assert script.sent[-1]["code"] == 1011
    assert "broken" in caplog.text


@in_loop
async def test_a_session_that_is_cancelled_leaves_nothing_behind() -> None:
    begun = asyncio.Event()

    async def session(ws: WebSocket) -> None:
        begun.set()
        await ws.receive()

    script = Script(CONNECT)
    task = asyncio.create_task(shake(session, script))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [message["type"] for message in script.sent] == ["websocket.accept"]


@pytest.mark.parametrize("how", ["session", "refused", "failed"])
@in_loop
async def test_a_handshake_leaves_nothing_to_the_garbage_collector(how: str) -> None:
    async def session(ws: WebSocket) -> None:
        await asyncio.wait([asyncio.create_task(ws.request.wait_disconnected())], timeout=0)
        if how == "failed":
            raise ValueError("broken")
        await ws.send("a")

    answer = Response("no", status=401) if how == "refused" else session
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        # In a separate task: its context holds the request, and ends with the task.
        script = await asyncio.create_task(shake(answer, Script(CONNECT, GONE), **OFFERED))
        assert script.sent
        await asyncio.sleep(0)  # until then the loop itself knows the task
        gc.collect()
        assert not [thing for thing in gc.garbage if type(thing) in (WebSocketRequest, Handshake, Socket)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


# -- waiting for the client to leave -----------------------------------------------------------------------------------


@in_loop
async def test_a_session_sees_that_the_client_has_left() -> None:
    async def session(ws: WebSocket) -> None:
        connection = ws.request.connection
        assert not connection.disconnected
        script.put(GONE)
        await ws.request.wait_disconnected()
        assert connection.disconnected
        with pytest.raises(WebSocketDisconnected):
            await ws.receive()

    script = Script(CONNECT)
    await shake(session, script)


@in_loop
async def test_a_wait_from_before_the_handshake_lasts_until_the_end() -> None:
    waiting: list[asyncio.Task[None]] = []

    async def watch(request: Request, handler: Any) -> Response:
        waiting.append(asyncio.create_task(request.wait_disconnected()))
        await until(lambda: script.receives == 2)
        return await handler(request)

    async def session(ws: WebSocket) -> None:
        for _ in range(10):
            await asyncio.sleep(0)
        assert not waiting[0].done()
        assert await ws.receive() == "a"
        script.put(GONE)
        await waiting[0]

    script = Script(CONNECT)
    app = Application(middlewares=[watch])
    app.add_websocket("/ws", session)
    asgi = ASGIApplication(app)
    asgi.life.started = True
    task = asyncio.create_task(asgi(scope(), script.receive, script.send))
    await until(lambda: script.sent)
    script.put({"type": "websocket.receive", "text": "a"})
    await task


@pytest.mark.parametrize("answer", [None, WebSocketResponse(never), Response("no", status=401)])
@in_loop
async def test_no_wait_outlasts_the_exchange(answer: Response | None) -> None:
    waiting: list[asyncio.Task[None]] = []

    async def handler(request: Request) -> Response:
        waiting.append(asyncio.create_task(request.wait_disconnected()))
        await until(lambda: script.receives == 2)
        if answer is None:
            raise ValueError("no answer")
        return answer

    script = Script(CONNECT, send_error=OSError("gone"))
    app = Application()
    app.add_route(WEBSOCKET, "/ws", handler)
    asgi = ASGIApplication(app)
    asgi.life.started = True
    await asgi(scope(**OFFERED), script.receive, script.send)
    await waiting[0]


# -- refused ---------------------------------------------------------------------------------------------------------


@in_loop
async def test_a_refusal_is_sent_where_the_server_can_send_one() -> None:
    script = await shake(Response("no", status=418, headers={"X-A": "1"}), Script(CONNECT), **OFFERED)
    assert denied(script) == (418, b"no")
    assert (b"x-a", b"1") in script.sent[0]["headers"]


@in_loop
async def test_a_refusal_is_a_close_where_the_server_cannot_send_one(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    script = await shake(Response("no", status=418), Script(CONNECT))
    assert [message["type"] for message in script.sent] == ["websocket.close"]
    assert '"GET /ws" 403 0 ' in caplog.text


class Parts:
    """A streamed body that records how far it was read, and whether it was closed."""

    def __init__(self, *parts: bytes) -> None:
        self.given = 0
        self.closed = 0
        self._parts = parts

    async def iterate(self) -> AsyncIterator[bytes]:
        try:
            for part in self._parts:
                self.given += 1
                yield part
        finally:
            self.closed += 1


@pytest.mark.parametrize(
    ("parts", "messages"), [([b"a", b"b"], 1), ([b"x" * 50_000] * 3, 3), ([b"x" * 70_000] * 2, 3), ([], 1)]
)
@in_loop
async def test_a_streamed_answer_is_one_message_if_it_is_small(parts: list[bytes], messages: int) -> None:
    body = Parts(*parts)
    script = await shake(StreamResponse(body.iterate(), status=401), Script(CONNECT), **OFFERED)
    assert denied(script) == (401, b"".join(parts))
    assert len(script.sent) == 1 + messages
    assert body.closed == 1


@in_loop
async def test_a_stream_that_cannot_be_sent_is_closed_without_a_look_at_it() -> None:
    body = Parts(b"a")
    iterator = body.iterate()
    await anext(iterator)
    await shake(StreamResponse(iterator, status=401), Script(CONNECT))
    assert (body.given, body.closed) == (1, 1)


@in_loop
async def test_a_file_is_sent_as_bytes(tmp_path: Path) -> None:
    path = tmp_path / "page.txt"
    path.write_bytes(b"x" * 100_000)
    script = await shake(FileResponse(path, status=200), Script(CONNECT), **OFFERED)
    assert denied(script) == (200, b"x" * 100_000)


@in_loop
async def test_an_answer_that_fails_is_a_failure_of_the_exchange(caplog: pytest.LogCaptureFixture) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"a"
        raise ValueError("broken stream")

    script = Script(CONNECT)
    with pytest.raises(ValueError, match="broken stream"):
        await shake(StreamResponse(broken(), status=401), script, **OFFERED)
    assert script.sent == []
    assert "broke off" in caplog.text


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"headers": []}, 400),
        ({"headers": [(b"host", b"test"), (b"host", b"test")]}, 400),
        ({"headers": [(b"host", b"a b")]}, 400),
        ({"headers": [(b"host", b"test"), (b"content-length", b"3")]}, 400),
        ({"headers": [(b"host", b"test"), (b"transfer-encoding", b"chunked")]}, 400),
        ({"path": "/nothing"}, 404),
        ({"headers": [(b"host", b"test"), (b"origin", b"http://other")]}, 403),
    ],
)
@in_loop
async def test_malformed_handshakes_begin_no_session(changes: Message, status: int) -> None:
    script = await shake(never, Script(CONNECT), **OFFERED, **changes)
    assert denied(script)[0] == status
    forbidden = await shake(never, Script(CONNECT), **changes)
    assert [message["type"] for message in forbidden.sent] == ["websocket.close"]


@in_loop
async def test_an_announced_body_of_nothing_is_none() -> None:
    headers = [(b"host", b"test"), (b"content-length", b"0")]
    script = await shake(nothing, Script(CONNECT, GONE), headers=headers)
    assert script.sent[0]["type"] == "websocket.accept"


# -- broken off ------------------------------------------------------------------------------------------------------


@in_loop
async def test_a_client_that_leaves_before_it_is_handled(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    script = await shake(never, Script(GONE))
    assert script.sent == []
    assert '"GET /ws" - 0 ' in caplog.text


@in_loop
async def test_a_client_that_leaves_while_it_is_handled() -> None:
    async def watch(request: Request) -> Response:
        await request.wait_disconnected()
        return WebSocketResponse(never)

    app = Application()
    app.add_route(WEBSOCKET, "/ws", watch)
    script = Script(CONNECT, GONE)
    asgi = ASGIApplication(app)
    asgi.life.started = True
    await asgi(scope(), script.receive, script.send)
    assert script.sent == []


@pytest.mark.parametrize("answer", [WebSocketResponse(never), Response("no")])
@in_loop
async def test_a_client_that_leaves_while_it_is_answered(answer: Response) -> None:
    script = await shake(answer, Script(CONNECT, send_error=OSError("gone")), **OFFERED)
    assert script.sent == []


@pytest.mark.parametrize("extensions", [OFFERED, {}])
@in_loop
async def test_a_client_that_leaves_before_it_is_refused(extensions: Message, caplog: pytest.LogCaptureFixture) -> None:
    """The server does not get its own error back."""
    caplog.set_level(logging.DEBUG, "sketch")
    script = await shake(never, Script(CONNECT, send_error=OSError("gone")), headers=[], **extensions)
    assert script.sent == []
    assert "GET '/ws': the client left before the end of the answer" in caplog.text
    assert caplog.text.count('"GET /ws" ') == 1
    assert '"GET /ws" - 0 ' in caplog.text


@in_loop
async def test_a_client_that_does_not_read_the_answer() -> None:
    class Stalled(Script):
        async def send(self, message: Message) -> None:
            await asyncio.Event().wait()

    app = Application(limits=Limits(write_timeout=0.02))
    asgi = ASGIApplication(app)
    asgi.life.started = True
    script = Stalled(CONNECT)

    async def big() -> AsyncIterator[bytes]:
        yield b"x" * 70_000

    async def handler() -> Response:
        return StreamResponse(big())

    app.add_route(WEBSOCKET, "/ws", handler)
    await asgi(scope(**OFFERED), script.receive, script.send)


@in_loop
async def test_a_server_that_does_not_keep_to_the_protocol() -> None:
    with pytest.raises(RuntimeError, match=r"websocket\.connect"):
        await shake(never, Script({"type": "websocket.receive", "text": "a"}))


# -- the application's life ----------------------------------------------------------------------------------------


@in_loop
async def test_an_application_without_a_lifespan_starts_at_the_first_handshake(
    caplog: pytest.LogCaptureFixture,
) -> None:
    started: list[str] = []
    app = Application()
    app.add_websocket("/ws", nothing)
    app.on_startup.append(lambda: started.append("startup"))
    asgi = ASGIApplication(app)
    for _ in range(2):
        script = Script(CONNECT, GONE)
        await asgi(scope(), script.receive, script.send)
        assert script.sent[0]["type"] == "websocket.accept"
    assert started == ["startup"]
    assert "no lifespan" in caplog.text
    await app.shutdown()
    await app.cleanup()


@in_loop
async def test_an_application_that_could_not_start_refuses() -> None:
    app = Application()

    async def fail() -> None:
        raise ValueError("no database")

    app.on_startup.append(fail)
    script = Script(CONNECT)
    await ASGIApplication(app)(scope(**OFFERED), script.receive, script.send)
    assert denied(script) == (500, b"The application does not run.")


@in_loop
async def test_open_websockets_can_be_waited_for() -> None:
    async def session(ws: WebSocket) -> None:
        async for _ in ws:
            raise AssertionError("expected no message")

    app = Application()
    app.add_websocket("/ws", session)
    asgi = ASGIApplication(app)
    asgi.life.started = True
    await asgi.life.exchanges.websockets_ended()
    script = Script(CONNECT)
    task = asyncio.create_task(asgi(scope(), script.receive, script.send))
    await until(lambda: script.sent)
    waiting = asyncio.create_task(asgi.life.exchanges.websockets_ended())
    await asyncio.sleep(0)
    assert not waiting.done()
    app.stopping.set()
    await until(lambda: len(script.sent) == 2)
    assert script.sent[1]["code"] == 1012
    script.put(GONE)
    await waiting
    await task
