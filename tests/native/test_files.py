"""Files on the wire: read or sent by the kernel, whole or in part, and closed exactly once whatever happens."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sketch import Application, FileResponse, Request, Response
from sketch.transport import FileBody
from sketch_native.connection import SENT_BY_KERNEL, SENT_IN_PIECES
from tests.support.native import GET, HOST, Certificates, opened, serving, until
from tests.support.wire import Broken

SIZES = [0, 1, SENT_BY_KERNEL, SENT_BY_KERNEL + 1, SENT_IN_PIECES, SENT_IN_PIECES + 1, 3_000_000]
LARGE = 30_000_000

pytestmark = pytest.mark.usefixtures("descriptors")


def content(size: int) -> bytes:
    return (bytes(range(256)) * (size // 256 + 1))[:size]


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[FileBody]]:
    """The files that adapters have closed, in their order."""
    found: list[FileBody] = []
    close = FileBody.close

    def note(body: FileBody) -> None:
        found.append(body)
        close(body)

    monkeypatch.setattr(FileBody, "close", note)
    yield found
    assert all(body.file.closed for body in found)


def app_with(path: Path) -> Application:
    app = Application()

    @app.get("/")
    async def file(request: Request) -> Response:
        return FileResponse(path)

    return app


def written(folder: Path, size: int) -> Path:
    path = folder / "file.bin"
    path.write_bytes(content(size))
    return path


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
async def test_whole_files(
    size: int, encrypted: bool, tmp_path: Path, certificates: Certificates, closed: list[FileBody]
) -> None:
    """Two requests for the file on one connection, with a small request after them."""
    app = app_with(written(tmp_path, size))
    app.add_get("/small", lambda request: Response("small"))
    async with serving(app, certificates if encrypted else None) as served, served.connect() as wire:
        await wire.send(GET + GET + GET.replace(b"/ ", b"/small "))
        for _ in range(2):
            reply = await wire.receive()
            assert reply.body == content(size)
            assert reply.header("content-length") == str(size)
        assert (await wire.receive()).body == b"small"
    small = SENT_IN_PIECES if encrypted else SENT_BY_KERNEL
    assert len(closed) == (2 if size > small else 0), "what is small was read where it was opened"


@pytest.mark.parametrize("size", [1000, 3_000_000])
@pytest.mark.parametrize(
    ("field", "start", "end"),
    [
        (b"0-9", 0, 10),
        (b"10-", 10, None),
        (b"-7", -7, None),
        (b"5-99999999999999999999", 5, None),
        (b"999-999", 999, 1000),
    ],
)
async def test_parts_of_files(
    size: int, field: bytes, start: int, end: int | None, tmp_path: Path, closed: list[FileBody]
) -> None:
    whole = content(size)
    async with serving(app_with(written(tmp_path, size))) as served:
        reply = await served.exchange(b"GET / HTTP/1.1\r\n" + HOST + b"Range: bytes=" + field + b"\r\n\r\n")
    assert (reply.status, reply.body) == (206, whole[start:end])
    first = start % size
    assert reply.header("content-range") == f"bytes {first}-{first + len(reply.body) - 1}/{size}"
    assert len(closed) == (len(reply.body) > SENT_BY_KERNEL)


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
async def test_several_parts_of_a_file(encrypted: bool, tmp_path: Path, certificates: Certificates) -> None:
    """The length is announced and the connection goes on; the fixture `descriptors` checks that nothing stays open."""
    asked = [(5, 10), (700_000, 400_000), (2_999_999, 1)]
    field = ",".join(f"{offset}-{offset + length - 1}" for offset, length in asked).encode()
    app = app_with(written(tmp_path, 3_000_000))
    async with serving(app, certificates if encrypted else None) as served, served.connect() as wire:
        for _ in range(2):
            await wire.send(b"GET / HTTP/1.1\r\n" + HOST + b"Range: bytes=" + field + b"\r\n\r\n")
            reply = await wire.receive()
            assert reply.status == 206
            assert reply.header("content-length") == str(len(reply.body))
            for offset, length in asked:
                assert content(3_000_000)[offset : offset + length] in reply.body


@pytest.mark.parametrize("size", [1000, 3_000_000])
async def test_without_a_body_the_file_is_closed_too(size: int, tmp_path: Path) -> None:
    """HEAD, 304, 412 and 416; the connection shows that no byte of the file was sent."""
    async with serving(app_with(written(tmp_path, size))) as served, served.connect() as wire:
        await wire.send(GET)
        etag = (await wire.receive()).header("etag")
        assert etag is not None
        for method, field, status in (
            ("HEAD", "X: y", 200),
            ("GET", f"If-None-Match: {etag}", 304),
            ("GET", 'If-Match: "other"', 412),
            ("GET", f"Range: bytes={size}-", 416),
        ):
            await wire.send(f"{method} / HTTP/1.1\r\nHost: x\r\n{field}\r\n\r\n".encode())
            reply = await wire.receive(method)
            assert reply.status == status
            assert len(reply.body) < 100


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("ranges", [b"", b"Range: bytes=0-99,1000-29999999\r\n"], ids=["whole", "parts"])
async def test_a_file_that_shrinks_never_looks_complete(
    ranges: bytes, encrypted: bool, tmp_path: Path, certificates: Certificates, closed: list[FileBody]
) -> None:
    path = written(tmp_path, LARGE)
    app = app_with(path)

    @app.on_response_prepare
    async def shrink(request: Request, response: Response) -> None:
        os.truncate(path, LARGE // 2)

    async with serving(app, certificates if encrypted else None) as served, served.connect() as wire:
        await wire.send(b"GET / HTTP/1.1\r\n" + HOST + ranges + b"\r\n")
        with pytest.raises(Broken):
            await wire.receive()
        await served.alone()
    assert len(closed) == (0 if ranges else 1)


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("how", ["reset", "half-close"])
async def test_a_client_that_leaves_in_a_file(
    how: str, encrypted: bool, tmp_path: Path, certificates: Certificates, closed: list[FileBody]
) -> None:
    app = app_with(written(tmp_path, LARGE))
    async with serving(app, certificates if encrypted else None) as served, served.connect() as wire:
        wire.pause()
        await wire.send(GET)
        connection = await opened(served.server)
        await until(
            lambda: connection._exchange is not None and connection._exchange.first_byte_at is not None, "the head"
        )
        if how == "half-close" and not encrypted:
            wire.half_close()
        else:
            wire.abort()
        await served.alone()
    assert len(closed) == 1


async def test_a_file_that_is_not_there() -> None:
    async with serving(app_with(Path("/nowhere"))) as served:
        assert (await served.exchange(GET)).status == 404


async def test_many_large_files_at_once(tmp_path: Path, closed: list[FileBody]) -> None:
    path = written(tmp_path, 3_000_000)
    async with serving(app_with(path)) as served:
        replies = await asyncio.gather(*(served.exchange(GET) for _ in range(20)))
    assert all(reply.body == content(3_000_000) for reply in replies)
    assert len(closed) == 20


async def test_a_growing_file_is_sent_as_it_was(tmp_path: Path) -> None:
    path = written(tmp_path, 100_000)
    app = app_with(path)

    @app.on_response_prepare
    async def grow(request: Request, response: Response) -> None:
        with path.open("ab") as file:
            file.write(b"more" * 1000)

    async with serving(app) as served, served.connect() as wire:
        await wire.send(GET)
        assert len((await wire.receive()).body) == 100_000
