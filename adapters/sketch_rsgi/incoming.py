"""What the client sends during one exchange, as the messages of ASGI that `ReceivedBody` sorts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from sketch_rsgi.interfaces import HTTPProtocol

_END = {"type": "http.request", "body": b"", "more_body": False}
_GONE = {"type": "http.disconnect"}


class Incoming:
    """Reads the body of a request, and then waits for the client to leave.

    RSGI ends a body with an empty chunk, whether it is complete or has broken off. With granian the two differ in what
    comes next: the end of the iterator, or one more empty chunk. Trailer fields give such a chunk, too, so that a
    chunked body with trailers is taken as broken: a truncated body must never look complete.

    Args:
        protocol: of the exchange.
        has_body: whether to expect a body.
        ends_twice: whether further empty chunks are allowed at the end.
    """

    __slots__ = ("_chunks", "_ends_twice", "_over", "_protocol")

    def __init__(self, protocol: HTTPProtocol, *, has_body: bool, ends_twice: bool) -> None:
        self._protocol = protocol
        self._over = not has_body
        self._ends_twice = ends_twice
        self._chunks: AsyncIterator[bytes] | None = None

    async def receive(self) -> Any:
        """Return the next message.

        Raises:
            OSError: if the body breaks off.
        """
        if self._over:
            await self._protocol.client_disconnect()
            return _GONE
        if self._chunks is None:
            self._chunks = aiter(self._protocol)
        chunk = await self._next()
        if chunk:
            return {"type": "http.request", "body": chunk, "more_body": True}
        self._over = True
        if chunk is not None and not self._ends_twice and await self._next() is not None:
            raise ConnectionError("the body has broken off")
        return _END

    async def _next(self) -> bytes | None:
        """Return the next chunk, None after the last one."""
        assert self._chunks is not None
        try:
            return await self._chunks.__anext__()  # not by `anext(..., None)`, which granian's awaitables crash
        except StopAsyncIteration:
            return None
