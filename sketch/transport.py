"""The seam: everything the core and its adapters know of each other.

An adapter builds a `Request`, awaits `app.handle(request)` once, gets a finalized `Response` value and writes it
itself. The core never calls a writer, so there is one behaviour and nothing to keep in step between the modes.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import Any, BinaryIO, Protocol

from sketch.http.fields import RawHeaders
from sketch.http.grammar import Address


class ClientDisconnected(ConnectionError):
    """The peer went away, or ended a body before its announced end.

    Raised by every body accessor of a request. It passes through `Application.handle`: there is nobody to answer.
    """


SMALL_FILE = 64 * 1024
"""Bytes up to which the core hands over the content of a file, above them the open file; an adapter may know better."""


class Connection(Protocol):
    """The way to the peer: one per TCP connection natively, one per scope under ASGI.

    It may have a `small_file`, in place of SMALL_FILE: how many bytes it costs less to write than to send from an open
    file. That depends on what the adapter can do with one.
    """

    client: Address | None
    """The peer's address, None where there is none (a unix socket) or the server does not say."""
    server: Address | None
    """The address the peer connected to."""
    scheme: str
    """`"https"` over TLS, else `"http"`."""
    tls: dict[str, Any] | None
    """What is known of the TLS session (`version`, `cipher`, `peer_certificate`), None without TLS."""
    state: dict[str, Any]
    """What the lifespan handed out. A request takes a shallow copy of it."""
    trailers: RawHeaders
    """Trailer fields of the current request, complete once its body is read. Never merged into headers."""

    @property
    def disconnected(self) -> bool:
        """Whether the peer is known to be gone. A server that tells only who waits for it may not know."""
        ...

    async def wait_disconnected(self) -> None:
        """Return once the peer is gone, at once if it is. Consumes no byte of any body."""


class BodyReader(Protocol):
    """A request body as it arrives. An adapter makes one only where a body is announced."""

    @property
    def length(self) -> int | None:
        """Bytes that are announced, None where it is not said how many."""
        ...

    @property
    def complete(self) -> bool:
        """Whether it is known that nothing more will come: then nobody needs to ask once more."""
        ...

    async def read(self) -> bytes:
        """Return the next chunk, `b""` at the end of the body (and again after it).

        Raises `ClientDisconnected` when the body was cut short: a truncated body never looks complete.
        """
        ...


class WebSocketTransport(Protocol):
    """An open websocket. Lent to a session only after the handshake has succeeded; see `sketch.websocket.run_session`.

    The bounds of the response's policy that concern messages are kept here. One task may receive while another sends
    and a third closes.
    """

    @property
    def end(self) -> tuple[int, str] | None:
        """Code and reason, from whichever side closed first; None while the websocket is open.

        It is known as soon as the transport knows, also while messages that came before it wait to be received.
        """
        ...

    async def receive(self) -> str | bytes:
        """Return the next message.

        Raises `WebSocketDisconnected` with the peer's code and reason once everything that came before its close is
        received, and again later; with 1006 where the connection broke off. After our own `close` it raises at once,
        also in a task that already waits, whether or not the peer has answered.
        """
        ...

    async def send(self, data: str | bytes) -> None:
        """Send one message, waiting while the peer reads slowly, but not for longer than the write timeout.

        Raises `WebSocketDisconnected` once either side has closed.
        """

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Send a close with a code of RFC 6455 section 7.4 and a reason of at most 123 bytes.

        It does not wait for the peer's answer, and does nothing after either side has closed.
        """


class FileBody:
    """A part of an open file as a response body. Whoever holds it closes it, exactly once.

    Args:
        file: opened for reading in binary mode; must have a file descriptor.
        path: where it was opened, for servers that send files by name.
        offset: of the first byte to send.
        count: how many bytes to send.
        by_name: whether it may be opened again by its path. Not where somebody could put a link there meanwhile.
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
"""What a finalized response carries. Only an iterable may need time, and only it may fail halfway."""


async def close_body(body: object) -> None:
    """Release what a body holds, without sending it: a file descriptor, or whatever an `aclose()` of its own closes."""
    if isinstance(body, bytes):
        return
    if isinstance(body, FileBody):
        body.close()
        return
    aclose = getattr(body, "aclose", None)
    if aclose is not None:
        await aclose()


class Chunks:
    """A streamed body as an adapter pulls it: checked chunk by chunk, and closed exactly once by who pulled it.

        async with Chunks(body, response.length) as chunks:
            while chunk := await chunks.next():
                await write(chunk)

    Leaving the block awaits the iterator's `aclose()` in the same task, whatever happened: a generator's `finally`
    runs where its `try` did, so timeouts, task groups and context variables in it hold together.

    Args:
        body: what is iterated; its `__aiter__` is called at the first `next()`.
        length: the declared Content-Length that the chunks have to add up to, None where there is none.
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
        """The next chunk that is not empty; `b""` at the end.

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
    """Something that a request holds open, and that is no body: an uploaded file."""

    async def aclose(self) -> None:
        """Close it."""
