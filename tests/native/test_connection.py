"""RFC 9112 section 9 and RFC 9110 on connections: persistence, closing, upgrades, expectations."""

from __future__ import annotations

import asyncio

import pytest

from sketch import Application, HTTPUnauthorized, Limits, Request, Response
from tests.native.parsing import bytewise
from tests.support.native import GET, HOST, make_app, serving, turns, until
from tests.support.wire import Reply

POST = b"POST /echo HTTP/1.1\r\n" + HOST


def with_field(field: bytes, version: bytes = b"1.1") -> bytes:
    return b"GET / HTTP/%b\r\n%b%b\r\n\r\n" % (version, HOST, field)


# -- persistence ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        GET,
        with_field(b"Connection: keep-alive"),
        with_field(b"Connection: closed, x-close"),
        with_field(b"Keep-Alive: timeout=1, max=1"),
        with_field(b"Connection: keep-alive", b"1.0"),
        with_field(b"Connection: Keep-Alive, x", b"1.0"),
    ],
)
async def test_connections_that_persist(raw: bytes) -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        for _ in range(3):
            await wire.send(raw)
            reply = await wire.receive()
            assert reply.body == b"ok"
            assert reply.header("connection") == ("keep-alive" if b"HTTP/1.0" in raw else None)


@pytest.mark.parametrize(
    "raw",
    [
        with_field(b"Connection: close"),
        with_field(b"connection: CLOSE"),
        with_field(b"Connection:\tclose\t"),
        with_field(b"Connection: x, close"),
        with_field(b"Connection: x\r\nConnection: close"),
        with_field(b"X: y", b"1.0"),
        with_field(b"Connection: close", b"1.0"),
    ],
)
async def test_connections_that_end(raw: bytes) -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(raw + GET)
        reply = await wire.receive()
        assert (reply.body, reply.header("connection")) == (b"ok", "close")
        assert await wire.ended() == b""


async def test_a_stream_to_http_1_0_ends_with_the_connection() -> None:
    raw = b"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(raw)
        reply = await wire.receive()
        assert (reply.body, reply.header("connection")) == (b"one,two", "close")
        assert reply.header("transfer-encoding") is None
        assert await wire.ended() == b""


async def test_a_handler_may_end_the_connection() -> None:
    app = Application()
    app.add_get("/", lambda request: Response("ok", headers={"Connection": "close", "Keep-Alive": "timeout=5"}))
    async with serving(app) as served, served.connect() as wire:
        await wire.send(GET + GET)
        reply = await wire.receive()
        assert (reply.body, reply.header("connection"), reply.header("keep-alive")) == (b"ok", "close", None)
        assert await wire.ended() == b""


async def test_a_handler_cannot_keep_a_connection() -> None:
    app = Application()
    app.add_get("/", lambda request: Response("ok", headers={"Connection": "keep-alive", "Keep-Alive": "timeout=5"}))
    async with serving(app) as served, served.connect() as wire:
        await wire.send(with_field(b"Connection: close"))
        assert (await wire.receive()).header("connection") == "close"
        assert await wire.ended() == b""


# -- closing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [GET * 1000, b"\0" * 200_000])
async def test_the_last_answer_arrives_although_more_was_sent(body: bytes) -> None:
    """Closing a socket with unread input sends a reset, which discards what the client has not read yet."""
    async with serving(make_app()) as served, served.connect() as wire:
        wire.pause()
        await wire.send(b"GET / HTTP/1.1\r\n\r\n" + body[:100_000])
        await turns(50)
        wire.writer.write(body[100_000:])
        await turns(50)
        wire.resume()
        assert (await wire.receive()).status == 400
        assert await wire.ended() == b""


async def test_a_client_that_never_stops_sending_is_cut() -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(with_field(b"Connection: close"))
        assert (await wire.receive()).body == b"ok"
        with pytest.raises(ConnectionError):
            await _send_for_ever(wire.send)
        await served.alone()


