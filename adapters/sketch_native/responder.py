"""Exchanges in which the application writes its answer part by part: how foreign applications are served."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sketch.concurrency.containment import ends_task
from sketch.http.fields import RawHeaders, length_field
from sketch.pipeline.finish import log_outcome
from sketch.transport import ClientDisconnected, FileBody, WireResponse
from sketch_native import writer
from sketch_native.exchange import TURN, Exchange

if TYPE_CHECKING:
    from sketch.request import BaseRequest, Request
    from sketch_native.body import RequestBody
    from sketch_native.interfaces import Line


class ResponderExchange(Exchange):
    """An exchange in which the application writes the answer itself: a `sketch.serving.contract.Answer`.

    The application may go on after its answer. The connection does not wait for that, a stopping server does.
    """

    # What is unset here, `begin` or `end` sets.
    __slots__ = ("_chunked", "_ended_at", "_left", "_streaming", "_task", "_turn", "on_leave")

    request: Request

    def prepare(
        self, protocol: Line, request: BaseRequest, body: RequestBody | None, keep_alive: bool, trailers: RawHeaders
    ) -> None:
        """Initialize the exchange: see `Exchange`."""
        Exchange.prepare(self, protocol, request, body, keep_alive, trailers)
        self.on_leave: Callable[[], None] | None = None
        self._left: int | None = None
        """Bytes that are missing to the announced length, None if none is announced."""
        self._streaming = False
        """Whether the parts of a body follow the head."""
        self._task: asyncio.Task[Any] | None = None
        """The task of the exchange, once the answer is complete."""

    async def run(self) -> None:
        """Let the application answer, and end the exchange if it leaves the answer incomplete."""
        server = self._protocol.server
        if server.watched:
            self.began_at = perf_counter()
        fault: BaseException | None = None
        try:
            assert server.respond is not None
            await server.respond(self.request, self)
        except ClientDisconnected as exc:
            fault = exc
            self._client_left(exc)
        except BaseException as exc:
            fault = exc if self._task is not None and ends_task(exc) else self._broken(exc)
            if not isinstance(fault, Exception | asyncio.CancelledError):
                raise
        finally:
            if self._task is None:
                await self._finish(fault)
            else:
                try:
                    if server.watched or self.request.finishing is not None:
                        await server.app.finished(self.request, self._outcome(None, self._ended_at), logged=True)
                finally:
                    server.release(self._task)
            fault = None  # its traceback refers to this frame, which would form a cycle

    def left(self) -> None:
        """Tell the application that the client has left. The exchange goes on."""
        Exchange.left(self)
        if self.on_leave is not None:
            self.on_leave()

    def reply(self, kind: tuple[bytes, bytes], body: bytes) -> bool:
        """Write a whole answer. Returns False if its head needs a connection field, or the client has to read first."""
        if self._protocol.flow.blocked or not self._write_plain([kind, length_field(len(body))], body):
            return False
        self.status = 200
        self.end()
        return True

    def begin(self, wire: WireResponse, part: bytes) -> bool:
        """Write the head with the payload or its first part. Returns whether the client has to read first."""
        protocol = self._protocol
        payload = wire.payload
        head = self._head(wire)
        self.status = wire.status
        if isinstance(payload, bytes):
            self._write_bytes(head, payload)
            return protocol.flow.blocked
        if protocol.flow.lost:
            raise ClientDisconnected("the client left before the response")
        self._left = wire.length
        self._chunked = wire.length is None and not self.unframed
        self._turn = TURN
        if self.unframed:
            protocol.reset_on_close(True)  # until it is complete: every other end has to show
        framed = self._framed(part)
        self.first_byte_at = perf_counter()
        self._streaming = True
        protocol.transport.write(head + framed)
        return protocol.flow.blocked

    def hint(self, fields: RawHeaders) -> Awaitable[None] | None:
        """Write a 103 before the answer. Returns what to await if the client reads slowly."""
        flow = self._protocol.flow
        if flow.lost:
            raise ClientDisconnected("the client left before the response")
        self._protocol.transport.write(writer.head(103, fields, b"", b""))
        return flow.drain() if flow.blocked else None

    async def send_file(self, wire: WireResponse, file: FileBody) -> None:
        """Write a whole answer with a file."""
        head = self._head(wire)
        self.status = wire.status
        await self._write_file(head, file)
        self.end()

    async def drain(self) -> None:
        """Wait until the client has read enough."""
        await self._protocol.flow.drain()

    def _framed(self, part: bytes) -> bytes:
        size = len(part)
        self.size += size
        if self._chunked:
            return writer.chunk(part) if size else b""
        if self._left is not None:
            self._left -= size
            if self._left < 0:
                raise RuntimeError(f"expected as many bytes as Content-Length announces, got {-self._left} more")
        return part

    def write(self, part: bytes) -> Awaitable[None] | None:
        """Write a part. Returns what to await before the next: a slow client or, at times, a turn of other tasks."""
        protocol = self._protocol
        flow = protocol.flow
        if self._chunked:  # most streams: framed here, without a call
            size = len(part)
            self.size += size
            part = b"%x\r\n%b\r\n" % (size, part)
        else:
            part = self._framed(part)
        if not flow.lost:
            protocol.transport.write(part)
        if flow.blocked:
            return flow.drain()
        if self.size > self._turn:
            self._turn = self.size + TURN
            return asyncio.sleep(0)
        return None

    def end(self) -> None:
        """Complete the answer. Its task goes on, usually just for its last steps: the server keeps track of it."""
        protocol = self._protocol
        if self._streaming:
            if self._left:
                raise RuntimeError(f"expected as many bytes as Content-Length announces, got {self._left} fewer")
            if self._chunked:
                protocol.transport.write(writer.LAST_CHUNK)
            elif self.unframed:
                protocol.reset_on_close(False)
        self._ended_at = perf_counter()
        task = self._task = protocol.task or asyncio.current_task()
        assert task is not None
        server = protocol.server
        server.going_on.add(task)
        protocol.exchange_ended(self)
        if server.app.access_log is not None:  # now: the application may go on for long
            log_outcome(server.app.access_log, self.request, self._outcome(None, self._ended_at))

    def cancel(self) -> None:
        """Cancel the task of the exchange, also after the end of the answer."""
        task = self._task or self._protocol.task
        if task is not None:
            task.cancel()
