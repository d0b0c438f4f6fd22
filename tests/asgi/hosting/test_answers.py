"""Answers of a foreign application: whole, streamed, and without content."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from sketch_asgi.hosting import conversation
from tests.asgi.hosting.serving import MODES, Message, Receive, Send, answer, app_of, hosting, part, start
from tests.support.scripts import in_loop
from tests.support.wire import Broken

pytestmark = pytest.mark.parametrize("mode", MODES)


@in_loop
async def test_a_whole_answer(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        fields = [(b"X-Two", b"1"), [b"x-two", b"\xe9"], (b"content-type", b"text/x")]
        if scope["path"].endswith("/sized"):
            fields.append((b"Content-Length", b"4"))
        await answer(send, memoryview(b"body"), 201, *fields)

    async with hosting(app_of(app), mode) as client:
        for target in ("/", "/sized", "/sized"):  # before and after its fields are cached
            reply = await client.get(target)
            assert (reply.status, reply.body) == (201, b"body")
            assert reply.all("x-two") == ["1", "\xe9"]
            assert (reply.header("content-type"), reply.header("content-length")) == ("text/x", "4")


@in_loop
async def test_whole_answers_in_every_situation(mode: str) -> None:
    """Most answers take a fast path: each is asked for twice, before and after its fields are cached."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        size = int(scope["query_string"] or b"4")
        await answer(send, b"x" * size, 200, (b"content-type", b"text/%d" % size), (b"content-length", b"%d" % size))

    async with hosting(app_of(app), mode) as client:
        target = f"{client.prefix}/"
        for _ in range(2):
            async with client.connect() as wire:
                for size in (0, 4, 300_000):
                    await wire.send(client.head("GET", f"/?{size}"))
                    reply = await wire.receive()
                    assert (len(reply.body), reply.header("content-type")) == (size, f"text/{size}")
                    assert (reply.header("content-length"), reply.header("connection")) == (str(size), None)
                await wire.send(client.head("GET") * 3)
                assert [(await wire.receive()).body for _ in range(3)] == [b"xxxx"] * 3
                await wire.send(client.head("HEAD"))
                assert (await wire.receive("HEAD")).header("content-length") == "4"
                await wire.send(client.head("GET", "/", [("Connection", "close")]))
                assert (await wire.receive()).header("connection") == "close"
                assert await wire.ended() == b""
            for version, connection in (("1.0", "close"), ("1.0\r\nConnection: keep-alive", "keep-alive")):
                async with client.connect() as wire:
                    await wire.send(f"GET {target} HTTP/{version}\r\nHost: x\r\n\r\n".encode())
                    reply = await wire.receive()
                    assert (reply.body, reply.header("connection")) == (b"xxxx", connection)
            async with client.connect() as wire:
                await wire.send(client.head("POST", "/", [("Content-Length", "4"), ("Expect", "100-continue")]))
                reply = await wire.receive()  # the application was not told to go on, and may do so nevertheless
                assert (reply.body, reply.header("connection")) == (b"xxxx", "close")


