"""HTTP/1.1 of the client, against servers that send what a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from yarl import URL

from sketch.testing.sent import SentRequest
from sketch.testing.wire import Place, WireExchange
from tests.support.requests import in_loop


@asynccontextmanager
async def answering(*parts: bytes, method: str = "GET", close: bool = True) -> AsyncIterator[WireExchange]:
    """An exchange with a server that answers with these bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
        if not close:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        sent = SentRequest(method, b"/", [(b"host", b"x")], None, URL("http://x/"))
        exchange = WireExchange(Place("test", "127.0.0.1", port), sent)
        try:
            yield exchange
        finally:
            await exchange.ended()


async def body(exchange: WireExchange) -> bytes:
    await exchange.head()
    return b"".join(iter([chunk async for chunk in chunks(exchange)]))


async def chunks(exchange: WireExchange) -> AsyncIterator[bytes]:
    while chunk := await exchange.chunk():
        yield chunk


INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"


@pytest.mark.parametrize(
    ("parts", "status", "expected"),
    [
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"he", b"llo"], 200, b"hello"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"], 200, b"hello"),
        ([b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"], 200, b"hello"),
        ([b"HTTP/1.0 200 OK\r\n\r\nhello"], 200, b"hello"),
        ([INTERIM, b"HTTP/1.1 204 No Content\r\n\r\n"], 204, b""),
        ([b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"], 304, b""),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"], 200, b""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("close", [True, False])
@in_loop
async def test_answers(parts: list[bytes], status: int, expected: bytes, close: bool) -> None:
    delimited = b"ength" in parts[0] or b"chunked" in parts[0] or status in (204, 304)
    async with answering(*parts, close=close or not delimited) as exchange:
        assert await body(exchange) == expected
        assert exchange.status == status
        assert (b"link", b"x") not in exchange.raw_headers
        assert await exchange.chunk() == b""
        assert exchange.over


@in_loop
async def test_head_has_no_body() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", method="HEAD", close=False) as exchange:
        assert await body(exchange) == b""
        assert exchange.raw_headers == [(b"content-length", b"5")]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "the connection broke before the answer"),
        ([b"HTTP/1.1 200 OK\r\nContent-"], "the connection broke before the answer"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"], "the connection broke before the end of the body"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n"], "broke before the end of the body"),
        ([b"SSH-2.0-OpenSSH\r\n"], r"expected an answer of HTTP/1\.1, got b'SSH-2"),
    ],
)
@in_loop
async def test_answers_that_are_none(parts: list[bytes], message: str) -> None:
    async with answering(*parts) as exchange:
        with pytest.raises(ConnectionError, match=message):
            await body(exchange)


@in_loop
async def test_an_answer_that_the_client_has_left() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", close=False) as exchange:
        await exchange.head()
        assert await exchange.chunk() == b"he"
        exchange.disconnect()
        with pytest.raises(ConnectionResetError, match="the response was closed before the end of its body"):
            await exchange.chunk()


@in_loop
async def test_a_large_body_is_received_as_it_is_read() -> None:
    """The client holds little of what the test has not read: the server's `drain` waits."""
    sent = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
                sent += 65536
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        exchange = WireExchange(
            Place("test", "127.0.0.1", port), SentRequest("GET", b"/", [(b"host", b"x")], None, URL("http://x/"))
        )
        await exchange.head()
        assert await exchange.chunk()
        before = -1
        while sent != before:
            before = sent
            for _ in range(20):
                await asyncio.sleep(0)
        assert sent < 16 * 1024 * 1024
        await exchange.ended()


@in_loop
async def test_nothing_listens() -> None:
    sent = SentRequest("GET", b"/", [], None, URL("http://x/"))
    with pytest.raises(ConnectionRefusedError):
        await WireExchange(Place("test", "127.0.0.1", 1), sent).head()
