"""What several tests of the contract share: refused handshakes, clients that leave, open files, access lines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contract.sockets import Refused
from tests.contract.transports import Served, Transport
from tests.support.wire import Reply

MOST_CHUNKS = 500
"""Chunks of 64 KiB that may be under way to a client that does not read: buffers of both kernels and of the server."""

NO_ACCESS_LOG = ("granian-rsgi",)
"""Servers that are known to write no access line: none is waited for long."""


async def refused(transport: Transport, target: str, headers: Any = ()) -> Reply:
    """The answer to a handshake that is refused."""
    with pytest.raises(Refused) as caught:
        async with transport.websocket(target, headers=headers):
            raise AssertionError("expected no websocket")
    return caught.value.reply


async def rest(turn: int) -> int:
    """Leave another process some time before it is asked again, ever more of it; the number of the next turn."""
    await asyncio.sleep(min(0.005 * 2**turn, 0.1))
    return turn + 1


async def access_line(wired: Served, marker: str) -> str:
    """Wait for the one line of the access log with a text in it."""
    turn = 0
    async with asyncio.timeout(1 if wired.name in NO_ACCESS_LOG else 10):
        while not (
            lines := [line for line in wired.program.output.splitlines() if f"{marker} " in line.replace('"', " ")]
        ):
            await wired.get("/")
            turn = await rest(turn)
    assert len(lines) == 1, lines
    return lines[0]


async def leave_after(transport: Transport, entries: Callable[[], Awaitable[Any]], *args: Any, **options: Any) -> None:
    """Send a request, and leave when the journal has what is waited for."""

    async def ask() -> None:
        async with transport.stream(*args, **options):
            raise AssertionError("expected no answer before the client has left")

    asking = asyncio.create_task(ask())
    await entries()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


def open_files(pid: int) -> list[str]:
    """The paths a process has open (Linux)."""
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(str(entry.readlink()))
        except FileNotFoundError:  # closed since
            continue
    return found
