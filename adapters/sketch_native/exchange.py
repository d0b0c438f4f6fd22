"""One exchange: handles a request and writes its answer, in one task from the handler's first line to the last byte."""

from __future__ import annotations

import asyncio
import logging
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from sketch.concurrency.cancellation import Interruption
from sketch.concurrency.containment import as_error, ends_task
from sketch.http.fields import RawHeaders
from sketch.pipeline.finish import note_end
from sketch.serving.endings import log_cancelled, log_left
from sketch.transport import (
    Body as Payload,
    Chunks,
    ClientDisconnected,
    FileBody,
    Outcome,
    Switch,
    WireResponse,
    close_body,
)
from sketch_native import writer
from sketch_native.refusal import STOPPING, Refusal
from sketch_native.sendfile import send_file

if TYPE_CHECKING:
    from sketch.request import BaseRequest
    from sketch_native.body import RequestBody
    from sketch_native.interfaces import Line

logger = logging.getLogger("sketch.native")

LARGE_BODY = 64 * 1024
"""Size in bytes from which on joining head and body costs more than a second write."""

TURN = 256 * 1024
"""Bytes that a stream may write before other tasks get a turn, if the socket takes them all."""


class ClientLeaves(Interruption):
    """Ends a block that writes a file or a stream once the client has left, whatever the block waits for."""

    __slots__ = ()

    def error(self) -> Exception:
        """Return the exception that ends the exchange."""
        return ClientDisconnected("the client left before the end of the answer")


