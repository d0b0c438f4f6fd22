"""Admission: connections and requests over the cap are refused or wait, and the others are served."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sketch import Application, Request, Response, serve
from sketch.serving.server_limits import ServerLimits
from sketch_native.admission import ConcurrencyLimit

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
SLOW = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def run(case: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(15):
            await case()

    asyncio.run(bounded())


class Slow:
    """An application with a handler that waits to be let go."""

    def __init__(self) -> None:
        self.app = Application()
        self.running = 0
        self.arrived = asyncio.Semaphore(0)
        self.go = asyncio.Event()
        self.app.add_get("/", self.fast)
        self.app.add_get("/slow", self.slow)

    async def fast(self, request: Request) -> Response:
        return Response("fast")

    async def slow(self, request: Request) -> Response:
        self.running += 1
        self.arrived.release()
        await self.go.wait()
        self.running -= 1
        return Response("slow")


async def connect(server: object) -> Streams:
    return await asyncio.open_connection(*server.sockets[0].getsockname()[:2])


async def status(streams: Streams) -> int:
    head = await streams[0].readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
    await streams[0].readexactly(length)
    return int(head.split()[1])


async def end(*connections: Streams) -> None:
    for _, writer in connections:
        writer.close()
        await writer.wait_closed()


def watch_ends(server: Any) -> asyncio.Semaphore:
    """A semaphore that is released once for each connection that the server drops."""
    ends = asyncio.Semaphore(0)
    forget = server.forget

    def note(connection: object) -> None:
        forget(connection)
        ends.release()

    server.forget = note
    return ends


def test_connection_over_the_cap_is_answered_503_and_closed_and_a_later_one_served() -> None:
    async def case() -> None:
        limits = ServerLimits(connections=2)
        async with serve(Slow().app, server_limits=limits, access_log=False) as server:
            first, second = await connect(server), await connect(server)
            for streams in (first, second):
                streams[1].write(GET)
                assert await status(streams) == 200
            gone = watch_ends(server)
            third = await connect(server)
            answer = await third[0].read()
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nretry-after: 1\r\n" in answer
            await end(first, third)
            await gone.acquire()
            fourth = await connect(server)
            fourth[1].write(GET)
            assert await status(fourth) == 200
            await end(second, fourth)

    run(case)


def test_request_over_the_cap_is_refused_with_retry_after() -> None:
    async def case() -> None:
        slow = Slow()
        async with serve(slow.app, server_limits=ServerLimits(concurrency=1), access_log=False) as server:
            first, second = await connect(server), await connect(server)
            first[1].write(SLOW)
            await slow.arrived.acquire()
            second[1].write(GET)
            answer = await second[0].read()
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nretry-after: 1\r\n" in answer
            slow.go.set()
            assert await status(first) == 200
            first[1].write(GET)
            assert await status(first) == 200, "the place is free again"
            await end(first, second)

    run(case)


def test_requests_over_the_cap_wait_their_turn_in_order() -> None:
    async def case() -> None:
        slow = Slow()
        limits = ServerLimits(concurrency=2, overload="wait")
        async with serve(slow.app, server_limits=limits, access_log=False) as server:
            connections = [await connect(server) for _ in range(10)]
            for streams in connections:
                streams[1].write(SLOW + GET)
            await slow.arrived.acquire()
            await slow.arrived.acquire()
            assert slow.running == 2
            slow.go.set()
            for streams in connections:
                assert await status(streams) == 200
                assert await status(streams) == 200
            await end(*connections)

    run(case)


@pytest.mark.parametrize("goes", ["times out", "leaves"])
def test_waiting_ends_with_503_or_with_the_client(goes: str) -> None:
    async def case() -> None:
        slow = Slow()
        limits = ServerLimits(concurrency=1, overload="wait", header_timeout=0.2)
        async with serve(slow.app, server_limits=limits, access_log=False) as server:
            first, second = await connect(server), await connect(server)
            first[1].write(SLOW)
            await slow.arrived.acquire()
            second[1].write(GET)
            if goes == "leaves":
                await end(second)
            else:
                assert await status(second) == 503
            slow.go.set()
            assert await status(first) == 200
            first[1].write(GET)
            assert await status(first) == 200
            await end(first, *([second] if goes != "leaves" else []))

    run(case)


def test_server_stops_while_requests_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async def case() -> None:
        waits = asyncio.Event()
        queue = ConcurrencyLimit.queue
        monkeypatch.setattr(ConcurrencyLimit, "queue", lambda gate, connection: (queue(gate, connection), waits.set()))
        slow = Slow()
        limits = ServerLimits(concurrency=1, overload="wait")
        async with serve(slow.app, server_limits=limits, shutdown_timeout=0.1, access_log=False) as server:
            first, second = await connect(server), await connect(server)
            first[1].write(SLOW)
            await slow.arrived.acquire()
            second[1].write(GET)
            await waits.wait()
        assert await second[0].read() == b""
        assert not server.connections
        await end(first, second)

    run(case)


class Waiting:
    """A connection in the queue of a limit. One that closes takes no slot when it is admitted."""

    def __init__(self, limit: ConcurrencyLimit, closes: bool) -> None:
        self.running = False
        self._limit = limit
        self._closes = closes

    def admitted(self) -> None:
        self.running = not self._closes and self._limit.enter()


def test_a_slot_goes_past_the_connections_that_close() -> None:
    limit = ConcurrencyLimit(1, wait=True)
    assert limit.enter()
    queue = [Waiting(limit, closes) for closes in (True, True, False, False)]
    for connection in queue:
        limit.queue(connection)
    limit.leave()
    assert [connection.running for connection in queue] == [False, False, True, False]
    limit.leave()
    assert queue[3].running
    limit.leave()
    assert limit.enter()


def test_every_free_slot_is_given_away_at_most_once() -> None:
    limit = ConcurrencyLimit(2, wait=True)
    assert limit.enter()
    assert limit.enter()
    queue = [Waiting(limit, closes=False) for _ in range(3)]
    for connection in queue:
        limit.queue(connection)
    limit.leave()
    assert [connection.running for connection in queue] == [True, False, False]
    assert not limit.enter()
