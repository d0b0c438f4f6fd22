"""The in-memory adapter: uploads as they are pulled and cut, files, and bodies that fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sketch.application import Application
from sketch.files.response import FileResponse
from sketch.request import Request
from sketch.response import Response
from sketch.streams.stream import StreamResponse
from sketch.testing import TestClient
from sketch.transport import ClientDisconnected, Outcome
from tests.core.testing.support import Endless, echo, serving
from tests.support.requests import in_loop


@in_loop
async def test_an_invalid_host_is_answered_as_by_a_server() -> None:
    async with TestClient(serving(echo)) as client:
        assert (await client.get("/", headers={"Host": "user@host"})).status == 400
        assert (await client.get("/", headers=[("Host", "a"), ("Host", "a")])).status == 400


@in_loop
async def test_uploads_are_pulled_by_the_handler() -> None:
    sent: list[str] = []

    async def upload() -> AsyncIterator[bytes]:
        try:
            for chunk in (b"one", b"two", b"three"):
                sent.append(chunk.decode())
                yield chunk
        finally:
            sent.append("closed")

    async def handler(request: Request) -> Response:
        stream = request.stream()
        assert sent == []
        first = await anext(stream)
        assert sent == ["one"]
        await stream.aclose()
        return Response(first)

    async with TestClient(serving(handler)) as client:
        response = await client.post("/", body=upload())
        assert await response.read() == b"one"
        await response.close()
    assert sent == ["one", "closed"]


@pytest.mark.parametrize("how", ["raises", "ends early", "bytes too few"])
@in_loop
async def test_an_upload_cut_short_is_never_complete(how: str) -> None:
    seen: list[str] = []

    async def upload() -> AsyncIterator[bytes]:
        yield b"0123456789"
        if how == "raises":
            raise ClientDisconnected

    async def handler(request: Request) -> Response:
        try:
            await request.read()
        except ClientDisconnected:
            seen.append("ClientDisconnected")
            await request.wait_disconnected()
            raise
        return Response("complete")

    body = b"0123456789" if how == "bytes too few" else upload()
    headers = {} if how == "raises" else {"Content-Length": "100"}
    async with TestClient(serving(handler)) as client:
        with pytest.raises(ClientDisconnected):
            await client.post("/", body=body, headers=headers)
    assert seen == ["ClientDisconnected"]


@in_loop
async def test_an_error_of_the_upload_is_raised_in_the_test() -> None:
    async def upload() -> AsyncIterator[bytes]:
        yield b"x"
        raise ZeroDivisionError("mine")

    async def tolerant(request: Request) -> Response:
        with suppress(ClientDisconnected):
            await request.read()
        return Response("fine")

    for handler in (echo, tolerant):
        async with TestClient(serving(handler)) as client:
            with pytest.raises(ZeroDivisionError, match="mine"):
                await client.post("/", body=upload())


@in_loop
async def test_an_upload_must_not_be_longer_than_announced() -> None:
    async with TestClient(serving(echo)) as client:
        with pytest.raises(ValueError, match="expected a body of 1 bytes, as its Content-Length says, got 2"):
            await client.post("/", body=b"ab", headers={"Content-Length": "1"})


@pytest.mark.parametrize(("raise_errors", "expected"), [(True, ZeroDivisionError), (False, ConnectionResetError)])
@in_loop
async def test_a_body_that_fails_halfway(raise_errors: bool, expected: type[Exception]) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        raise ZeroDivisionError

    async def handler() -> Response:
        return StreamResponse(body())

    async with TestClient(serving(handler), raise_errors=raise_errors) as client:
        response = await client.get("/")
        stream = response.stream()
        assert await anext(stream) == b"first"
        with pytest.raises(expected):
            await anext(stream)


@pytest.mark.parametrize("chunks", [[b"ab"], [b"abcd", b"e"]])
@in_loop
async def test_a_body_must_be_as_long_as_announced(chunks: list[bytes]) -> None:
    async def handler() -> Response:
        return StreamResponse(iter(chunks), headers={"Content-Length": "4"})

    async with TestClient(serving(handler)) as client:
        with pytest.raises(RuntimeError, match="expected the application to stream as many bytes"):
            await (await client.get("/")).read()


@in_loop
async def test_a_body_must_be_of_bytes() -> None:
    async def handler() -> Response:
        return StreamResponse(iter(["text"]))  # type: ignore[list-item]

    async with TestClient(serving(handler)) as client:
        with pytest.raises(TypeError, match="stream to yield bytes, got 'text'"):
            await (await client.get("/")).read()


@in_loop
async def test_a_client_that_leaves_while_its_upload_waits() -> None:
    """The handler that reads is told, and the test's iterator is closed."""
    events: list[str] = []
    waiting = asyncio.Event()

    async def upload() -> AsyncIterator[bytes]:
        try:
            yield b"first"
            waiting.set()
            await asyncio.Event().wait()
        finally:
            events.append("upload closed")

    async def handler(request: Request) -> Response:
        try:
            await request.read()
        except ClientDisconnected:
            events.append("told")
            raise
        return Response()

    async with TestClient(serving(handler)) as client:
        posting = asyncio.create_task(client.post("/", body=upload()))
        await waiting.wait()
        posting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await posting
    assert events == ["told", "upload closed"]


@in_loop
async def test_a_body_that_fails_after_its_client_has_left_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def body() -> AsyncIterator[bytes]:
        try:
            yield b"first"
        finally:
            raise ZeroDivisionError

    async def handler() -> Response:
        return StreamResponse(body())

    async with TestClient(serving(handler)) as client, await client.get("/") as response:
        await anext(response.stream())
    (record,) = caplog.records
    assert record.name == "sketch.testing"
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


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


@pytest.mark.parametrize("kind", ["bytes", "stream", "file"])
@in_loop
async def test_a_client_that_leaves_before_its_answer_gets_nothing(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 300_000)
    outcomes: list[Outcome] = []
    running = asyncio.Event()
    endless = Endless()

    async def handler(request: Request) -> Response:
        running.set()
        await request.wait_disconnected()
        if kind == "file":
            return FileResponse(path)
        return StreamResponse(endless.body()) if kind == "stream" else Response("to nobody")

    app = serving(handler)
    app.on_finished(outcomes.append)
    async with TestClient(app) as client:
        asking = asyncio.create_task(client.get("/"))
        await running.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert endless.produced == 0
    (outcome,) = outcomes
    assert (outcome.status, outcome.sent, outcome.first_byte_at) == (None, 0, None)
    assert (outcome.error, outcome.disconnected, outcome.cancelled) == (None, True, False)
