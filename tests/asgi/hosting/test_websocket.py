"""Websockets of foreign ASGI applications: served natively, and mounted in a sketch application."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from sketch import Application, HTTPForbidden, Request, Response
from tests.asgi.hosting.serving import MODES, PREFIX, Message, Receive, Send, hosting
from tests.support.frames import TEXT, Close, Refused, close_frame, frame, shake
from tests.support.native import serving
from tests.support.scripts import in_loop

pytestmark = pytest.mark.parametrize("mode", MODES)


def app_of(handler: Any) -> Any:
    """An application of one function for websocket scopes."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket", "nothing else"
        assert await receive() == {"type": "websocket.connect"}
        await handler(scope, receive, send)

    return app


@in_loop
async def test_scope(mode: str) -> None:
    scopes: list[Message] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        await send({"type": "websocket.accept", "subprotocol": "two", "headers": [(b"x-two", b"1"), (b"X-Two", b"2")]})

    async with hosting(app_of(app), mode) as client, client.connect() as wire:
        offer = [("Sec-WebSocket-Protocol", "one, two")]
        socket = await shake(wire, f"{client.prefix}/a%20b?q=1", offer)
        assert socket.reply.header("sec-websocket-protocol") == "two"
        assert socket.reply.all("x-two") == ["1", "2"]
        await socket.closed(1000)
    (scope,) = scopes
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.5"}
    assert (scope["scheme"], scope["path"], scope["query_string"]) == ("ws", f"{client.prefix}/a b", b"q=1")
    assert (scope["root_path"], scope["raw_path"]) == (client.prefix, f"{client.prefix}/a%20b".encode())
    assert (scope["subprotocols"], scope["extensions"]) == (["one", "two"], {"websocket.http.response": {}})
    assert dict(scope["headers"])[b"upgrade"] == b"websocket"
    assert "method" not in scope
    assert scope["state"] == {}


