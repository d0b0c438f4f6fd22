"""The seam between the core and its adapters: everything that they know of each other.

An adapter builds a `Request`, awaits `app.handle(request)` once, gets a `WireResponse` value and writes it itself. The
core never calls a writer, so all adapters behave the same, with nothing to keep in step between them. Once the exchange
is over, however it ended, the adapter awaits `app.finished(request, outcome)` once, with an `Outcome`.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple, Protocol

from sketch.http.fields import RawHeaders as RawHeaders
from sketch.http.grammar import Address as Address
from sketch.tls import TLSInfo


class ClientDisconnected(ConnectionError):
    """The peer went away, or ended a body before its announced end.

    Raised by every body accessor of a request. It passes through `Application.handle`: no client waits for a response.
    """


SMALL_FILE = 64 * 1024
"""Bytes of the largest file that the core passes as its content, not as an open file; a `Connection` may replace it."""


class Connection(Protocol):
    """The connection to the peer: one per TCP connection natively, one per scope under ASGI.

    It may have a `small_file`, which replaces SMALL_FILE: the bytes up to which a file costs less to write than to send
    from an open file. That depends on how the adapter sends files. Under ASGI it has a `scope`; see `Request.scope`.
    """

    @property
    def client(self) -> Address | None:
        """The peer's address, None if there is none (a unix socket) or the server does not say."""
        ...

    @property
    def server(self) -> Address | None:
        """The address the peer connected to."""
        ...

    @property
    def scheme(self) -> str:
        """`"https"` over TLS, else `"http"`."""
        ...

    @property
    def tls(self) -> TLSInfo | None:
        """What is known of the TLS session, None without TLS."""
        ...

    @property
    def state(self) -> dict[str, Any]:
        """The state that the lifespan set up. A request takes a shallow copy of it."""
        ...

    @property
    def trailers(self) -> RawHeaders:
        """Trailer fields of the current request, complete once its body is read. Never merged into headers."""
        ...

    @property
    def disconnected(self) -> bool:
        """Whether the peer is known to be gone. Some servers tell this only to a task that waits for it."""
        ...

    async def wait_disconnected(self) -> None:
        """Return once the peer is gone, at once if it is. Consumes no byte of any body."""


class BodyReader(Protocol):
    """A request body as it arrives. An adapter makes one only if a body is announced."""

    @property
    def length(self) -> int | None:
        """The announced number of bytes, None if none is announced."""
        ...

    @property
    def complete(self) -> bool:
        """Whether it is known that nothing more will come: then another `read` is not needed."""
        ...

    async def read(self) -> bytes:
        """Return the next chunk, `b""` at the end of the body (and again after it).

        Raises `ClientDisconnected` when the body was cut short: a truncated body never looks complete.
        """
        ...


