"""The in-memory adapter: runs the application on requests and passes its responses to the test, chunk by chunk."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterable
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sketch.concurrency.containment import as_error, ends_task
from sketch.exceptions import HTTPException
from sketch.files.reading import read_in_thread
from sketch.http.fields import RawHeaders
from sketch.http.grammar import Address, valid_authority
from sketch.pipeline.finalize import finalize
from sketch.request import BaseRequest
from sketch.response import ErrorResponse
from sketch.testing.channel import Channel, pump
from sketch.testing.encoding import single_chunk
from sketch.tls import TLSInfo
from sketch.transport import ClientDisconnected, FileBody, Outcome, WireResponse, close_body

if TYPE_CHECKING:
    from sketch.application import Application

logger = logging.getLogger("sketch.testing")


class MemoryConnection:
    """The connection of a client in the same event loop: see `sketch.transport.Connection`."""

    def __init__(self, *, client: Address | None, server: Address | None, scheme: str, state: dict[str, Any]) -> None:
        self.client = client
        self.server = server
        self.scheme = scheme
        self.tls = TLSInfo() if scheme == "https" else None
        self.state = state
        self.trailers: RawHeaders = []
        self._gone = asyncio.Event()

    @property
    def disconnected(self) -> bool:
        """Whether the client is gone."""
        return self._gone.is_set()

    async def wait_disconnected(self) -> None:
        """Return once the client is gone."""
        await self._gone.wait()

    def disconnect(self) -> None:
        """Note that the client has left."""
        self._gone.set()


class Upload:
    """A request body, pulled from the test as the handler reads it. A `BodyReader`.

    Args:
        source: bytes, or chunks as they are to arrive. An iterable that raises `ClientDisconnected` cuts the upload
            short; so does one that ends before its announced length.
        length: the announced length.
        connection: is ended when the upload is cut short.
    """

    def __init__(self, source: bytes | AsyncIterable[bytes], length: int | None, connection: MemoryConnection) -> None:
        self._channel = Channel()
        self._connection = connection
        self._received = 0
        self._waited = 0.0
        self.length = length
        self.request: BaseRequest | None = None
        """The request; its limits say how long the handler waits."""
        self.error: Exception | None = None
        chunks = single_chunk(source) if isinstance(source, bytes) else source
        self._task = asyncio.create_task(self._run(chunks, length))

    async def _run(self, source: AsyncIterable[bytes], length: int | None) -> None:
        try:
            sent = await pump(source, self._channel)
            if length is not None and sent > length:
                raise ValueError(f"expected a body of {length} bytes, as its Content-Length says, got {sent}")
        except ClientDisconnected as exc:
            self._cut(exc)
        except Exception as exc:
            # The test is at fault: the application sees a client that has left, the test gets its own error.
            self.error = exc
            self._cut(exc)
        else:
            if length is not None and sent < length:
                self._cut(None)
            self._channel.end()

    def _cut(self, cause: BaseException | None) -> None:
        error = ClientDisconnected("the client left before the end of the body")
        error.__cause__ = cause
        self._channel.end(error)
        self._connection.disconnect()

    @property
    def complete(self) -> bool:
        """Always False: only another read finds a body that is longer than announced, an error of the test."""
        return False

    async def read(self) -> bytes:
        """The next chunk, `b""` at the end.

        Raises:
            ClientDisconnected: for a body cut short.
            HTTPException: 408 once all waits together take longer than the route's body timeout, as on a server.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        timeout = asyncio.timeout(self._time_left())
        try:
            async with timeout:
                chunk = await self._channel.get()
        except TimeoutError:
            if timeout.expired():
                raise HTTPException(408, "the request body took too long") from None
            raise
        self._waited += loop.time() - began
        self._received += len(chunk)
        return chunk

    def _time_left(self) -> float | None:
        """Return the seconds left: each 1,000 bytes that have arrived add one to the limit."""
        limit = None if self.request is None else self.request.limits.body_timeout
        return None if limit is None else limit + self._received / 1000 - self._waited

    def disconnect(self) -> None:
        """Note that the client has left: the rest of the body will not come."""
        self._channel.end(ClientDisconnected("the client left before the end of the body"))

    async def close(self) -> None:
        """Stop asking, and wait until the test's iterator is closed."""
        self._channel.leave()
        if self._channel.producing:
            self._task.cancel()
        await asyncio.wait([self._task])


