"""Websockets, the same in every transport: handshakes, messages, ends."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any
from urllib.parse import quote

import pytest

from tests.contract.serve import SHORT
from tests.contract.sockets import Ended, Refused, Websocket, ended
from tests.contract.test_wire import access_line
from tests.contract.transports import Served, Transport
from tests.support.wire import Reply

APP = "tests.contract.app:app"
MOST_MESSAGES = 500
"""Messages of 64 KiB that may be under way to somebody who does not read: the buffers of both ends and both kernels."""


async def refused(transport: Transport, target: str, headers: Any = ()) -> Reply:
    with pytest.raises(Refused) as caught:
        async with transport.websocket(target, headers=headers):
            raise AssertionError("expected no websocket")
    return caught.value.reply


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


async def test_who_stops_waiting_for_a_message_loses_none(transport: Transport) -> None:
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


# -- the handshake ----------------------------------------------------------------------------------------------------


async def test_the_request_is_there(transport: Transport) -> None:
    headers = [("X-A", "1"), ("X-A", "2"), ("Cookie", "k=v")]
    async with transport.websocket("/ws/rooms/a%20b/7?x=1&x=2", headers=headers) as ws:
        got = json.loads(await ws.receive())
    assert got["arguments"] == ["a b", 7]
    assert (got["method"], got["path"], got["version"], got["has_body"]) == ("GET", "/ws/rooms/a b/7", "1.1", False)
    assert (got["query"], got["x"], got["cookies"]) == ([["x", "1"], ["x", "2"]], ["1", "2"], {"k": "v"})
    assert got["scheme"] in ("http", "https")
    assert got["url"].startswith(got["scheme"] + "://")
    assert got["url"].endswith("/ws/rooms/a%20b/7?x=1&x=2")
    scheme, _, rest = got["named"].partition("://")
    assert scheme == {"http": "ws", "https": "wss"}[got["scheme"]]
    assert rest.endswith("/ws/rooms/b/8")
    assert (got["client"], got["state"], got["route"]) == (True, "from the lifespan", "/ws/rooms/{room}/{number:int}")
    assert {"host", "upgrade", "connection", "sec-websocket-key", "sec-websocket-version"} <= set(got["headers"])


@pytest.mark.parametrize(
    ("offered", "chosen"), [(["v1"], "v1"), (["v1", "v2"], "v2"), (["v0", "v1"], "v1"), (["v0"], None), ([], None)]
)
async def test_subprotocols(transport: Transport, offered: list[str], chosen: str | None) -> None:
    async with transport.websocket("/ws/echo", subprotocols=offered) as ws:
        assert ws.subprotocol == chosen
        await ws.send("a")
        assert await ws.receive() == "a"


async def test_a_handler_that_opens_a_websocket_itself(transport: Transport) -> None:
    async with transport.websocket("/ws/plain", subprotocols=["a", "b"]) as ws:
        assert ws.subprotocol == "b"
        assert await ws.receive() == "open"


async def test_headers_of_the_handshakes_answer(transport: Transport) -> None:
    async with transport.websocket("/ws/plain") as ws:
        assert [value for name, value in ws.headers if name == "x-room"] == ["1", "2"]


async def test_middleware_sees_the_handshake(transport: Transport) -> None:
    async with transport.websocket("/ws/echo", headers=[("X-Trace", "1")]) as ws:
        assert [value for name, value in ws.headers if name == "x-trace"] == [
            "inner after outer,inner",
            "outer after outer,inner",
        ]
        assert ("x-after", "once") in ws.headers


async def test_a_hook_that_refuses(transport: Transport) -> None:
    reply = await refused(transport, "/ws/echo", [("X-Short-Circuit", "1")])
    assert (reply.status, reply.text) == (202, "short")


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [("text", 503, "not now"), ("raise", 403, "members only"), ("error", 500, "500 Internal Server Error")],
)
async def test_a_handler_that_refuses(transport: Transport, answer: str, status: int, body: str) -> None:
    reply = await refused(transport, f"/ws/plain?answer={answer}")
    assert (reply.status, reply.text) == (status, body)
    assert reply.header("content-length") == str(len(body))
    assert reply.header("retry-after") == ("5" if answer == "text" else None)


async def test_a_streamed_refusal_is_whole_and_closed_once(transport: Transport, key: str) -> None:
    reply = await refused(transport, f"/ws/plain?answer=stream&key={key}")
    assert (reply.status, reply.text) == (401, "part 0 part 1 part 2 ")
    assert await transport.journal(key, "closed") == ["closed"]


async def test_no_such_path(transport: Transport) -> None:
    assert (await refused(transport, "/ws/nothing")).status == 404


async def test_a_handshake_to_a_page_runs_no_handler(transport: Transport, key: str) -> None:
    assert (await refused(transport, f"/ws/never?key={key}")).status == 404
    assert (await transport.get(f"/journal/{key}")).json() == []


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_a_plain_request_to_a_websocket_needs_an_upgrade(transport: Transport, method: str) -> None:
    reply = await transport.request(method, "/ws/echo")
    assert (reply.status, reply.header("upgrade")) == (426, "websocket")


async def test_a_page_and_a_websocket_at_one_path(transport: Transport) -> None:
    assert (await transport.get("/ws/both")).text == "a page"
    async with transport.websocket("/ws/both") as ws:
        assert await ws.receive() == "open"


@pytest.mark.parametrize(
    ("path", "origin", "allowed"),
    [
        ("same", None, True),
        ("same", "https://evil.example", False),
        ("same", "null", False),
        ("one", None, True),
        ("one", "https://good.example", True),
        ("one", "http://good.example", False),
        ("one", "https://good.example.evil.example", False),
        ("any", "https://evil.example", True),
        ("any", "null", True),
    ],
)
async def test_origins(transport: Transport, path: str, origin: str | None, allowed: bool) -> None:
    headers = [] if origin is None else [("Origin", origin)]
    if allowed:
        async with transport.websocket(f"/ws/origins/{path}", headers=headers) as ws:
            assert await ws.receive() == "open"
    else:
        assert (await refused(transport, f"/ws/origins/{path}", headers)).status == 403


async def test_the_page_of_the_same_host(wired: Served) -> None:
    origin = f"{'https' if wired.tls else 'http'}://127.0.0.1:{wired.port}"
    async with wired.websocket("/ws/origins/same", headers=[("Origin", origin)]) as ws:
        assert await ws.receive() == "open"


@pytest.mark.parametrize("where", ["group", "part"])
async def test_websockets_of_parts(transport: Transport, where: str) -> None:
    async with transport.websocket(f"/ws/{where}/7") as ws:
        name = {"group": "contract", "part": "websocket part"}[where]
        path, root_path = ("/ws/group/7", "") if where == "group" else ("/7", "/ws/part")
        assert json.loads(await ws.receive()) == [7, name, name, path, root_path]
    reply = await refused(transport, f"/ws/{where}/7", [("X-Guard", "1")])
    assert (reply.status, reply.text) == (403, "guarded")
    assert (await refused(transport, f"/ws/{where}/x")).status == 404


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


async def test_what_came_before_the_close_is_received(transport: Transport, key: str) -> None:
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


async def test_a_session_that_does_neither_can_wait_for_the_end(transport: Transport, key: str) -> None:
    """A close of its own comes too late then."""
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
    """And until then not much is kept for it."""
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


# -- on the wire ------------------------------------------------------------------------------------------------------

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: site.example\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
)
HELLO = b"\x81\x85\x00\x00\x00\x00hello"
CLOSE = b"\x88\x82\x00\x00\x00\x00\x03\xe8"


async def test_the_accept_key(wired: Served) -> None:
    async with wired.connect() as wire:
        await wire.send(HANDSHAKE.format(path="/ws/echo", more="").encode())
        head = await wire.head_of_upgrade()
        assert head.status == 101
        assert head.header("sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        assert (head.header("upgrade") or "").lower() == "websocket"
        assert (head.header("connection") or "").lower() == "upgrade"
        assert head.header("sec-websocket-protocol") is None
        assert head.header("sec-websocket-extensions") is None
        assert head.header("content-length") is None


async def test_frames_as_they_are(wired: Served) -> None:
    async with wired.connect() as wire:
        await wire.send(HANDSHAKE.format(path="/ws/echo", more="").encode())
        assert (await wire.head_of_upgrade()).status == 101
        await wire.send(HELLO + HELLO)
        async with asyncio.timeout(10):
            assert await wire.reader.readexactly(14) == b"\x81\x05hello" * 2
            await wire.send(CLOSE)
            assert await wire.reader.readexactly(4) == b"\x88\x02\x03\xe8"
        assert await wire.ended() == b""


async def test_a_ping_is_answered_while_the_session_waits(wired: Served) -> None:
    async with wired.connect() as wire:
        await wire.send(HANDSHAKE.format(path="/ws/echo", more="").encode())
        await wire.head_of_upgrade()
        await wire.send(b"\x89\x84\x00\x00\x00\x00ping")
        async with asyncio.timeout(10):
            assert await wire.reader.readexactly(6) == b"\x8a\x04ping"


async def test_one_access_line_for_a_websocket(wired: Served, key: str) -> None:
    """At its end, with the bytes of the messages that were sent."""
    target = f"/ws/echo?{key}"
    async with wired.websocket(target) as ws:
        await ws.send("ä")
        assert await ws.receive() == "ä"
        assert target not in wired.program.output
    assert f'"GET {target}" 101 2 ' in await access_line(wired, target)
    target = f"/ws/nothing?{key}"
    await refused(wired, target)
    assert f'"GET {target}" 404 13 ' in await access_line(wired, target)


async def test_a_handshake_with_a_body_is_refused(wired: Served) -> None:
    async with wired.connect() as wire:
        await wire.send(HANDSHAKE.format(path="/ws/echo", more="Content-Length: 5\r\n").encode() + b"hello")
        async with asyncio.timeout(2):
            assert (await wire.head()).status == 400


async def test_a_refused_handshake_leaves_no_session(wired: Served, key: str) -> None:
    async with wired.connect() as wire:
        await wire.send(HANDSHAKE.format(path=f"/ws/never?key={key}", more="").encode())
        assert (await wire.receive()).status == 404
    assert (await wired.get(f"/journal/{key}")).json() == []


async def test_a_version_that_nobody_speaks(wired: Served) -> None:
    head = HANDSHAKE.format(path="/ws/echo", more="").replace("Version: 13", "Version: 12")
    async with wired.connect() as wire:
        await wire.send(head.encode())
        assert (await wire.head()).status in (400, 426)


# -- a server that stops ----------------------------------------------------------------------------------------------


async def test_a_server_that_stops_closes_with_1012(pool: Any, server_name: str) -> None:
    """Before it does anything else; the session may then end in its own time."""
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