class WebSocketTransport(Protocol):
    """An open websocket, lent to a session after the handshake has succeeded; see `Switch.run`.

    It enforces the message bounds of the response's policy. One task may receive while another sends and a third
    closes.
    """

    @property
    def end(self) -> tuple[int, str] | None:
        """The close code and reason of the side that closed first; None while the websocket is open.

        It is set as soon as the transport knows it, even if earlier messages still wait to be received.
        """
        ...

    async def receive(self) -> str | bytes:
        """Return the next message.

        Raises `WebSocketDisconnected` with the peer's code and reason once everything before the peer's close is
        received, and again on later calls; with 1006 if the connection broke off. After `close` was called it raises at
        once, also in a task that already waits, whether or not the peer has answered.
        """
        ...

    async def send(self, data: str | bytes) -> None:
        """Send one message, waiting while the peer reads slowly, but not for longer than the write timeout.

        Raises `WebSocketDisconnected` once either side has closed.
        """

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Send a close with a code of RFC 6455 section 7.4 and a reason of at most 123 bytes.

        It does not wait for the peer's close, and does nothing after either side has closed.
        """


class FileBody:
    """A part of an open file as a response body. Its holder closes it, exactly once.

    Args:
        file: opened for reading in binary mode; must have a file descriptor.
        path: where it was opened, for servers that send files by name.
        offset: of the first byte to send.
        count: how many bytes to send.
        by_name: whether it may be opened again by its path: not if a link could have been put there meanwhile.
    """

    __slots__ = ("by_name", "count", "file", "offset", "path")

    def __init__(self, file: BinaryIO, path: str, offset: int, count: int, *, by_name: bool = True) -> None:
        self.file = file
        self.path = path
        self.offset = offset
        self.count = count
        self.by_name = by_name

    def close(self) -> None:
        """Close the file. Closing again does nothing."""
        self.file.close()


Body = bytes | FileBody | AsyncIterable[bytes]
"""The body of a response. Only an iterable may need time, and only it may fail halfway."""


class WebSocketBounds(Protocol):
    """What an adapter holds an open websocket to. Sizes are in bytes, times in seconds; see `WebSocketPolicy`."""

    @property
    def max_message(self) -> int:
        """The largest message, after decompression."""
        ...

    @property
    def max_queue(self) -> int:
        """How many messages may wait for the session."""
        ...

    @property
    def compression(self) -> bool:
        """Whether to agree to permessage-deflate."""
        ...

    @property
    def ping_interval(self) -> float | None:
        """How long a peer may be silent before it is sent a ping."""
        ...

    @property
    def ping_timeout(self) -> float | None:
        """How long a peer may stay silent after a ping."""
        ...

    @property
    def close_timeout(self) -> float:
        """How long the peer may take to answer a close."""
        ...


class Switch(Protocol):
    """The switch to a websocket, by a 101 (RFC 9110 section 15.2.2): what the adapter does after the handshake."""

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol to agree to, one of those that the client offers."""
        ...

    @property
    def policy(self) -> WebSocketBounds:
        """The bounds of the open websocket."""
        ...

    async def run(self, request: Any, transport: WebSocketTransport) -> None:
        """Await the session in the task of the exchange, after the handshake. It closes the websocket at its end.

        Args:
            request: the handshake.
            transport: the open websocket.
        """


@dataclass(slots=True)
class WireResponse:
    """A response as it goes on the wire, of one exchange alone: what `Application.handle` returns."""

    status: int
    """101, or 200 to 599."""
    fields: RawHeaders
    """The header fields, names in lower case. Fields of the connection and the framing are the adapter's."""
    payload: Body
    """What is sent after the head: the body, or nothing (HEAD, 204, 205, 304). The adapter closes it, exactly once."""
    length: int | None
    """Bytes of the body, None if they are not known beforehand."""
    plain: bool
    """Whether this is the most usual response, for adapters with a fast path: 200, media type and length as the only
    fields, in this order, and the whole body as bytes."""
    switch: Switch | None
    """What the connection switches to, for a 101; else None."""


class Outcome(NamedTuple):
    """How an exchange has ended. Times are in seconds of `time.perf_counter()`."""

    status: int | None
    """The status of the response, None if none was begun. 101 for a websocket that was open."""
    sent: int
    """Bytes of the body that were handed to the server or the socket; for a websocket, of its messages."""
    began_at: float
    """When the request's head was there."""
    first_byte_at: float | None
    """When the head of the response was written, None if it was not."""
    ended_at: float
    """When the last byte was written, or the exchange has failed."""
    error: Exception | None = None
    """What the handler, a middleware, a hook, the body or the websocket's session has raised, answered or not."""
    disconnected: bool = False
    """Whether the client left before it had the whole response, or broke a websocket off without a close. Some servers
    do not tell."""
    cancelled: bool = False
    """Whether the exchange was cancelled by the server, at the end of its grace period."""

    @property
    def seconds(self) -> float:
        """The time from the head of the request to the last byte of the response."""
        return self.ended_at - self.began_at

    @classmethod
    def of(
        cls,
        request: Any,
        status: int | None,
        sent: int,
        began_at: float,
        first_byte_at: float | None,
        ended_at: float,
        fault: BaseException | None = None,
    ) -> Outcome:
        """Make the outcome of an exchange, for an adapter.

        Args:
            request: what it answered.
            status, sent, began_at, first_byte_at, ended_at: as the attributes.
            fault: what ended the exchange early: the error of a body, `ClientDisconnected`, or a cancellation.
        """
        error = request.error if request.raised is None else request.raised
        disconnected = cancelled = False
        if fault is not None:
            disconnected, cancelled = isinstance(fault, ClientDisconnected), not isinstance(fault, Exception)
            if not disconnected and isinstance(fault, Exception):
                error = fault
        # Calling the class takes three times as long.
        return tuple.__new__(cls, (status, sent, began_at, first_byte_at, ended_at, error, disconnected, cancelled))


