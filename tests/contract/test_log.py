"""What the log of a server says of exchanges that end early: the same words on each, nothing of clients that leave."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from tests.contract.serve import RUN_APP, SHORT
from tests.contract.sockets import ended
from tests.contract.support import leave_after
from tests.contract.test_finished import outcome
from tests.contract.transports import Served

APP = "tests.contract.app:app"
LOGGED = pytest.mark.transports(*RUN_APP)
"""The servers' own command lines configure no logging of ours."""


@LOGGED
@pytest.mark.alone
async def test_the_log_says_nothing_of_clients_that_leave(wired: Served, key: str) -> None:
    """Only the access log has a line for each."""
    before = len(wired.program.output)  # other tests of the same server have lines of their own
    async with wired.stream("GET", f"/finished/endless?key={key}-stream") as stream:
        await stream.chunk()
    await outcome(wired, f"{key}-stream")
    await leave_after(
        wired, lambda: wired.journal(f"{key}-handler", "waiting"), "GET", f"/finished/attended?key={key}-handler"
    )
    await outcome(wired, f"{key}-handler", "waiting")
    async with wired.websocket(f"/finished/waiting?key={key}-socket") as ws:
        await wired.journal(f"{key}-socket", "open")
        ws.abort()
    await outcome(wired, f"{key}-socket", "open")
    async with wired.stream("GET", f"/events/silent?key={key}-events"):
        await wired.journal(f"{key}-events", "asked")
    await wired.journal(f"{key}-events", "closed in its task")
    async with wired.connect() as wire:
        head = f"POST /finished/read?key={key}-body HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
        await wire.send(head.encode() + b"abc")
    await outcome(wired, f"{key}-body", "read 3")
    said = [line for line in wired.program.output[before:].splitlines() if "left" in line or "was cancelled" in line]
    assert said == []


async def _wait_for_a_handler(served: Served, begun: asyncio.Event) -> None:
    asking = asyncio.create_task(served.get("/finished/hanging?key=k&path=/dev/null"))
    await served.journal("k", "waiting")
    begun.set()
    await asking


async def _wait_for_a_stream(served: Served, begun: asyncio.Event) -> None:
    async with served.stream("GET", "/stream/idle?key=k") as stream:
        await stream.chunk()
        begun.set()
        await stream.chunk()


async def _wait_for_a_session(served: Served, begun: asyncio.Event) -> None:
    async with served.websocket("/ws/stubborn") as ws:
        await ws.receive()
        begun.set()
        await ended(ws)


WAITING = {
    "/finished/hanging": _wait_for_a_handler,
    "/stream/idle": _wait_for_a_stream,
    "/ws/stubborn": _wait_for_a_session,
}


@LOGGED
async def test_the_log_names_what_is_cut_off_when_the_server_stops(pool: Any, server_name: str) -> None:
    with pool.own(server_name, APP, "--seconds", str(SHORT)) as served:
        waiting = []
        for wait in WAITING.values():
            begun = asyncio.Event()
            waiting.append(asyncio.create_task(wait(served, begun)))
            await begun.wait()
        served.terminate()
        await served.exit_code()
        await asyncio.gather(*waiting, return_exceptions=True)  # however the server ends them
        (warning,) = re.findall("WARNING sketch: cut off at the end of the grace period: (.*)", served.program.output)
        assert sorted(warning.split(", ")) == sorted(f"GET {path!r}" for path in WAITING)
        assert "was cancelled" not in served.program.output, "each is named once"


@LOGGED
async def test_the_log_names_a_client_that_reads_nothing(wired: Served, key: str) -> None:
    async with wired.stream("GET", f"/stream/endless/in-time?key={key}"):
        await wired.journal(key, "closed in its task")
    line = "INFO sketch.server: ('127.0.0.1', "
    assert [each for each in wired.program.output.splitlines() if line in each and "reads nothing" in each]