async def _send_for_ever(send: object) -> None:
    async with asyncio.timeout(10):
        while True:
            await send(b"x" * 65536)  # type: ignore[operator]


async def test_a_client_that_leaves_is_noticed() -> None:
    app, gone = Application(), asyncio.Event()
    running = asyncio.Event()

    @app.get("/")
    async def wait(request: Request) -> Response:
        running.set()
        await request.wait_disconnected()
        gone.set()
        return Response("to nobody")

    async with serving(app) as served, served.connect() as wire:
        await wire.send(GET)
        await running.wait()
        wire.abort()
        await gone.wait()
        await served.alone()


async def test_a_handler_goes_on_when_its_client_leaves() -> None:
    app, leave, ended = Application(), asyncio.Event(), asyncio.Event()
    running = asyncio.Event()

    @app.get("/")
    async def work(request: Request) -> Response:
        running.set()
        await leave.wait()
        ended.set()
        return Response("to nobody")

    async with serving(app) as served:
        async with served.connect() as wire:
            await wire.send(GET)
            await running.wait()
        await turns(20)
        assert len(served.server.connections) == 1
        leave.set()
        await ended.wait()


# -- upgrades ---------------------------------------------------------------------------------------------------------

SMUGGLED = b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"
UPGRADES = {
    "h2c": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
    "unknown": b"Connection: upgrade\r\nUpgrade: foo/2, bar\r\n",
    "TLS": b"Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n",
}


@pytest.mark.parametrize("upgrade", UPGRADES)
@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("way", ["one segment", "bytewise", "head and body"])
async def test_the_body_of_an_ignored_upgrade_is_a_body(upgrade: str, framing: str, way: str) -> None:
    """It is not parsed as another request: that would be smuggling."""
    head = POST + UPGRADES[upgrade]
    if framing == "length":
        raw = head + b"Content-Length: %d\r\n\r\n%b" % (len(SMUGGLED), SMUGGLED)
    else:
        raw = head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)
    at = raw.index(b"\r\n\r\n") + 4
    parts = {"one segment": [raw], "bytewise": bytewise(raw), "head and body": [raw[:at], raw[at:]]}[way]
    async with serving(make_app()) as served, served.connect() as wire:
        for _ in range(2):
            for part in parts:
                await wire.send(part)
                await turns(1)
            reply = await wire.receive()
            assert (reply.status, reply.body) == (200, SMUGGLED)
        await wire.send(GET)
        assert (await wire.receive()).body == b"ok"


@pytest.mark.parametrize("upgrade", UPGRADES)
async def test_an_ignored_upgrade_without_a_body(upgrade: str) -> None:
    raw = b"GET / HTTP/1.1\r\n" + HOST + UPGRADES[upgrade] + b"\r\n"
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(raw + SMUGGLED + raw)
        assert [(await wire.receive()).body for _ in range(3)] == [b"ok", b"one,two", b"ok"]


async def test_upgrade_and_close() -> None:
    raw = (
        b"POST /echo HTTP/1.1\r\n" + HOST + b"Connection: Upgrade, close\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nab"
    )
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(raw + GET)
        reply = await wire.receive()
        assert (reply.body, reply.header("connection")) == (b"ab", "close")
        assert await wire.ended() == b""


async def test_an_ignored_upgrade_with_an_unread_body() -> None:
    raw = b"POST /noread HTTP/1.1\r\n" + HOST + UPGRADES["h2c"]
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(raw + b"Content-Length: %d\r\n\r\n%b" % (len(SMUGGLED), SMUGGLED) + GET)
        assert [(await wire.receive()).body for _ in range(2)] == [b"noread", b"ok"]


# -- Expect: 100-continue ---------------------------------------------------------------------------------------------

EXPECT = b"Expect: 100-continue\r\n"


