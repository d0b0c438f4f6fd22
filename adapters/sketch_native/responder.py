"""Exchanges in which the application writes its answer part by part: how foreign applications are served."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter

from sketch.http.fields import length_field
from sketch.response import Response
from sketch.transport import ClientDisconnected
from sketch_native import writer
from sketch_native.exchange import TURN, Exchange


class ResponderExchange(Exchange):
    """An exchange in which the application writes the answer itself: a `sketch.serving.contract.Answer`.

    The application may go on after its answer. The connection does not wait for that, a stopping server does.
    """

    # Defaults on the class: an exchange stores only those that it changes.
    ended = False
    """Whether the answer is complete."""
    on_leave: Callable[[], None] | None = None
    _left: int | None = None

    async def run(self) -> None:
        """Let the application answer, and end the exchange if it leaves the answer incomplete."""
        server = self._protocol.server
        if server.access_log:
            self._started = perf_counter()
        try:
            assert server.respond is not None
            await server.respond(self.request, self)
        except ClientDisconnected as exc:
            self._client_left(exc)
        except asyncio.CancelledError:
            if not self.ended:
                self._cancelled()
        except Exception as exc:
            self._failed(exc)
        finally:
            if not self.ended:
                if server.access_log:
                    self._log()
                self._protocol.exchange_ended(self)
            else:
                server.going_on.discard(self._task)
                if server.stopping:
                    server.check_idle()

    def left(self) -> bool:
        """Tell the application that the client has left. Returns False: the exchange is not cancelled here."""
        if self.on_leave is not None:
            self.on_leave()
        return False

    def reply(self, kind: tuple[bytes, bytes], body: bytes) -> bool:
        """Write a whole answer. Returns False if its head needs a connection field, or the client has to read first."""
        if self._protocol.flow.blocked or not self._write_plain([kind, length_field(len(body))], body):
            return False
        self.status = 200
        self.end()
        return True

    def begin(self, response: Response, part: bytes) -> bool:
        """Write the head with the payload or its first part. Returns whether the client has to read first."""
        protocol = self._protocol
        payload = response.payload
        head = self._head(response)
        self.status = response.status
        if isinstance(payload, bytes):
            self._write_bytes(head, payload)
            return protocol.flow.blocked
        if protocol.flow.lost:
            raise ClientDisconnected("the client left before the response")
        self._left = response.length
        self._chunked = response.length is None and not self.unframed
        self._turn = TURN
        framed = self._framed(part)
        self.head_sent = self.streaming = True
        protocol.transport.write(head + framed)
        return protocol.flow.blocked

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
        if self.streaming:
            if self._left:
                raise RuntimeError(f"expected as many bytes as Content-Length announces, got {self._left} fewer")
            if self._chunked:
                protocol.transport.write(writer.LAST_CHUNK)
        self.ended = True
        assert protocol._task is not None
        self._task = protocol._task
        protocol.server.going_on.add(self._task)
        if protocol.server.access_log:
            self._log()
        protocol.exchange_ended(self)

    def cancel(self) -> None:
        """Cancel the task of the exchange, also after the end of the answer."""
        task = self._task if self.ended else self._protocol._task
        if task is not None:
            task.cancel()
