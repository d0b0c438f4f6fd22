"""A server that is told to stop while it is busy with everything: what has time is complete, the rest is cut off in
time, and the log says what."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections import Counter
from contextlib import AsyncExitStack
from time import monotonic
from typing import Any

import pytest

from tests.contract.sockets import Ended, open_on_the_wire
from tests.contract.transports import Served
from tests.support.pace import bound
from tests.support.wire import Broken, Reply, Wire

LAUNCHED = ("native-asyncio", "native-uvloop", "native-tls", "uvicorn-httptools", "hypercorn", "granian")
ONE_OF_EACH = ("native-uvloop", "uvicorn-httptools", "hypercorn", "granian")
SAMPLE = "tests.contract.stopping_sample:"
GRACE = 1
LAST = 2.0
"""Seconds after the grace period in which a server ends what still runs, and its last hook hangs."""

launched = pytest.mark.transports(*LAUNCHED)
with_workers = pytest.mark.transports(*ONE_OF_EACH)


def get(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


HOOK = "on_cleanup hook add_hanging_hook.<locals>.never_ends"
STUCK_UPLOAD = b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc"
HALF_A_HEAD = b"GET / HTTP/1.1\r\nHos"


async def begin(stack: AsyncExitStack, served: Served, data: bytes) -> Wire:
    wire: Wire = await stack.enter_async_context(served.connect())
    await wire.send(data)
    return wire


async def last(wire: Wire, reply: Reply) -> bytes:
    """The rest of a body that is cut off."""
    received = b""
    try:
        async for part in wire.body(reply, "GET"):
            received += part
    except Broken:
        return received
    raise AssertionError(f"expected a body that is cut off, got all of it: {received!r}")


class Clients:
    """One client of each kind that a stop may meet."""

    async def open(self, stack: AsyncExitStack, served: Served) -> None:
        """Let all of them be served."""
        self.idle = await begin(stack, served, get("/"))
        assert (await self.idle.receive()).text == "hello"
        self.events = await begin(stack, served, get("/events"))
        self.endless = await begin(stack, served, get("/endless"))
        self.heads = [await self.events.head(), await self.endless.head()]
        self.socket = await stack.enter_async_context(open_on_the_wire(served.port, served.tls, "/ws", (), ()))
        assert await self.socket.receive() == "open"
        requests = get("/slow"), get("/stuck"), STUCK_UPLOAD
        self.slow, self.stuck, self.upload = [await begin(stack, served, request) for request in requests]
        self.half = await begin(stack, served, HALF_A_HEAD)

    async def check(self) -> None:
        """What becomes of each, once the server is told to stop."""
        with pytest.raises(Ended) as ended:
            await self.socket.receive()
        assert ended.value.code == 1012
        await self.socket.close()
        assert b"".join([part async for part in self.events.body(self.heads[0], "GET")]) == b"data: first\n\n"
        reply = await self.slow.receive()
        assert (reply.text, reply.header("connection")) == ("complete", "close")
        for wire in (self.stuck, self.upload):
            reply = await wire.receive()
            assert (reply.status, reply.header("connection")) == (503, "close")
        assert await last(self.endless, self.heads[1]) == b"first"
        assert await self.idle.ended() == b""
        await self.half.ended()


async def printed(served: Served, text: str, count: int) -> None:
    """Wait until a server has printed a text so many times."""
    while served.program.output.count(text) < count:  # noqa: ASYNC110  # another process writes the file
        await asyncio.sleep(0.01)


async def stop_busy(served: Served, sets: int) -> str:
    """Stop a server that serves so many clients of each kind. What it has printed."""
    async with AsyncExitStack() as stack, asyncio.timeout(40):
        opened = [Clients() for _ in range(sets)]
        for clients in opened:
            await clients.open(stack, served)
        await printed(served, "begun /", 3 * sets)
        began = monotonic()
        served.terminate()
        await asyncio.gather(*(clients.check() for clients in opened))
        assert await served.exit_code() == 0
        assert GRACE <= monotonic() - began < GRACE + LAST + bound(1, 3)
    return served.program.output


@launched
async def test_what_has_time_is_complete_and_the_rest_is_cut_off_in_time(pool: Any, server_name: str) -> None:
    with pool.own(server_name, f"{SAMPLE}hanging", "--seconds", str(GRACE)) as served:
        output = await stop_busy(served, 1)
    assert "stopping: 3 requests, 1 websocket, 2 streams\n" in output
    check_log(output, processes=1, sets=1)


@with_workers
async def test_workers_stop_as_one_process_does(pool: Any, server_name: str) -> None:
    with pool.own(server_name, f"{SAMPLE}hanging", "--seconds", str(GRACE), "--workers", "2") as served:
        async with asyncio.timeout(30):
            await printed(served, "is ready", 2)
        output = await stop_busy(served, 4)
    check_log(output, processes=2, sets=4)


def check_log(output: str, processes: int, sets: int) -> None:
    """Each process names what it has cut off; together they name all of it, and each once."""
    for kind, count in (("request", 3), ("websocket", 1), ("stream", 2)):
        assert sum(int(each) for each in re.findall(rf"stopping: .*?(\d+) {kind}", output)) == count * sets, kind
    cut = re.findall("WARNING sketch: cut off at the end of the grace period: (.*)", output)
    expected = {"GET '/endless'": sets, "GET '/stuck'": sets, "POST '/upload'": sets, HOOK: processes}
    assert sum(map(count_names, cut), Counter()) == expected
    assert len(cut) == len(re.findall(r"stopped after \d+\.\d s\n", output)) == processes
    for line in ('/slow" 200 8', '/stuck" 503 ', '/upload" 503 ', '/endless" 200 5', '/ws" 101 4'):
        assert output.count(line) == sets, line
    assert "was cancelled" not in output, "it is named once"
    assert "Traceback" not in output


def count_names(cut: str) -> Counter[str]:
    """How often a line names each thing: `GET '/a' (2 times), GET '/b'`."""
    counts = Counter[str]()
    for each in cut.split(", "):
        name, _, times = each.removesuffix(" times)").partition(" (")
        counts[name] += int(times or 1)
    return counts


@with_workers
async def test_a_foreign_application_is_cut_off_as_well(pool: Any, server_name: str) -> None:
    """Also without an access log."""
    options = ("--seconds", str(GRACE), "--no-access-log")
    with pool.own(server_name, f"{SAMPLE}foreign", *options) as served:
        async with AsyncExitStack() as stack, asyncio.timeout(20):
            stuck = await begin(stack, served, get("/stuck"))
            endless = await begin(stack, served, get("/endless"))
            head = await endless.head()
            await printed(served, "begun /", 1)
            served.terminate()
            reply = await stuck.receive()
            assert (reply.status, reply.header("connection")) == (503, "close")
            assert await last(endless, head) == b"first"
            assert await served.exit_code() == 0
        output = served.program.output
    assert "stopping: 1 request, 1 stream\n" in output
    (cut,) = re.findall("WARNING sketch: cut off at the end of the grace period: (.*)", output)
    assert sorted(cut.split(", ")) == ["GET '/endless'", "GET '/stuck'"]
    assert "Traceback" not in output


@launched
async def test_a_signal_to_reload_ends_no_server(wired: Served) -> None:
    before = wired.program.output.count("SIGUSR1: there is nothing to reread\n")
    os.kill(wired.pid, signal.SIGUSR1)
    await printed(wired, "SIGUSR1: there is nothing to reread\n", before + 1)
    assert (await wired.get("/")).status in (200, 404)


@launched
async def test_the_last_request_of_an_idle_connection_is_answered(pool: Any, server_name: str) -> None:
    """A client that sends it in time loses nothing, and learns that the connection ends. Nothing more is ready."""
    with pool.own(server_name, f"{SAMPLE}app", "--drain", "30", "--seconds", "30") as served:
        async with served.connect() as wire, served.connect() as events:
            await events.send(get("/events"))
            head = await events.head()
            await wire.send(get("/readyz"))
            reply = await wire.receive()
            assert (reply.status, reply.header("connection") == "close") == (200, False)
            served.terminate()
            assert [part async for part in events.body(head, "GET")]  # it has been told
            await wire.send(get("/readyz"))
            reply = await wire.receive()
            assert (reply.status, reply.header("connection")) == (503, "close")
            assert reply.json() == {"status": "unavailable"}
            assert await wire.ended() == b""
        began = monotonic()
        assert await served.exit_code() == 0
        assert monotonic() - began < 15, "no idle connection is left to wait for"
