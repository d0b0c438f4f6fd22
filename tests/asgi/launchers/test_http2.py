"""HTTP/2, which hypercorn and granian speak under TLS: the application sees and says the same as over HTTP/1.1."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
import trustme
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import StreamEnded
from h2.exceptions import StreamClosedError

from tests.asgi.launchers.test_launchers import serving
from tests.support.requests import in_loop

SERVERS = ("hypercorn", "granian")


@pytest.fixture(params=SERVERS, scope="module")
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a server with a certificate."""
    pair = trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem
    path: Path = tmp_path_factory.mktemp("tls") / "server.pem"
    pair.write_to_path(path)
    with serving(request.param, ssl_certfile=path) as running:
        yield running.port
        running.end()


@asynccontextmanager
async def client(port: int) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(http2=True, verify=False, base_url=f"https://localhost:{port}", timeout=20) as found:
        yield found


@in_loop
async def test_cookies_in_several_fields(port: int) -> None:
    """As browsers send them over HTTP/2 (RFC 9113 section 8.2.3)."""
    async with client(port) as asking:
        reply = await asking.post("/seen", headers=[("Cookie", "a=1; b=2"), ("Cookie", "c=3")])
    assert reply.http_version == "HTTP/2"
    assert reply.json()[2] == {"a": "1", "b": "2", "c": "3"}


@in_loop
async def test_the_authority_is_the_host_and_a_body_needs_no_length(port: int) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"x" * 70_000
        yield b"y"

    async with client(port) as asking:
        reply = await asking.post("/seen?a=1", content=parts())
    assert reply.json() == ["2", f"https://localhost:{port}/seen?a=1", {}, 70_001]


@in_loop
async def test_fields_of_a_connection_are_not_sent(port: int) -> None:
    """A client has to take them for malformed (RFC 9113 section 8.2.2), `Upgrade` of a 426 as well."""
    async with client(port) as asking:
        replies = [await asking.get("/seen"), await asking.get("/session")]
    assert [reply.status_code for reply in replies] == [200, 426]
    for reply in replies:
        assert not {"connection", "keep-alive", "upgrade", "transfer-encoding"} & {*reply.headers}


class Streams:
    """A connection whose frames the test chooses."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._h2 = H2Connection(H2Configuration(client_side=True))
        self._h2.initiate_connection()
        self._ended: set[int] = set()

    def ask(self, stream: int, method: str, path: str, **fields: str) -> None:
        """Send the head of a request; it ends the request if it is a GET."""
        head = {":method": method, ":path": path, ":scheme": "https", ":authority": "localhost", **fields}
        self._h2.send_headers(stream, head.items(), end_stream=method == "GET")
        self._writer.write(self._h2.data_to_send())

    def end(self, stream: int, data: bytes) -> None:
        """Send the last part of a request, unless the server has said that it wants no more (RFC 9113 section 8.1)."""
        with suppress(StreamClosedError):
            self._h2.send_data(stream, data, end_stream=True)
        self._writer.write(self._h2.data_to_send())

    async def answered(self, stream: int) -> None:
        """Wait for the end of an answer."""
        while stream not in self._ended:
            data = await self._reader.read(65536)
            assert data, "expected the connection to go on"
            self._ended |= {event.stream_id for event in self._h2.receive_data(data) if isinstance(event, StreamEnded)}
            self._writer.write(self._h2.data_to_send())


@pytest.mark.parametrize("path", ["/", "/unread-stream"])
@pytest.mark.parametrize("body", [b"", b"x"])
@in_loop
async def test_an_unread_body_that_ends_late_leaves_the_connection(port: int, path: str, body: bytes) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        streams = Streams(reader, writer)
        streams.ask(1, "POST", path, **{"content-length": str(len(body))})
        streams.ask(3, "GET", "/")
        await streams.answered(3)  # so the first one is handled, too
        streams.end(1, body)
        await streams.answered(1)
        streams.ask(5, "GET", "/")
        await streams.answered(5)
    finally:
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()


@in_loop
async def test_a_client_that_leaves_a_stream_leaves_the_connection(port: int) -> None:
    async with client(port) as asking:
        async with asking.stream("GET", "/endless") as reply:
            assert await anext(reply.aiter_raw()) == b"begun"
        assert (await asking.get("/")).text == "hello https"
