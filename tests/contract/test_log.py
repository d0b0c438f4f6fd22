"""What the log of a server says of exchanges that end early: the same words on each, nothing of clients that leave."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

from tests.contract.serve import RUN_APP, SHORT
from tests.contract.sockets import ended
from tests.contract.support import leave_after, rest
from tests.contract.test_finished import outcome
from tests.contract.transports import Served
from tests.core.observability.test_access_fields import PARENT, check_types

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
    lines = [line for line in wired.program.output[before:].splitlines() if "sketch.access" not in line]
    said = [line for line in lines if "left" in line or "was cancelled" in line]
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


HEADERS = [("User-Agent", 'a "browser"'), ("Referer", "http://x/"), ("traceparent", PARENT)]


@LOGGED
async def test_the_log_as_json_and_what_is_cut_off_when_the_server_stops(pool: Any, server_name: str) -> None:
    with pool.own(server_name, APP, "--seconds", str(SHORT), "--log-format", "json") as served:
        assert (await served.get("/item/7?a=b", HEADERS)).status == 200
        assert (await served.get("/boom")).status == 500
        async with served.websocket("/ws/echo") as ws:
            await ws.send("hello")
            await ws.receive()
        waiting = []
        for wait in WAITING.values():
            begun = asyncio.Event()
            waiting.append(asyncio.create_task(wait(served, begun)))
            await begun.wait()
        served.terminate()
        await served.exit_code()
        await asyncio.gather(*waiting, return_exceptions=True)  # however the server ends them
        output = served.program.output.splitlines()
    lines = [json.loads(line) for line in output if line.startswith("{")]
    assert not re.search(r"sketch|\d{4}-\d\d", "".join(line for line in output if not line.startswith("{"))), output
    check_what_was_cut_off(lines)
    check_access_lines([line for line in lines if line["logger"] == "sketch.access"])


def check_what_was_cut_off(lines: list[dict[str, Any]]) -> None:
    beginning = "cut off at the end of the grace period: "
    (warning,) = [line for line in lines if line.get("message", "").startswith(beginning)]
    assert (warning["level"], warning["logger"]) == ("WARNING", "sketch")
    assert sorted(warning["message"].removeprefix(beginning).split(", ")) == sorted(f"GET {path!r}" for path in WAITING)
    assert [line for line in lines if "was cancelled" in line.get("message", "")] == [], "each is named once"
    (error,) = [line for line in lines if line["level"] == "ERROR"]
    assert error["exception"].startswith("Traceback (most recent call last):\n")


def check_access_lines(lines: list[dict[str, Any]]) -> None:
    """Each has the documented fields, and the same facts on every server."""
    found = {}
    for line in lines:
        assert (line.pop("level"), line.pop("logger")) == ("INFO", "sketch.access")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
        check_types(line)
        found[line["target"]] = line
    item = found["/item/7?a=b"]
    assert item.pop("client").startswith("127.0.0.1:")
    assert 0 <= item.pop("first_byte") <= item.pop("duration") < 10
    assert item == {
        "method": "GET", "target": "/item/7?a=b", "route": "/item/{name}", "status": 200, "bytes": item["bytes"],
        "request_id": None, "traceparent": PARENT, "trace_id": PARENT[3:35], "user_agent": 'a \\"browser\\"',
        "referer": "http://x/", "worker": 0, "disconnected": False, "cancelled": False,
    }  # fmt: skip
    assert (found["/boom"]["status"], found["/boom"]["route"]) == (500, "/boom")
    assert (found["/ws/echo"]["status"], found["/ws/echo"]["bytes"]) == (101, 5)
    assert found["/finished/hanging?key=k&path=/dev/null"]["cancelled"]


@LOGGED
async def test_the_log_names_a_client_that_reads_nothing(wired: Served, key: str) -> None:
    async with wired.stream("GET", f"/stream/endless/in-time?key={key}"):
        await wired.journal(key, "closed in its task")
    pattern = re.compile(r"INFO sketch\.server: 127\.0\.0\.1:.*reads nothing")
    turn = 0
    async with asyncio.timeout(10):
        while not pattern.search(wired.program.output):
            turn = await rest(turn)
