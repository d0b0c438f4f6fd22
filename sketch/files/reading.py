"""Reading files in threads, piece by piece."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from sketch.concurrency.threads import file_threads

if TYPE_CHECKING:
    from sketch.transport import FileBody


PIECE = 256 * 1024
"""Bytes of a file per read: each costs one thread hop (about 60 us), and more do not make a transfer faster."""


async def read_in_thread(body: FileBody) -> AsyncGenerator[bytes, None]:
    """The bytes of a file body, each piece read in a thread. The file is left open: it is its holder's to close.

    Raises:
        RuntimeError: if the file has become shorter.
    """
    position, end = body.offset, body.offset + body.count
    while position < end:
        data = await file_threads.run(os.pread, body.file.fileno(), min(PIECE, end - position), position)
        if not data:
            raise shrunk(body, end - position)
        yield data
        position += len(data)


def shrunk(body: FileBody, missing: int) -> RuntimeError:
    """The error for a file that has become shorter, by so many bytes of what was announced."""
    return RuntimeError(f"the file {body.path} has shrunk while it was sent: {missing} bytes are missing")
