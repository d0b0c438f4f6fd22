"""Clients that take their time: each wait has an end, and dripping does not prolong it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from sketch import Limits, Response, StreamResponse
from sketch_native import ServerLimits
from tests.support.native import GET, Served, make_app, serving
from tests.support.wire import Reply

SHORT = 0.1
HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\n"


async def drip(served: Served, begin: bytes, unit: bytes) -> Reply:
    """Send a little again and again, until there is an answer or the end."""
    async with served.connect() as wire:
        await wire.send(begin)
        receiving = asyncio.create_task(wire.receive())
        while not receiving.done():
            try:
                await wire.send(unit)
            except ConnectionError:
                break
            await asyncio.wait([receiving], timeout=0.01)
        return await receiving


@pytest.mark.parametrize("begin", [b"G", b"GET / HT", HEAD, HEAD + b"X: y\r\nZ"])
async def test_a_head_that_stays_away(begin: bytes) -> None:
    async with serving(make_app(), server_limits=ServerLimits(header_timeout=SHORT)) as served:
        assert (await served.refusal(begin)).status == 408


async def test_a_head_that_drips() -> None:
    """The time runs from the first byte."""
    async with serving(make_app(), server_limits=ServerLimits(header_timeout=SHORT)) as served:
        assert (await drip(served, HEAD, b"X: y\r\n")).status == 408


async def test_a_head_that_follows_an_answer_has_its_own_time() -> None:
    limits = ServerLimits(header_timeout=SHORT, keep_alive_timeout=10)
    async with serving(make_app(), server_limits=limits) as served, served.connect() as wire:
        await wire.send(GET + b"GET /")
        assert (await wire.receive()).status == 200
        assert (await wire.receive()).status == 408
        assert await wire.ended() == b""


async def test_a_connection_that_says_nothing() -> None:
    async with (
        serving(make_app(), server_limits=ServerLimits(header_timeout=SHORT)) as served,
        served.connect() as wire,
    ):
        assert await wire.ended() == b""


async def test_an_idle_connection() -> None:
    limits = ServerLimits(keep_alive_timeout=SHORT)
    async with serving(make_app(), server_limits=limits) as served, served.connect() as wire:
        for _ in range(2):
            await wire.send(GET)
            assert (await wire.receive()).status == 200
        assert await wire.ended() == b""


@pytest.mark.parametrize("framing", [b"Content-Length: 10\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc"])
async def test_a_body_that_stays_away(framing: bytes) -> None:
    limits = ServerLimits(header_timeout=0.4)
    async with serving(make_app(limits=Limits(body_timeout=SHORT)), server_limits=limits) as served:
        assert (await served.refusal(HEAD + framing)).status == 408


async def test_a_body_that_drips() -> None:
    limits = ServerLimits(header_timeout=0.4)
    async with serving(make_app(limits=Limits(body_timeout=SHORT)), server_limits=limits) as served:
        reply = await drip(served, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n")
        assert reply.status == 408


async def test_a_client_that_reads_nothing() -> None:
    """The producer of the answer is stopped, and the connection is closed."""
    app = make_app(limits=Limits(write_timeout=SHORT))
    closed = asyncio.Event()

    @app.get("/endless")
    async def endless() -> Response:
        async def parts() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x" * 65536
            finally:
                closed.set()

        return StreamResponse(parts())

    limits = ServerLimits(header_timeout=0.4)
    async with serving(app, server_limits=limits) as served, served.connect(receive_buffer=4096) as wire:
        wire.writer.transport.pause_reading()
        await wire.send(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        await closed.wait()
        await served.alone()