class Session(Protocol):
    """What an exchange goes on with after a 101."""

    async def run(self) -> None:
        """Run it to its end, in the task of the exchange."""


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
        "began_at",
        "body",
        "first_byte_at",
        "keep_alive",
        "request",
        "size",
        "status",
        "trailers",
        "unframed",
        "writing",
    )

    began_at: float
    """When the request's head was there, by `perf_counter()`; unset if no outcome is asked for."""

    def __init__(
        self,
        protocol: Line,
        request: BaseRequest,
        body: RequestBody | None,
        keep_alive: bool,
        trailers: RawHeaders,
    ) -> None:
        self.prepare(protocol, request, body, keep_alive, trailers)

    def prepare(
        self,
        protocol: Line,
        request: BaseRequest,
        body: RequestBody | None,
        keep_alive: bool,
        trailers: RawHeaders,
    ) -> None:
        """Initialize the exchange. Called after `__new__`, it takes less than the constructor: see `Request.begin`."""
        self._protocol = protocol
        self.request = request
        self.body = body
        self.keep_alive = keep_alive
        self.trailers = trailers
        self.first_byte_at: float | None = None
        """When the head was written, by `perf_counter()`; None before. Any number if no outcome is asked for."""
        self.writing: ClientLeaves | None = None
        """Ends the writing of a file or a stream, while one is written."""
        self.unframed = False
        """Whether only the end of the connection marks the end of the response."""
        self.status: int | None = None
        """The status of the answer, None until there is one."""
        self.size = 0
        """Bytes of the payload written so far."""

    async def run(self) -> Session | None:
        """Handle the request, write the answer, let the connection go on, and report how the exchange has ended.

        Returns the session of a websocket that was opened: the exchange is not over before its end.
        """
        protocol = self._protocol
        server = protocol.server
        if server.watched:
            self.began_at = perf_counter()
        session: Session | None = None
        fault: BaseException | None = None
        try:
            wire = await server.handle(self.request)
            self.status = wire.status
            if not (wire.plain and self._write_plain(wire.fields, wire.payload)):
                session = await self._write(wire)
            if protocol.flow.blocked and not protocol.flow.lost:
                await protocol.flow.drain()
        except ClientDisconnected as exc:
            fault = exc
            self._client_left(exc)
        except BaseException as exc:
            fault = self._broken(exc)
            if not isinstance(fault, Exception | asyncio.CancelledError):
                raise
        finally:
            if session is not None or not (server.watched or self.request.finishing is not None):
                protocol.exchange_ended(self)
            elif server.listened or self.request.finishing is not None:
                await self._finish(fault)
            else:
                self._log(fault)
            fault = None  # its traceback refers to this frame, which would form a cycle
        return session

    def _log(self, fault: BaseException | None) -> None:
        """Do what `_finish` does where `finished` would write the access log's line, and no more."""
        if fault is not None or self.first_byte_at is None:
            outcome = self._outcome(fault, perf_counter())
        else:  # as `Outcome.of` makes it of most exchanges
            request = self.request
            error = request.error if request.raised is None else request.raised
            facts = (self.status, self.size, self.began_at, self.first_byte_at, perf_counter(), error, False, False)
            outcome = tuple.__new__(Outcome, facts)
        self._protocol.exchange_ended(self)
        note_end(self._protocol.server.app, self.request, outcome)

    async def _finish(self, fault: BaseException | None) -> None:
        """Let the connection go on, then report the end of the exchange; a server that stops waits for that."""
        protocol = self._protocol
        server, task = protocol.server, protocol.task or asyncio.current_task()
        assert task is not None
        server.going_on.add(task)
        outcome = self._outcome(fault, perf_counter())
        try:
            protocol.exchange_ended(self)
            await server.app.finished(self.request, outcome)
        finally:
            server.release(task)

    def _outcome(self, fault: BaseException | None, ended_at: float) -> Outcome:
        began_at = getattr(self, "began_at", ended_at)
        status = None if self.first_byte_at is None else self.status
        return Outcome.of(self.request, status, self.size, began_at, self.first_byte_at, ended_at, fault)

    def _switch(self, wire: WireResponse, switch: Switch) -> Session:  # noqa: ARG002 - for handshakes
        """Answer with a 101, and hand the connection over. Only the exchange of a handshake can."""
        raise RuntimeError(f"expected a 101 only for the handshake of a websocket, got one for {self.request!r}")

    def left(self) -> None:
        """Note that the client has left: a handler goes on, a file or a stream ends."""
        if self.writing is not None:
            self.writing.interrupt()

    def _client_left(self, exc: ClientDisconnected) -> None:
        self.keep_alive = False
        log_left(self.request.method, self.request.raw_path, exc)
        # Not after a complete body: there the client has only half-closed, and the handler was ended because of it.
        body = self.body
        if self.first_byte_at is not None:
            self._protocol.transport.abort()
        elif body is not None and not body.ended and not self._protocol.flow.lost:
            self._refuse(Refusal(400, "the request body was cut short"))

    def _refuse(self, refusal: Refusal) -> None:
        """Answer in the application's place."""
        self.status, self.size, self.first_byte_at = refusal.status, len(refusal.text), perf_counter()
        self._protocol.write_refusal(refusal)

    def _broken(self, exc: BaseException) -> BaseException:
        """Break the answer off. Returns what has ended it: an error, or what ends the task."""
        if ends_task(exc):
            self._cancelled(exc)
            return exc
        error = as_error(exc)
        self._failed(error)
        return error

    def _cancelled(self, exc: BaseException) -> None:
        """Answer 503 if the server's grace period is over, and nothing is out; else abort the connection."""
        self.keep_alive = False
        protocol = self._protocol
        if (
            protocol.server.stopping
            and self.first_byte_at is None
            and not protocol.flow.lost
            and isinstance(exc, asyncio.CancelledError)  # else the event loop is at its end, too
        ):
            self._refuse(STOPPING)
        else:
            protocol.transport.abort()
        log_cancelled(self.request.method, self.request.raw_path, protocol.server.app.stopping)

    def _failed(self, exc: Exception) -> None:
        """Break off an answer that failed after its head, so that the client does not take it for a complete one."""
        self.keep_alive = False
        logger.error("the answer to %s %r failed", self.request.method, self.request.raw_path, exc_info=exc)
        self._protocol.break_off()

    def _head(self, wire: WireResponse) -> bytes:
        """Build the head as it goes out, and decide framing and persistence by RFC 9112 sections 6 and 9."""
        protocol, body, fields = self._protocol, self.body, wire.fields
        modern = self.request.http_version == "1.1"
        connection = b""
        if wire.length is None and not isinstance(wire.payload, bytes):
            if modern:
                connection = b"transfer-encoding: chunked\r\n"
            else:
                self.unframed = True
        if (
            self.unframed
            or protocol.ending
            or (body is not None and not body.skippable)
            or (not writer.usual(fields) and writer.wants_close(fields))
        ):
            self.keep_alive = False
        if not self.keep_alive:
            connection += b"connection: close\r\n"
        elif not modern:
            connection += b"connection: keep-alive\r\n"
        return writer.head(wire.status, fields, protocol.server.clock.fields, connection)

    async def _write(self, wire: WireResponse) -> Session | None:
        """Write any answer. Returns the session of a websocket that it opens."""
        payload = wire.payload
        if wire.switch is not None:
            return self._switch(wire, wire.switch)
        if isinstance(payload, bytes):
            self._write_bytes(self._head(wire), payload)
        elif isinstance(payload, FileBody):
            await self._write_file(self._head(wire), payload)
        else:
            await self._write_stream(self._head(wire), payload, wire.length)
        return None

    def _write_plain(self, fields: RawHeaders, payload: Any) -> bool:
        """Write a plain answer in one step, if its head needs no field about the connection. Returns whether it did."""
        protocol, body = self._protocol, self.body
        if (
            not self.keep_alive
            or protocol.flow.lost
            or protocol.ending
            or self.request.http_version != "1.1"
            or len(payload) >= LARGE_BODY
            or (body is not None and not body.skippable)
        ):
            return False
        self.first_byte_at = perf_counter() if protocol.server.watched else 0.0
        self.size = len(payload)
        protocol.transport.write(writer.plain(fields, protocol.server.clock.fields, payload))
        return True

    def _write_bytes(self, head: bytes, payload: bytes) -> None:
        protocol = self._protocol
        if protocol.flow.lost:
            raise ClientDisconnected("the client left before the response")
        self.first_byte_at = perf_counter()
        if len(payload) < LARGE_BODY:
            protocol.transport.write(head + payload)
        else:
            protocol.transport.write(head)
            protocol.transport.write(payload)
        self.size = len(payload)

    async def _write_file(self, head: bytes, payload: FileBody) -> None:
        try:
            if self._protocol.flow.lost:
                raise ClientDisconnected("the client left before the response")
            self.first_byte_at = perf_counter()
            with self._until_client_leaves():
                await self._protocol.write(head)
                await send_file(self._protocol, payload, self)
        finally:
            payload.close()

    async def _write_stream(self, head: bytes, payload: Payload, length: int | None) -> None:
        protocol = self._protocol
        if protocol.flow.lost:
            await close_body(payload)
            raise ClientDisconnected("the client left before the response")
        assert not isinstance(payload, bytes | FileBody)
        self.first_byte_at = perf_counter()
        chunked = length is None and not self.unframed
        if self.unframed:
            protocol.reset_on_close(True)  # until it is complete: every other end has to show
        turn = 0
        async with Chunks(payload, length) as chunks:
            try:
                with self._until_client_leaves():
                    await protocol.write(head)
                    while not chunks.complete and (data := await chunks.next()):
                        await protocol.write(writer.chunk(data) if chunked else data)
                        self.size += len(data)
                        if self.size - turn > TURN:
                            turn = self.size
                            await asyncio.sleep(0)
            except ClientDisconnected:
                if self.size != length:  # else it has the whole body
                    raise
            if chunks.complete:
                await chunks.next()
        if chunked:
            await protocol.write(writer.LAST_CHUNK)
        elif self.unframed:
            protocol.reset_on_close(False)

    def _until_client_leaves(self) -> ClientLeaves:
        self.writing = ClientLeaves()
        return self.writing
