"""Every exchange is reported once, with how it has ended; and a response that requests share is whole for each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.serve import SHORT
from tests.contract.sockets import Refused, ended
from tests.contract.support import leave_after
from tests.contract.transports import Memory, Transport
from tests.core.request.forms.support import LAST, file
from tests.support.wire import Broken, Cut, Headers

APP = "tests.contract.app:app"
NO_ERROR: list[Any] = [None, False, False]


async def outcome(transport: Transport, key: str, *before: str) -> list[Any]:
    """Wait for the one outcome of the key, after the other entries."""
    async with asyncio.timeout(10):
        while len(entries := (await transport.get(f"/journal/{key}")).json()) <= len(before):
            continue
    for _ in range(3):  # a second report would come by then
        entries = (await transport.get(f"/journal/{key}")).json()
    assert entries[:-1] == list(before)
    found: list[Any] = json.loads(entries[-1])
    return found


@pytest.mark.parametrize(
    ("target", "status", "sent"),
    [("plain", 200, 5), ("large", 200, 200_000), ("empty", 204, 0), ("stream", 200, 5000)],
)
async def test_an_answer(transport: Transport, key: str, target: str, status: int, sent: int) -> None:
    assert len((await transport.get(f"/finished/{target}?key={key}")).body) == sent
    assert await outcome(transport, key) == [status, sent, *NO_ERROR]


async def test_an_answer_that_leaves_a_body_unread(transport: Transport, key: str) -> None:
    reply = await transport.post(f"/finished/unread?key={key}", b"x" * 1_000_000)
    assert reply.text == "unread"
    assert await outcome(transport, key) == [200, 6, *NO_ERROR]


@pytest.mark.parametrize("size", [10, 300_000])
async def test_a_file(transport: Transport, key: str, size: int, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    assert len((await transport.get(f"/finished/file?key={key}&file={path}")).body) == size
    assert await outcome(transport, key) == [200, size, *NO_ERROR]


@pytest.mark.parametrize("target", ["plain", "stream"])
async def test_head(transport: Transport, key: str, target: str) -> None:
    await transport.request("HEAD", f"/finished/{target}?key={key}")
    assert await outcome(transport, key) == [200, 0, *NO_ERROR]


@pytest.mark.core_rule
@pytest.mark.parametrize(
    ("method", "target", "status", "error"),
    [
        ("GET", "nowhere", 404, "HTTPNotFound"),
        ("DELETE", "plain", 405, "HTTPMethodNotAllowed"),
        ("POST", "small", 413, "HTTPContentTooLarge"),
        ("GET", "raised", 409, "HTTPConflict"),
        ("GET", "returned", 409, None),
        ("GET", "expected", 409, "Expected"),
        ("GET", "unexpected", 500, "ValueError"),
        ("GET", "unsendable", 500, "ValueError"),
    ],
)
async def test_an_error_that_is_answered(
    transport: Transport, key: str, method: str, target: str, status: int, error: str | None
) -> None:
    body = b"x" * 100 if method == "POST" else None
    reply = await transport.request(method, f"/finished/{target}?key={key}", body=body)
    assert reply.status == status
    assert await outcome(transport, key) == [status, len(reply.body), error, False, False]


async def test_a_stream_that_fails_halfway(transport: Transport, key: str) -> None:
    with pytest.raises(Broken):
        await transport.get(f"/finished/halfway?key={key}")
    assert await outcome(transport, key) == [200, 2000, "ValueError", False, False]


async def test_a_client_that_leaves_a_stream(transport: Transport, key: str) -> None:
    async with transport.stream("GET", f"/finished/endless?key={key}") as stream:
        assert await stream.chunk()
    status, sent, *rest = await outcome(transport, key)
    assert (status, sent >= 1000, rest) == (200, True, [None, True, False])


async def leave_when_complete(transport: Transport, target: str, headers: Headers = ()) -> int:
    """Leave as soon as all announced bytes are there; their number."""
    async with asyncio.timeout(10), transport.stream("GET", target, headers=headers) as stream:
        length = received = int(dict(stream.headers)["content-length"])
        while received:
            received -= len(await stream.chunk())
    return length


async def test_a_client_that_leaves_once_it_has_all_bytes(transport: Transport, key: str) -> None:
    """The stream goes on to its end: the client has the whole answer."""
    assert await leave_when_complete(transport, f"/finished/complete?key={key}") == 5
    assert await outcome(transport, key, "went on") == [200, 5, *NO_ERROR]


async def test_a_client_that_leaves_once_it_has_all_ranges(transport: Transport, key: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 300_000)
    target, ranges = f"/finished/file?key={key}&file={path}", [("Range", "bytes=0-9,100000-109999")]
    length = await leave_when_complete(transport, target, ranges)
    assert await outcome(transport, key) == [206, length, *NO_ERROR]


async def test_a_client_that_leaves_in_the_middle_of_its_body(transport: Transport, key: str) -> None:
    async def cut() -> AsyncIterator[bytes]:
        yield b"first"
        await transport.journal(key, "read 5")
        raise Cut

    with pytest.raises(Broken):
        await transport.post(f"/finished/read?key={key}", cut())
    status, sent, *rest = await outcome(transport, key, "read 5")
    assert (status, sent > 0) in ((None, False), (400, True))  # 400 where the client could still read it
    assert rest == [None, True, False]


async def test_a_client_that_leaves_its_handler(transport: Transport, key: str) -> None:
    """The handler is cancelled: the route asks for it. The exchange is not."""
    await leave_after(transport, lambda: transport.journal(key, "waiting"), "GET", f"/finished/attended?key={key}")
    assert await outcome(transport, key, "waiting") == [None, 0, None, True, False]


async def test_a_handler_that_is_cut_off_when_the_server_stops(pool: Any, server_name: str, tmp_path: Path) -> None:
    path = tmp_path / "outcomes"
    with pool.own(server_name, APP, "--seconds", str(SHORT)) as served:
        asking = asyncio.create_task(served.get(f"/finished/hanging?key=k&path={path}"))
        await served.journal("k", "waiting")
        served.terminate()
        await served.exit_code()
        reply = await asking
    assert (reply.status, reply.header("connection")) == (503, "close")
    assert reply.text == "503 Service Unavailable: the server is stopping\n"
    assert path.read_text() == "[503, 48, null, false, true]\n"


async def test_a_handler_that_is_cut_off_in_memory(tmp_path: Path) -> None:
    from tests.contract.app import make_app

    path = tmp_path / "outcomes"
    memory = Memory(make_app)
    memory._client._transport._shutdown_timeout = 0.1
    async with memory:
        asking = asyncio.create_task(memory.get(f"/finished/hanging?key=k&path={path}"))
        await memory.journal("k", "waiting")
        stopping = asyncio.create_task(memory._client.shutdown())
        await stopping
        for exchange in memory._client._transport._exchanges:
            exchange.task.cancel()
        with pytest.raises(ConnectionError):
            await asking
    assert path.read_text() == "[null, 0, null, false, true]\n"


# -- websockets -------------------------------------------------------------------------------------------------------


async def test_a_websocket(transport: Transport, key: str) -> None:
    """It is reported once its session is over."""
    async with transport.websocket(f"/finished/websocket?key={key}") as ws:
        assert (await transport.get(f"/journal/{key}")).json() == []
        await ws.send("four")
        await ended(ws)
    assert await outcome(transport, key) == [101, 4, *NO_ERROR]


async def test_a_session_that_fails(transport: Transport, key: str) -> None:
    async with transport.websocket(f"/finished/failing?key={key}") as ws:
        await ended(ws)
    assert await outcome(transport, key) == [101, 0, "ValueError", False, False]


async def test_a_websocket_that_breaks_off(transport: Transport, key: str) -> None:
    async with transport.websocket(f"/finished/waiting?key={key}") as ws:
        await transport.journal(key, "open")
        ws.abort()
    assert await outcome(transport, key, "open") == [101, 0, None, True, False]


async def test_a_websocket_that_its_client_closes(transport: Transport, key: str) -> None:
    async with transport.websocket(f"/finished/waiting?key={key}") as ws:
        await transport.journal(key, "open")
        await ws.close()
    assert await outcome(transport, key, "open") == [101, 0, *NO_ERROR]


async def test_a_handshake_that_is_refused(transport: Transport, key: str) -> None:
    with pytest.raises(Refused):
        async with transport.websocket(f"/finished/refused?key={key}"):
            pass
    status, _, *rest = await outcome(transport, key)
    assert (status, rest) == (403, NO_ERROR)


async def test_a_handshake_from_a_foreign_page(transport: Transport, key: str) -> None:
    with pytest.raises(Refused):
        async with transport.websocket(f"/finished/foreign?key={key}", headers=[("Origin", "https://evil.example")]):
            pass
    status, _, *rest = await outcome(transport, key)
    assert (status, rest) == (403, ["HTTPForbidden", False, False])


# -- a shared response ------------------------------------------------------------------------------------------------


async def test_a_shared_response_is_whole_for_each_request(transport: Transport) -> None:
    """Some requests have a file on disk to close before they are over, others are a HEAD at the same time."""
    body = file("f", "x.bin", b"x" * 5000) + LAST
    headers = [("Content-Type", "multipart/form-data; boundary=bound")]

    async def post() -> None:
        for _ in range(100):
            reply = await transport.post("/finished/shared?key=shared", body, headers)
            assert (reply.status, reply.body, reply.header("content-length")) == (200, b"hello", "5")

    async def head() -> None:
        for _ in range(100):
            reply = await transport.request("HEAD", "/finished/shared?key=shared")
            assert (reply.status, reply.body, reply.header("content-length")) == (200, b"", "5")

    async with asyncio.TaskGroup() as group:
        group.create_task(post())
        group.create_task(head())
