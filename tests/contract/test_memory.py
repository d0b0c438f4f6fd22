"""Memory stays flat, whatever a client sends or does not read."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.contract.transports import SERVED, Served
from tests.support.wire import Broken

MIB = 1024 * 1024
GROWTH = 48 * MIB

pytestmark = pytest.mark.alone


async def download(wired: Served, path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)
    before = wired.forget_peak()
    received = 0
    async with wired.stream("GET", f"/file?path={path}") as stream:
        while chunk := await stream.chunk():
            received += len(chunk)
    assert received == size
    assert wired.peak() - before < GROWTH


@pytest.mark.transports("native-uvloop")
async def test_a_file_of_a_gibibyte(wired: Served, tmp_path: Path) -> None:
    await download(wired, tmp_path / "sparse", 1024 * MIB)


@pytest.mark.transports(*(name for name in SERVED if name != "native-uvloop"))
async def test_a_file_of_a_quarter_of_it(wired: Served, tmp_path: Path) -> None:
    await download(wired, tmp_path / "sparse", 256 * MIB)


async def test_an_upload_within_the_limit_that_is_streamed(wired: Served) -> None:
    """Sixteen times at once: chunks are not kept."""

    async def body() -> AsyncIterator[bytes]:
        for _ in range(15):
            yield b"x" * MIB

    before = wired.forget_peak()
    replies = await asyncio.gather(*(wired.post("/count", body()) for _ in range(16)))
    assert {reply.text for reply in replies} == {str(15 * MIB)}
    assert wired.peak() - before < GROWTH


async def endless(counter: itertools.count[int]) -> AsyncIterator[bytes]:
    while True:
        next(counter)
        yield b"x" * MIB


async def test_an_endless_unread_upload(wired: Served, key: str) -> None:
    """The client is stopped after what the buffers hold; then it gets its answer, or is cut off."""
    sent: itertools.count[int] = itertools.count()
    before = wired.forget_peak()

    async def post() -> int:
        return (await wired.post(f"/ignore-and-wait?key={key}", endless(sent))).status

    posting = asyncio.create_task(post())
    await wired.journal(key, "started")
    last, same = next(sent), 0
    while same < 20:
        await wired.get("/")
        now = next(sent)
        last, same = now, same + 1 if now == last + 1 else 0
    assert now - 20 < 64
    await wired.post(f"/journal/release?key={key}", b"")
    assert await posting == 200
    assert wired.peak() - before < GROWTH


async def test_an_endless_upload_that_is_answered_at_once(wired: Served) -> None:
    before = wired.forget_peak()
    with suppress(Broken):  # a client that goes on sending may lose the answer to the reset
        assert (await wired.post("/ignore", endless(itertools.count()))).text == "ignored"
    assert wired.peak() - before < GROWTH


async def test_a_client_that_does_not_read(wired: Served, key: str) -> None:
    before = wired.forget_peak()
    async with wired.stream("GET", f"/stream/endless?key={key}") as stream:
        await stream.chunk()
        produced, same = 0, 0
        while same < 20:
            now = len((await wired.get(f"/journal/{key}")).json())
            produced, same = now, same + 1 if now == produced else 0
    await wired.journal(key, "closed in its task")
    assert wired.peak() - before < GROWTH
