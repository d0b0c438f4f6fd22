"""The cases of cases.json: what is sent, what may come back, and how one is run.

`send` is a list of steps: `["b", text]`, `["chop", text, size, pause]`, `["sleep", seconds]`, `["fin"]`,
`["wait", pattern, seconds, required]`. `expect` is a list of alternatives, one of which must hold (see judge.py). In
texts `{{ETAG}}`, `{{WETAG}}`, `{{LM}}`, `{{LM850}}` and `{{LMASC}}` stand for the validators of /file.

A connection that is left open gets one more request at the end, so that bytes left over and desynchronisation show.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.native.conformance.client import Client, alive, ask, connect
from tests.native.conformance.judge import judge, text

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("cases.json").read_text())

LEFT_OPEN = 2.5
"""Seconds of silence after which a connection counts as kept open."""
SETTLED = 0.25
"""Seconds of silence after which no more answers are expected."""
LONGEST = 8.0
PROBE = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Probe: 1\r\n\r\n"

AT_ONCE = 24


@dataclass
class Outcome:
    """The outcome of a case: why it failed (None: it passed), and the bytes received."""

    why: str | None
    received: bytes = b""
    closed: str | None = None

    def __str__(self) -> str:
        return f"{self.why}\nreceived: {self.received[:1500]!r}\nclosed by the server: {self.closed}"


async def run_all(port: int) -> dict[str, Outcome]:
    """Run all cases, some at a time; a case that fails is run once more, alone, before it counts."""
    validators = await _validators(port)
    outcomes: dict[str, Outcome] = {}
    turn = asyncio.Semaphore(AT_ONCE)

    async def run(case: dict[str, Any]) -> None:
        async with turn:
            outcomes[case["id"]] = await run_case(case, port, validators)

    async with asyncio.TaskGroup() as group:
        for case in CASES:
            group.create_task(run(case))
    for case in CASES:
        if outcomes[case["id"]].why is not None:
            outcomes[case["id"]] = await run_case(case, port, validators)
    return outcomes


async def _validators(port: int) -> dict[bytes, bytes]:
    reply = await ask(port, b"GET /file HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert reply is not None
    (etag,), (modified,) = reply.all("etag"), reply.all("last-modified")
    date = datetime.strptime(modified, "%a, %d %b %Y %H:%M:%S GMT")
    values = {
        "ETAG": etag,
        "WETAG": f"W/{etag}",
        "LM": modified,
        "LM850": date.strftime("%A, %d-%b-%y %H:%M:%S GMT"),
        "LMASC": date.strftime("%a %b ") + f"{date.day:2d}" + date.strftime(" %H:%M:%S %Y"),
    }
    return {b"{{%b}}" % name.encode(): value.encode() for name, value in values.items()}


async def run_case(case: dict[str, Any], port: int, validators: dict[bytes, bytes]) -> Outcome:
    async with connect(port) as client:
        complaint = await _send(case, client, validators)
        allowed, why = await _watch(case, client)
        if why is None and allowed.get("closed") is False and allowed.get("probe", True):
            why = await _probe(client)
        why = why or complaint
        if why is None and client.closed and not client.replies()[0] and not await alive(port):
            why = "closed without an answer, and the server does not answer any more"
        return Outcome(why, bytes(client.received), client.closed)


async def _send(case: dict[str, Any], client: Client, validators: dict[bytes, bytes]) -> str | None:
    """Take the steps until the server stops them. Returns the pattern that was awaited in vain, else None."""
    for step, *arguments in case["send"]:
        if step in ("b", "chop"):
            data = text(arguments[0])
            for name, value in validators.items():
                data = data.replace(name, value)
            size, pause = arguments[1:] or (len(data), 0)
            for start in range(0, len(data), size):
                if not await client.send(data[start : start + size]):
                    return None
                if pause:
                    await asyncio.sleep(pause)
        elif step == "sleep":
            await asyncio.sleep(arguments[0])
        elif step == "fin":
            client.half_close()
        else:
            pattern, seconds, required = re.compile(text(arguments[0]), re.DOTALL), *arguments[1:]
            if not await client.until(lambda p=pattern: p.search(client.received), seconds) and required:
                return f"did not receive {arguments[0]!r} within {seconds} s"
    return None


async def _watch(case: dict[str, Any], client: Client) -> tuple[dict[str, Any], str | None]:
    """Wait until an alternative holds for good, or nothing more is expected. Returns it, or why none holds."""
    loop = asyncio.get_running_loop()
    end = loop.time() + LONGEST
    while True:
        replies, rest = client.replies(*case.get("methods", ("GET",)))
        reasons = []
        for allowed in case["expect"]:
            why = judge(allowed, replies, rest, bytes(client.received), client.closed)
            if why is None:
                if client.closed or allowed.get("closed") is True or client.quiet >= SETTLED:
                    return allowed, None
                break
            reasons.append(why)
        if client.closed or loop.time() > end or client.quiet > LEFT_OPEN:
            return {}, "; or ".join(dict.fromkeys(reasons)) + f"; answers: {', '.join(map(str, replies[:8]))}"
        await client.change(0.05)


async def _probe(client: Client) -> str | None:
    """Check that the open connection still answers the next request. Returns why it does not, else None."""
    start = len(client.received)
    await client.send(PROBE)
    await client.until(lambda: client.received.endswith(b"\r\n\r\nok") and len(client.received) > start, 5)
    client.received, before = client.received[start:], client.received[:start]
    replies, rest = client.replies()
    client.received = before + client.received
    if len(replies) == 1 and not rest and (replies[0].status, replies[0].body) == (200, b"ok"):
        return None
    return f"the next request on the connection got {', '.join(map(str, replies)) or 'no answer'}"