@in_loop
async def test_an_answer_without_headers_or_body(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    async with hosting(app_of(app), mode) as client:
        reply = await client.get()
    assert (reply.status, reply.body, reply.header("content-length")) == (204, b"", None)


@in_loop
async def test_fields_that_can_be_read_once(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        fields = iter([(b"x-one", b"1"), (b"x-two", b"2")])
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": b"body"})

    async with hosting(app_of(app), mode) as client:
        reply = await client.get()
    assert (reply.header("x-one"), reply.header("x-two"), reply.body) == ("1", "2", b"body")


@in_loop
async def test_framing_is_the_servers(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await answer(send, b"body", 200, (b"Transfer-Encoding", b"chunked"), (b"connection", b"close"))

    async with hosting(app_of(app), mode) as client, client.connect() as wire:
        await wire.send(client.head())
        reply = await wire.receive()
        assert (reply.body, reply.header("transfer-encoding")) == (b"body", None)
        assert reply.header("connection") == "close"
        assert await wire.ended() == b""


@in_loop
async def test_a_stream_arrives_as_it_is_sent(mode: str) -> None:
    more = asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(start())
        await send(part(b"one"))
        await more.wait()
        await send(part(b""))
        await send(part(b"two", more=False))

    async with hosting(app_of(app), mode) as client, client.connect() as wire:
        await wire.send(client.head())
        reply = await wire.head()
        body = wire.body(reply, "GET")
        assert await anext(body) == b"one"
        more.set()
        assert [chunk async for chunk in body] == [b"two"]
        await wire.send(client.head())  # the connection is still good
        assert (await wire.receive()).body == b"onetwo"


@in_loop
async def test_a_stream_with_an_announced_length(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(start(200, (b"content-length", b"6")))
        for body in scope["query_string"].split(b"-"):
            await send(part(body))
        await send(part(b"", more=False))

    async with hosting(app_of(app), mode) as client:
        reply = await client.get("/?one-two")
        assert (reply.body, reply.header("content-length")) == (b"onetwo", "6")
        with pytest.raises(Broken):
            await client.get("/?one")
        async with client.connect() as wire:
            await wire.send(client.head("GET", "/?one-two-more"))
            with contextlib.suppress(Broken):
                assert (await wire.receive()).body == b"onetwo"
            assert await wire.ended() == b""  # no byte beyond the length is sent


@in_loop
async def test_nothing_is_sent_where_nothing_may_be(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        status = int(scope["query_string"] or b"200")
        if scope["path"].endswith("/stream"):
            await send(start(status))
            await send(part(b"one"))
            await send(part(b"two", more=False))
        else:
            await answer(send, b"body", status, *([] if status == 204 else [(b"content-length", b"4")]))

    async with hosting(app_of(app), mode) as client, client.connect() as wire:
        for method, target, length in (
            ("HEAD", "/", "4"), ("HEAD", "/stream", None), ("GET", "/?204", None), ("GET", "/stream?204", None),
            ("GET", "/?304", None), ("GET", "/stream?304", None), ("GET", "/", "4"),
        ):  # fmt: skip
            await wire.send(client.head(method, target))
            reply = await wire.receive(method)
            assert reply.header("content-length") == length, (method, target)
            assert bool(reply.body) == (target == "/" and method == "GET")


@in_loop
async def test_unwanted_parts_are_dropped_and_then_ended(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "ABANDONED_GRACE", 0.02)
    told, ended = asyncio.Event(), asyncio.Event()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(start())
        try:
            await send(part(b"x"))
            assert await receive() == {"type": "http.request", "body": b"", "more_body": False} or told.is_set()
            assert await receive() == {"type": "http.disconnect"}
            told.set()
            while True:
                await send(part(b"x"))
        finally:
            ended.set()

    async with hosting(app_of(app), mode) as client:
        reply = await client.request("HEAD")
        assert (reply.status, reply.body) == (200, b"")
        await ended.wait()
    assert told.is_set() or mode == "native"


@in_loop
async def test_send_waits_while_the_client_does_not_read(mode: str) -> None:
    sent = 0

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        nonlocal sent
        await send(start())
        for _ in range(1000):
            await send(part(bytes(64 * 1024)))
            sent += 1
        await send(part(b"", more=False))

    async with hosting(app_of(app), mode) as client, client.connect(receive_buffer=16 * 1024) as wire:
        wire.pause()
        await wire.send(client.head())
        seen = -1
        while seen != sent:  # until it stands still
            seen = sent
            await asyncio.sleep(0.05)
        assert 0 < sent < 200
        wire.resume()
        assert len((await wire.receive()).body) == 1000 * 64 * 1024


@in_loop
async def test_two_tasks_may_send(mode: str) -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        async def many(byte: bytes) -> None:
            for _ in range(50):
                await send(part(byte * 20_000))

        await send(start())
        async with asyncio.TaskGroup() as group:
            group.create_task(many(b"a"))
            group.create_task(many(b"b"))
        await send(part(b"", more=False))

    async with hosting(app_of(app), mode) as client:
        body = (await client.get()).body
    assert (body.count(b"a"), body.count(b"b")) == (1_000_000, 1_000_000)
