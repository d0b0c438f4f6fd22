"""Each request has its own task and context, from the handler's first line to the last byte."""

from __future__ import annotations

import asyncio

import pytest

from tests.contract.routes_variables import PLACES
from tests.contract.transports import Served, Transport

SEEN = " ".join(["set"] * len(PLACES))


async def test_the_current_request_and_application(transport: Transport) -> None:
    """Also with many requests at once."""

    async def one(number: int) -> None:
        reply = await transport.get(f"/context/{number}")
        assert reply.json() == [str(number), "contract", True]

    await asyncio.gather(*(one(number) for number in range(20)))


async def test_a_body_that_is_produced_later_sees_them_too(transport: Transport) -> None:
    assert (await transport.get("/context-stream")).text == "/context-stream"


async def test_a_context_variable_ends_with_its_request(transport: Transport) -> None:
    for value in ("a", "b"):
        assert (await transport.get(f"/variable/{value}")).text == "unset"


async def test_a_context_variable_ends_with_its_request_on_one_connection(wired: Served) -> None:
    async with wired.connect() as wire:
        for value in (b"a", b"b", b"c"):
            await wire.send(b"GET /variable/%b HTTP/1.1\r\nHost: x\r\n\r\n" % value)
            assert (await wire.receive()).text == "unset"


async def test_context_variables_of_a_thread_are_those_of_its_request(transport: Transport) -> None:
    """A `def` handler sets one for the body that follows; a generator keeps its own from one item to the next."""
    for value in ("a", "b"):
        assert (await transport.get(f"/variable-in-thread/{value}")).text == f"begun,{value},inside"


async def test_a_stream_that_is_left_resets_its_context_variables(transport: Transport, key: str) -> None:
    """It ends in the context that it began in, so the tokens of the variables that it has set are valid."""
    async with transport.stream("GET", f"/variable-in-stream?key={key}") as stream:
        assert await stream.chunk() == b"begun"
        await stream.leave()
    assert await transport.journal(key, "reset to outside") == ["reset to outside"]


@pytest.mark.parametrize("place", ["handler", "thread", "hook"])
async def test_what_the_start_has_set_every_request_sees(transport: Transport, place: str) -> None:
    """What a request sets itself ends with it."""
    for _ in range(2):
        assert (await transport.get(f"/variables/{place}")).json() == dict.fromkeys(PLACES, "set")


async def test_streams_sessions_and_background_work_see_it_too(transport: Transport, key: str) -> None:
    for _ in range(2):
        assert (await transport.get("/variables/stream")).text == SEEN
        async with transport.websocket("/variables/session") as ws:
            assert await ws.receive() == SEEN
    await transport.get(f"/variables/afterwards?key={key}")
    assert await transport.journal(key, SEEN) == [SEEN]
    await transport.get(f"/variables/hook?key={key}-again")
    # The hook before has set the variables for its request.
    assert await transport.journal(f"{key}-again", "of a request of a request of a request")


async def test_what_the_start_has_set_on_one_connection(wired: Served) -> None:
    async with wired.connect() as wire:
        for _ in range(3):
            await wire.send(b"GET /variables/handler HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await wire.receive()).json() == dict.fromkeys(PLACES, "set")


async def test_timeouts_work_from_the_first_line(transport: Transport) -> None:
    assert (await transport.get("/timeout")).text == "timed out"


async def test_task_groups_work_from_the_first_line(transport: Transport) -> None:
    assert (await transport.get("/group")).text == "ab"


async def test_the_scope_of_asgi(transport: Transport) -> None:
    """There is one where the server speaks ASGI, with the route in it, also if the client is behind a proxy."""
    expected = ["http", "/scope/{name}", {"name": "a"}]
    if transport.name in ("memory", "granian-rsgi") or transport.name.startswith("native"):
        expected = None
    for headers in ([], [("X-Proxies", "1"), ("X-Forwarded-For", "192.0.2.7")]):
        assert (await transport.get("/scope/a", headers)).json() == expected
