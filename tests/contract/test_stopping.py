"""A server that is told to stop while it is busy with everything: what has time is complete, the rest is cut off in
time, and the log says what."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from time import monotonic
from typing import Any

import pytest

from tests.contract.sockets import Ended, open_on_the_wire
from tests.contract.transports import Served
from tests.support.wire import Broken, Reply, Wire

LAUNCHED = ("native-asyncio", "native-uvloop", "native-tls", "uvicorn-httptools", "hypercorn", "granian")
SAMPLE = "tests.contract.stopping_sample:"
GRACE = 1
SLACK = 10.0
"""Seconds that a busy machine may take longer."""

launched = pytest.mark.transports(*LAUNCHED)


def get(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


HOOK = "on_cleanup hook add_hanging_hook.<locals>.never_ends"
STUCK_UPLOAD = b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc"


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


@launched
async def test_what_has_time_is_complete_and_the_rest_is_cut_off_in_time(pool: Any, server_name: str) -> None:
    with pool.own(server_name, f"{SAMPLE}hanging", "--seconds", str(GRACE)) as served:
        async with AsyncExitStack() as stack, asyncio.timeout(20):
            idle = await begin(stack, served, get("/"))
            assert (await idle.receive()).text == "hello"
            events = await begin(stack, served, get("/events"))
            endless = await begin(stack, served, get("/endless"))
            heads = [await events.head(), await endless.head()]
            socket = await stack.enter_async_context(open_on_the_wire(served.port, served.tls, "/ws", (), ()))
            assert await socket.receive() == "open"
            requests = get("/slow"), get("/stuck"), STUCK_UPLOAD
            slow, stuck, upload = [await begin(stack, served, request) for request in requests]
            assert await socket.receive() == "begun"  # no answer on another connection would say so
            began = monotonic()
            served.terminate()
            with pytest.raises(Ended) as ended:
                await socket.receive()
            assert ended.value.code == 1012
            await socket.close()
            assert b"".join([part async for part in events.body(heads[0], "GET")]) == b"data: first\n\n"
            reply = await slow.receive()
            assert (reply.text, reply.header("connection")) == ("complete", "close")
            for wire in (stuck, upload):
                reply = await wire.receive()
                assert (reply.status, reply.header("connection")) == (503, "close")
            assert await last(endless, heads[1]) == b"first"
            assert await idle.ended() == b""
            assert await served.exit_code() == 0
        assert GRACE <= monotonic() - began < GRACE + SLACK
        output = served.program.output
    check_log(output)


def check_log(output: str) -> None:
    assert "stopping: 3 requests, 1 websocket, 2 streams\n" in output
    (cut,) = re.findall("WARNING sketch: cut off at the end of the grace period: (.*)", output)
    assert sorted(cut.split(", ")) == ["GET '/endless'", "GET '/stuck'", "POST '/upload'", HOOK]
    assert len(re.findall(r"stopped after \d+\.\d s\n", output)) == 1
    for line in ('/slow" 200 8', '/stuck" 503 ', '/upload" 503 ', '/endless" 200 5', '/ws" 101 9'):
        assert output.count(line) == 1, line


@launched
async def test_the_last_request_of_an_idle_connection_is_answered(pool: Any, server_name: str) -> None:
    """A client that sends it in time loses nothing, and learns that the connection ends."""
    with pool.own(server_name, f"{SAMPLE}app", "--drain", "5") as served:
        async with served.connect() as wire, served.connect() as events:
            await events.send(get("/events"))
            head = await events.head()
            await wire.send(get("/"))
            assert (await wire.receive()).header("connection") != "close"
            served.terminate()
            assert [part async for part in events.body(head, "GET")]  # it has been told
            await wire.send(get("/"))
            reply = await wire.receive()
            assert (reply.text, reply.header("connection")) == ("hello", "close")
            assert await wire.ended() == b""
        began = monotonic()
        assert await served.exit_code() == 0
        assert monotonic() - began < 4, "no idle connection is left to wait for"
