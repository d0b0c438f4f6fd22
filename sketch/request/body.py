"""A request body as somebody reads it: once, and no more than the limit allows."""

from __future__ import annotations

from sketch.exceptions import HTTPContentTooLarge
from sketch.transport import BodyReader


class LimitedBody:
    """The body as it arrives, counted. A `BodyReader`.

    Args:
        reader: of the connection.
        most: bytes.
    """

    __slots__ = ("_most", "_reader", "_received", "length")

    def __init__(self, reader: BodyReader, most: int | None) -> None:
        self._reader = reader
        self._most = most
        self._received = 0
        self.length = reader.length

    @property
    def complete(self) -> bool:
        """Whether it is known that nothing more will come."""
        return self._reader.complete

    async def read(self) -> bytes:
        """The next chunk, `b""` at the end.

        Raises:
            ClientDisconnected: for a body that was cut short.
            HTTPContentTooLarge: as soon as it is more than the limit.
        """
        chunk = await self._reader.read()
        self._received += len(chunk)
        if self._most is not None and self._received > self._most:
            raise too_large(self._most)
        return chunk


class KeptBody:
    """A body that was read before. A `BodyReader`."""

    __slots__ = ("_data", "length")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.length = len(data)

    @property
    def complete(self) -> bool:
        """Whether it was handed out."""
        return not self._data

    async def read(self) -> bytes:
        """All of it, then `b""`."""
        data, self._data = self._data, b""
        return data


class BrokenBody:
    """A body that could not be read. A `BodyReader` for who tries it again.

    Args:
        error: why.
    """

    length = None
    complete = False

    __slots__ = ("_error",)

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def read(self) -> bytes:
        """Raises the error, each time."""
        raise self._error


def too_large(most: int) -> HTTPContentTooLarge:
    """The error for a body of more bytes than that."""
    return HTTPContentTooLarge(f"expected a body of at most {most} bytes")
