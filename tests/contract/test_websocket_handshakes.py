"""Websocket handshakes, and websockets on the wire, the same in every transport."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.contract.support import access_line, refused
from tests.contract.transports import Served, Transport

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


@pytest.mark.core_rule
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


# -- on the wire ------------------------------------------------------------------------------------------------------


HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: site.example\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
)
HELLO = b"\x81\x85\x00\x00\x00\x00hello"
CLOSE = b"\x88\x82\x00\x00\x00\x00\x03\xe8"


@pytest.mark.parametrize(("origin", "allowed"), [("https://site.example", True), ("http://site.example", False)])
async def test_a_host_with_the_default_port_of_its_page(wired: Served, origin: str, allowed: bool) -> None:
    head = HANDSHAKE.format(path="/ws/origins/same", more=f"Origin: {origin}\r\n")
    head = head.replace("Host: site.example", "Host: site.example:443")
    async with wired.connect() as wire:
        await wire.send(head.encode())
        assert (await wire.head_of_upgrade()).status == (101 if allowed else 403)


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


async def test_an_unknown_version_is_refused(wired: Served) -> None:
    head = HANDSHAKE.format(path="/ws/echo", more="").replace("Version: 13", "Version: 12")
    async with wired.connect() as wire:
        await wire.send(head.encode())
        assert (await wire.head()).status in (400, 426)
