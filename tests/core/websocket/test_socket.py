"""The websocket that a session holds: messages, closing, and idle peers."""

from __future__ import annotations

import asyncio
import re
from typing import Any, TypedDict
from uuid import UUID

import pytest

from sketch import WebSocket, WebSocketDisconnected, WebSocketPolicy, WebSocketResponse
from sketch.application import Application
from tests.core.websocket.support import Pipe, ended, handshake, run
from tests.support.requests import in_loop

# -- messages ---------------------------------------------------------------------------------------------------------


@in_loop
async def test_messages() -> None:
    async def talk(ws: WebSocket) -> None:
        assert (await ws.receive(), await ws.receive()) == ("text", b"bytes")
        assert (await ws.receive_text(), await ws.receive_bytes()) == ("text", b"bytes")
        assert (await ws.receive_json(), await ws.receive_json()) == ({"a": 1}, [2])
        for message in ("text", b"bytes", bytearray(b"array"), memoryview(b"view")):
            await ws.send(message)
        await ws.send_json({"ü": [1]})

    pipe = await run(talk, "text", b"bytes", "text", b"bytes", '{"a": 1}', b"[2]")
    assert pipe.sent == ["text", b"bytes", b"array", b"view", '{"ü":[1]}']
    assert [type(message) for message in pipe.sent] == [str, bytes, bytes, bytes, str]
    assert pipe.closed == (1000, "")


@in_loop
async def test_json_of_a_type_and_back() -> None:
    pytest.importorskip("msgspec")

    async def talk(ws: WebSocket) -> None:
        await ws.send_json(await ws.receive_json(type=dict[str, UUID]))
        with pytest.raises(WebSocketDisconnected):
            await ws.receive_json(type=list[set[int]])

    text = '{"a":"00000000-0000-0000-0000-000000000005"}'
    pipe = await run(talk, text, '[["7331"]]')
    assert pipe.sent == [text]
    assert pipe.closed == (1007, "expected another message: expected an integer - at `$[0][0]`")


@in_loop
async def test_the_reason_of_a_close_is_cut() -> None:
    pytest.importorskip("msgspec")

    async def talk(ws: WebSocket) -> None:
        with pytest.raises(WebSocketDisconnected):
            await ws.receive_json(type=TypedDict("Long", {"\N{GREEK SMALL LETTER ALPHA}" * 100: int}))

    pipe = await run(talk, "{}")
    assert pipe.closed is not None
    assert 121 <= len(pipe.closed[1].encode()) <= 123


@in_loop
async def test_a_type_that_no_library_reads_is_the_sessions_fault() -> None:
    pytest.importorskip("msgspec")

    async def talk(ws: WebSocket) -> None:
        with pytest.raises(TypeError, match="expected a type to read JSON as, got <class 'complex'>"):
            await ws.receive_json(type=complex)

    await run(talk, "{}")


@in_loop
async def test_iteration_ends_where_the_websocket_does() -> None:
    got: list[Any] = []

    async def talk(ws: WebSocket) -> None:
        async for message in ws:
            got.append(message)
        got.append((ws.close_code, ws.close_reason))

    pipe = await run(talk, "a", b"b", leaves=(3001, "bye"))
    assert got == ["a", b"b", (3001, "bye")]
    assert pipe.closed is None


@pytest.mark.parametrize(
    ("receive", "message", "code"),
    [("receive_text", b"x", 1003), ("receive_bytes", "x", 1003), ("receive_json", "{", 1007),
     ("receive_json", b"\xff", 1007), ("receive_json", "[" * 100_000, 1007)],
)  # fmt: skip
@in_loop
async def test_a_message_of_another_kind_is_the_peers_mistake(receive: str, message: str | bytes, code: int) -> None:
    async def talk(ws: WebSocket) -> None:
        with pytest.raises(WebSocketDisconnected) as caught:
            await getattr(ws, receive)()
        assert caught.value.code == ws.close_code == code
        raise caught.value

    pipe = await run(talk, message)
    assert pipe.closed is not None
    assert pipe.closed[0] == code


@in_loop
async def test_messages_of_other_types_are_refused() -> None:
    async def talk(ws: WebSocket) -> None:
        with pytest.raises(TypeError, match=r"expected a message of str or bytes, got \{'a': 1\}: use send_json"):
            await ws.send({"a": 1})  # type: ignore[arg-type]

    await run(talk)


# -- ends -------------------------------------------------------------------------------------------------------------


