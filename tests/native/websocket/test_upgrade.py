"""The upgrade of a connection to a websocket: handshakes that are taken, refused or malformed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sketch import Application, Outcome, Request, Response, WebSocket, WebSocketResponse
from sketch.routing import WEBSOCKET
from sketch.serving.options import ServeError
from sketch_native.websocket import handshake
from tests.native.websocket.support import MIB, Scene
from tests.support.frames import BINARY, PING, TEXT, Pong, Refused, Socket, frame, handshake as head, shake
from tests.support.native import GET, Certificates, serving, turns, until


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


async def test_bytes_after_the_handshake_in_its_packet_are_frames() -> None:
    async with serving(Scene().app) as served, served.connect() as wire:
        ws = await shake(wire, early=[frame(TEXT, b"early"), frame(PING, b"p")])
        assert {await ws.receive(), await ws.receive()} == {"early", Pong(b"p")}
        await ws.close()


async def test_bytes_during_the_handshake_wait() -> None:
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
async def test_other_upgrades_and_plain_routes(raw: bytes, status: int) -> None:
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


async def test_other_origins_are_refused() -> None:
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


async def test_a_client_that_resets_before_the_answer_has_none() -> None:
    app = Application()
    come, go = asyncio.Event(), asyncio.Event()
    outcomes: list[Outcome] = []

    async def never(ws: WebSocket) -> None:
        raise AssertionError("expected no session")

    async def slow(request: Request) -> Response:
        come.set()
        await go.wait()
        return WebSocketResponse(never)

    app.add_route(WEBSOCKET, "/slow", slow)
    app.on_finished(outcomes.append)
    async with serving(app) as served:
        async with served.connect() as wire:
            await wire.send(head("/slow"))
            await come.wait()
            (protocol,) = served.server.connections
            wire.reset()
        await until(lambda: protocol.flow.lost, "the reset")
        go.set()
        await served.alone()
        await until(lambda: outcomes, "the end")
    (outcome,) = outcomes
    assert (outcome.status, outcome.sent, outcome.first_byte_at) == (None, 0, None)
    assert (outcome.error, outcome.disconnected, outcome.cancelled) == (None, True, False)


async def test_routes_need_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "available", lambda: False)
    with pytest.raises(ServeError, match=r"websockets.*pip install 'sketch-web\[websockets\]'"):
        async with serving(Scene().app):
            raise AssertionError
    async with serving(Application()) as served, served.connect() as wire:
        with pytest.raises(Refused) as caught:
            await shake(wire)
        assert caught.value.reply.status == 501