@pytest.mark.parametrize("framing", [b"Content-Length: 3\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"])
async def test_leave_to_send_is_given_when_the_body_is_read(framing: bytes) -> None:
    app, asked, read = Application(), asyncio.Event(), asyncio.Event()

    @app.post("/echo")
    async def echo(request: Request) -> Response:
        asked.set()
        await read.wait()
        return Response(await request.read())

    async with serving(app) as served, served.connect() as wire:
        await wire.send(POST + EXPECT + framing)
        await asked.wait()
        await turns(20)
        assert not wire.reader.begun  # type: ignore[attr-defined]
        read.set()
        async with asyncio.timeout(5):
            assert await wire.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await wire.send(b"abc" if b"Length" in framing else b"3\r\nabc\r\n0\r\n\r\n")
        reply = await wire.receive()
        assert (reply.body, reply.interim) == (b"abc", [])


@pytest.mark.parametrize("raw", [
    POST + EXPECT + b"Content-Length: 3\r\n\r\nabc",
    POST + EXPECT + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    POST + EXPECT + b"Content-Length: 0\r\n\r\n",
    POST + EXPECT + b"\r\n",
    b"POST /echo HTTP/1.0\r\n" + EXPECT + b"Content-Length: 3\r\nConnection: keep-alive\r\n\r\nabc",
], ids=["sent", "sent in chunks", "empty", "none", "HTTP/1.0"])  # fmt: skip
async def test_leave_to_send_is_not_given_without_need(raw: bytes) -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(raw)
        reply = await wire.receive()
        assert (reply.status, reply.interim) == (200, [])


async def test_http_1_0_is_never_told_to_go_on() -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(b"POST /echo HTTP/1.0\r\n" + EXPECT + b"Content-Length: 3\r\n\r\n")
        await turns(50)
        await wire.send(b"abc")
        reply = await wire.receive()
        assert (reply.body, reply.interim) == (b"abc", [])


async def test_an_answer_without_leave_to_send_ends_the_connection() -> None:
    """The server cannot know whether the body comes now."""
    app = Application()

    @app.post("/echo")
    async def refuse(request: Request) -> Response:
        raise HTTPUnauthorized

    async with serving(app) as served, served.connect() as wire:
        await wire.send(POST + EXPECT + b"Content-Length: 50\r\n\r\n")
        reply = await wire.receive()
        assert (reply.status, reply.interim, reply.header("connection")) == (401, [], "close")
        await wire.send(SMUGGLED)
        assert await wire.ended() == b""


async def test_a_length_over_the_limit_gets_no_leave_to_send() -> None:
    async with serving(make_app(limits=Limits(body=10))) as served, served.connect() as wire:
        await wire.send(POST + EXPECT + b"Content-Length: 11\r\n\r\n")
        reply = await wire.receive()
        assert (reply.status, reply.interim) == (413, [])
        assert await wire.ended() == b""


async def test_leave_to_send_twice_on_one_connection() -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        for body in (b"abc", b"defgh"):
            await wire.send(POST + EXPECT + b"Content-Length: %d\r\n\r\n" % len(body))
            await until(lambda: wire.reader._buffer, "100")  # type: ignore[attr-defined]
            await wire.send(body)
            reply = await wire.receive()
            assert (reply.body, reply.interim) == (body, [100])


@pytest.mark.parametrize(
    "fields",
    [
        b"Expect: foo\r\n",
        b"Expect: 100-continue, foo\r\n",
        b"Expect: foo\r\nExpect: 100-continue\r\n",
        b"Expect: 100-continue\r\nExpect: foo\r\n",
        b"Expect:\r\n",
        b"Expect: 100\r\n",
    ],
)
async def test_other_expectations_fail(fields: bytes) -> None:
    async with serving(make_app()) as served:
        reply: Reply = await served.refusal(POST + fields + b"Content-Length: 3\r\n\r\nabc" + GET)
        assert reply.status == 417
