"""Nothing is left running: no thread, no process, no socket, no task."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest

from sketch.serving.options import ServeError
from sketch.testing import TestClient, server_transport
from tests.support.requests import in_loop
from tests.testkit.support import HERE, SERVERS, TRANSPORTS, nothing_left, within

every_transport = pytest.mark.parametrize("transport", TRANSPORTS)


@every_transport
@in_loop
async def test_endless_answers_that_are_still_open_at_the_end(transport: str) -> None:
    with nothing_left():
        client = TestClient(f"{HERE}:leaving()", transport=transport)
        await client.start()
        for path, first in (("/endless", b"x"), ("/events", b"data: first\n\n")):
            response = await client.get(path)
            assert (await anext(response.stream())).startswith(first)
        with within():
            await client.stop()


@every_transport
@in_loop
async def test_a_test_that_fails_in_the_middle(transport: str) -> None:
    with nothing_left(), ExitStack() as stack, pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with TestClient(f"{HERE}:leaving()", transport=transport) as client:
            await anext((await client.get("/endless")).stream())
            async with client.websocket("/socket") as ws:
                assert await ws.receive() == "open"
                stack.enter_context(within())
                raise ZeroDivisionError


@every_transport
@in_loop
async def test_a_test_that_is_cancelled(transport: str) -> None:
    asking = asyncio.Event()

    async def case() -> None:
        async with TestClient(f"{HERE}:leaving()", transport=transport) as client:
            asking.set()
            await client.get("/never")

    with nothing_left():
        task = asyncio.create_task(case())
        await asking.wait()
        await asyncio.sleep(0)
        with within():
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task


@every_transport
@in_loop
async def test_a_stop_that_is_cancelled(transport: str) -> None:
    with nothing_left():
        client = TestClient(f"{HERE}:clinging()", transport=transport, shutdown_timeout=30)
        await client.start()
        response = await client.get("/")
        stopping = asyncio.create_task(client.stop())
        await asyncio.sleep(0.05)
        with within():
            stopping.cancel()
            with pytest.raises(asyncio.CancelledError):
                await stopping
        await response.close()


@every_transport
@in_loop
async def test_a_request_that_is_cancelled_leaves(transport: str) -> None:
    with nothing_left():
        async with TestClient(f"{HERE}:leaving()", transport=transport) as client:
            with within(), pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await client.get("/never")


@every_transport
@in_loop
async def test_an_application_that_cannot_start(transport: str) -> None:
    """Its own error is raised, except from another process, which shows what was printed."""
    expected = ServeError if transport == "granian" else LookupError
    with nothing_left(), within(), pytest.raises(expected, match="no database"):
        await TestClient(f"{HERE}:failing()", transport=transport).start()


@pytest.mark.parametrize("transport", SERVERS)
@in_loop
async def test_a_start_that_never_ends(transport: str) -> None:
    with pytest.MonkeyPatch.context() as patch, nothing_left():
        patch.setattr(server_transport, "STARTUP", 0.2)
        with within(), pytest.raises(ServeError, match=r"did not start within 0\.2 seconds"):
            await TestClient(f"{HERE}:hanging()", transport=transport).start()


@every_transport
@in_loop
async def test_a_start_that_is_cancelled(transport: str) -> None:
    with nothing_left(), within(), pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await TestClient(f"{HERE}:hanging()", transport=transport).start()


@every_transport
@in_loop
async def test_an_error_of_a_clean_up_hook(transport: str) -> None:
    expected = ServeError if transport == "granian" else LookupError
    with nothing_left(), pytest.raises(expected, match="the database is gone"):
        async with TestClient(f"{HERE}:stubborn()", transport=transport):
            pass


@pytest.mark.parametrize("transport", SERVERS)
@in_loop
async def test_kill_where_nothing_can_be_awaited(transport: str) -> None:
    with nothing_left():
        client = TestClient(f"{HERE}:leaving()", transport=transport)
        await client.start()
        with within():
            client.kill()
        if transport == "native":
            await client.stop()


@every_transport
@in_loop
async def test_stopped_clients_can_be_started_again(transport: str) -> None:
    client = TestClient(f"{HERE}:echoing()", transport=transport)
    for _ in range(2):
        with nothing_left():
            async with client:
                assert (await client.get("/")).ok
        with pytest.raises(RuntimeError, match="the application is not started"):
            await client.get("/")