@in_loop
async def test_everything_raises_after_the_end() -> None:
    async def talk(ws: WebSocket) -> None:
        for _ in range(2):
            with ended(4000, "so"):
                await ws.receive()
        with ended(4000, "so"):
            await ws.send("x")
        with ended(4000, "so"):
            await ws.send_json({})
        await ws.close(1000)
        assert (ws.close_code, ws.close_reason) == (4000, "so")
        assert repr(ws) == "<WebSocket /ws closed with 4000>"

    await run(talk, leaves=(4000, "so"))


@in_loop
async def test_closing() -> None:
    async def talk(ws: WebSocket) -> None:
        assert repr(ws) == "<WebSocket /ws open>"
        await ws.close(4001, "enough")
        await ws.close(4002)
        with ended(4001, "enough"):
            await ws.receive()
        with ended(4001, "enough"):
            await ws.send("x")

    assert (await run(talk, "unread")).closed == (4001, "enough")


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000])
@in_loop
async def test_invalid_codes_are_refused(code: int) -> None:
    async def talk(ws: WebSocket) -> None:
        with pytest.raises(ValueError, match=f"expected a close code that may be sent.*got {code}"):
            await ws.close(code)

    assert (await run(talk)).closed == (1000, "")


@pytest.mark.parametrize(
    ("code", "reason", "message"),
    [
        (1000.0, "", "expected a close code of int, got 1000.0"),
        ("1000", "", "expected a close code of int, got '1000'"),
        (1000, b"x", "expected a reason of str, got b'x'"),
        (1000, None, "expected a reason of str, got None"),
    ],
)
@in_loop
async def test_codes_and_reasons_of_other_types_are_refused(code: Any, reason: Any, message: str) -> None:
    async def talk(ws: WebSocket) -> None:
        with pytest.raises(TypeError, match=re.escape(message)):
            await ws.close(code, reason)

    assert (await run(talk)).closed == (1000, "")


@in_loop
async def test_a_reason_that_is_too_long_is_refused() -> None:
    async def talk(ws: WebSocket) -> None:
        with pytest.raises(ValueError, match="at most 123 bytes"):
            await ws.close(1000, "ü" * 62)
        await ws.close(1000, "ü" * 61)

    assert (await run(talk)).closed == (1000, "ü" * 61)


@in_loop
async def test_the_peers_close_counts_as_soon_as_it_is_known() -> None:
    """Even before earlier messages are received."""

    async def talk(ws: WebSocket) -> None:
        assert (ws.close_code, ws.close_reason) == (4000, "so")
        assert await ws.receive() == "first"
        with ended(4000, "so"):
            await ws.receive_text()
        await ws.close(4999)
        assert (ws.close_code, ws.close_reason) == (4000, "so")

    await run(talk, "first", b"no text", leaves=(4000, "so"))


@in_loop
async def test_an_idle_peer_is_left() -> None:
    async def talk(ws: WebSocket) -> None:
        with ended(1001, "idle for too long"):
            await ws.receive()

    pipe = await run(talk, policy=WebSocketPolicy(idle_timeout=0.02))
    assert pipe.closed == (1001, "idle for too long")


@in_loop
async def test_a_wait_that_begins_between_two_looks_has_its_whole_time() -> None:
    pipe = Pipe()
    ws = WebSocket(handshake(Application()), pipe, policy=WebSocketPolicy(idle_timeout=1.0))
    receiving = asyncio.create_task(ws.receive())
    await asyncio.sleep(0)
    ws.idled(5.0)  # it may have begun to wait just before
    ws.idled(1.0)
    assert ws._closing is None
    ws.idled(0.25)
    with pytest.raises(WebSocketDisconnected):
        await receiving
    await ws.finish(1000)
    assert pipe.closed == (1001, "idle for too long")


@in_loop
async def test_a_session_that_sends_is_not_idle() -> None:
    """Idle time counts only while the session waits for a message and sends none."""
    ticks = asyncio.Event()

    async def talk(ws: WebSocket) -> None:
        ws.idled(10)
        receiving = asyncio.create_task(ws.receive())
        await asyncio.sleep(0)
        for _ in range(5):
            ws.idled(0.8)
            await ws.send("tick")
        assert ws.close_code is None
        ticks.set()
        assert await receiving == "x"

    pipe = Pipe()
    policy = WebSocketPolicy(idle_timeout=1.0)
    request = handshake(Application())
    running = asyncio.create_task(WebSocketResponse(talk, policy=policy).run(request, pipe))
    await ticks.wait()
    pipe.arrive("x")
    await running
    assert pipe.closed == (1000, "")
