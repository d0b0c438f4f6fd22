"""Background work: it runs after the answer, and the server waits for it, for a bounded time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from tests.contract.routes_answers import CHUNK
from tests.contract.serve import SHORT
from tests.contract.sockets import ended
from tests.contract.transports import Served, Transport

APP = "tests.contract.app:app"
LARGE = CHUNK * 5
BODIES = {"plain": b"plain", "large": LARGE, "stream": LARGE, "sized": LARGE, "empty": b"", "unchanged": b""}


async def finish(transport: Transport, key: str) -> None:
    """Confirm the answer, for which the work waits; then wait for the end of the work."""
    assert await transport.journal(key, "began") == ["began"]
    await transport.post(f"/journal/got%20it?key={key}", b"")
    assert await transport.journal(key, "ended") == ["began", "got it", "ended"]


@pytest.mark.parametrize("kind", BODIES)
async def test_the_client_has_the_whole_answer_before_the_work_ends(transport: Transport, key: str, kind: str) -> None:
    assert (await transport.get(f"/background/{kind}?key={key}")).body == BODIES[kind]
    await finish(transport, key)


@pytest.mark.parametrize("size", [10, 300_000])
async def test_a_file_comes_before_the_work(transport: Transport, key: str, size: int, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    assert len((await transport.get(f"/background/file?key={key}&path={path}")).body) == size
    await finish(transport, key)


@pytest.mark.parametrize("kind", ["plain", "stream"])
async def test_head_leaves_the_same_work(transport: Transport, key: str, kind: str) -> None:
    reply = await transport.request("HEAD", f"/background/{kind}?key={key}")
    assert (reply.status, reply.body) == (200, b"")
    await finish(transport, key)


async def test_a_client_that_leaves_changes_nothing(transport: Transport, key: str) -> None:
    async with transport.stream("GET", f"/background/endless?key={key}") as stream:
        assert await stream.chunk()
    await finish(transport, key)


async def test_an_unread_body_does_not_delay_the_work(transport: Transport, key: str) -> None:
    assert (await transport.post(f"/background/unread?key={key}", b"x" * 100_000)).text == "unread"
    await finish(transport, key)


async def test_work_of_a_handshake_waits_for_the_session(transport: Transport, key: str) -> None:
    """The exchange is over when the session is."""
    async with transport.websocket(f"/background/websocket?key={key}") as ws:
        await ws.send("the last message")
        await ended(ws)
    assert await transport.journal(key, "began") == ["the last message", "began"]
    await transport.post(f"/journal/got%20it?key={key}", b"")
    assert (await transport.journal(key, "ended"))[2:] == ["got it", "ended"]


async def test_functions_that_block_have_a_thread(transport: Transport, key: str) -> None:
    assert (await transport.get(f"/background/thread?key={key}")).text == "thread"
    assert await transport.journal(key, "in a thread") == ["in a thread"]


async def test_a_response_that_is_not_sent_leaves_nothing(transport: Transport, key: str) -> None:
    assert (await transport.get(f"/background/failed?key={key}")).status == 409
    await transport.post(f"/journal/got%20it?key={key}", b"")
    assert await transport.journal(key, "got it") == ["got it"]


async def test_a_stopping_server_waits_for_tasks(pool: Any, server_name: str, tmp_path: Path) -> None:
    with pool.own(server_name, APP) as served:
        assert (await served.get(f"/spawn/last?path={tmp_path / 'file'}")).text == "spawned"
        served.terminate()
        await served.exit_code()
        assert (tmp_path / "file").read_text() == "done"
        assert "Traceback" not in served.program.output


@pytest.mark.parametrize("how", ["endless", "too-long"])
async def test_a_stopping_server_waits_as_long_as_it_may(pool: Any, server_name: str, how: str, tmp_path: Path) -> None:
    with pool.own(server_name, APP, "--seconds", str(SHORT)) as served:
        await served.get(f"/spawn/endless?how={how}&path={tmp_path / 'file'}")
        began = monotonic()
        served.terminate()
        async with asyncio.timeout(SHORT + 5):
            await served.exit_code()
        took = monotonic() - began
        assert (tmp_path / "file").read_text() == "cancelled"
        if how == "too-long":
            assert took > SHORT * 2 / 3
        else:
            assert "waiting for background tasks" not in served.program.output


async def test_a_task_that_fails_is_logged_with_its_name(wired: Served) -> None:
    assert (await wired.get("/spawn/failing")).text == "spawned"
    async with asyncio.timeout(10):
        while "ValueError: the newsletter is empty" not in wired.program.output:
            await wired.get("/")
    assert "background task newsletter failed" in wired.program.output
