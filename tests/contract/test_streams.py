"""Bodies that are produced while they are sent, files, and clients that leave."""

# ruff: noqa: ASYNC240  # small local files
from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.contract.support import MOST_CHUNKS, open_files
from tests.contract.transports import Served, Transport
from tests.support.wire import Broken


async def test_a_stream(transport: Transport) -> None:
    """An empty chunk does not end it."""
    reply = await transport.get("/stream/3")
    assert (reply.status, reply.text) == (200, "chunk 0\nchunk 1\nchunk 2\n")
    assert reply.header("content-length") is None
    assert reply.header("content-type") == "text/plain"


async def test_a_stream_without_chunks(transport: Transport) -> None:
    assert (await transport.get("/stream/0")).body == b""


async def test_a_stream_for_head_is_not_produced(transport: Transport, key: str) -> None:
    reply = await transport.request("HEAD", f"/stream/endless?key={key}")
    assert (reply.status, reply.body) == (200, b"")
    assert (await transport.get(f"/journal/{key}")).json() == []


async def test_a_synchronous_stream(transport: Transport) -> None:
    assert (await transport.get("/stream/sync")).body == b"abc"


async def test_a_stream_of_a_known_size(transport: Transport) -> None:
    reply = await transport.get("/stream/sized")
    assert (reply.body, reply.header("content-length")) == (b"abcd", "4")


@pytest.mark.parametrize("target", ["/stream/broken", "/stream/short"])
async def test_a_stream_that_fails_halfway_does_not_look_complete(transport: Transport, target: str) -> None:
    """No second head is sent."""
    with pytest.raises(Broken):
        await transport.get(target)
    assert (await transport.get("/")).text == "hello"


async def test_a_chunk_arrives_when_it_is_produced(transport: Transport, key: str) -> None:
    async with transport.stream("GET", f"/stream/idle?key={key}") as stream:
        assert await stream.chunk() == b"first"


async def test_an_idle_stream_ends_when_its_client_leaves(transport: Transport, key: str) -> None:
    async with transport.stream("GET", f"/stream/idle?key={key}") as stream:
        await stream.chunk()
        await stream.leave()
    assert await transport.journal(key, "closed") == ["closed"]


async def test_a_client_that_does_not_read_stops_the_producer(transport: Transport, key: str) -> None:
    """The producer stops after a bounded number of chunks, and is closed once, in its task, when the client leaves."""
    async with transport.stream("GET", f"/stream/endless?key={key}") as stream:
        await stream.chunk()
        produced, same = 0, 0
        while same < 20:
            now = len((await transport.get(f"/journal/{key}")).json())
            produced, same = now, same + 1 if now == produced else 0
        assert produced < MOST_CHUNKS
        await stream.leave()
    entries = await transport.journal(key, "closed in its task")
    assert entries.count("closed in its task") == 1
    assert entries[-1] == "closed in its task"
    assert len(entries) < MOST_CHUNKS


async def test_a_handler_is_told_that_its_client_left_and_goes_on(transport: Transport, key: str) -> None:
    async def leave_early() -> None:
        async with transport.stream("GET", f"/leave?key={key}"):
            raise AssertionError("expected no answer before the client has left")

    leaving = asyncio.create_task(leave_early())
    await transport.journal(key, "waiting")
    leaving.cancel()
    assert await transport.journal(key, "went on") == ["waiting", "gone", "went on"]
    with pytest.raises(asyncio.CancelledError):
        await leaving


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file.bin"
    path.write_bytes(bytes(range(256)) * 1200)
    return path


async def test_a_file(transport: Transport, file: Path) -> None:
    data = file.read_bytes()
    reply = await transport.get(f"/file?path={file}")
    assert (reply.status, reply.body, reply.header("content-length")) == (200, data, str(len(data)))
    head = await transport.request("HEAD", f"/file?path={file}")
    assert (head.status, head.body, head.header("content-length")) == (200, b"", str(len(data)))


async def test_a_part_of_a_file(transport: Transport, file: Path) -> None:
    reply = await transport.get(f"/file?path={file}", [("Range", "bytes=70000-70003")])
    assert (reply.status, reply.body) == (206, file.read_bytes()[70000:70004])
    assert reply.header("content-range") == f"bytes 70000-70003/{file.stat().st_size}"
    assert (await transport.get(f"/file?path={file}", [("Range", "bytes=900000-")])).status == 416


async def test_a_file_that_the_client_has(transport: Transport, file: Path) -> None:
    etag = (await transport.get(f"/file?path={file}")).header("etag")
    assert etag is not None
    reply = await transport.get(f"/file?path={file}", [("If-None-Match", etag)])
    assert (reply.status, reply.body, reply.header("etag")) == (304, b"", etag)


async def test_small_and_empty_files(transport: Transport, tmp_path: Path) -> None:
    for size in (0, 1, 65536, 65537):
        path = tmp_path / f"{size}.txt"
        path.write_bytes(b"x" * size)
        assert (await transport.get(f"/file?path={path}")).body == b"x" * size


async def test_a_file_that_is_not_there(transport: Transport, tmp_path: Path) -> None:
    assert (await transport.get(f"/file?path={tmp_path}/none")).status == 404
    assert (await transport.get(f"/file?path={tmp_path}")).status == 404


async def test_files_are_closed(wired: Served, file: Path) -> None:
    """After a whole answer, HEAD, 304 and a client that leaves halfway."""
    etag = (await wired.get(f"/file?path={file}")).header("etag")
    for _ in range(5):
        await wired.request("HEAD", f"/file?path={file}")
        await wired.get(f"/file?path={file}", [("If-None-Match", str(etag))])
        async with wired.stream("GET", f"/file?path={file}") as stream:
            await stream.chunk()
    async with asyncio.timeout(10):
        while str(file) in open_files(wired.pid):
            await wired.get("/")


async def test_a_client_that_reads_nothing_is_left(wired: Served, key: str) -> None:
    """The client is cut after the write timeout; what it then reads does not look complete."""
    async with wired.stream("GET", f"/stream/endless/in-time?key={key}") as stream:
        await wired.journal(key, "closed in its task")
        chunks = iter(stream.chunk, None)
        with pytest.raises(Broken):
            [await chunk for chunk in chunks]
