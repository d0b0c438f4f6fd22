"""Streams, files and large bodies, compressed while they are sent."""

# ruff: noqa: ASYNC240  # small local files
from __future__ import annotations

import asyncio
import gzip
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sketch import Application, FileResponse, Request, Response, StreamResponse
from sketch.concurrency.threads import coding_threads
from sketch.http.codings import Decoder, find_coding
from sketch.middleware.compression import Compression, EncodedBody
from sketch.testing import TestClient
from sketch.transport import FileBody
from tests.core.middleware.coded import ACCEPT, TEXT, Source, app_of, ask, is_open, plain, stream
from tests.support.requests import answer, in_loop


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
@in_loop
async def test_a_chunk_can_be_read_before_the_next_is_made(coding: str) -> None:
    asked = asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        yield b"first"
        await asked.wait()
        yield b"second"

    app = app_of(lambda _: StreamResponse(chunks(), content_type="text/event-stream"))
    decoder = Decoder(find_coding(coding))
    async with TestClient(app) as client:
        response = await client.get("/", headers={"Accept-Encoding": coding})
        assert response.headers["Content-Encoding"] == coding
        assert "Content-Length" not in response.headers
        body = response.stream()
        assert decoder.decode(await anext(body), 100) == b"first"
        asked.set()
        assert b"".join([decoder.decode(part, 100) async for part in body]) == b"second"
        assert decoder.complete


@in_loop
async def test_a_stream_is_closed_once() -> None:
    for method, read in (("GET", True), ("GET", False), ("HEAD", False)):
        source = Source()
        app = app_of(lambda _, source=source: StreamResponse(source, content_type="text/plain"))
        async with TestClient(app) as client:
            response = await client.request(method, "/", headers=ACCEPT)
            if read:
                await anext(response.stream())
            await response.close()
        assert source.closed == 1, (method, read)
        assert source.sent == read


@in_loop
async def test_a_stream_that_fails_fails_here_too() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"
        raise LookupError("halfway")

    async with TestClient(app_of(lambda _: StreamResponse(chunks(), content_type="text/plain"))) as client:
        response = await client.get("/", headers=ACCEPT)
        with pytest.raises(LookupError, match="halfway"):
            await response.read()


@in_loop
async def test_the_announced_length_of_a_stream_still_counts() -> None:
    def make(length: int) -> StreamResponse:
        response = stream(400)
        response.headers["Content-Length"] = str(length)
        return response

    size = sum(len(b"chunk %d " % number) for number in range(400))
    response = await ask(app_of(lambda _: make(size)))
    assert "Content-Length" not in response.headers
    assert (await plain(response)).endswith("chunk 399 ")
    async with TestClient(app_of(lambda _: make(size + 1))) as client:
        answered = await client.get("/", headers=ACCEPT)
        with pytest.raises(RuntimeError, match="as many bytes as its Content-Length announces"):
            await answered.read()


@in_loop
async def test_a_short_stream_of_known_length() -> None:
    response = stream(2)
    response.headers["Content-Length"] = "16"
    answered = await ask(app_of(lambda _: response))
    assert (answered.headers["Content-Length"], answered.headers.get("Vary")) == ("16", None)


@in_loop
async def test_an_iterator_is_sent_once() -> None:
    used = stream()
    app = app_of(lambda _: used)
    async with TestClient(app) as client:
        await (await client.get("/", headers=ACCEPT)).read()
        with pytest.raises(RuntimeError, match="sent before"):
            await client.get("/", headers=ACCEPT)


@in_loop
async def test_the_context_of_a_stream_is_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """An async generator runs in one task."""
    tasks = set()

    async def chunks() -> AsyncIterator[bytes]:
        try:
            tasks.add(asyncio.current_task())
            async with asyncio.timeout(10):
                yield b"x" * 100_000
                yield b"y"
        finally:
            tasks.add(asyncio.current_task())

    assert await plain(await ask(app_of(lambda _: StreamResponse(chunks(), content_type="text/plain"))))
    assert len(tasks) == 1


# -- in threads ----------------------------------------------------------------------------------------------------


@in_loop
async def test_large_bodies_are_compressed_in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    where: list[str] = []
    coding = find_coding("gzip")

    def compress(data: bytes, level: int) -> bytes:
        where.append(threading.current_thread().name)
        return coding.compress(data, level)

    def run(size: int) -> Application:
        app = app_of(lambda _: Response("x" * size), codings={"gzip": 5})
        (middleware,) = app.middlewares
        spy = type(coding)(**{name: getattr(coding, name) for name in coding.__slots__} | {"compress": compress})
        middleware._codings["gzip"] = spy, 5  # type: ignore[attr-defined]
        return app

    for size in (32 * 1024, 32 * 1024 + 1):
        assert await plain(await ask(run(size))) == "x" * size
    assert where[0] == threading.main_thread().name
    assert where[1].startswith("sketch-coding")


@in_loop
async def test_large_chunks_are_compressed_in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    real = coding_threads.run

    async def run(function: Any, data: bytes) -> Any:
        calls.append(len(data))
        return await real(function, data)

    monkeypatch.setattr(coding_threads, "run", run)

    async def chunks() -> AsyncIterator[bytes]:
        for size in (10, 32 * 1024, 100_000, 10):
            yield b"x" * size

    response = await ask(app_of(lambda _: StreamResponse(chunks(), content_type="text/plain")))
    assert calls == [100_000]
    assert len(await plain(response)) == 132_788


# -- files ---------------------------------------------------------------------------------------------------------


