"""HTTP/1.1 from the client's side: one request and its answer on a connection of its own.

The answer is parsed by httptools, strictly: what it refuses, the server should not have sent.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import httptools

from sketch.testing.encoding import single_chunk
from sketch.testing.interfaces import only_in_memory
from sketch.transport import ClientDisconnected

if TYPE_CHECKING:
    from sketch.http.fields import RawHeaders
    from sketch.request import BaseRequest
    from sketch.testing.sent import SentRequest

_PIECE = 65536
"""Bytes that are read or written at once: not more than this is received before the test reads it."""

_CLOSING = 1.0
"""Seconds that a TLS connection gets to close in order."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server listens, and what the client trusts.

    Attributes:
        transport: the name of the transport, for errors.
        host, port: the address.
        tls: the client's context, None without TLS.
        name: the name in the server's certificate.
    """

    transport: str
    host: str
    port: int
    tls: ssl.SSLContext | None = None
    name: str = ""

    @property
    def base_url(self) -> str:
        """Scheme, address and port."""
        return f"{'http' if self.tls is None else 'https'}://{self.host}:{self.port}"

    @property
    def options(self) -> dict[str, Any]:
        """The options of TLS for a connection."""
        return {} if self.tls is None else {"ssl": self.tls, "server_hostname": self.name}


class _Parser:
    """The events of an answer, from httptools: see its documentation for the callbacks."""

    def __init__(self, method: str) -> None:
        self.status: int | None = None
        """The final status, once the head is complete."""
        self.fields: RawHeaders = []
        self.chunks: deque[bytes] = deque()
        self.complete = False
        self._method = method
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Parse received bytes.

        Raises:
            ConnectionError: if they are no answer of HTTP/1.1.
        """
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.complete = True
        except httptools.HttpParserError as exc:
            if not self.complete:
                raise ConnectionError(f"expected an answer of HTTP/1.1, got {data!r:.200}") from exc

    def feed_end(self) -> None:
        """Note the end of the connection.

        Raises:
            ConnectionResetError: if it came before the end of the answer.
        """
        if self.status is None:
            raise ConnectionResetError("the connection broke before the answer")
        names = {name for name, _ in self.fields}
        if not self.complete and names & {b"content-length", b"transfer-encoding"}:
            raise ConnectionResetError("the connection broke before the end of the body")
        self.complete = True

    def on_message_begin(self) -> None:
        self.fields = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200 or status == 101:
            self.status = status
            self.complete = self._method == "HEAD" or status == 101

    def on_body(self, body: bytes) -> None:
        if not self.complete:
            self.chunks.append(body)

    def on_message_complete(self) -> None:
        self.complete = self.status is not None


