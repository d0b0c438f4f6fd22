"""Bodies in memory are produced when they are asked for, and stopped when the client leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from sketch.request import Request
from sketch.response import Response
from sketch.streams.stream import StreamResponse
from sketch.testing import TestClient
from tests.core.testing.support import Endless, serving
from tests.support.requests import in_loop


@in_loop
async def test_chunks_are_produced_when_they_are_read() -> None:
    endless = Endless()
    async with TestClient(serving(endless.handler)) as client:
        response = await client.get("/")
        stream = response.stream()
        assert endless.produced == 0
        for count in (1, 2, 3):
            assert await anext(stream) == b"x"
            assert endless.produced == count


@in_loop
async def test_a_producer_that_waits_is_stopped_when_the_client_leaves() -> None:
    ended = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def handler() -> Response:
        return StreamResponse(body())

    async with TestClient(serving(handler)) as client:
        response = await client.get("/")
        stream = response.stream()
        assert await anext(stream) == b"first"
        reading = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        await response.close()
        with pytest.raises(ConnectionError):
            await reading
    assert ended.is_set()


@in_loop
async def test_the_end_of_a_body_is_not_interrupted_when_the_client_stops() -> None:
    notes: list[str] = []
    closing, go_on = asyncio.Event(), asyncio.Event()

    async def parts() -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            closing.set()
            await go_on.wait()
            notes.append("closed")

    async def handler(request: Request) -> Response:
        return StreamResponse(parts())

    async with TestClient(serving(handler)) as client:
        response = await client.get("/")
        chunks = response.stream()
        await anext(chunks)
        reading = asyncio.create_task(anext(chunks))
        await asyncio.sleep(0)
        leaving = asyncio.create_task(response.close())
        await closing.wait()
        stopping = asyncio.create_task(client.stop())
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(leaving, stopping)
        with pytest.raises(ConnectionResetError):
            await reading
    assert notes == ["closed"]
