"""Websockets, the same in every transport: messages, ends, backpressure, and a server that stops."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any
from urllib.parse import quote

import pytest

from tests.contract.serve import SHORT
from tests.contract.sockets import Ended, Websocket, ended
from tests.contract.transports import Transport

APP = "tests.contract.app:app"
MOST_MESSAGES = 500
"""Messages of 64 KiB that may be under way to a peer that does not read: the buffers of both ends and both kernels."""


async def send_all(ws: Websocket, messages: list[str], pause: float = 0) -> None:
    for message in messages:
        await ws.send(message)
        await asyncio.sleep(pause)


# -- messages ---------------------------------------------------------------------------------------------------------


async def test_messages_come_back_as_they_are(transport: Transport) -> None:
    messages: list[str | bytes] = [
        "",
        "text",
        "ä€😀\x00",
        b"",
        b"\x00\xff",
        b"\x80" * 126,
        "ä" * 65_535,
        b"z" * 300_000,
    ]
    async with transport.websocket("/ws/echo") as ws:
        for message in messages:
            await ws.send(message)
            assert await ws.receive() == message


async def test_messages_keep_their_order(transport: Transport) -> None:
    async with transport.websocket("/ws/echo") as ws:
        for first in range(0, 300, 10):
            for number in range(first, first + 10):
                await ws.send(str(number))
            assert [await ws.receive() for _ in range(10)] == [str(number) for number in range(first, first + 10)]


async def test_several_websockets_at_once(transport: Transport) -> None:
    async def talk(name: str) -> None:
        async with transport.websocket("/ws/echo") as ws:
            for number in range(20):
                await ws.send(f"{name} {number}")
                assert await ws.receive() == f"{name} {number}"

    async with asyncio.TaskGroup() as group:
        for name in "abcdefghij":
            group.create_task(talk(name))


async def test_one_task_sends_while_another_receives(transport: Transport) -> None:
    async with transport.websocket("/ws/duplex") as ws, asyncio.TaskGroup() as group:
        group.create_task(send_all(ws, [f"other {number}" for number in range(50)]))
        got = [await ws.receive() for _ in range(100)]
    assert [m for m in got if m.startswith("own")] == [f"own {number}" for number in range(50)]
    assert [m for m in got if m.startswith("other")] == [f"other {number}" for number in range(50)]


async def test_cancelled_receive_loses_no_message(transport: Transport) -> None:
    messages = [str(number) for number in range(100)]
    async with transport.websocket("/ws/patience") as ws, asyncio.TaskGroup() as group:
        group.create_task(send_all(ws, messages, 0.001))  # so that some come just when the session stops waiting
        assert [await ws.receive() for _ in messages] == messages


async def test_json(transport: Transport) -> None:
    async with transport.websocket("/ws/json") as ws:
        await ws.send('{"a": [1, "ä"]}')
        assert json.loads(await ws.receive()) == {"got": {"a": [1, "ä"]}}
        await ws.send(b"[2]")
        got = await ws.receive()
        assert isinstance(got, str)
        assert json.loads(got) == {"got": [2]}
        await ws.send("{")
        assert (await ended(ws))[0] == 1007


async def test_a_message_of_the_wrong_kind_is_1003(transport: Transport) -> None:
    async with transport.websocket("/ws/text") as ws:
        await ws.send("a")
        assert await ws.receive() == "a"
        await ws.send("b")
        assert await ended(ws) == (1003, "expected a binary message")
    async with transport.websocket("/ws/text") as ws:
        await ws.send(b"a")
        assert await ended(ws) == (1003, "expected a text message")


async def test_a_session_has_a_context_of_its_own(transport: Transport, key: str) -> None:
    async with transport.websocket(f"/ws/context?key={key}1") as one:
        async with transport.websocket(f"/ws/context?key={key}2") as two:
            await two.send("go")
            assert json.loads(await two.receive()) == ["unset", "/ws/context", "contract", f"{key}2", f"{key}2"]
        await one.send("go")
        assert json.loads(await one.receive()) == ["unset", "/ws/context", "contract", f"{key}1", f"{key}1"]


# -- ends -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
async def test_the_clients_code(transport: Transport, key: str, code: int) -> None:
    async with transport.websocket(f"/ws/listen?key={key}") as ws:
        await ws.close(code)
    assert await transport.journal(key, "over") == [f"{code} ", "over"]


async def test_the_clients_reason(transport: Transport, key: str) -> None:
    async with transport.websocket(f"/ws/listen?key={key}") as ws:
        await ws.close(4000, "wegen Ü")
    assert await transport.journal(key, "over") == ["4000 wegen Ü", "over"]


async def test_a_client_that_closes_without_a_code(transport: Transport, key: str) -> None:
    async with transport.websocket(f"/ws/listen?key={key}") as ws:
        await ws.close(None)
    assert await transport.journal(key, "over") == ["1005 ", "over"]


async def test_a_client_that_breaks_off(transport: Transport, key: str) -> None:
    async with transport.websocket(f"/ws/listen?key={key}") as ws:
        ws.abort()
        assert await transport.journal(key, "over") == ["1006 ", "over"]


async def test_messages_before_the_close_are_received(transport: Transport, key: str) -> None:
    messages = [str(number) for number in range(5)]
    async with transport.websocket(f"/ws/listen?key={key}") as ws:
        await send_all(ws, messages)
        await ws.close(4000)
    assert (await transport.journal(key, "over"))[:5] == messages


@pytest.mark.parametrize("leave", ["close", "abort"])
async def test_after_the_end_everything_raises_the_one_exception(transport: Transport, key: str, leave: str) -> None:
    async with transport.websocket(f"/ws/after?key={key}") as ws:
        if leave == "close":
            await ws.close()
        else:
            ws.abort()
        sent, closed, _ = await transport.journal(key, "over")
    assert sent == f"send {closed}"


@pytest.mark.parametrize("leave", ["close", "abort"])
async def test_a_session_that_only_sends_hears_of_the_end(transport: Transport, key: str, leave: str) -> None:
    async with transport.websocket(f"/ws/talk?key={key}") as ws:
        assert await ws.receive() == "tick"
        if leave == "close":
            await ws.close(1001)
        else:
            ws.abort()
        await transport.journal(key, "over")


async def test_a_session_that_neither_sends_nor_receives_can_wait_for_the_end(transport: Transport, key: str) -> None:
    """A close by the session comes too late then."""
    async with transport.websocket(f"/ws/leaving?key={key}") as ws:
        assert await ws.receive() == "open"
        ws.abort()
        assert await transport.journal(key, "over") == ["1006 ", "over"]


@pytest.mark.parametrize("leave", ["close", "abort"])
async def test_a_session_can_be_cancelled_at_the_end(transport: Transport, key: str, leave: str) -> None:
    async with transport.websocket(f"/ws/cancelled?key={key}") as ws:
        assert await ws.receive() == "open"
        if leave == "close":
            await ws.close()
        else:
            ws.abort()
        assert await transport.journal(key, "cancelled") == ["cancelled"]


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "going"), (1008, ""), (4000, "wegen Ü")])
async def test_the_sessions_code_and_reason(transport: Transport, key: str, code: int, reason: str) -> None:
    async with transport.websocket(f"/ws/close/{code}?reason={quote(reason)}&key={key}") as ws:
        assert await ws.receive() == "last"
        assert await ended(ws) == (code, reason)
        with pytest.raises(Ended):
            await ws.send("late")
    await transport.journal(key, f"send {code} {reason}")


async def test_a_session_that_returns_closes_with_1000(transport: Transport) -> None:
    async with transport.websocket("/ws/return") as ws:
        assert await ws.receive() == "last"
        assert await ended(ws) == (1000, "")


async def test_a_session_that_fails_closes_with_1011(transport: Transport) -> None:
    async with transport.websocket("/ws/error") as ws:
        assert await ended(ws) == (1011, "")
    assert (await transport.get("/")).text == "hello"


@pytest.mark.parametrize("kind", ["text", "bytes", "multibyte", "compressed"])
async def test_a_message_that_is_too_large_closes_with_1009(transport: Transport, key: str, kind: str) -> None:
    fits: str | bytes = {"text": "x" * 1000, "bytes": b"x" * 1000, "multibyte": "ä" * 500, "compressed": b"\0" * 1000}[
        kind
    ]
    async with transport.websocket(f"/ws/small?key={key}") as ws:
        await ws.send(fits)
        assert await ws.receive() == str(len(fits))
        large = fits + fits[:1]
        await ws.send(large * 1000 if kind == "compressed" else large)
        assert (await ended(ws))[0] == 1009
    assert (await transport.journal(key, "over"))[0].startswith("1009 ")


async def test_an_idle_websocket_is_closed(transport: Transport, key: str) -> None:
    async with transport.websocket(f"/ws/idle?key={key}") as ws:
        await ws.send("a")
        assert await ws.receive() == "a"
        assert (await ended(ws))[0] == 1001
    assert await transport.journal(key, "over") == ["1001 idle for too long", "over"]


async def test_a_session_at_work_is_not_idle(transport: Transport) -> None:
    async with transport.websocket("/ws/idle/busy") as ws:
        await ws.send("a")
        assert await ws.receive() == "done"
        assert await ended(ws) == (1000, "")


# -- backpressure -----------------------------------------------------------------------------------------------------


async def test_a_client_that_does_not_read_is_given_up(transport: Transport, key: str) -> None:
    """Until then the server buffers little for it."""
    async with transport.websocket(f"/ws/flood?key={key}") as ws:
        await ws.receive()
        code, _, sent = (await transport.journal(key, "over"))[0].split()
        assert int(code) == 1006
        assert int(sent) < MOST_MESSAGES
        ws.abort()


async def test_a_session_that_does_not_receive_holds_its_client_back(transport: Transport, key: str) -> None:
    message = os.urandom(65_536)
    async with transport.websocket(f"/ws/gate?key={key}") as ws:
        await transport.journal(key, "waiting")
        sent = 0
        sending: asyncio.Task[None] | None = None
        while sending is None or sending in (await asyncio.wait([sending], timeout=0.5))[0]:
            sent += sending is not None
            assert sent < MOST_MESSAGES
            sending = asyncio.create_task(ws.send(message))
        assert (await transport.post(f"/ws/gate?key={key}", b"")).text == "open"
        await sending
        await ws.send("end")
        assert await ws.receive() == str(sent + 1)


# -- a server that stops ----------------------------------------------------------------------------------------------


async def test_a_server_that_stops_closes_with_1012(pool: Any, server_name: str) -> None:
    """The close comes first; the session may then take its time to end."""
    with pool.own(server_name, APP) as served:
        async with served.websocket("/ws/until-stopping") as ws:
            assert await ws.receive() == "begin"
            served.terminate()
            assert await ended(ws) == (1012, "back soon")
        await served.exit_code()
        assert "session: 1012 back soon" in served.program.output
        assert "Traceback" not in served.program.output


async def test_a_session_that_does_not_end_is_cancelled(pool: Any, server_name: str) -> None:
    with pool.own(server_name, APP, "--seconds", str(SHORT)) as served:
        async with served.websocket("/ws/stubborn") as ws:
            assert await ws.receive() == "begin"
            served.terminate()
            await served.exit_code()
            assert "session: cancelled" in served.program.output
