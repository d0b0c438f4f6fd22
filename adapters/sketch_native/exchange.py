"""One exchange: handles a request and writes its answer, in one task from the handler's first line to the last byte."""

from __future__ import annotations

import asyncio
import logging
from time import perf_counter
from typing import TYPE_CHECKING

from sketch.http.fields import RawHeaders
from sketch.response import Response
from sketch.transport import Body as Payload, Chunks, ClientDisconnected, FileBody, close_body
from sketch_native import writer
from sketch_native.parser import Refusal
from sketch_native.sendfile import send_file

if TYPE_CHECKING:
    from sketch.request import Request
    from sketch_native.body import RequestBody
    from sketch_native.protocol import HTTPProtocol

logger = logging.getLogger("sketch.native")

LARGE_BODY = 64 * 1024
"""Size in bytes from which on joining head and body costs more than a second write."""

TURN = 256 * 1024
"""Bytes that a stream may write before other tasks get a turn, if the socket takes them all."""


class Exchange:
    """One request on a native connection, and its response.

    Args:
        protocol: the HTTP protocol of the connection.
        request: the request for the application.
        body: the reader of the request's body, None where none is announced.
        keep_alive: whether the client wants the connection to stay open.
        trailers: the request's trailer fields; filled by the parser at the end of the body.
    """

    __slots__ = (
        "_protocol",
        "_started",
        "body",
        "head_sent",
        "keep_alive",
        "request",
        "size",
        "status",
        "streaming",
        "trailers",
        "unframed",
    )

    def __init__(
        self, protocol: HTTPProtocol, request: Request, body: RequestBody | None, keep_alive: bool, trailers: RawHeaders
    ) -> None:
        self._protocol = protocol
        self.request = request
        self.body = body
        self.keep_alive = keep_alive
        self.trailers = trailers
        self.head_sent = False
        self.streaming = False
        """Whether a file or a stream is being sent: it is cancelled when the client leaves, whatever it waits for."""
        self.unframed = False
        """Whether only the end of the connection marks the end of the response."""
        self.status: int | None = None
        """The status of the answer, None until there is one."""
        self.size = 0
        """Bytes of the payload written so far."""

    async def run(self) -> None:
        """Handle the request, write the answer, and tell the protocol whether the connection is still good."""
        protocol = self._protocol
        server = protocol.server
        if server.access_log:
            self._started = perf_counter()
        try:
            response = await server.handle(self.request)
            # Read before anything is awaited: another exchange may return the same object at the same time.
            payload = response.payload
            self.status = response.status
            if response.plain and isinstance(payload, bytes) and self._write_plain(response.raw_headers, payload):
                pass
            elif isinstance(payload, bytes):
                self._write_bytes(self._head(response), payload)
            elif isinstance(payload, FileBody):
                await self._write_file(self._head(response), payload)
            else:
                await self._write_stream(self._head(response), payload, response.length)
            if protocol.flow.blocked:
                await protocol.flow.drain()
        except ClientDisconnected as exc:
            self._client_left(exc)
        except asyncio.CancelledError:
            self._cancelled()
        except Exception as exc:
            self._failed(exc)
        finally:
            if server.access_log:
                self._log()
            if self.request.background:
                self.request.begin_background()
            protocol.exchange_ended(self)

    def left(self) -> bool:
        """Note that the client has left. Returns whether to cancel the exchange: if it sends a file or a stream.

        True only once, though a client may leave in two steps: the cleanup of a stream is not interrupted.
        """
        streaming, self.streaming = self.streaming, False
        return streaming

    def _log(self) -> None:
        """Write the access log's line, however the exchange has ended."""
        # The request's connection, not the protocol's: middleware may have put the client behind a proxy there.
        client, seconds = self.request.connection.client, perf_counter() - self._started
        self._protocol.server.log(client, self.request, self.status, self.size, seconds)

    def _client_left(self, exc: ClientDisconnected) -> None:
        self.keep_alive = False
        logger.info("%s %r: %s", self.request.method, self.request.raw_path, exc)
        # Not after a complete body: there the client has only half-closed, and the handler was ended because of it.
        if self.body is not None and not self.body.ended and not self.head_sent and not self._protocol.flow.lost:
            self.status = 400
            self._protocol.write_refusal(Refusal(400, "the request body was cut short"))

    def _cancelled(self) -> None:
        """Abort the connection: the server's grace period is over, or the client of a stream has left."""
        self.keep_alive = False
        self._protocol.transport.abort()
        logger.info("%s %r was cancelled", self.request.method, self.request.raw_path)

    def _failed(self, exc: Exception) -> None:
        """Break off an answer that failed after its head, so that the client does not take it for a complete one."""
        self.keep_alive = False
        logger.error("the answer to %s %r failed", self.request.method, self.request.raw_path, exc_info=exc)
        self._protocol.break_off(reset=self.unframed)

    def _head(self, response: Response) -> bytes:
        """Build the head as it goes out, and decide framing and persistence by RFC 9112 sections 6 and 9."""
        protocol, body, fields = self._protocol, self.body, response.raw_headers
        modern = self.request.http_version == "1.1"
        connection = b""
        if response.length is None and not isinstance(response.payload, bytes):
            if modern:
                connection = b"transfer-encoding: chunked\r\n"
            else:
                self.unframed = True
        if (
            self.unframed
            or protocol.ending
            # Without `100 Continue` the client may send its body or may never do so: the server cannot tell.
            or (body is not None and body.awaits_continue and not body.ended)
            or (not writer.usual(fields) and writer.wants_close(fields))
        ):
            self.keep_alive = False
        if not self.keep_alive:
            connection += b"connection: close\r\n"
        elif not modern:
            connection += b"connection: keep-alive\r\n"
        return writer.head(response.status, fields, protocol.server.clock.fields, connection)

    def _write_plain(self, fields: RawHeaders, payload: bytes) -> bool:
        """Write a plain answer in one step, if its head needs no field about the connection. Returns whether it did."""
        protocol, body = self._protocol, self.body
        if (
            not self.keep_alive
            or protocol.flow.lost
            or protocol.ending
            or self.request.http_version != "1.1"
            or len(payload) >= LARGE_BODY
            or (body is not None and body.awaits_continue)
        ):
            return False
        self.head_sent = True
        self.size = len(payload)
        protocol.transport.write(writer.plain(fields, protocol.server.clock.fields, payload))
        return True

    def _write_bytes(self, head: bytes, payload: bytes) -> None:
        protocol = self._protocol
        if protocol.flow.lost:
            raise ClientDisconnected("the client left before the response")
        self.head_sent = True
        if len(payload) < LARGE_BODY:
            protocol.transport.write(head + payload)
        else:
            protocol.transport.write(head)
            protocol.transport.write(payload)
        self.size = len(payload)

    async def _write_file(self, head: bytes, payload: FileBody) -> None:
        try:
            self.head_sent = self.streaming = True
            await self._protocol.write(head)
            await send_file(self._protocol, payload)
            self.size = payload.count
        finally:
            payload.close()

    async def _write_stream(self, head: bytes, payload: Payload, length: int | None) -> None:
        protocol = self._protocol
        if protocol.flow.lost:
            await close_body(payload)
            raise ClientDisconnected("the client left before the response")
        assert not isinstance(payload, bytes | FileBody)
        self.head_sent = self.streaming = True
        chunked = length is None and not self.unframed
        turn = 0
        async with Chunks(payload, length) as chunks:
            await protocol.write(head)
            while data := await chunks.next():
                self.size += len(data)
                await protocol.write(writer.chunk(data) if chunked else data)
                if self.size - turn > TURN:
                    turn = self.size
                    await asyncio.sleep(0)
        if chunked:
            await protocol.write(writer.LAST_CHUNK)