class WireExchange:
    """One request on a connection of its own, and its answer: an `Answer`.

    Args:
        place: where the server listens.
        sent: the request.
    """

    def __init__(self, place: Place, sent: SentRequest) -> None:
        self._place = place
        self._sent = sent
        self._parser = _Parser(sent.method)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._sending: asyncio.Task[None] | None = None
        self._upload_error: Exception | None = None
        self._left = False

    @property
    def status(self) -> int:
        """The status code."""
        assert self._parser.status is not None, "the head is there"
        return self._parser.status

    @property
    def raw_headers(self) -> RawHeaders:
        """The header fields as they came, names in lower case."""
        return self._parser.fields

    @property
    def request(self) -> BaseRequest:
        """The request as the application got it: out of reach."""
        only_in_memory("the request as the application got it", self._place.transport)

    @property
    def over(self) -> bool:
        """Whether the connection is closed."""
        return self._writer is not None and self._writer.is_closing()

    async def head(self) -> None:
        """Connect, send the request, and wait for the head of the answer. Cancelling the caller makes the client leave.

        Raises:
            ClientDisconnected: if the upload was cut short and there was no answer.
            ConnectionError: if there is no answer.
            Exception: what the test's own iterator has raised.
        """
        try:
            await self._connect()
            while self._parser.status is None:
                await self._receive()
        except ConnectionError as exc:
            await self._close()
            raise self._upload_error or exc from None
        except BaseException:
            await self._close()
            raise
        if self._parser.complete and not self._parser.chunks:
            await self._close()

    async def _connect(self) -> None:
        place = self._place
        self._reader, self._writer = await asyncio.open_connection(
            place.host, place.port, limit=_PIECE, **place.options
        )
        self._writer.write(_head(self._sent))
        self._sending = asyncio.create_task(self._send(self._writer))

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        """Send the body. A server may answer and close before it has all of it: that is not an error here."""
        try:
            await self._send_body(writer)
        except ConnectionError as exc:
            if isinstance(exc, ClientDisconnected):
                self._cut(exc)
        except Exception as exc:
            self._cut(exc)

    async def _send_body(self, writer: asyncio.StreamWriter) -> None:
        content, length = self._sent.content, self._sent.field(b"content-length")
        announced = int(length) if length is not None and length.isdigit() else None
        chunked = announced is None and content is not None
        source = content if content is not None and not isinstance(content, bytes) else single_chunk(content or b"")
        total = 0
        async for chunk in _pieces(source):
            total += len(chunk)
            if announced is not None and total > announced:
                raise ValueError(f"expected a body of {announced} bytes, as its Content-Length says, got {total}")
            writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk)
            await writer.drain()
            if self._parser.status is not None:
                return
        if announced is not None and total < announced:
            raise ClientDisconnected("the client left before the end of the body")
        if chunked:
            writer.write(b"0\r\n\r\n")
        await writer.drain()

    def _cut(self, error: Exception) -> None:
        """Leave, because the upload ends here."""
        if isinstance(error, ClientDisconnected) and not error.args:
            error = ClientDisconnected("the client left before the end of the body")
        self._upload_error = error
        self.disconnect()

    async def _receive(self) -> None:
        """Read what has come.

        Raises:
            ConnectionError: if the connection breaks before the end of the answer.
        """
        assert self._reader is not None, "the connection is open"
        data = await self._reader.read(_PIECE)
        if self._left:
            raise ConnectionResetError("the response was closed before the end of its body")
        if data:
            self._parser.feed(data)
        else:
            self._parser.feed_end()

    async def chunk(self) -> bytes:
        """The next part of the body, `b""` at its end.

        Raises:
            ConnectionError: if the connection breaks before the end.
        """
        parser = self._parser
        while not parser.chunks and not parser.complete:
            if self._left:
                raise ConnectionResetError("the response was closed before the end of its body")
            try:
                await self._receive()
            except ssl.SSLError as exc:
                raise ConnectionResetError("the connection broke before the end of the body") from exc
        if parser.chunks:
            return parser.chunks.popleft()
        await self._close()
        return b""

    def disconnect(self) -> None:
        """Close the connection."""
        self._left = self._left or not self._parser.complete
        if self._sending is not None and self._sending is not asyncio.current_task():
            self._sending.cancel()
        if self._writer is not None:
            self._writer.transport.abort()
        if self._reader is not None:
            self._reader.feed_eof()

    async def ended(self) -> None:
        """Wait until the connection is closed."""
        await self._close()

    async def _close(self) -> None:
        self.disconnect()
        if self._sending is not None:
            await asyncio.wait([self._sending])
        if self._writer is not None:
            with suppress(OSError, TimeoutError):  # a reset that comes now tells nothing new
                async with asyncio.timeout(_CLOSING):
                    await self._writer.wait_closed()


async def _pieces(source: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    iterator = source.__aiter__()
    if not hasattr(iterator, "aclose"):
        async for chunk in iterator:
            for piece in _cut_up(chunk):
                yield piece
        return
    async with aclosing(cast("Any", iterator)):
        async for chunk in iterator:
            for piece in _cut_up(chunk):
                yield piece


def _cut_up(chunk: bytes) -> list[bytes]:
    return [chunk[at : at + _PIECE] for at in range(0, len(chunk), _PIECE)]


def _head(sent: SentRequest) -> bytes:
    lines = [b"%b %b HTTP/1.1" % (sent.method.encode("latin-1"), sent.target)]
    lines += [b"%b: %b" % field for field in sent.fields]
    return b"\r\n".join([*lines, b"", b""])
