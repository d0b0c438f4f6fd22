"""Pipelining together with everything that may pause or end a connection: no request hangs, no buffer grows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from sketch import Application, Request, Response, StreamResponse
from sketch_native import ServerLimits
from tests.support.native import GET, HOST, Certificates, make_app, opened, serving, turns, until
from tests.support.wire import Wire

TLS = pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])


def post(target: bytes, body: bytes, *, chunked: bool = False) -> bytes:
    if chunked:
        framed = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    else:
        framed = b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    return b"POST %b HTTP/1.1\r\n%b%b" % (target, HOST, framed)


def get(target: bytes) -> bytes:
    return b"GET %b HTTP/1.1\r\n%b\r\n" % (target, HOST)


def app_with_gate() -> tuple[Application, asyncio.Event, asyncio.Event]:
    """An application whose handler /wait reports that it runs, and waits for the gate."""
    app, running, leave = make_app(), asyncio.Event(), asyncio.Event()

    @app.get("/wait")
    async def wait(request: Request) -> Response:
        running.set()
        await leave.wait()
        return Response("waited")

    return app, running, leave


async def test_answers_come_in_the_order_of_the_requests() -> None:
    app, running, leave = app_with_gate()
    async with serving(app) as served, served.connect() as wire:
        await wire.send(get(b"/wait") + get(b"/") + get(b"/nowhere") + post(b"/echo", b"abc") + get(b"/stream"))
        await running.wait()
        await turns()
        leave.set()
        replies = [await wire.receive() for _ in range(5)]
    assert [reply.body for reply in replies[:2]] == [b"waited", b"ok"]
    assert [reply.status for reply in replies] == [200, 200, 404, 200, 200]
    assert [reply.body for reply in replies[3:]] == [b"abc", b"one,two"]


@TLS
@pytest.mark.parametrize("pipeline", [1, 2, 16])
@pytest.mark.parametrize("behind", [0, 1, 15, 16, 17, 40])
async def test_a_body_behind_the_pipelines_limit_arrives(
    pipeline: int, behind: int, encrypted: bool, certificates: Certificates
) -> None:
    """Its beginning is parsed and its end is held back: the handler must not wait for bytes that have arrived."""
    body = b"b" * 100_000
    limits = ServerLimits(pipeline=pipeline)
    raw = get(b"/") * behind + post(b"/echo", body) + post(b"/echo", body, chunked=True) + get(b"/")
    server = serving(make_app(), certificates if encrypted else None, server_limits=limits)
    async with server as served, served.connect() as wire:
        sending = asyncio.create_task(wire.send(raw))
        replies = [await wire.receive() for _ in range(behind + 3)]
        await sending
    assert [len(reply.body) for reply in replies] == [2] * behind + [100_000, 100_000, 2]


@TLS
async def test_many_requests_in_one_segment(encrypted: bool, certificates: Certificates) -> None:
    number = 1500
    async with serving(make_app(), certificates if encrypted else None) as served, served.connect() as wire:
        sending = asyncio.create_task(wire.send(GET * number))
        for _ in range(number):
            assert (await wire.receive()).body == b"ok"
        await sending


async def test_no_more_requests_are_parsed_than_may_wait() -> None:
    """With ten thousand requests at once, the first of them slow, the others stay in the kernel and with the client."""
    app, running, leave = app_with_gate()
    async with serving(app, server_limits=ServerLimits(pipeline=4)) as served, served.connect() as wire:
        sending = asyncio.create_task(wire.send(get(b"/wait") + GET * 10_000))
        await running.wait()
        await turns(50)
        (connection,) = served.server.connections
        assert len(connection._reader.queue) <= 4 + 16 * 1024 // len(GET)  # one slice is parsed to its end
        assert len(connection._reader.backlog.data) < 600_000
        leave.set()
        for _ in range(10_001):
            await wire.receive()
        await sending


async def test_reading_one_body_does_not_let_the_next_pile_up() -> None:
    """A body of many small chunks is read slowly, with a large body after it."""
    app = make_app()
    proceed = asyncio.Event()

    @app.post("/slowly")
    async def slowly(request: Request) -> Response:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            await turns(6)  # in each of them the socket could be read
        await proceed.wait()
        return Response(str(size))

    chunks = b"1\r\na\r\n" * 1000
    first = b"POST /slowly HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    second = post(b"/echo", b"b" * 8_000_000)
    async with serving(app, server_limits=ServerLimits(body_buffer=500)) as served, served.connect() as wire:
        sending = asyncio.create_task(wire.send(first + second))
        connection = await opened(served.server)
        reader = connection._reader
        await until(lambda: reader.receiving is not None and reader.receiving.body is not None, "the body")
        await turns(7000)
        waiting = reader.receiving.body._size if reader.receiving else 0
        assert waiting < 1_000_000
        proceed.set()
        assert (await wire.receive()).body == b"1000"
        assert len((await wire.receive()).body) == 8_000_000
        await sending


@TLS
@pytest.mark.parametrize("chunked", [False, True])
async def test_an_unread_body_is_not_read_as_a_request(
    chunked: bool, encrypted: bool, certificates: Certificates
) -> None:
    inner = GET * 20
    async with serving(make_app(), certificates if encrypted else None) as served, served.connect() as wire:
        await wire.send(post(b"/noread", inner, chunked=chunked) + get(b"/stream"))
        assert (await wire.receive()).body == b"noread"
        assert (await wire.receive()).body == b"one,two"


async def test_an_unread_body_may_still_be_on_its_way() -> None:
    raw = post(b"/noread", GET * 100)
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(raw[:200])
        assert (await wire.receive()).body == b"noread"
        await wire.send(raw[200:3000])
        await turns()
        await wire.send(raw[3000:] + get(b"/stream"))
        assert (await wire.receive()).body == b"one,two"


# -- half-closed clients ----------------------------------------------------------------------------------------------


async def test_all_requests_of_a_half_closed_client_are_answered() -> None:
    app, running, leave = app_with_gate()
    async with serving(app) as served, served.connect() as wire:
        await wire.send(get(b"/wait") + get(b"/") + get(b"/stream"))
        wire.half_close()
        await running.wait()
        await turns()
        leave.set()
        replies = [await wire.receive() for _ in range(3)]
        assert await wire.ended() == b""
    assert [reply.body for reply in replies] == [b"waited", b"ok", b"one,two"]
    assert [reply.header("connection") for reply in replies] == [None, None, "close"]


async def test_all_requests_of_a_half_closed_client_are_answered_past_the_pipelines_limit() -> None:
    app, running, leave = app_with_gate()
    async with serving(app, server_limits=ServerLimits(pipeline=2)) as served, served.connect() as wire:
        await wire.send(get(b"/wait") + GET * 2000)
        wire.half_close()
        await running.wait()
        await turns()
        leave.set()
        for _ in range(2001):
            await wire.receive()
        assert await wire.ended() == b""


async def test_half_a_request_and_the_end_is_not_answered_with_200() -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(GET + post(b"/echo", b"abcdef")[:-3])
        wire.half_close()
        assert (await wire.receive()).body == b"ok"
        assert (await wire.receive()).status == 400
        assert await wire.ended() == b""


async def test_half_a_head_and_the_end_is_the_end() -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(GET[:-4])
        wire.half_close()
        assert await wire.ended() == b""
        await served.alone()


# -- HEAD, errors, and what follows -----------------------------------------------------------------------------------


async def test_head_among_others() -> None:
    head = GET.replace(b"GET", b"HEAD")
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(head + get(b"/stream").replace(b"GET", b"HEAD") + GET)
        for method, body in (("HEAD", b""), ("HEAD", b""), ("GET", b"ok")):
            assert (await wire.receive(method)).body == body


async def test_requests_before_a_malformed_one_are_answered_and_none_after_it() -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        await wire.send(GET * 3 + b"GET / HTTP/1.1\r\n\r\n" + GET * 3)
        assert [(await wire.receive()).status for _ in range(4)] == [200, 200, 200, 400]
        assert await wire.ended() == b""


async def test_an_error_in_a_body_is_its_handlers_answer_and_the_end() -> None:
    async with serving(make_app()) as served, served.connect() as wire:
        bad = post(b"/echo", b"abc", chunked=True).replace(b"\r\n3\r\n", b"\r\nZ\r\n")
        await wire.send(GET + bad + GET)
        assert [(await wire.receive()).status for _ in range(2)] == [200, 400]
        assert await wire.ended() == b""


# -- a client that takes nothing --------------------------------------------------------------------------------------


async def test_unread_pipelined_downloads_are_not_all_produced() -> None:
    produced = 0
    app = Application()

    @app.get("/large")
    async def large(request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            nonlocal produced
            for _ in range(100):
                produced += 1
                yield b"x" * 100_000

        return StreamResponse(parts())

    async with serving(app) as served, served.connect(receive_buffer=65536) as wire:
        wire.pause()
        await wire.send(get(b"/large") * 100)
        await until(lambda: produced > 1, "a chunk")
        await turns(500)
        assert produced < 100
        wire.abort()
        await served.alone()


async def _take_slowly(wire: Wire, size: int) -> int:
    taken = 0
    while taken < size and (data := await wire.reader.read(4096)):
        taken += len(data)
        await asyncio.sleep(0)
    return taken


async def test_a_slow_reader_gets_everything() -> None:
    app = Application()
    app.add_get("/", lambda request: Response(b"x" * 3_000_000))
    async with serving(app) as served, served.connect(receive_buffer=4096) as wire:
        await wire.send(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert await _take_slowly(wire, 10_000_000) > 3_000_000
