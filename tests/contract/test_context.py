"""Each request has its own task and context, from the handler's first line to the last byte."""

from __future__ import annotations

import asyncio

from tests.contract.transports import Served, Transport


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


async def test_timeouts_work_from_the_first_line(transport: Transport) -> None:
    assert (await transport.get("/timeout")).text == "timed out"


async def test_task_groups_work_from_the_first_line(transport: Transport) -> None:
    assert (await transport.get("/group")).text == "ab"