@pytest.fixture(params=[5_000, 500_000], ids=["small", "large"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "file.txt"
    path.write_text((TEXT * 210)[: request.param])
    os.utime(path, (1_000_000_000, 1_000_000_000))
    return path


@in_loop
async def test_a_file(file: Path) -> None:
    app = app_of(lambda _: FileResponse(file))
    response = await ask(app)
    assert response.headers["Content-Encoding"] == "zstd"
    assert response.headers["ETag"].startswith('W/"')
    assert response.headers["Vary"] == "Accept-Encoding"
    assert "Accept-Ranges" not in response.headers
    assert await plain(response) == file.read_text()
    head = await ask(app, method="HEAD")
    assert head.raw_headers == [field for field in response.raw_headers if field[0] != b"content-length"]
    assert not is_open(file)


@in_loop
async def test_a_file_for_a_client_without_codings(file: Path) -> None:
    for ranges in ("bytes=0-9", "bytes=0-9,100-109"):
        response = await ask(app_of(lambda _: FileResponse(file)), {"Range": ranges})
        assert (response.status, response.headers["Vary"]) == (206, "Accept-Encoding")
        assert file.read_text()[:10] in await response.text()
    response = await ask(app_of(lambda _: FileResponse(file)), {})
    assert (response.headers["Accept-Ranges"], response.headers["Vary"]) == ("bytes", "Accept-Encoding")


@pytest.mark.parametrize("ranges", ["bytes=0-9", "bytes=0-9,20-29", "bytes=9000000-"])
@in_loop
async def test_compressible_files_have_no_ranges(file: Path, ranges: str) -> None:
    response = await ask(app_of(lambda _: FileResponse(file)), {**ACCEPT, "Range": ranges})
    assert response.status == 200
    assert "Content-Range" not in response.headers
    assert await plain(response) == file.read_text()
    assert not is_open(file)


@in_loop
async def test_incompressible_files_have_ranges(tmp_path: Path) -> None:
    for name, size in (("a.png", 5000), ("a.txt", 500)):
        path = tmp_path / name
        path.write_bytes(b"x" * size)
        for ranges, status in (("bytes=0-9", 206), ("bytes=9000-", 416)):
            response = await ask(app_of(lambda _, path=path: FileResponse(path)), {**ACCEPT, "Range": ranges})
            assert response.status == status
            assert "Content-Encoding" not in response.headers
            assert "Vary" not in response.headers or name == "a.txt"


@in_loop
async def test_a_file_that_the_client_has(file: Path) -> None:
    app = app_of(lambda _: FileResponse(file))
    etag = (await ask(app)).headers["ETag"]
    response = await ask(app, {**ACCEPT, "If-None-Match": etag})
    assert (response.status, response.headers["ETag"], response.headers["Vary"]) == (304, etag, "Accept-Encoding")
    assert (await ask(app, {**ACCEPT, "If-Match": etag})).status == 412, "weak tags never match strongly"


@in_loop
async def test_a_file_that_is_not_sent_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text(TEXT * 100)

    async def replace(request: Request, handler: Any) -> Response:
        response = await handler(request)
        assert isinstance(response.body, EncodedBody)
        assert is_open(path)
        return Response("instead")

    app = Application(middlewares=[replace, Compression()])

    @app.get("/")
    async def handler() -> Response:
        return FileResponse(path)

    assert await (await ask(app)).text() == "instead"
    assert not is_open(path)
    app = app_of(lambda _: FileResponse(path))
    async with TestClient(app) as client:
        response = await client.get("/", headers=ACCEPT)
        await response.close()
    assert not is_open(path)


@in_loop
async def test_a_file_that_shrinks_does_not_look_complete(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("x" * 600_000)
    async with TestClient(app_of(lambda _: FileResponse(path))) as client:
        response = await client.get("/", headers=ACCEPT)
        os.truncate(path, 1000)
        with pytest.raises(RuntimeError, match="shrunk"):
            await response.read()
    assert not is_open(path)


@in_loop
async def test_a_body_is_closed_when_its_client_has_left() -> None:
    """As an adapter closes it when the client has left before the first chunk."""
    source = Source()
    response = await answer(
        app_of(lambda _: StreamResponse(source, content_type="text/plain")), headers=[(b"accept-encoding", b"gzip")]
    )
    assert isinstance(response.payload, EncodedBody)
    await response.payload.aclose()
    assert source.closed == 1


@in_loop
async def test_an_open_file_of_the_application(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(TEXT * 20)

    def make(_: Request) -> Response:
        response = Response(content_type="text/plain")
        response.body = FileBody(path.open("rb"), str(path), 100, len(TEXT) * 10)
        return response

    assert await plain(await ask(app_of(make))) == (TEXT * 20)[100 : 100 + len(TEXT) * 10]
    assert not is_open(path)


@in_loop
async def test_a_directory_of_files(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text(TEXT)
    (tmp_path / "b.css").write_text(TEXT)
    (tmp_path / "b.css.gz").write_bytes(gzip.compress(TEXT.encode()))
    (tmp_path / "c.png").write_text(TEXT)
    app = Application(middlewares=[Compression()])
    app.router.add_static("/", tmp_path, precompressed=True)
    async with TestClient(app) as client:
        for extra, ranged in (({}, 200), ({"Range": "bytes=0-9"}, 206)):
            headers = {"Accept-Encoding": "gzip", **extra}
            ours = await client.get("/a.css", headers=headers)
            assert (ours.status, await plain(ours)) == (200, TEXT)
            beside = await client.get("/b.css", headers=headers)
            assert (beside.status, beside.headers["Content-Encoding"]) == (ranged, "gzip")
            image = await client.get("/c.png", headers=headers)
            assert (image.status, image.headers.get("Content-Encoding")) == (ranged, None)
        part = await client.get("/a.css", headers={"Range": "bytes=0-9"})
        assert (part.status, part.headers["Vary"]) == (206, "Accept-Encoding")
