"""Websockets of the native server, frame by frame: handshakes, messages, limits, heartbeats and every end."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sketch import (
    Application,
    Limits,
    Request,
    Response,
    WebSocket,
    WebSocketDisconnected,
    WebSocketPolicy,
    WebSocketResponse,
)
from sketch.routing import WEBSOCKET
from sketch.serving.options import ServeError, ServeOptions
from sketch_native import Server, ServerLimits
from sketch_native.parser import RequestParser
from sketch_native.protocol import HTTPProtocol
from sketch_native.websocket import handshake
from sketch_native.websocket.connection import COMPRESSED_FROM, WebSocketConnection
from tests.support.frames import (
    BINARY,
    OFFER,
    PING,
    PONG,
    RSV1,
    TEXT,
    Close,
    Ping,
    Pong,
    Refused,
    Socket,
    close_frame,
    fragments,
    frame,
    handshake as head,
    shake,
)
from tests.support.native import GET, Certificates, Served, serving, turns, until

MIB = 1 << 20


class Scene:
    """An application with one websocket route, and what its sessions have seen."""

    def __init__(self, policy: WebSocketPolicy | None = None, **options: Any) -> None:
        self.app = Application(**options)
        self.ends: list[tuple[int | None, str]] = []
        self.errors: list[Exception] = []
        self.app.add_websocket("/ws", self.echo, policy=policy, subprotocols=["v2", "v1"])
        self.app.add_get("/", lambda request: Response("ok"))
        self.app.exception.append(self.note)

    async def echo(self, ws: WebSocket) -> None:
        async for message in ws:
            await ws.send(message)
        self.ends.append((ws.close_code, ws.close_reason))

    def note(self, request: Request, exc: Exception) -> None:
        self.errors.append(exc)

    def session(self, path: str, **options: Any) -> Callable[[Any], Any]:
        return self.app.websocket(path, **options)


def scene(**policy: Any) -> Scene:
    return Scene(WebSocketPolicy(**policy))


QUICK = ServerLimits(header_timeout=0.2, linger_timeout=0.2)
"""The deadlines are looked at twenty times a second."""


# -- the handshake -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
async def test_echo(encrypted: bool, certificates: Certificates) -> None:
    stage = Scene()
    async with serving(stage.app, certificates if encrypted else None) as served, served.connect() as wire:
        ws = await shake(wire)
        assert ws.reply.header("sec-websocket-extensions") is None
        assert ws.reply.header("sec-websocket-protocol") is None
        assert re.fullmatch(r"\w{3}, .* GMT", ws.reply.header("date") or "")
        for message in ("text", "grüße", "", b"bytes", b"", "x" * 126, b"y" * 65535, "z" * 65536, b"w" * MIB):
            is_text = isinstance(message, str)
            await ws.send(frame(TEXT, message.encode()) if is_text else frame(BINARY, message))
            assert await ws.receive() == message
        await ws.close(1000)
        await until(lambda: stage.ends, "the session to end")
        assert stage.ends == [(1000, "")]


async def test_what_follows_the_handshake_in_its_packet_is_of_the_websocket() -> None:
    async with serving(Scene().app) as served, served.connect() as wire:
        ws = await shake(wire, early=[frame(TEXT, b"early"), frame(PING, b"p")])
        assert {await ws.receive(), await ws.receive()} == {"early", Pong(b"p")}
        await ws.close()


async def test_what_comes_while_the_handshake_is_answered_waits() -> None:
    stage = Scene()
    come, go = asyncio.Event(), asyncio.Event()

    async def slow(request: Request) -> Response:
        come.set()
        await go.wait()
        return WebSocketResponse(stage.echo)

    stage.app.add_route(WEBSOCKET, "/slow", slow)
    async with serving(stage.app) as served, served.connect() as wire:
        opening = asyncio.create_task(shake(wire, "/slow", early=[frame(TEXT, b"one")]))
        await come.wait()
        await wire.send(frame(TEXT, b"two"))
        await wire.send(frame(BINARY, b"x" * 200_000))  # more than is kept: the socket is not read
        await turns()
        go.set()
        ws = await opening
        assert [await ws.receive() for _ in range(3)] == ["one", "two", b"x" * 200_000]
        await ws.close()


async def test_dripped_handshake() -> None:
    async with serving(Scene().app) as served, served.connect() as wire:
        for byte in head():
            wire.writer.write(bytes([byte]))
            await turns(1)
        assert (await wire.switched()).status == 101


async def test_after_other_requests_on_the_connection() -> None:
    async with serving(Scene().app) as served, served.connect() as wire:
        await wire.send(GET)
        assert (await wire.receive()).body == b"ok"
        await wire.send(GET + GET + head() + frame(TEXT, b"x"))
        assert [(await wire.receive()).body for _ in range(2)] == [b"ok", b"ok"]
        ws = Socket(wire, await wire.switched())
        assert await ws.receive() == "x"
        await ws.close()


@pytest.mark.parametrize(
    "fields",
    [
        [("Connection", "keep-alive, Upgrade")],
        [("Upgrade", "WebSocket")],
        [("Upgrade", "h2c, websocket")],
        [("Sec-WebSocket-Extensions", ";;=,")],
        [("Sec-WebSocket-Extensions", "x-foo; bar=1")],
        [("Origin", "http://localhost")],
        [("Content-Length", "0")],
        [("Expect", "100-continue")],
    ],
)
async def test_handshakes_that_are_taken(fields: list[tuple[str, str]]) -> None:
    async with serving(Scene().app) as served, served.connect() as wire:
        ws = await shake(wire, headers=fields)
        assert ws.reply.header("sec-websocket-extensions") is None
        await ws.close()


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ([("Sec-WebSocket-Version", "8")], 426),
        ([("Sec-WebSocket-Version", None)], 426),
        ([("Sec-WebSocket-Key", None)], 400),
        ([("Sec-WebSocket-Key", "c2hvcnQ=")], 400),
        ([("Content-Length", "5")], 400),
        ([("Transfer-Encoding", "chunked")], 400),
        ([("Host", None)], 400),
    ],
)
async def test_handshakes_that_are_broken(fields: list[Any], status: int) -> None:
    async with serving(Scene().app) as served, served.connect() as wire:
        await wire.send(head(headers=fields) + b"hello")
        reply = await wire.receive()
        assert reply.status == status
        assert "close" in reply.all("connection")
        if status == 426:
            assert reply.header("sec-websocket-version") == "13"
            assert reply.header("upgrade") == "websocket"
            assert "upgrade" in reply.all("connection")
        assert await wire.ended() == b""


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (head().replace(b"GET", b"POST"), 426),
        (head().replace(b"GET", b"HEAD"), 426),
        (head().replace(b"HTTP/1.1", b"HTTP/1.0"), 426),
        (head(headers=[("Upgrade", "foo")]), 426),
        (head(headers=[("Upgrade", None)]), 426),
        (head(headers=[("Connection", "keep-alive")]), 426),
        (head("/nowhere"), 404),
        (head("/"), 404),  # it has a route for GET, which is not asked
    ],
)  # fmt: skip
async def test_what_is_no_handshake_and_who_takes_none(raw: bytes, status: int) -> None:
    async with serving(Scene().app) as served, served.connect() as wire:
        await wire.send(raw)
        reply = await wire.receive(raw.partition(b" ")[0].decode())
        assert reply.status == status
        if status == 426:
            assert reply.header("upgrade") == "websocket"
            assert "upgrade" in reply.all("connection")


async def test_a_refused_handshake_is_an_answer_like_any_other() -> None:
    async def guard(request: Request, handler: Callable[[Request], Awaitable[Response]]) -> Response:
        if request.query.get("let") != "in":
            return Response("who are you?", status=401, headers={"WWW-Authenticate": "Basic"})
        return await handler(request)

    stage = Scene(middlewares=[guard])
    async with serving(stage.app) as served, served.connect() as wire:
        for _ in range(2):
            with pytest.raises(Refused) as caught:
                await shake(wire)
            reply = caught.value.reply
            assert (reply.status, reply.body, reply.header("www-authenticate")) == (401, b"who are you?", "Basic")
        # The bytes behind a refused handshake are a request again.
        await wire.send(head() + GET.replace(b"/ ", b"/?let=in "))
        assert (await wire.receive()).status == 401
        assert (await wire.receive()).body == b"ok"
        ws = await shake(wire, "/ws?let=in")
        await ws.close()


async def test_other_sites_are_refused() -> None:
    async with serving(Scene().app) as served, served.connect() as wire:
        with pytest.raises(Refused) as caught:
            await shake(wire, headers=[("Origin", "https://evil.example")])
        assert caught.value.reply.status == 403


async def test_subprotocols() -> None:
    async with serving(Scene().app) as served:
        for offered, chosen in (("v1, v2", "v2"), ("v1", "v1"), ("other", None)):
            async with served.connect() as wire:
                ws = await shake(wire, headers=[("Sec-WebSocket-Protocol", offered)])
                assert ws.reply.header("sec-websocket-protocol") == chosen
                await ws.close()


async def test_fields_of_the_application() -> None:
    stage = Scene()

    async def chat(request: Request) -> Response:
        response = WebSocketResponse(stage.echo, headers={"X-One": "1", "X-Two": "2"})
        response.set_cookie("a", "b")
        return response

    stage.app.add_route(WEBSOCKET, "/chat", chat)
    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/chat")
        assert (ws.reply.header("x-one"), ws.reply.header("x-two")) == ("1", "2")
        assert (ws.reply.header("set-cookie") or "").startswith("a=b")
        assert ws.reply.header("content-type") is None
        await ws.close()


async def test_an_error_before_the_handshake_is_a_500() -> None:
    stage = Scene()

    async def broken(request: Request) -> Response:
        raise ValueError("on purpose")

    stage.app.add_route(WEBSOCKET, "/broken", broken)
    async with serving(stage.app) as served, served.connect() as wire:
        with pytest.raises(Refused) as caught:
            await shake(wire, "/broken")
        assert caught.value.reply.status == 500
        await wire.send(GET)
        assert (await wire.receive()).body == b"ok"


async def test_a_client_that_leaves_before_the_answer() -> None:
    stage = Scene()
    come, go = asyncio.Event(), asyncio.Event()

    async def slow(request: Request) -> Response:
        come.set()
        await request.wait_disconnected()
        go.set()
        return WebSocketResponse(stage.echo)

    stage.app.add_route(WEBSOCKET, "/slow", slow)
    async with serving(stage.app) as served:
        async with served.connect() as wire:
            await wire.send(head("/slow"))
            await come.wait()
        await go.wait()
        await served.alone()
        come.clear()
        async with served.connect() as wire:
            await wire.send(head("/slow"))
            await come.wait()
            wire.half_close()
            assert (await wire.switched()).status == 101
            await wire.ended()
        await until(lambda: len(stage.ends) == 2, "the sessions to end")
        assert stage.ends == [(1006, "")] * 2


async def test_routes_need_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "available", lambda: False)
    with pytest.raises(ServeError, match=r"websockets.*pip install 'sketch-web\[websockets\]'"):
        async with serving(Scene().app):
            raise AssertionError
    async with serving(Application()) as served, served.connect() as wire:
        with pytest.raises(Refused) as caught:
            await shake(wire)
        assert caught.value.reply.status == 501


# -- messages ----------------------------------------------------------------------------------------------------------


async def test_fragments_and_control_frames_between_them() -> None:
    async with serving(Scene().app) as served, served.connect() as wire:
        ws = await shake(wire)
        first, second = fragments(TEXT, "wö".encode()[:2], "wö".encode()[2:])
        await ws.send(first, frame(PING, b"now"))
        assert await ws.receive() == Pong(b"now")
        await ws.send(second, frame(PONG, b"unasked"))
        assert await ws.receive() == "wö"
        await ws.close()


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(TEXT, b"x", mask=False), 1002),
        (frame(TEXT, b"x", rsv=RSV1), 1002),
        (frame(3), 1002),
        (close_frame(1006), 1002),
        (frame(TEXT, b"\xff"), 1007),
        (frame(TEXT, b"x" * 1001), 1009),
        (frame(TEXT, b"x" * 1001)[:20], 1009),
    ],
)
async def test_the_peer_breaks_a_rule(sent: bytes, code: int) -> None:
    stage = scene(max_message=1000)
    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire)
        await ws.send(sent)
        close = await ws.closed(code)
        await until(lambda: stage.ends, "the session to end")
        assert stage.ends == [(code, close.reason)]
        assert close.reason


async def test_what_came_before_a_broken_frame_is_received() -> None:
    stage = Scene()
    got: list[Any] = []

    @stage.session("/list")
    async def collect(ws: WebSocket) -> None:
        await asyncio.sleep(0)
        async for message in ws:
            got.append(message)
        got.append(ws.close_code)

    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/list", early=[frame(TEXT, b"1"), frame(TEXT, b"2"), frame(3), frame(TEXT, b"3")])
        await ws.closed(1002)
        await until(lambda: len(got) == 3, "the session to end")
        assert got == ["1", "2", 1002]


async def test_a_broken_frame_behind_messages_that_wait() -> None:
    stage = Scene()
    go = asyncio.Event()
    got: list[Any] = []

    @stage.session("/late", policy=WebSocketPolicy(max_queue=1))
    async def late(ws: WebSocket) -> None:
        await go.wait()
        async for message in ws:
            got.append(message)
        got.append(ws.close_code)

    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/late", early=[frame(TEXT, b"1"), frame(TEXT, b"2"), frame(3), frame(TEXT, b"3")])
        go.set()
        await ws.closed(1002)
        assert got == ["1", "2", 1002]


async def test_a_receive_that_is_given_up_loses_no_message() -> None:
    stage = Scene()
    got: list[Any] = []

    @stage.session("/late")
    async def late(ws: WebSocket) -> None:
        first = asyncio.create_task(ws.receive())
        await asyncio.sleep(0)
        await ws.send("ready")
        while not first.cancelling():
            await asyncio.sleep(0)
            # The message is there, the task has not seen it yet: that is when it is cancelled.
            waiter = ws._transport._waiter  # type: ignore[attr-defined]
            if waiter is not None and waiter.done():
                first.cancel()
        await asyncio.wait([first])
        assert first.cancelled()
        got.append(await ws.receive())

    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/late")
        assert await ws.receive() == "ready"
        await ws.send(frame(TEXT, b"kept"))
        await ws.closed(1000)
        assert (got, stage.errors) == (["kept"], [])


async def test_two_receivers_are_a_mistake() -> None:
    stage = Scene()

    @stage.session("/two")
    async def two(ws: WebSocket) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(ws.receive())
            group.create_task(ws.receive())

    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/two")
        await ws.closed(1011)
        (error,) = stage.errors
        assert isinstance(error, ExceptionGroup)
        assert "one receiver of a websocket at a time" in str(error.exceptions[0])


async def test_many_messages_wait_in_the_socket_and_come_in_order() -> None:
    stage = scene(max_queue=4)
    go = asyncio.Event()
    got: list[str | bytes] = []
    most = 0

    @stage.session("/slow", policy=WebSocketPolicy(max_queue=4))
    async def slow(ws: WebSocket) -> None:
        nonlocal most
        await go.wait()
        async for message in ws:
            got.append(message)
            most = max(most, len(ws._transport._queue or ()))  # type: ignore[attr-defined]
            await asyncio.sleep(0)

    messages = [b"%d" % n for n in range(1000)]
    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/slow")
        await ws.send(*[frame(TEXT, message) for message in messages])
        go.set()
        await ws.close(1000)
        assert got == [message.decode() for message in messages]
        assert most <= 4


async def test_what_waits_is_bounded_in_bytes(request: pytest.FixtureRequest) -> None:
    """A session that receives nothing: what the peer sends stays with the peer."""
    stage = scene()
    go = asyncio.Event()

    @stage.session("/deaf", policy=WebSocketPolicy(max_message=100_000))
    async def deaf(ws: WebSocket) -> None:
        await go.wait()

    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/deaf")
        (connection,) = served.server.connections
        sending = asyncio.create_task(ws.send(*[frame(BINARY, b"x" * 60_000)] * 500))
        await until(lambda: connection._held, "the reading to pause")  # type: ignore[attr-defined]
        await turns(20)
        assert not sending.done()
        kept = connection._queued + len(connection._reader._rest)  # type: ignore[attr-defined]
        assert kept < 500_000
        go.set()
        assert await ws.receive() == Close(1000)
        sending.cancel()
        wire.abort()


async def test_several_tasks_may_send() -> None:
    stage = Scene()

    @stage.session("/many")
    async def many(ws: WebSocket) -> None:
        async with asyncio.TaskGroup() as group:
            for n in range(20):
                group.create_task(ws.send(b"%d" % n * 100_000))

    async with serving(stage.app) as served, served.connect(receive_buffer=8192) as wire:
        ws = await shake(wire, "/many")
        got = [await ws.receive() for _ in range(20)]
        assert sorted(got) == sorted(b"%d" % n * 100_000 for n in range(20))  # type: ignore[type-var]
        await ws.closed(1000)


# -- compression -------------------------------------------------------------------------------------------------------


async def test_compression() -> None:
    async with serving(Scene().app) as served, served.connect() as wire:
        ws = await shake(wire, headers=[OFFER])
        assert ws.deflate is not None
        assert ws.deflate.parameters == {"server_max_window_bits": "12", "client_max_window_bits": "12"}
        text = "sketch " * COMPRESSED_FROM
        for _ in range(3):
            await ws.send(frame(TEXT, ws.deflate.deflate(text.encode()), rsv=RSV1))
            assert await ws.receive() == text
        data = ws.deflate.deflate(b"x" * 5000)
        await ws.send(*fragments(BINARY, data[:5], data[5:10], data[10:], rsv=RSV1))
        await ws.send(frame(TEXT, b"short"))
        assert await ws.receive() == b"x" * 5000
        assert await ws.receive() == "short"
        await ws.close()


async def test_long_messages_are_sent_compressed_and_short_ones_are_not() -> None:
    stage = Scene()

    @stage.session("/sizes")
    async def sizes(ws: WebSocket) -> None:
        await ws.send("x" * (COMPRESSED_FROM - 1))
        await ws.send("x" * COMPRESSED_FROM)

    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/sizes", headers=[OFFER])
        first = await ws._frame_head()
        second = await ws._frame_head()
        assert first is not None
        assert second is not None
        assert (first[2], len(first[3])) == (0, COMPRESSED_FROM - 1)
        assert second[2] == RSV1
        assert len(second[3]) < 100
        await ws.closed(1000)


async def test_a_bomb() -> None:
    async with serving(Scene().app) as served, served.connect() as wire:
        ws = await shake(wire, headers=[OFFER])
        assert ws.deflate is not None
        await ws.send(frame(BINARY, ws.deflate.deflate(b"\0" * (64 * MIB)), rsv=RSV1))
        await ws.closed(1009)


async def test_compression_may_be_switched_off() -> None:
    async with serving(scene(compression=False).app) as served, served.connect() as wire:
        ws = await shake(wire, headers=[OFFER])
        assert ws.deflate is None
        await ws.close()


# -- ends --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4999, None])
async def test_the_peer_closes(code: int | None) -> None:
    stage = Scene()
    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire)
        await ws.close(code)
        await until(lambda: stage.ends, "the session to end")
        assert stage.ends == [(1005 if code is None else code, "")]


async def test_what_comes_before_a_close_in_one_packet_is_answered() -> None:
    async with serving(Scene().app) as served, served.connect() as wire:
        ws = await shake(wire)
        await ws.send(*[frame(TEXT, b"%d" % n) for n in range(10)], close_frame(1000, b"bye"), frame(PING))
        assert [await ws.receive() for _ in range(10)] == [str(n) for n in range(10)]
        await ws.closed(1000)


async def test_close_and_end_in_one_packet() -> None:
    stage = Scene()
    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire)
        await ws.send(frame(TEXT, b"x"), close_frame(4000, b"bye"))
        wire.half_close()
        assert await ws.receive() == "x"
        await ws.closed(4000, answer=False)
        await until(lambda: stage.ends, "the session to end")
        assert stage.ends == [(4000, "bye")]


@pytest.mark.parametrize("how", ["end", "reset", "in a frame", "in a message"])
async def test_the_connection_breaks(how: str) -> None:
    stage = Scene()
    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire)
        if how.startswith("in"):
            await ws.send(frame(BINARY, b"x" * 5000)[:1000] if how == "in a frame" else frame(TEXT, b"x", fin=False))
            await turns()
        if how == "reset":
            wire.abort()
        else:
            wire.half_close()
            assert await wire.ended() == b""
        await until(lambda: stage.ends, "the session to end")
        assert stage.ends == [(1006, "")]


@pytest.mark.parametrize("how", ["close", "break"])
async def test_a_session_that_waits_for_something_else_is_cancelled_when_the_peer_leaves(how: str) -> None:
    stage = Scene()
    seen: list[str] = []

    @stage.session("/wait", on_disconnect="cancel")
    async def wait(ws: WebSocket) -> None:
        await ws.send("ready")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/wait")
        assert await ws.receive() == "ready"
        if how == "close":
            await ws.close(1000)
        else:
            wire.abort()
        await until(lambda: seen, "the session to be cancelled")
        await served.alone()
        assert not stage.errors


async def test_the_session_closes_and_the_peer_answers() -> None:
    stage = Scene()
    seen: list[Any] = []

    @stage.session("/close")
    async def closing(ws: WebSocket) -> None:
        receiving = asyncio.create_task(ws.receive())
        await asyncio.sleep(0)
        await ws.close(4001, "enough")
        for attempt in (receiving, ws.receive(), ws.send("x")):
            with pytest.raises(WebSocketDisconnected) as caught:
                await attempt
            seen.append((caught.value.code, caught.value.reason))

    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/close")
        assert await ws.receive() == Close(4001, "enough")
        await ws.send(frame(TEXT, b"late"), close_frame(4001))
        await ws.ended()
        assert (seen, stage.errors) == ([(4001, "enough")] * 3, [])


async def test_the_peer_does_not_answer_a_close() -> None:
    stage = Scene()

    @stage.session("/close", policy=WebSocketPolicy(close_timeout=0.1))
    async def closing(ws: WebSocket) -> None:
        await ws.close(1000)

    async with serving(stage.app, server_limits=QUICK) as served, served.connect() as wire:
        ws = await shake(wire, "/close")
        assert await ws.receive() == Close(1000)
        await wire.ended()


async def test_both_close_at_once() -> None:
    stage = Scene()
    go = asyncio.Event()

    @stage.session("/close")
    async def closing(ws: WebSocket) -> None:
        await go.wait()
        await ws.close(4001)

    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/close")
        go.set()
        await ws.send(close_frame(4002))
        await ws.closed(4001, 4002)


async def test_a_session_that_has_not_received_everything_closes() -> None:
    stage = Scene()

    @stage.session("/one", policy=WebSocketPolicy(max_queue=2))
    async def one(ws: WebSocket) -> None:
        await ws.receive()

    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/one", early=[frame(TEXT, b"x")] * 10)
        assert await ws.receive() == Close(1000)
        await ws.send(close_frame(1000))
        await ws.ended()


async def test_a_session_fails(caplog: pytest.LogCaptureFixture) -> None:
    stage = Scene()

    @stage.session("/broken")
    async def broken(ws: WebSocket) -> None:
        await ws.send("a")
        raise ValueError("on purpose")

    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/broken")
        assert await ws.receive() == "a"
        await ws.closed(1011)
        assert [str(error) for error in stage.errors] == ["on purpose"]
        assert "error in the websocket session of '/broken'" in caplog.text


async def test_the_server_stops() -> None:
    stage = scene(close_reason="back soon")
    async with serving(stage.app) as served, served.connect() as wire, served.connect() as other:
        ws, second = await shake(wire), await shake(other)
        stopping = asyncio.create_task(served.server.stop())
        for each in (ws, second):
            assert await each.receive() == Close(1012, "back soon")
            await each.send(close_frame(1012))
            await each.ended()
        await stopping
        assert stage.ends == [(1012, "back soon")] * 2


async def test_a_session_has_time_when_the_server_stops_and_is_cancelled_then() -> None:
    stage = Scene()
    seen: list[str] = []

    @stage.session("/tidy")
    async def tidy(ws: WebSocket) -> None:
        await ws.send("ready")
        try:
            async for _ in ws:
                raise AssertionError
            seen.append("has time")
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async with serving(stage.app, shutdown_timeout=0.1) as served, served.connect() as wire:
        ws = await shake(wire, "/tidy")
        assert await ws.receive() == "ready"
        await served.server.stop()
        assert await ws.receive() == Close(1012)
        await wire.ended()
        assert seen == ["has time", "cancelled"]


@pytest.mark.parametrize(("close_timeout", "shutdown_timeout"), [(0.1, 5), (60, 0.1)])
async def test_a_peer_that_does_not_answer_holds_nobody_up(close_timeout: float, shutdown_timeout: float) -> None:
    stage = scene(close_timeout=close_timeout)
    options = {"server_limits": QUICK, "shutdown_timeout": shutdown_timeout}
    async with serving(stage.app, **options) as served, served.connect() as wire:
        ws = await shake(wire)
        async with asyncio.timeout(4):
            await served.server.stop()
        assert await ws.receive() == Close(1012)
        await wire.ended()


async def test_pings_are_not_answered_after_the_close() -> None:
    stage = Scene()

    @stage.session("/close")
    async def closing(ws: WebSocket) -> None:
        await ws.close(1000)

    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/close")
        assert await ws.receive() == Close(1000)
        await ws.send(frame(PING, b"late"), close_frame(1000))
        await ws.ended()


async def test_a_session_that_cannot_be_ended_is_cut(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(self: WebSocketConnection, code: int = 1000, reason: str = "") -> None:
        raise RuntimeError("on purpose")

    stage = Scene()

    @stage.session("/short")
    async def short(ws: WebSocket) -> None:
        assert repr(ws._transport).startswith("<WebSocketConnection open, request <")

    monkeypatch.setattr(WebSocketConnection, "close", broken)
    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire, "/short")
        await ws.ended()
        assert "the websocket session of '/short' could not be ended" in caplog.text
        assert not stage.errors


# -- time --------------------------------------------------------------------------------------------------------------


async def test_a_silent_peer_is_asked_and_given_up() -> None:
    stage = scene(ping_interval=0.1, ping_timeout=0.1)
    async with serving(stage.app, server_limits=QUICK) as served, served.connect() as wire:
        ws = await shake(wire)
        assert await ws.receive() == Ping()
        await ws.ended()
        await until(lambda: stage.ends, "the session to end")
        assert stage.ends == [(1006, "")]


async def test_a_peer_that_answers_stays() -> None:
    stage = scene(ping_interval=0.1, ping_timeout=0.2)
    async with serving(stage.app, server_limits=QUICK) as served, served.connect() as wire:
        ws = await shake(wire)
        for _ in range(4):
            assert await ws.receive() == Ping()
            await ws.send(frame(PONG))
        await ws.close()


async def test_who_says_something_is_not_asked() -> None:
    stage = scene(ping_interval=0.3, ping_timeout=0.1)
    async with serving(stage.app, server_limits=QUICK) as served, served.connect() as wire:
        ws = await shake(wire)
        loop = asyncio.get_running_loop()
        end = loop.time() + 0.8
        while loop.time() < end:
            await ws.send(frame(TEXT, b"x"))
            assert await ws.receive() == "x"
        await ws.close()


async def test_pings_without_an_end() -> None:
    stage = scene(ping_interval=0.1, ping_timeout=None)
    async with serving(stage.app, server_limits=QUICK) as served, served.connect() as wire:
        ws = await shake(wire)
        assert [await ws.receive() for _ in range(4)] == [Ping()] * 4
        await ws.close()


async def test_a_peer_is_not_given_up_while_nobody_reads_what_it_says() -> None:
    stage = Scene()
    go = asyncio.Event()

    @stage.session("/busy", policy=WebSocketPolicy(max_queue=1, ping_interval=0.1, ping_timeout=0.1))
    async def busy(ws: WebSocket) -> None:
        await go.wait()
        await ws.send(await ws.receive())

    async with serving(stage.app, server_limits=QUICK) as served, served.connect() as wire:
        ws = await shake(wire, "/busy", early=[frame(TEXT, b"x"), frame(TEXT, b"y")])
        server = served.server
        since = server.now
        await until(lambda: server.now > since + 0.5, "some looks at the deadlines")
        go.set()
        assert await ws.receive() == "x"
        await ws.closed(1000)


async def test_an_idle_session() -> None:
    stage = scene(idle_timeout=0.1)
    async with serving(stage.app) as served, served.connect() as wire:
        ws = await shake(wire)
        assert await ws.receive() == Close(1001, "idle for too long")
        await ws.send(close_frame(1001))
        await ws.ended()
        assert stage.ends == [(1001, "idle for too long")]


# -- peers that do not read --------------------------------------------------------------------------------------------


def stalled(served: Served) -> Any:
    """A connection that takes next to nothing."""
    return served.connect(receive_buffer=4096)


async def test_a_stalled_reader_is_cut_and_the_others_are_not_harmed() -> None:
    stage = Scene(limits=Limits(write_timeout=0.2))
    sent = 0
    ends: list[int] = []

    @stage.session("/flood")
    async def flood(ws: WebSocket) -> None:
        nonlocal sent
        try:
            while True:
                await ws.send(b"x" * 50_000)
                sent += 50_000
        except WebSocketDisconnected as end:
            ends.append(end.code)
            raise

    async with serving(stage.app, server_limits=QUICK) as served, stalled(served) as wire, served.connect() as other:
        await shake(wire, "/flood")
        wire.pause()
        ws = await shake(other)
        while not ends:
            await ws.send(frame(TEXT, b"x"))
            assert await ws.receive() == "x"
        assert ends == [1006]
        assert sent < 20 * MIB  # what the kernel takes, and no more
        await ws.close()


async def test_a_slow_reader_is_not_cut() -> None:
    stage = Scene(limits=Limits(write_timeout=0.3))

    @stage.session("/much")
    async def much(ws: WebSocket) -> None:
        for _ in range(40):
            await ws.send(b"x" * 50_000)

    async with serving(stage.app, server_limits=QUICK) as served, stalled(served) as wire:
        ws = await shake(wire, "/much")
        for _ in range(40):
            assert await ws.receive() == b"x" * 50_000
        await ws.closed(1000)


async def test_pings_of_a_peer_that_does_not_read_fill_no_memory() -> None:
    stage = Scene()

    @stage.session("/big")
    async def big(ws: WebSocket) -> None:
        await ws.send(b"x" * (8 * MIB))
        async for _ in ws:
            raise AssertionError

    async with serving(stage.app) as served, stalled(served) as wire:
        ws = await shake(wire, "/big")
        wire.pause()
        (connection,) = served.server.connections
        await until(lambda: connection.flow.blocked, "the socket to be full")
        before = connection.transport.get_write_buffer_size()
        for n in range(2000):
            await ws.send(frame(PING, b"%0100d" % n))
        await ws.send(frame(PONG))
        await until(lambda: connection._pong == b"%0100d" % 1999, "the pings to be read")  # type: ignore[attr-defined]
        assert connection.transport.get_write_buffer_size() <= before
        wire.resume()
        assert await ws.receive() == b"x" * (8 * MIB)
        assert await ws.receive() == Pong(b"%0100d" % 1999)
        await ws.close()


# -- the server --------------------------------------------------------------------------------------------------------


async def test_the_access_log_has_a_line_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sketch.access")
    async with serving(Scene().app, access_log=True) as served, served.connect() as wire:
        ws = await shake(wire, "/ws?a=1")
        await ws.send(frame(TEXT, b"12345"))
        assert await ws.receive() == "12345"
        assert not caplog.records
        await ws.close()
        await served.alone()
        with pytest.raises(Refused):
            await _refused(served)
    lines = [record.getMessage() for record in caplog.records]
    assert re.fullmatch(r'127\.0\.0\.1:\d+ "GET /ws\?a=1" 101 5 \d+\.\d+', lines[0])
    assert re.fullmatch(r'127\.0\.0\.1:\d+ "GET /nowhere" 404 \d+ \d+\.\d+', lines[1])
    assert len(lines) == 2


async def _refused(served: Served) -> None:
    async with served.connect() as wire:
        await shake(wire, "/nowhere")


async def test_an_open_websocket_takes_no_place_of_a_request() -> None:
    limits = ServerLimits(concurrency=1)
    async with (
        serving(Scene().app, server_limits=limits) as served,
        served.connect() as wire,
        served.connect() as other,
    ):
        ws = await shake(wire)
        await other.send(GET)
        assert (await other.receive()).status == 200
        await ws.close()


async def test_nothing_of_http_is_kept_for_an_open_websocket() -> None:
    gc.collect()
    async with serving(Scene().app) as served, served.connect() as wire:
        ws = await shake(wire)
        await ws.send(frame(PING))
        assert await ws.receive() == Pong()
        assert not [each for each in gc.get_objects() if type(each) in (HTTPProtocol, RequestParser)]
        await ws.close()


async def test_many_come_and_go(descriptors: None) -> None:
    stage = Scene()
    async with serving(stage.app) as served:
        for _ in range(5):
            async with asyncio.TaskGroup() as group:
                for n in range(20):
                    group.create_task(_come_and_go(served, n))
        await served.alone()
    assert len(stage.ends) == 100
    assert not stage.app.stopping._listeners


async def _come_and_go(served: Served, n: int) -> None:
    async with served.connect() as wire:
        ws = await shake(wire)
        await ws.send(frame(TEXT, b"x" * n))
        assert await ws.receive() == "x" * n
        if n % 2:
            await ws.close()


async def test_a_server_that_is_told_before_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is found before anybody connects."""
    monkeypatch.setattr(handshake, "available", lambda: False)
    outer = Application()
    outer.mount("/inner", Scene().app)
    server = Server(outer, ServeOptions(port=0))
    with pytest.raises(ServeError, match="websockets"):
        await server.start()
