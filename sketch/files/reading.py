"""Read files in threads, piece by piece."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from sketch.concurrency.threads import file_threads

if TYPE_CHECKING:
    from sketch.transport import FileBody

PIECE = 256 * 1024
"""Bytes per read. Each read costs a hop to a thread (about 60 us); larger pieces do not make a transfer faster."""


async def read_in_thread(body: FileBody) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of a file body, each piece read in a thread. The holder of the body closes the file.

    Raises:
        RuntimeError: if the file has shrunk.
    """
    position, end = body.offset, body.offset + body.count
    while position < end:
        data = await file_threads.run(os.pread, body.file.fileno(), min(PIECE, end - position), position)
        if not data:
            raise shrunk(body, end - position)
        yield data
        position += len(data)


def shrunk(body: FileBody, missing: int) -> RuntimeError:
    """Return the error for a file that has shrunk: `missing` bytes of the announced ones cannot be sent."""
    return RuntimeError(f"the file {body.path} has shrunk while it was sent: {missing} bytes are missing")
