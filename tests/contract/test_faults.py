"""What is no `Exception`, and still ends no server: `SystemExit`, `KeyboardInterrupt`, a cancellation of others.

The core catches it before a server could see which of them it was: hence the core rules.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.contract.routes_faults import AFTERWARDS, ANSWERED, STRAYS
from tests.contract.sockets import ended
from tests.contract.support import leave_after
from tests.contract.transports import Broken, Transport

KINDS = pytest.mark.parametrize("kind", STRAYS)


async def check_alive(transport: Transport) -> None:
    assert (await transport.get("/")).text == "hello"


@pytest.mark.core_rule
@KINDS
@pytest.mark.parametrize("place", ANSWERED)
async def test_it_is_an_error_wherever_it_is_raised(transport: Transport, place: str, kind: str) -> None:
    """The hooks around it run, and the application goes on."""
    handler = "thread" if place in ("thread", "waiting") else "handler"
    reply = await transport.get(f"/faults/{handler}?at={place}&raises={kind}")
    assert (reply.status, reply.text) == (500, "500 Internal Server Error")
    assert reply.all("x-after") == ["once"]
    await check_alive(transport)


@pytest.mark.core_rule
@KINDS
async def test_hooks_middleware_and_listeners_see_it_as_any_error(transport: Transport, key: str, kind: str) -> None:
    reply = await transport.get(f"/faults/handler?at=handler&raises={kind}&key={key}")
    assert (reply.status, reply.header("x-outer")) == (500, "500")
    hook = f"hook: {type(STRAYS[kind]).__name__}"
    assert await transport.journal(key, "finished") == [hook, "finished"]


@pytest.mark.core_rule
@KINDS
@pytest.mark.parametrize("place", AFTERWARDS)
async def test_after_the_answer(transport: Transport, place: str, kind: str, key: str) -> None:
    """Whatever comes after it is still done."""
    reply = await transport.get(f"/faults/handler?at={place}&raises={kind}&key={key}")
    assert (reply.status, reply.text) == (200, "whole")
    assert await transport.journal(key, "finished") == ["finished"]
    await check_alive(transport)


async def test_a_parser_of_arguments_that_exits(transport: Transport) -> None:
    assert (await transport.get("/faults/arguments?at=")).status == 500
    await check_alive(transport)


@KINDS
@pytest.mark.parametrize("target", ["/faults/stream/async", "/faults/stream/sync", "/foreign/stray_halfway"])
async def test_a_stream_does_not_look_complete(transport: Transport, target: str, kind: str) -> None:
    with pytest.raises(Broken):
        await transport.get(f"{target}?at=stream&raises={kind}")
    await check_alive(transport)


@pytest.mark.core_rule
@KINDS
async def test_a_session_closes_with_1011(transport: Transport, key: str, kind: str) -> None:
    async with transport.websocket(f"/faults/session?at=session&raises={kind}&key={key}") as ws:
        assert await ws.receive() == "first"
        assert await ended(ws) == (1011, "")
    hook = f"hook: {type(STRAYS[kind]).__name__}"
    assert await transport.journal(key, "finished") == [hook, "finished"]


@pytest.mark.core_rule
@KINDS
async def test_a_foreign_application(transport: Transport, kind: str) -> None:
    assert (await transport.get(f"/foreign/stray?raises={kind}")).status == 500
    await check_alive(transport)


async def test_two_requests_await_one_task_and_the_client_of_its_owner_leaves(transport: Transport, key: str) -> None:
    """The other one is not cancelled, only what it has waited for."""
    joined: list[asyncio.Task[int]] = []

    async def join() -> None:
        await transport.journal(key, "begun")
        joined.append(asyncio.create_task(status()))
        await transport.journal(key, "joined")

    async def status() -> int:
        return (await transport.get(f"/faults/other?key={key}")).status

    await leave_after(transport, join, "GET", f"/faults/owner?key={key}")
    assert await joined[0] == 500
    assert "hook: CancelledError" in await transport.journal(key, "finished")
