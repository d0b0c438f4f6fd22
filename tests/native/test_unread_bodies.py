"""Request bodies that no handler reads: a short one is dropped, a longer one ends the connection, as announced."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator

import pytest

from sketch import Application, Limits, Request, Response, StreamResponse
from sketch_native import ServerLimits
from sketch_native.states import CLOSING, REST
from tests.support.native import GET, HOST, Certificates, add_refusals, make_app, opened, serving, turns, until
from tests.support.wire import Wire

MIB = 1024 * 1024
TLS = pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
QUICK = ServerLimits(linger_timeout=0.2)


def make_deaf_app() -> Application:
    """An application whose routes read nothing."""
    app = make_app()

    add_refusals(app)

    @app.post("/streamed")
    async def streamed(request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"streamed"

        return StreamResponse(parts())

    return app


TARGETS = {"/noread": 200, "/401": 401, "/nowhere": 404, "/413": 413, "/500": 500, "/streamed": 200}


def head(target: str, length: int, extra: bytes = b"") -> bytes:
    return f"POST {target} HTTP/1.1\r\n".encode() + HOST + extra + b"Content-Length: %d\r\n\r\n" % length


async def send_as_far_as_possible(wire: Wire, size: int | float) -> int:
    """Send until the server closes; the number of bytes."""
    sent = 0
    try:
        while sent < size:
            await wire.send(b"x" * 65536)
            sent += 65536
    except ConnectionError:
        pass
    return sent


# -- short bodies -----------------------------------------------------------------------------------------------------


@TLS
@pytest.mark.parametrize("target", TARGETS)
async def test_a_short_body_is_dropped_and_the_connection_goes_on(
    target: str, encrypted: bool, certificates: Certificates
) -> None:
    """The whole body comes after the answer, a request at its heels."""
    async with serving(make_deaf_app(), certificates if encrypted else None) as served, served.connect() as wire:
        for size in (1001, 400_000, 1_000_000, MIB):
            await wire.send(head(target, size))
            reply = await wire.receive()
            assert (reply.status, reply.header("connection")) == (TARGETS[target], None)
            await wire.send(GET.replace(b"\r\n\r\n", b"\r\nX: smuggled\r\n\r\n").ljust(size, b"x")[:size] + GET + GET)
            assert [(await wire.receive()).body for _ in range(2)] == [b"ok", b"ok"]


async def test_http_1_0_may_keep_its_connection_too() -> None:
    raw = b"POST /noread HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 400000\r\n\r\n"
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(raw)
        assert (await wire.receive()).header("connection") == "keep-alive"
        await wire.send(b"x" * 400_000 + GET)
        assert (await wire.receive()).body == b"ok"


async def test_dropped_bytes_are_not_kept() -> None:
    """Neither before the answer, when the socket is not read, nor after it."""
    app, leave = make_app(), asyncio.Event()

    @app.post("/wait")
    async def wait(request: Request) -> Response:
        await leave.wait()
        return Response("waited")

    async with serving(app) as served, served.connect() as wire:
        sending = asyncio.create_task(wire.send(head("/wait", MIB) + b"x" * MIB + GET))
        connection = await opened(served.server)
        await until(lambda: connection.task is not None and connection._exchange.body.full, "the first bytes")
        body = connection._exchange.body
        await turns(200)
        assert body._size < 2 * served.server.limits.body_buffer + 256 * 1024
        leave.set()
        assert (await wire.receive()).body == b"waited"
        assert (await wire.receive()).body == b"ok"
        await sending
        assert body._chunks is None


async def test_the_bound_can_be_set() -> None:
    async with serving(make_app(), server_limits=ServerLimits(drain=0, linger_timeout=0.2)) as served:
        async with served.connect() as wire:
            await wire.send(head("/noread", 1))
            assert (await wire.receive()).header("connection") == "close"
        async with served.connect() as wire:
            await wire.send(head("/noread", 1) + b"x" + GET)  # all of it has arrived
            assert (await wire.receive()).header("connection") is None
            assert (await wire.receive()).body == b"ok"
    with pytest.raises(ValueError, match=r"expected drain as a whole number from 0 to \d+, got -1"):
        ServerLimits(drain=-1)


async def test_a_client_that_stalls_is_left() -> None:
    app, quick = make_app(limits=Limits(body_timeout=0.1)), ServerLimits(header_timeout=0.4)
    async with serving(app, server_limits=quick) as served, served.connect() as wire:
        await wire.send(head("/noread", 1000))
        assert (await wire.receive()).body == b"noread"
        await wire.send(b"x" * 10)
        assert await wire.ended() == b""


async def test_a_client_that_sends_steadily_earns_time() -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(head("/noread", 10_000))
        assert (await wire.receive()).body == b"noread"
        (connection,) = served.server.connections
        await until(lambda: connection.state is REST, "the wait for the rest")
        before = connection.read_deadline
        await wire.send(b"x" * 5000)
        await until(lambda: connection.read_deadline > before, "the bytes")
        assert connection.read_deadline == pytest.approx(before + 5)
        await wire.send(b"x" * 5000 + GET)
        assert (await wire.receive()).body == b"ok"


async def test_a_client_that_leaves_in_the_middle() -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(head("/noread", 1000) + b"x")
        assert (await wire.receive()).body == b"noread"
        wire.half_close()
        assert await wire.ended() == b""


async def test_a_server_that_stops_lets_the_answer_arrive() -> None:
    app = make_app()
    async with serving(app, server_limits=QUICK) as served, served.connect() as wire:
        wire.pause()
        await wire.send(head("/noread", MIB))
        connection = await opened(served.server)
        await until(lambda: connection.state is REST, "the wait for the rest")
        stopping = asyncio.ensure_future(served.server.stop())
        await wire.send(b"x" * MIB)
        wire.resume()
        assert (await wire.receive()).body == b"noread"
        assert await wire.ended() == b""
        await stopping


# -- longer bodies ----------------------------------------------------------------------------------------------------

CHUNKED = head("/noread", 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
LONG = {"length": head("/noread", MIB + 1), "chunked": CHUNKED}


@TLS
@pytest.mark.parametrize("framing", LONG)
async def test_the_answer_to_a_longer_body_announces_the_end(
    framing: str, encrypted: bool, certificates: Certificates
) -> None:
    """The client may first send all of it, and only then read."""
    async with (
        serving(make_app(), certificates if encrypted else None, server_limits=QUICK) as served,
        served.connect() as wire,
    ):
        wire.pause()
        await wire.send(LONG[framing])
        connection = await opened(served.server)
        await until(lambda: connection.state is CLOSING, "the answer")
        await send_as_far_as_possible(wire, 10 * MIB)
        wire.resume()
        reply = await wire.receive()
        assert (reply.body, reply.header("connection")) == (b"noread", "close")
        assert await wire.ended() == b""


@pytest.mark.parametrize("target", ["/noread", "/413"])
async def test_no_more_than_the_routes_limit_is_discarded(target: str) -> None:
    """Behind it the socket is not read, and a reader still gets its answer."""
    app = make_deaf_app()
    async with serving(app, server_limits=QUICK) as served, served.connect() as wire:
        await wire.send(head(target, 10**9))
        assert (await wire.receive()).header("connection") == "close"
        sent = await send_as_far_as_possible(wire, math.inf)
        await served.alone()
    most = 16 * MIB if target == "/noread" else MIB
    assert most / 2 < sent < most + 16 * MIB  # the kernels' buffers


async def test_a_body_that_has_arrived_is_no_reason_to_close() -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(CHUNKED + b"3\r\nabc\r\n0\r\n\r\n" + GET)
        assert (await wire.receive()).header("connection") is None
        assert (await wire.receive()).body == b"ok"


async def test_a_body_that_was_read_is_no_reason_to_close() -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(head("/echo", 2 * MIB) + b"x" * 2 * MIB + GET)
        assert (await wire.receive()).header("connection") is None
        assert (await wire.receive()).body == b"ok"


async def test_an_answer_that_begins_before_its_request_has_ended() -> None:
    """Whether the rest of the body is read while it is streamed back is not known when the head goes out."""
    app = Application()

    @app.post("/")
    async def copy(request: Request) -> Response:
        return StreamResponse(request.stream())

    async with serving(app) as served:
        for size, connection in ((MIB, None), (MIB + 1, "close")):
            async with served.connect() as wire:
                sending = asyncio.create_task(wire.send(head("/", size) + b"x" * size))
                reply = await wire.receive()
                assert (len(reply.body), reply.header("connection")) == (size, connection)
                await sending


async def test_an_overloaded_server_lets_its_refusal_arrive() -> None:
    app, leave, running = make_app(), asyncio.Event(), asyncio.Event()

    @app.get("/wait")
    async def wait(request: Request) -> Response:
        running.set()
        await leave.wait()
        return Response("waited")

    limits = ServerLimits(concurrency=1, linger_timeout=0.2)
    async with serving(app, server_limits=limits) as served, served.connect() as first, served.connect() as second:
        await first.send(GET.replace(b"/ ", b"/wait "))
        await running.wait()
        second.pause()
        await second.send(head("/noread", 500_000))
        await send_as_far_as_possible(second, 500_000)
        second.resume()
        assert (await second.receive()).status == 503
        leave.set()
        assert (await first.receive()).body == b"waited"


# -- websockets -------------------------------------------------------------------------------------------------------


async def test_a_handshake_with_a_body_lets_its_refusal_arrive() -> None:
    handshake = (
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nContent-Length: 500000\r\n\r\n"
    )
    async with serving(make_app(), server_limits=QUICK) as served, served.connect() as wire:
        wire.pause()
        await wire.send(handshake)
        await send_as_far_as_possible(wire, 500_000)
        wire.resume()
        reply = await wire.receive()
        assert (reply.status, reply.header("connection")) == (400, "close")
        assert await wire.ended() == b""


# -- applications of other frameworks ---------------------------------------------------------------------------------


async def silent(scope: dict, receive: object, send: object) -> None:
    """An ASGI application that answers at once, and asks for nothing."""
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"6")]})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": b"silent"})  # type: ignore[operator]


async def test_an_application_of_another_framework_that_reads_nothing() -> None:
    async with serving(silent, server_limits=QUICK) as served:  # type: ignore[arg-type]
        async with served.connect() as wire:
            for size in (400_000, MIB):
                await wire.send(head("/", size))
                reply = await wire.receive()
                assert (reply.body, reply.header("connection")) == (b"silent", None)
                await wire.send(b"x" * size)
        async with served.connect() as wire:
            await wire.send(head("/", MIB + 1))
            assert (await wire.receive()).header("connection") == "close"
            await send_as_far_as_possible(wire, MIB)
