"""Request bodies of a foreign application, and their limits."""

from __future__ import annotations

import asyncio

import pytest

from sketch import Limits
from sketch_native import ServerLimits
from tests.asgi.hosting.serving import MODES, Message, Receive, Send, answer, app_of, hosting, part, start
from tests.support.scripts import in_loop
from tests.support.wire import Broken

pytestmark = pytest.mark.parametrize("mode", MODES)


@in_loop
async def test_request_bodies(mode: str) -> None:
    seen: list[list[Message]] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        seen.append([])
        while not seen[-1] or seen[-1][-1]["more_body"]:
            seen[-1].append(await receive())
        await answer(send, b"".join(message["body"] for message in seen[-1]))

    async with hosting(app_of(app), mode) as client, client.connect() as wire:
        await wire.send(client.head("POST", "/", body=b"whole"))
        assert (await wire.receive()).body == b"whole"
        await wire.send(client.head("GET"))
        assert (await wire.receive()).body == b""
        await wire.send(client.head("POST", "/", [("Transfer-Encoding", "chunked")]))
        await client.upload(wire, b"one", b"two")
        assert (await wire.receive()).body == b"onetwo"
    whole, none, chunks = seen
    assert whole == [{"type": "http.request", "body": b"whole", "more_body": False}]
    assert none == [{"type": "http.request", "body": b"", "more_body": False}]
    assert b"".join(message["body"] for message in chunks) == b"onetwo"
    assert [message["more_body"] for message in chunks] == [*[True] * (len(chunks) - 1), False]


@in_loop
async def test_a_long_upload_comes_in_parts(mode: str) -> None:
    parts = 0

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        nonlocal parts
        size, more = 0, True
        while more:
            message = await receive()
            size, more, parts = size + len(message["body"]), message["more_body"], parts + 1
        await answer(send, b"%d" % size)

    async with hosting(app_of(app), mode) as client:
        assert (await client.request("POST", "/", body=bytes(3_000_000))).body == b"3000000"
    assert parts > 10


@in_loop
async def test_an_unread_upload(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await answer(send)
        assert await receive() == {"type": "http.disconnect"}

    async with hosting(app_of(app), mode) as client, client.connect() as wire:
        await wire.send(client.head("POST", "/", body=bytes(100_000)) + client.head())
        assert (await wire.receive()).body == b"ok"
        assert (await wire.receive()).body == b"ok"


@in_loop
async def test_a_body_that_announces_too_much(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        raise AssertionError("expected not to be called")

    async with hosting(app_of(app), mode, Limits(body=10)) as client:
        reply = await client.request("POST", "/", body=bytes(11))
    assert (reply.status, reply.body) == (413, b"expected a body of at most 10 bytes")


@in_loop
async def test_a_body_that_becomes_too_much(mode: str) -> None:
    told = asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        assert (await receive())["more_body"]
        for _ in range(2):
            assert await receive() == {"type": "http.disconnect"}
        await answer(send, b"it does not matter any more")
        told.set()

    async with hosting(app_of(app), mode, Limits(body=10)) as client, client.connect() as wire:
        await wire.send(client.head("POST", "/", [("Transfer-Encoding", "chunked")]))
        await client.upload(wire, b"12345", b"678901", end=False)
        reply = await wire.receive()
        assert (reply.status, reply.body) == (413, b"expected a body of at most 10 bytes")
        await told.wait()


@in_loop
async def test_a_body_that_becomes_too_much_for_a_stream(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(start())
        while True:
            await send(part((await receive())["body"]))

    async with hosting(app_of(app), mode, Limits(body=10)) as client, client.connect() as wire:
        await wire.send(client.head("POST", "/", [("Transfer-Encoding", "chunked")]))
        await client.upload(wire, b"12345", b"678901", end=False)
        with pytest.raises(Broken):
            await wire.receive()


@in_loop
async def test_a_body_that_takes_too_long(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    limits, quick = Limits(body_timeout=0.05), ServerLimits(linger_timeout=0.05)
    async with hosting(app_of(app), mode, limits, server_limits=quick) as client, client.connect() as wire:
        await wire.send(client.head("POST", "/", [("Content-Length", "10")]) + b"12345")
        assert (await wire.receive()).status == 408
