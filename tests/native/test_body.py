"""The body between socket and handler, without a socket: bounded, in order, never complete when it was cut."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given, strategies as st

from sketch.transport import ClientDisconnected
from sketch_native import ServerLimits
from sketch_native.body import RequestBody
from sketch_native.interfaces import Line
from tests.native.parsing import bounded
from tests.support.native import turns

HIGH_WATER = 100
DRAIN = 1000


class FakeLine:
    """Notes whether the socket would be read, and whether a handler waits."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.server = self
        self.transport = self
        self.reading = True
        self.waiting = False
        self.bonus = 0.0
        self.skipped = 0
        self.server = SimpleNamespace(limits=ServerLimits(drain=DRAIN), time=self.loop.time)

    def pause_reading(self) -> None:
        self.reading = False

    def want_body(self) -> None:
        self.reading = True

    def body_awaited(self, bonus: float) -> None:
        self.waiting = True
        self.bonus = bonus

    def body_arrived(self) -> None:
        self.waiting = False

    def body_skipped(self, size: int) -> None:
        self.skipped += size


def make(continued: list[str] | None = None, length: int | None = None) -> tuple[RequestBody, FakeLine]:
    line = FakeLine()
    send = None if continued is None else lambda: continued.append("100")
    return RequestBody(cast("Line", line), length, HIGH_WATER, send), line


async def read_all(body: RequestBody) -> bytes:
    parts = []
    while part := await body.read():
        parts.append(part)
    return b"".join(parts)


async def test_chunks_are_read_as_they_were_fed() -> None:
    body, _ = make()
    body.feed(b"one")
    body.feed(b"two")
    body.end()
    assert [await body.read() for _ in range(4)] == [b"one", b"two", b"", b""]


async def test_a_reader_waits_for_the_next_chunk() -> None:
    body, line = make()
    reader = asyncio.create_task(body.read())
    await turns()
    assert line.waiting
    body.feed(b"late")
    assert await reader == b"late"
    assert not line.waiting


async def test_the_socket_is_not_read_while_too_much_waits() -> None:
    body, line = make()
    body.feed(b"a" * (HIGH_WATER - 1))
    assert line.reading
    body.feed(b"b")
    assert not line.reading
    await body.read()
    assert line.reading


async def test_what_came_before_the_end_of_the_connection_can_be_read() -> None:
    body, _ = make()
    body.feed(b"part")
    body.cut()
    assert await body.read() == b"part"
    for _ in range(2):
        with pytest.raises(ClientDisconnected):
            await body.read()


async def test_a_waiting_reader_is_told_of_the_end_of_the_connection() -> None:
    body, _ = make()
    reader = asyncio.create_task(body.read())
    await turns()
    body.cut()
    with pytest.raises(ClientDisconnected):
        await reader


async def test_a_complete_body_stays_complete_when_the_connection_ends() -> None:
    body, _ = make()
    body.feed(b"all")
    body.end()
    body.cut()
    assert await read_all(body) == b"all"


async def test_the_first_error_counts() -> None:
    body, _ = make()
    body.fail(ValueError("first"))
    body.cut()
    with pytest.raises(ValueError, match="first"):
        await body.read()


async def test_two_readers_at_once_are_an_error_for_the_second() -> None:
    body, _ = make()
    reader = asyncio.create_task(body.read())
    await turns()
    with pytest.raises(RuntimeError, match="one reader"):
        await body.read()
    body.feed(b"for the first")
    assert await reader == b"for the first"


async def test_a_reader_that_gives_up_leaves_the_next_chunk() -> None:
    body, line = make()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await body.read()
    assert not line.waiting
    body.feed(b"kept")
    assert await body.read() == b"kept"


async def test_leave_to_send_is_given_once_and_at_the_first_read() -> None:
    continued: list[str] = []
    body, _ = make(continued, length=1)
    assert not body.skippable
    reader = asyncio.create_task(body.read())
    await turns()
    assert continued == ["100"]
    assert body.skippable
    body.feed(b"a")
    await reader
    body.end()
    await body.read()
    assert continued == ["100"]


async def test_leave_to_send_is_not_given_to_a_client_that_already_sends() -> None:
    continued: list[str] = []
    body, _ = make(continued)
    body.feed(b"a")
    body.end()
    await read_all(body)
    assert continued == []


@pytest.mark.parametrize(("length", "skippable"), [(1, True), (DRAIN, True), (DRAIN + 1, False), (None, False)])
async def test_the_rest_of_a_short_body_may_be_skipped(length: int | None, skippable: bool) -> None:
    body, _ = make(length=length)
    body.feed(b"a")
    assert body.skippable is skippable
    body.end()
    assert body.skippable


async def test_discarded_bytes_are_counted_and_not_kept() -> None:
    body, line = make()
    body.feed(b"a" * HIGH_WATER)
    assert not line.reading
    body.discard()
    assert line.reading
    body.feed(b"b" * HIGH_WATER)
    assert line.reading
    assert line.skipped == HIGH_WATER
    with pytest.raises(ClientDisconnected):
        await body.read()


async def test_a_steady_client_earns_time_and_a_reader_spends_it() -> None:
    body, line = make()
    body.feed(b"a" * 5000)
    await body.read()
    reader = asyncio.create_task(body.read())
    await turns()
    assert line.bonus == pytest.approx(5.0, abs=0.1)
    body.end()
    await reader


@bounded
@given(st.lists(st.one_of(st.binary(min_size=1, max_size=150), st.none()), max_size=30), st.booleans())
def test_whatever_is_fed_is_read_in_order(steps: list[bytes | None], cut: bool) -> None:
    """A sequence of feeds, and of reads (None) if a chunk waits; the socket is read exactly while there is room."""

    async def scenario() -> None:
        body, line = make()
        fed, got = b"", b""
        for step in steps:
            if step is not None:
                body.feed(step)
                fed += step
            elif len(fed) > len(got):
                got += await body.read()
            assert line.reading == (len(fed) - len(got) < HIGH_WATER)
            assert fed.startswith(got)
        if cut:
            body.cut()
        else:
            body.end()
        while len(got) < len(fed):
            got += await body.read()
        assert got == fed
        if cut:
            with pytest.raises(ClientDisconnected):
                await body.read()
        else:
            assert await body.read() == b""

    asyncio.run(scenario())
