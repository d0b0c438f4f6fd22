"""An open websocket: messages both ways, every end that the server reports, and every end by the session."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from sketch import Application, Limits, WebSocket, WebSocketDisconnected, WebSocketPolicy
from sketch.request import WebSocketRequest
from sketch_gateway.deadlines import client_timer
from sketch_gateway.websocket import Socket
from tests.asgi.adapter.support import shake
from tests.support.scripts import Message, Script, in_loop, until

POLICY = WebSocketPolicy(max_message=10, max_queue=2, close_timeout=0.02)


def text(data: str) -> Message:
    return {"type": "websocket.receive", "text": data}


def binary(data: bytes) -> Message:
    return {"type": "websocket.receive", "bytes": data}


def gone(code: Any = 1000, reason: Any = "") -> Message:
    return {"type": "websocket.disconnect", "code": code, "reason": reason}


def socket_of(script: Script, policy: WebSocketPolicy = POLICY, limits: Limits | None = None) -> Socket:
    app = Application(limits=limits)
    connection: Any = SimpleNamespace(client=None)
    request = WebSocketRequest("GET", b"/", [], connection=connection)
    request.app = app
    socket = Socket(request, policy, client_timer(app), script.receive, script.send)
    socket.start()
    return socket


async def end_of(call: Callable[[], Awaitable[Any]]) -> tuple[int, str]:
    with pytest.raises(WebSocketDisconnected) as caught:
        await call()
    return caught.value.code, caught.value.reason


def types(script: Script) -> list[str]:
    return [message["type"] for message in script.sent]


# -- messages --------------------------------------------------------------------------------------------------------


@in_loop
async def test_messages_come_as_they_are() -> None:
    both: Message = {"type": "websocket.receive", "text": None, "bytes": b"b"}
    other: Message = {"type": "websocket.receive", "text": "", "bytes": None}
    socket = socket_of(Script(text("a"), both, other, binary(b""), {**binary(bytearray(b"c"))}))
    assert [await socket.receive() for _ in range(5)] == ["a", b"b", "", b"", b"c"]
    await socket.stop()


@in_loop
async def test_messages_go_as_they_are() -> None:
    script = Script()
    socket = socket_of(script)
    await socket.send("ä")
    await socket.send(b"b")
    assert script.sent == [{"type": "websocket.send", "text": "ä"}, {"type": "websocket.send", "bytes": b"b"}]
    assert socket.sent == 3
    await socket.stop()


@in_loop
async def test_a_sender_lets_others_run() -> None:
    socket = socket_of(Script())
    others = asyncio.create_task(asyncio.sleep(0))
    count = 0
    while not others.done():
        await socket.send("x")
        count += 1
    assert count < 50
    await socket.stop()


@in_loop
async def test_cancelled_receive_loses_no_message() -> None:
    script = Script()
    socket = socket_of(script)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await socket.receive()
    waiting = asyncio.create_task(socket.receive())
    await until(lambda: script.receives)
    await asyncio.sleep(0)
    script.put(text("a"))
    await until(lambda: socket._messages)
    waiting.cancel()  # woken already, but it has not run yet
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await socket.receive() == "a"
    await socket.stop()


@in_loop
async def test_one_receives_at_a_time() -> None:
    script = Script()
    socket = socket_of(script)
    waiting = asyncio.create_task(socket.receive())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="one receiver"):
        await socket.receive()
    script.put(text("a"))
    assert await waiting == "a"
    await socket.stop()


@pytest.mark.parametrize("messages", [["a", "b", "c", "d"], ["0123456789", "b", "c"], ["", "", ""]])
@in_loop
async def test_unreceived_messages_stay_with_the_server(messages: list[str]) -> None:
    script = Script(*map(text, messages))
    socket = socket_of(script)
    for _ in range(20):
        await asyncio.sleep(0)
    most = 1 if messages[0] == "0123456789" else 2
    assert script.receives == most
    assert [await socket.receive() for _ in messages] == messages
    assert len(messages) - script.receives <= 0
    await socket.stop()


# -- ends that the server tells of -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "code", "reason"),
    [
        (gone(4000, "why"), 4000, "why"),
        (gone(1000, None), 1000, ""),
        ({"type": "websocket.disconnect"}, 1005, ""),
        (gone(None, None), 1005, ""),
        (gone(1005, ""), 1005, ""),
        ({"type": "websocket.disconnect", "code": 1005}, 1006, ""),
        ({"type": "websocket.disconnect", "code": 1006}, 1006, ""),
    ],
)
@in_loop
async def test_codes_and_reasons(message: Message, code: int, reason: str) -> None:
    script = Script(text("last"), message)
    socket = socket_of(script)
    await until(lambda: socket.gone)
    assert await end_of(lambda: socket.send("late")) == (code, reason)
    assert await socket.receive() == "last"
    for _ in range(2):
        assert await end_of(socket.receive) == (code, reason)
    await socket.close()
    assert script.sent == []
    await socket.wait_gone()
    await socket.await_close()
    await socket.stop()


@pytest.mark.parametrize(
    "message",
    [
        {"type": "websocket.receive"},
        {"type": "websocket.receive", "text": None, "bytes": None},
        {"type": "websocket.connect"},
        {"type": "http.request"},
        {},
    ],
)
@in_loop
async def test_nonsense_is_an_end(message: Message, caplog: pytest.LogCaptureFixture) -> None:
    socket = socket_of(Script(text("a"), message))
    await until(lambda: socket.gone)
    assert await socket.receive() == "a"
    assert await end_of(socket.receive) == (1006, "")
    assert "receive() failed" in caplog.text


@in_loop
async def test_a_receive_that_fails_is_an_end(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Script):
        async def receive(self) -> Message:
            raise ConnectionResetError

    socket = socket_of(Failing())
    assert await end_of(socket.receive) == (1006, "")
    assert caplog.text == ""


@in_loop
async def test_a_send_that_fails_ends_with_what_the_server_tells() -> None:
    """A server refuses a message because the peer has closed, before it reports the close itself."""
    script = Script(send_error=OSError("gone"))
    socket = socket_of(script)
    sending = asyncio.create_task(end_of(lambda: socket.send("a")))
    await asyncio.sleep(0)
    script.put(gone(4001, "bye"))
    assert await sending == (4001, "bye")


@in_loop
async def test_unreceived_messages_do_not_hide_the_end() -> None:
    script = Script(*map(text, "abcd"), gone(4001), send_error=OSError("gone"))
    socket = socket_of(script)
    assert await end_of(lambda: socket.send("a")) == (4001, "")
    assert [await socket.receive() for _ in range(4)] == ["a", "b", "c", "d"]


@in_loop
async def test_a_send_that_fails_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sketch_gateway.websocket._TELLING", 0.01)
    socket = socket_of(Script(send_error=OSError("gone")))
    assert await end_of(lambda: socket.send("a")) == (1006, "")
    assert await end_of(socket.receive) == (1006, "")
    await socket.stop()


@in_loop
async def test_an_error_that_is_no_end_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sketch_gateway.websocket._TELLING", 0.01)
    socket = socket_of(Script(send_error=RuntimeError("no such message")))
    with pytest.raises(RuntimeError, match="no such message"):
        await socket.send("a")
    with pytest.raises(RuntimeError, match="no such message"):
        await socket.close()
    await socket.stop()


@in_loop
async def test_a_server_that_has_closed_by_itself() -> None:
    """The server refuses messages with a RuntimeError, and reports the end."""
    script = Script(gone(1009, "too big"), send_error=RuntimeError("after websocket.close"))
    socket = socket_of(script)
    assert await end_of(lambda: socket.send("a")) == (1009, "too big")


@in_loop
async def test_a_peer_that_reads_nothing() -> None:
    class Stalled(Script):
        async def send(self, message: Message) -> None:
            await asyncio.Event().wait()

    socket = socket_of(Stalled(), limits=Limits(write_timeout=0.02))
    assert await end_of(lambda: socket.send("a")) == (1006, "")
    await socket.await_close()
    await socket.stop()


# -- ends by the session -----------------------------------------------------------------------------------------------


@in_loop
async def test_a_close_is_sent_and_wakes_a_waiting_receiver() -> None:
    script = Script()
    socket = socket_of(script)
    waiting = asyncio.create_task(end_of(socket.receive))
    await asyncio.sleep(0)
    await socket.close(4000, "done")
    assert await waiting == (4000, "done")
    assert await end_of(lambda: socket.send("late")) == (4000, "done")
    await socket.close(4001)
    assert script.sent == [{"type": "websocket.close", "code": 4000, "reason": "done"}]


@in_loop
async def test_nothing_waits_in_receive_when_a_close_is_sent() -> None:
    """granian would not send it."""
    busy = False

    class Watched(Script):
        async def receive(self) -> Message:
            nonlocal busy
            busy = True
            try:
                return await super().receive()
            finally:
                busy = False

        async def send(self, message: Message) -> None:
            assert not busy
            await super().send(message)

    script = Watched()
    socket = socket_of(script)
    await until(lambda: busy)
    await socket.close()
    assert types(script) == ["websocket.close"]


@in_loop
async def test_messages_after_a_close_are_dropped_until_the_peer_answers() -> None:
    script = Script(*map(text, "abcdef"), gone(1000))
    socket = socket_of(script, WebSocketPolicy(max_queue=1))
    await until(lambda: script.receives)
    await socket.close()
    assert await end_of(socket.receive) == (1000, "")
    assert not socket.gone
    await socket.await_close()
    assert socket.gone
    assert await end_of(socket.receive) == (1000, "")


@in_loop
async def test_a_peer_that_does_not_answer_a_close_is_not_waited_for_too_long() -> None:
    script = Script()
    socket = socket_of(script)
    await socket.close()
    leaving = asyncio.create_task(socket.wait_gone())
    await socket.await_close()
    await socket.stop()
    assert not socket.gone
    socket.over()
    await leaving


@in_loop
async def test_a_flood_after_a_close_does_not_block_other_tasks() -> None:
    class Flood(Script):
        async def receive(self) -> Message:
            return text("x")

    socket = socket_of(Flood())
    await socket.close()
    await socket.await_close()
    await socket.stop()


@pytest.mark.parametrize("error", [OSError("gone"), RuntimeError("after websocket.close")])
@in_loop
async def test_a_close_after_the_end_changes_nothing(error: Exception) -> None:
    class Racing(Script):
        async def send(self, message: Message) -> None:
            self.put(gone(4001))
            raise error

    socket = socket_of(Racing())
    await socket.close(4000)
    await socket.await_close()
    assert socket.gone


@pytest.mark.parametrize("message", [text("0123456789a"), text("ääääää"), binary(b"0123456789a")])
@in_loop
async def test_a_message_that_is_too_large(message: Message) -> None:
    script = Script(text("0123456789"), message, text("more"), gone(1009))
    socket = socket_of(script, WebSocketPolicy(max_message=10, max_queue=9))
    assert await socket.receive() == "0123456789"
    assert await end_of(socket.receive) == (1009, "expected a message of at most 10 bytes")
    await socket.await_close()
    assert types(script) == ["websocket.close"]
    assert script.sent[0]["code"] == 1009


@pytest.mark.parametrize("message", [text("ääääa"), text("äääää"), text("0123456789"), binary(b"0123456789")])
@in_loop
async def test_a_message_that_just_fits(message: Message) -> None:
    socket = socket_of(Script(message))
    assert await socket.receive() in message.values()
    await socket.stop()


@in_loop
async def test_a_large_message_from_a_peer_that_is_gone() -> None:
    script = Script(binary(b"x" * 11), gone(1006), send_error=RuntimeError("after websocket.close"))
    socket = socket_of(script)
    await until(lambda: socket.gone)
    assert (await end_of(socket.receive))[0] == 1009


# -- with a session ----------------------------------------------------------------------------------------------------


@in_loop
async def test_the_core_and_the_socket_together(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    seen: list[Any] = []

    async def session(ws: WebSocket) -> None:
        async for message in ws:
            await ws.send(message)
        seen.append((ws.close_code, ws.close_reason))

    script = Script({"type": "websocket.connect"}, text("a"), binary(b"bc"))
    task = asyncio.create_task(shake(session, script))
    await until(lambda: len(script.sent) == 3)
    script.put(gone(4000, "why"))
    await task
    assert script.sent[1:] == [{"type": "websocket.send", "text": "a"}, {"type": "websocket.send", "bytes": b"bc"}]
    assert seen == [(4000, "why")]
    assert '"GET /ws" 101 3 ' in caplog.text