AccessLog = Callable[[Any, Outcome], None]
"""Writes the access log's line of a request and its outcome."""


async def close_body(body: object) -> None:
    """Release a body without sending it: close its file descriptor, or call its `aclose()` if it has one."""
    if isinstance(body, bytes):
        return
    if isinstance(body, FileBody):
        body.close()
        return
    aclose = getattr(body, "aclose", None)
    if aclose is not None:
        await aclose()


class Chunks:
    """Iterates a streamed body for an adapter: checks each chunk, and closes the body exactly once.

        async with Chunks(wire.payload, wire.length) as chunks:
            while chunk := await chunks.next():
                await write(chunk)

    Leaving the block always awaits the iterator's `aclose()` in the same task: a generator's `finally` runs in the task
    of its `try`, so timeouts, task groups and context variables work in it.

    Args:
        body: the iterable; its `__aiter__` is called at the first `next()`.
        length: the declared Content-Length that the chunks have to add up to, None if there is none.
    """

    __slots__ = ("_body", "_iterator", "_length", "_sent", "complete")

    def __init__(self, body: AsyncIterable[bytes], length: int | None = None) -> None:
        self._body = body
        self._length = length
        self._sent = 0
        self._iterator: AsyncIterator[bytes] | None = None
        self.complete = length == 0
        """Whether there were as many bytes as declared: the peer has all of the body once they are written. `next` has
        to be called all the same: it lets the iterator come to its end, and refuses more bytes."""

    async def __aenter__(self) -> Chunks:
        return self

    async def next(self) -> bytes:
        """Return the next chunk that is not empty; `b""` at the end.

        Raises:
            TypeError: for a chunk that is not bytes.
            RuntimeError: as soon as the chunks are more than declared, and at the end if they were less.
        """
        if self._iterator is None:
            self._iterator = aiter(self._body)
        async for chunk in self._iterator:
            if chunk:
                self._count(chunk)
                return chunk
        if self._length is not None and self._sent != self._length:
            raise RuntimeError(self._complaint("only"))
        return b""

    def _count(self, chunk: bytes) -> None:
        if not isinstance(chunk, bytes | bytearray | memoryview):
            raise TypeError(f"expected the application's stream to yield bytes, got {chunk!r:.200}")
        self._sent += len(chunk)
        if self._length is not None:
            if self._sent > self._length:
                raise RuntimeError(self._complaint("at least"))
            self.complete = self._sent == self._length

    def _complaint(self, relation: str) -> str:
        return (
            f"expected the application to stream as many bytes as its Content-Length announces, {self._length}, "
            f"got {relation} {self._sent}"
        )

    async def __aexit__(self, *exc_info: object) -> None:
        body = self._body if self._iterator is None else self._iterator
        aclose = getattr(body, "aclose", None) or getattr(self._body, "aclose", None)
        if aclose is not None:
            await aclose()


class Closable(Protocol):
    """Something other than a body that a request holds open, such as an uploaded file."""

    async def aclose(self) -> None:
        """Close it."""