class Exchange:
    """One request and its response, in one task from the handler's first line to the last byte.

    Args:
        app: a started application.
        request: the request that the application answers.
        connection, upload: those of the request.
        raise_errors: raise the error of a failing body in its reader, instead of breaking the connection.
    """

    def __init__(
        self,
        app: Application,
        request: BaseRequest,
        connection: MemoryConnection,
        upload: Upload | None,
        raise_errors: bool,
    ) -> None:
        self.request = request
        self._app = app
        self._connection = connection
        self._upload = upload
        if upload is not None:
            upload.request = request
        self._raise_errors = raise_errors
        self._body = Channel()
        self._left = False
        self._interrupted = False
        self._head: asyncio.Future[WireResponse] = asyncio.get_running_loop().create_future()
        self._seen = False
        """Whether the application gets the request; a server refuses the others itself."""
        self._status: int | None = None
        self._sent = 0
        self._first_byte_at: float | None = None
        self.task = asyncio.create_task(self._run(), context=contextvars.copy_context())

    # -- the client's side ------------------------------------------------------------------------------------------

    async def head(self) -> WireResponse:
        """Wait for the head of the response. Cancelling the caller makes the client leave.

        Raises:
            ClientDisconnected: when the upload was cut short and the application gave up on it.
            ConnectionResetError: when the application was stopped before it answered.
        """
        try:
            return await self._head
        except asyncio.CancelledError:
            self.disconnect()
            raise

    async def chunk(self) -> bytes:
        """The next chunk of the body, `b""` at its end. Raises what the body failed with."""
        return await self._body.get()

    @property
    def unexpected(self) -> Exception | None:
        """The exception of a handler that the application answered with a plain 500."""
        return self.request.error

    @property
    def upload_error(self) -> Exception | None:
        """The exception of the test's own iterator."""
        return None if self._upload is None else self._upload.error

    def disconnect(self) -> None:
        """Make the client leave, once. A handler goes on; a body that is being produced is stopped and closed."""
        if self.task.done() or self._left:
            return
        self._left = True
        self._connection.disconnect()
        self._body.end(ConnectionResetError("the response was closed before the end of its body"))
        self._body.leave()
        if self._upload is not None:
            self._upload.disconnect()
        if self._body.producing:
            self._interrupted = True
            self.task.cancel()

    async def ended(self) -> None:
        """Wait until the exchange's task has ended."""
        await asyncio.wait([self.task])

    # -- the application's side -------------------------------------------------------------------------------------

    async def _run(self) -> None:
        began_at = perf_counter()
        fault: BaseException | None = None
        try:
            wire = await self._answer()
            if self._left:
                await close_body(wire.payload)
                raise ClientDisconnected("the client left before the response")
            self._status, self._first_byte_at = wire.status, perf_counter()
            if not self._head.done():
                self._head.set_result(wire)
            await self._send(wire)
            self._body.end()
        except BaseException as exc:
            if ends_task(exc):
                fault = ClientDisconnected("the client left before the end of the answer") if self._interrupted else exc
                self._fail(ConnectionResetError("the exchange was cancelled: the application stopped"))
                if not (self._left and isinstance(exc, asyncio.CancelledError)):
                    raise
            else:
                fault = as_error(exc)
                self._fail(fault)
        finally:
            await self._finish(began_at, fault)
            fault = None  # its traceback refers to this frame, which would form a cycle

    async def _finish(self, began_at: float, fault: BaseException | None) -> None:
        try:
            if self._seen and (self._app.watched or self.request.finishing is not None):
                outcome = Outcome.of(
                    self.request, self._status, self._sent, began_at, self._first_byte_at, perf_counter(), fault
                )
                await self._app.finished(self.request, outcome)
        finally:
            if self._upload is not None:
                await self._upload.close()

    async def _answer(self) -> WireResponse:
        hosts = [value for name, value in self.request.raw_headers if name == b"host"]
        self._seen = len(hosts) == 1 and valid_authority(hosts[0])
        if self._seen:
            return await self._app.handle(self.request)
        return finalize(self.request, ErrorResponse(400))

    def _fail(self, error: BaseException) -> None:
        """Break the connection, as a server does: an answer that failed halfway must not look complete."""
        if not self._head.done():
            self._head.set_exception(error)
            return
        expected = isinstance(error, ConnectionError)
        if not expected and (self._left or not self._raise_errors):
            logger.error("the body of the answer to %s failed", self.request, exc_info=error)
        if not expected and not self._raise_errors:
            broken = ConnectionResetError("the connection broke before the end of the body")
            broken.__cause__ = error
            error = broken
        self._body.end(error)

    async def _send(self, wire: WireResponse) -> None:
        payload = wire.payload
        if isinstance(payload, bytes):
            self._body.put(payload)
            self._sent = len(payload)
            return
        try:
            await pump(_chunks(payload), self._body, wire.length)
            if self._left and self._body.size != wire.length:
                raise ClientDisconnected("the client left before the end of the answer")
        finally:
            self._sent = self._body.size
            if isinstance(payload, FileBody):
                payload.close()


def _chunks(payload: FileBody | AsyncIterable[bytes]) -> AsyncIterable[bytes]:
    return read_in_thread(payload) if isinstance(payload, FileBody) else payload
