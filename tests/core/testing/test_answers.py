"""What a test gets, lazily; clients that leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sketch.application import Application
from sketch.files.response import FileResponse
from sketch.request import Request
from sketch.response import Response
from sketch.streams.stream import StreamResponse
from sketch.testing import TestClient
from tests.core.testing.support import in_loop, serving


@in_loop
async def test_answers_can_be_read_in_every_way() -> None:
    async def handler() -> Response:
        return Response("é".encode("latin-1"), content_type="text/plain; charset=latin-1", headers={"X-A": "1"})

    async with TestClient(serving(handler)) as client:
        response = await client.get("/")
        assert response.headers["x-a"] == "1"
        assert await response.text() == "é"
        assert await response.read() == b"\xe9"
        assert [chunk async for chunk in response.stream()] == [b"\xe9"]
        assert "200" in repr(response)


@in_loop
async def test_a_body_is_streamed_once() -> None:
    async def handler() -> Response:
        return StreamResponse(iter([b"a", b"b"]))

    async with TestClient(serving(handler)) as client:
        response = await client.get("/")
        assert [chunk async for chunk in response.stream()] == [b"a", b"b"]
        with pytest.raises(RuntimeError, match="streamed before"):
            await response.read()


class Endless:
    """An endless body that notes what happens to it."""

    def __init__(self) -> None:
        self.produced = 0
        self.tasks: list[Any] = []
        self.closed: list[Any] = []

    async def body(self) -> AsyncIterator[bytes]:
        self.tasks.append(asyncio.current_task())
        try:
            while True:
                self.produced += 1
                yield b"x"
        finally:
            self.closed.append(asyncio.current_task())

    async def handler(self) -> Response:
        return StreamResponse(self.body())


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
async def test_closing_a_response_closes_its_body_once_in_its_task() -> None:
    endless = Endless()
    async with TestClient(serving(endless.handler)) as client:
        async with await client.get("/") as response:
            await anext(response.stream())
        assert endless.closed == endless.tasks
        await response.close()
        assert len(endless.closed) == 1


@in_loop
async def test_leaving_the_client_closes_what_is_open() -> None:
    endless = Endless()
    async with TestClient(serving(endless.handler)) as client:
        await anext((await client.get("/")).stream())
    assert endless.closed == endless.tasks


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
async def test_a_cancelled_request_is_a_client_that_leaves() -> None:
    events: list[str] = []

    async def handler(request: Request) -> Response:
        events.append("waiting")
        await request.wait_disconnected()
        events.append("went on")
        return Response("to nobody")

    async with TestClient(serving(handler)) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await client.get("/")
    assert events == ["waiting", "went on"]


@in_loop
async def test_a_handler_that_does_not_end_is_cancelled_at_the_end() -> None:
    ended: list[str] = []

    async def handler() -> Response:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")
        return Response()

    async with TestClient(serving(handler), shutdown_timeout=0.01) as client:
        request = asyncio.create_task(client.get("/"))
        await asyncio.sleep(0)
    with pytest.raises(ConnectionResetError):
        await request
    assert ended == ["cancelled"]


@in_loop
async def test_files_are_read_and_closed(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(b"0123456789" * 100_000)
    opened: list[Any] = []

    async def note(request: Request, handler: Any) -> Response:
        response = await handler(request)
        opened.append(request)
        return response

    async def handler() -> Response:
        return FileResponse(path)

    app = Application(outer_middlewares=[note])
    app.router.add_route("GET", "/", handler)
    async with TestClient(app) as client:
        response = await client.get("/")
        assert response.headers["Content-Length"] == "1000000"
        sizes = [len(chunk) async for chunk in response.stream()]
        assert sum(sizes) == 1_000_000
        assert len(sizes) > 1
        part = await client.get("/", headers={"Range": "bytes=5-7"})
        assert (part.status, await part.read()) == (206, b"567")
        assert await (await client.head("/")).read() == b""
        unread = await client.get("/")
        await unread.close()


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
