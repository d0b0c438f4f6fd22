"""Several byte ranges of a file as one `multipart/byteranges` body (RFC 9110 section 14.6)."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import AsyncIterator, Sequence

from sketch.concurrency.threads import file_threads
from sketch.files.reading import PIECE
from sketch.http.grammar import CONTROL
from sketch.http.ranges import ByteRange


class FileParts:
    """A `multipart/byteranges` body of several parts of an open file (RFC 9110 section 14.6).

    An async iterable that reads in threads. Its holder closes it; the file is closed exactly once.

    Args:
        descriptor: of the open file. The caller owns it until the constructor has returned.
        path: of the file, for errors.
        parts: the parts to send.
        size: of the whole file, in bytes.
        content_type: of the file.

    Raises:
        ValueError: for a content type with control characters.
    """

    __slots__ = ("_descriptor", "_path", "_pieces", "content_type", "length")

    def __init__(
        self, descriptor: int, path: str, parts: Sequence[ByteRange], size: int, content_type: str | None
    ) -> None:
        if content_type is not None and CONTROL.search(content_type):
            raise ValueError(f"expected a content type without control characters, got {content_type!r:.200}")
        # Random, so that no file can contain it on purpose.
        boundary = os.urandom(16).hex()
        kind = f"Content-Type: {content_type}\r\n" if content_type else ""
        self._descriptor = descriptor
        self._path = path
        self._pieces: deque[bytes | ByteRange] = deque()
        self.content_type = f"multipart/byteranges; boundary={boundary}"
        line_end = ""
        for part in parts:
            head = f"{line_end}--{boundary}\r\n{kind}Content-Range: {part.content_range(size)}\r\n\r\n"
            self._pieces += (head.encode("latin-1"), part)
            line_end = "\r\n"
        self._pieces.append(f"\r\n--{boundary}--\r\n".encode())
        self.length = sum(len(piece) if isinstance(piece, bytes) else piece.length for piece in self._pieces)
        """Bytes of the whole body."""

    def read(self, most: int) -> bytes:
        """Return the next bytes, at least one and at most about that many; `b""` at the end. Blocks.

        Raises:
            RuntimeError: if the file has shrunk.
        """
        taken: list[bytes] = []
        while self._pieces and most > 0:
            piece = self._pieces.popleft()
            if isinstance(piece, ByteRange):
                data = os.pread(self._descriptor, min(piece.length, most), piece.offset)
                if not data:
                    raise RuntimeError(f"expected {self._path} to keep its size, but it has become shorter")
                if len(data) < piece.length:
                    self._pieces.appendleft(ByteRange(piece.offset + len(data), piece.length - len(data)))
            else:
                data = piece
            taken.append(data)
            most -= len(data)
        return b"".join(taken)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while data := await file_threads.run(self.read, PIECE):
                yield data
        finally:
            self.close()

    async def aclose(self) -> None:
        """Close the file, like `close()`, for code that closes async iterables."""
        self.close()

    def close(self) -> None:
        """Close the file. Closing again does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
