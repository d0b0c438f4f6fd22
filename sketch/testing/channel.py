"""A pipe between two tasks in which a chunk is produced only when the reader asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable

from sketch.transport import Chunks


class Channel:
    """Hands chunks from one task to another, one at a time, each only when the reader asks for it.

    So a test can read a body without an end, and see where its producer stops. `ended` says that no more chunks will
    come, `producing` that the producer is working on a chunk (not waiting to be asked): only cancelling its task stops
    it.
    """

    __slots__ = ("_asked", "_chunk", "_error", "_filled", "_left", "ended", "producing", "size")

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._filled = asyncio.Event()
        self._chunk: bytes | None = None
        self._error: BaseException | None = None
        self._left = False
        self.ended = False
        self.producing = False
        self.size = 0
        """Bytes handed over so far."""

    async def wanted(self) -> bool:
        """Wait until a chunk is asked for. False once the reader has left."""
        await self._asked.wait()
        return not self._left

    def put(self, chunk: bytes) -> None:
        """Hand over the chunk that was asked for."""
        self._asked.clear()
        self._chunk = chunk
        self.size += len(chunk)
        self._filled.set()

    def end(self, error: BaseException | None = None) -> None:
        """End the chunks; `error` is raised in the reader. The first end counts."""
        if not self.ended:
            self.ended = True
            self._error = error
            self._filled.set()

    def leave(self) -> None:
        """Stop reading: the producer is told not to make more chunks."""
        self._left = True
        self._asked.set()

    async def get(self) -> bytes:
        """The next chunk, `b""` at the end and after it. Raises the error the body ended with."""
        if self._chunk is None and not self.ended:
            self._asked.set()
            await self._filled.wait()
        chunk, self._chunk = self._chunk, None
        if chunk is not None:
            if not self.ended:
                self._filled.clear()
            return chunk
        if self._error is not None:
            raise self._error
        return b""


async def pump(source: AsyncIterable[bytes], channel: Channel, length: int | None = None) -> int:
    """Pull chunks from a source as the reader asks for them; close the source once, in this task, however it ends.

    Args:
        source: gives the chunks; empty ones are skipped.
        channel: takes the chunks. It is left open: the caller decides what an end or an error means there.
        length: how many bytes the application has announced, None if it has not.

    Returns:
        How many bytes there were until the end, or until the reader left.

    Raises what `sketch.transport.Chunks` raises.
    """
    sent = 0
    async with Chunks(source, length) as chunks:
        while not chunks.complete and await channel.wanted():
            channel.producing = True
            try:
                chunk = await chunks.next()
            finally:
                channel.producing = False
            if not chunk:
                break
            sent += len(chunk)
            channel.put(bytes(chunk))
        if chunks.complete:
            await chunks.next()
    return sent
