"""Clients that leave: handlers that end with them, and handlers that go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.contract.support import leave_after, rest
from tests.contract.transports import Served, Transport
from tests.support.wire import Broken, Cut

WAITED = ["waiting", "cancelled", "cleaned up"]


@pytest.mark.parametrize("body", [None, b"", b"x", b"x" * 50_000], ids=["none", "empty", "small", "large"])
async def test_a_handler_ends_with_its_client(transport: Transport, key: str, body: bytes | None) -> None:
    """Also with an unread body."""
    method = "GET" if body is None else "POST"
    target = f"/leaving/cancelled?key={key}"
    await leave_after(transport, lambda: transport.journal(key, "waiting"), method, target, body=body)
    assert await transport.journal(key, "cleaned up") == WAITED
    assert (await transport.get("/")).text == "hello"


async def test_a_client_that_stays_is_answered(transport: Transport) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1000

    for body in (b"", b"x" * 100_000, chunks()):
        reply = await transport.post("/leaving/answered", body)
        assert (reply.status, len(reply.body)) == (200, 0 if body == b"" else 100_000)


async def test_a_client_that_leaves_in_the_middle_of_its_body(transport: Transport, key: str) -> None:
    """A handler that reads is told, whatever `on_disconnect` says."""

    async def cut() -> AsyncIterator[bytes]:
        yield b"first"
        await transport.journal(key, "read 5")
        raise Cut

    async def ask() -> None:
        async with transport.stream("POST", f"/leaving/reading?key={key}", body=cut()):
            raise AssertionError("expected no answer")

    with pytest.raises(Broken):
        await ask()
    (read, ended) = await entries_of(transport, key, 2)
    assert (read, ended in ("ClientDisconnected", "CancelledError")) == ("read 5", True)


async def entries_of(transport: Transport, key: str, count: int) -> list[str]:
    turn = 0
    async with asyncio.timeout(4):
        while len(entries := (await transport.get(f"/journal/{key}")).json()) < count:
            turn = await rest(turn)
    return entries


async def test_waiting_for_the_client_takes_nothing_from_the_body(transport: Transport, key: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"x" * 4000

    target = f"/leaving/both?key={key}"
    read = "read 200000, there"
    await leave_after(transport, lambda: transport.journal(key, read), "POST", target, body=chunks())
    assert await transport.journal(key, "gone") == [read, "gone"]


async def test_pipelined_requests_end_with_their_client(wired: Served, key: str) -> None:
    """The running request is cancelled; those behind it are never begun."""
    head = f"GET /leaving/cancelled?key={key} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    async with wired.connect() as wire:
        await wire.send(head + head + head)
        await wired.journal(key, "waiting")
    assert await entries_of(wired, key, 3) == WAITED
    for _ in range(3):
        assert (await wired.get(f"/journal/{key}")).json() == WAITED
