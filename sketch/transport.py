"""The seam between the core and its adapters: everything that they know of each other.

An adapter builds a `Request`, awaits `app.handle(request)` once, gets a finalized `Response` value and writes it
itself. The core never calls a writer, so all adapters behave the same, with nothing to keep in step between them.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import Any, BinaryIO, Protocol

from sketch.http.fields import RawHeaders as RawHeaders
from sketch.http.grammar import Address as Address


class ClientDisconnected(ConnectionError):
    """The peer went away, or ended a body before its announced end.

    Raised by every body accessor of a request. It passes through `Application.handle`: no client waits for a response.
    """


SMALL_FILE = 64 * 1024
"""Bytes of the largest file that the core passes as its content, not as an open file; a `Connection` may replace it."""


class Connection(Protocol):
    """The connection to the peer: one per TCP connection natively, one per scope under ASGI.

    It may have a `small_file`, which replaces SMALL_FILE: the bytes up to which a file costs less to write than to send
    from an open file. That depends on how the adapter sends files.
    """

    client: Address | None
    """The peer's address, None if there is none (a unix socket) or the server does not say."""
    server: Address | None
    """The address the peer connected to."""
    scheme: str
    """`"https"` over TLS, else `"http"`."""
    tls: dict[str, Any] | None
    """What is known of the TLS session (`version`, `cipher`, `peer_certificate`), None without TLS."""
    state: dict[str, Any]
    """The state that the lifespan set up. A request takes a shallow copy of it."""
    trailers: RawHeaders
    """Trailer fields of the current request, complete once its body is read. Never merged into headers."""

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
    """An open websocket, lent to a session after the handshake has succeeded; see `sketch.websocket.run_session`.

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
"""The body of a finalized response. Only an iterable may need time, and only it may fail halfway."""


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

        async with Chunks(body, response.length) as chunks:
            while chunk := await chunks.next():
                await write(chunk)

    Leaving the block always awaits the iterator's `aclose()` in the same task: a generator's `finally` runs in the task
    of its `try`, so timeouts, task groups and context variables work in it.

    Args:
        body: the iterable; its `__aiter__` is called at the first `next()`.
        length: the declared Content-Length that the chunks have to add up to, None if there is none.
    """

    __slots__ = ("_body", "_iterator", "_length", "_sent")

    def __init__(self, body: AsyncIterable[bytes], length: int | None = None) -> None:
        self._body = body
        self._length = length
        self._sent = 0
        self._iterator: AsyncIterator[bytes] | None = None

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
            raise TypeError(f"expected the application's stream to yield bytes, got {chunk!r}")
        self._sent += len(chunk)
        if self._length is not None and self._sent > self._length:
            raise RuntimeError(self._complaint("at least"))

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