@in_loop
async def test_messages(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            if "text" in message:
                await send({"type": "websocket.send", "text": message["text"].upper()})
            else:
                await send({"type": "websocket.send", "bytes": message["bytes"] * 2, "text": None})

    async with hosting(app_of(app), mode) as client, client.connect() as wire:
        socket = await shake(wire, client.prefix + "/")
        await socket.send(frame(TEXT, "höß".encode()), frame(2, b"\0\xff"))
        assert await socket.receive() == "HÖSS"
        assert await socket.receive() == b"\0\xff\0\xff"
        await socket.close()


@in_loop
async def test_two_tasks(mode: str) -> None:
    """One task receives while the other sends, as in most applications."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})

        async def listen() -> None:
            while (await receive())["type"] != "websocket.disconnect":
                pass

        async def tick() -> None:
            while True:
                await send({"type": "websocket.send", "text": "tick"})
                await asyncio.sleep(0.001)

        listening, ticking = asyncio.create_task(listen()), asyncio.create_task(tick())
        await listening
        ticking.cancel()
        await asyncio.wait([ticking])

    async with hosting(app_of(app), mode) as client, client.connect() as wire:
        socket = await shake(wire, client.prefix + "/")
        for _ in range(3):
            assert await socket.receive() == "tick"
        await socket.send(close_frame())
        while not isinstance(await socket.receive(), Close):
            pass


# -- the handshake ----------------------------------------------------------------------------------------------------


@in_loop
async def test_a_close_before_accept_is_403(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.close", "code": 4000})

    async with hosting(app_of(app), mode) as client, client.connect() as wire:
        with pytest.raises(Refused) as caught:
            await shake(wire, client.prefix + "/")
    assert caught.value.reply.status == 403


@in_loop
async def test_an_answer_in_place_of_the_websocket(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.http.response.start", "status": 401, "headers": [(b"x-why", b"because")]})
        await send({"type": "websocket.http.response.body", "body": b"not ", "more_body": True})
        await send({"type": "websocket.http.response.body", "body": b"you"})

    async with hosting(app_of(app), mode) as client, client.connect() as wire:
        with pytest.raises(Refused) as caught:
            await shake(wire, client.prefix + "/")
    reply = caught.value.reply
    assert (reply.status, reply.body, reply.header("x-why")) == (401, b"not you", "because")


@in_loop
async def test_no_answer_to_the_handshake_is_a_500(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["query_string"]:
            raise LookupError("broken")

    async with hosting(app_of(app), mode) as client:
        for target in ("/", "/?fail"):
            async with client.connect() as wire:
                with pytest.raises(Refused) as caught:
                    await shake(wire, client.prefix + target)
            assert caught.value.reply.status == 500
    errors = [str(record.exc_info[1]) for record in caplog.records if record.exc_info]
    assert errors == ["expected the ASGI application to answer the handshake before it returned", "broken"]


@in_loop
async def test_a_subprotocol_that_was_not_offered_is_not_agreed_on(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept", "subprotocol": "three"})

    async with hosting(app_of(app), mode) as client, client.connect() as wire:
        socket = await shake(wire, client.prefix + "/", [("Sec-WebSocket-Protocol", "one")])
        assert socket.reply.header("sec-websocket-protocol") is None
        await socket.closed(1000)


@in_loop
async def test_origins_are_left_to_the_application(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})

    async with hosting(app_of(app), mode) as client, client.connect() as wire:
        socket = await shake(wire, client.prefix + "/", [("Origin", "https://elsewhere.example")])
        await socket.closed(1000)


@in_loop
async def test_an_accept_that_cannot_be_sent(mode: str) -> None:
    """`send()` raises, as it does if middleware has replaced the answer."""
    notes: list[Any] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "websocket.accept", "headers": [(b"sec-websocket-accept", b"mine")]})
        except OSError as exc:
            notes.append(str(exc))
        notes.append(await receive())

    async with hosting(app_of(app), mode) as client, client.connect() as wire:
        with pytest.raises(Refused) as caught:
            await shake(wire, client.prefix + "/")
        assert caught.value.reply.status == 500
    assert notes == ["the websocket was not opened", {"type": "websocket.disconnect", "code": 1006, "reason": ""}]


@in_loop
async def test_middleware_may_refuse_it_later(mode: str) -> None:
    if mode != "mounted":
        return  # there is no middleware
    notes: list[str] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "websocket.accept"})
        except OSError as exc:
            notes.append(str(exc))

    async def refuse(request: Request, handler: Any) -> Response:
        response = await handler(request)
        assert response.status == 101
        raise HTTPForbidden

    outer = Application(middlewares=[refuse])
    outer.mount(PREFIX, app_of(app))
    async with serving(outer) as served, served.connect() as wire:
        with pytest.raises(Refused) as caught:
            await shake(wire, PREFIX + "/")
        assert caught.value.reply.status == 403
    assert notes == ["the websocket was not opened"]


# -- ends -------------------------------------------------------------------------------------------------------------


@in_loop
async def test_the_client_closes(mode: str) -> None:
    notes: list[Any] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        notes.extend([await receive(), await receive()])
        with pytest.raises(OSError, match="the websocket has ended with 4001: enough"):
            await send({"type": "websocket.send", "text": "x"})
        await send({"type": "websocket.close"})  # which was said already

    async with hosting(app_of(app), mode) as client, client.connect() as wire:
        socket = await shake(wire, client.prefix + "/")
        await socket.send(close_frame(4001, b"enough"))
        assert await socket.receive() == Close(4001, "")
    assert notes == [{"type": "websocket.disconnect", "code": 4001, "reason": "enough"}] * 2


@in_loop
async def test_the_client_is_gone(mode: str) -> None:
    notes: list[Any] = []
    done = asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        notes.append(await receive())
        done.set()

    async with hosting(app_of(app), mode) as client:
        async with client.connect() as wire:
            await shake(wire, client.prefix + "/")
        await done.wait()
    assert notes == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]


@in_loop
async def test_the_application_closes(mode: str) -> None:
    errors: list[str] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 4002, "reason": scope["query_string"].decode() or None})
        for kind in ("websocket.send", "websocket.close"):
            try:
                await send({"type": kind, "text": "x"})
            except RuntimeError as exc:
                errors.append(str(exc))
        assert (await receive())["type"] == "websocket.disconnect"

    async with hosting(app_of(app), mode) as client:
        for reason in ("", "enough"):
            async with client.connect() as wire:
                socket = await shake(wire, f"{client.prefix}/?{reason}")
                assert await socket.receive() == Close(4002, reason)
                await socket.send(close_frame(4002))
                assert await wire.ended() == b""
    assert errors == [
        "expected nothing after the end of the websocket, got 'websocket.send'",
        "expected nothing after the end of the websocket, got 'websocket.close'",
    ] * 2  # fmt: skip


@in_loop
async def test_an_error_closes_with_1011(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        raise LookupError("broken")

    async with hosting(app_of(app), mode) as client, client.connect() as wire:
        socket = await shake(wire, client.prefix + "/")
        await socket.closed(1011)
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["broken"]


@in_loop
async def test_the_leaving_of_the_client_is_not_logged(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    class WebSocketDisconnect(Exception):
        """As frameworks have it."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        if (await receive())["type"] == "websocket.disconnect":
            raise WebSocketDisconnect

    async with hosting(app_of(app), mode) as client, client.connect() as wire:
        socket = await shake(wire, client.prefix + "/")
        await socket.close()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@in_loop
async def test_an_error_after_the_end_is_logged(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        await receive()
        raise LookupError("a bug in the clean-up")

    async with hosting(app_of(app), mode) as client, client.connect() as wire:
        socket = await shake(wire, client.prefix + "/")
        await socket.close()
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["a bug in the clean-up"]


@in_loop
async def test_the_server_stops(mode: str) -> None:
    notes: list[Any] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        notes.append((await receive())["code"])
        await asyncio.sleep(0.01)  # its clean-up
        notes.append("cleaned up")

    async with hosting(app_of(app), mode) as client, client.connect() as wire:
        socket = await shake(wire, client.prefix + "/")
        stopping = asyncio.ensure_future(client.served.server.stop())
        await socket.closed(1012)
        await stopping
    assert notes == [1012, "cleaned up"]


@in_loop
async def test_the_server_stops_a_session_that_does_not_listen(mode: str) -> None:
    notes: list[Any] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            notes.append("cancelled")
            raise

    async with hosting(app_of(app), mode, shutdown_timeout=0.02) as client, client.connect() as wire:
        socket = await shake(wire, client.prefix + "/")
        await client.served.server.stop()
        assert await socket.receive() == Close(1012)
    assert notes == ["cancelled"]


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        (["websocket.send"], "expected websocket.accept, websocket.close or websocket.http.response.start, got "),
        (["websocket.accept", "websocket.accept"], "expected websocket.send or websocket.close, got "),
        (["websocket.http.response.start", "websocket.accept"], "expected websocket.http.response.body, got "),
        (["http.response.start"], "got 'http.response.start'"),
    ],
)  # fmt: skip
def test_messages_out_of_order(mode: str, messages: list[str], error: str) -> None:
    found: list[str] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        try:
            for kind in messages:
                await send({"type": kind, "status": 400})
        except RuntimeError as exc:
            found.append(str(exc))
            raise

    @in_loop
    async def run() -> None:
        async with hosting(app_of(app), mode) as client, client.connect() as wire:
            if messages[0] == "websocket.accept":
                socket = await shake(wire, client.prefix + "/")
                await socket.closed(1011)
            else:
                with pytest.raises(Refused) as caught:
                    await shake(wire, client.prefix + "/")
                assert caught.value.reply.status == 500

    run()
    assert len(found) == 1
    assert error in found[0]
