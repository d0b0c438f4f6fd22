"""The body readers of a request: limited in size, kept in memory, or broken."""

from __future__ import annotations

from collections import deque

from sketch.exceptions import HTTPContentTooLarge
from sketch.transport import BodyReader


class LimitedBody:
    """A `BodyReader` that counts the bytes as they arrive, and refuses more than the limit.

    Args:
        reader: the body as the adapter reads it.
        most: the limit in bytes, None for no limit.
    """

    __slots__ = ("_most", "_reader", "_received", "length")

    def __init__(self, reader: BodyReader, most: int | None) -> None:
        self._reader = reader
        self._most = most
        self._received = 0
        self.length = reader.length

    @property
    def complete(self) -> bool:
        """Whether it is known that nothing more arrives."""
        return self._reader.complete

    async def read(self) -> bytes:
        """Return the next chunk, `b""` at the end.

        Raises:
            ClientDisconnected: for a body that is cut short.
            HTTPContentTooLarge: as soon as the body exceeds the limit.
        """
        chunk = await self._reader.read()
        self._received += len(chunk)
        if self._most is not None and self._received > self._most:
            raise too_large(self._most)
        return chunk


class KeptBody:
    """A `BodyReader` of a body that is already in memory."""

    __slots__ = ("_data", "length")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.length = len(data)

    @property
    def complete(self) -> bool:
        """Whether the body was handed out."""
        return not self._data

    async def read(self) -> bytes:
        """Return the whole body, then `b""`."""
        data, self._data = self._data, b""
        return data


class PeekedBody:
    """A `BodyReader` whose beginning was looked at, and is read again.

    Args:
        reader: the body as the adapter reads it.
    """

    __slots__ = ("_begun", "_reader", "length")

    def __init__(self, reader: BodyReader) -> None:
        self._reader = reader
        self._begun: deque[bytes] = deque()
        self.length = reader.length

    @property
    def complete(self) -> bool:
        """Whether it is known that nothing more arrives, and nothing is left of what has arrived."""
        return not self._begun and self._reader.complete

    async def peek(self, size: int) -> bytes:
        """Return the beginning, at least `size` bytes unless the body is shorter. Raises as the reader does."""
        received = sum(map(len, self._begun))
        while received < size and not self._reader.complete:
            chunk = await self._reader.read()
            if not chunk:
                break
            self._begun.append(bytes(chunk))
            received += len(chunk)
        return b"".join(self._begun)

    async def read(self) -> bytes:
        """Return the next chunk, `b""` at the end. Raises as the reader does."""
        return self._begun.popleft() if self._begun else await self._reader.read()


class BrokenBody:
    """A `BodyReader` of a body that could not be read: each further attempt raises the same error.

    Args:
        error: the error of the first attempt.
    """

    length = None
    complete = False

    __slots__ = ("_error",)

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def read(self) -> bytes:
        """Raise the error."""
        raise self._error


def too_large(most: int) -> HTTPContentTooLarge:
    """Return the error for a body of more than `most` bytes."""
    return HTTPContentTooLarge(f"expected a body of at most {most} bytes")
