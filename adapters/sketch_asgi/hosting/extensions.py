"""What hosted applications can ask of the server beyond the protocol: files by path, early hints."""

from __future__ import annotations

import os
import stat
from typing import Any

from sketch.concurrency.threads import file_threads
from sketch.http.fields import RawFields, RawHeaders
from sketch.transport import FileBody

PATHSEND = "http.response.pathsend"
EARLY_HINT = "http.response.early_hint"
DENIAL = "websocket.http.response"

# -- files ------------------------------------------------------------------------------------------------------------


async def open_path(path: object, small: int) -> bytes | FileBody:
    """Open the file that an application names, in a thread; return its content if it has at most `small` bytes.

    Raises:
        RuntimeError: for what is no path of a regular file. No OSError, which would say that the client has left.
    """
    try:
        return await file_threads.acquire(lambda: _opened(path, small), undo=_close)
    except (OSError, TypeError, ValueError) as exc:
        raise RuntimeError(
            f"expected {PATHSEND} with the path of a regular file from the ASGI application, got {path!r:.200}: {exc}"
        ) from None


def _opened(path: Any, small: int) -> bytes | FileBody:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe would wait for its writer
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("it is not regular")
        file = os.fdopen(descriptor, "rb", buffering=0)
    except BaseException:
        os.close(descriptor)
        raise
    if found.st_size > small:
        return FileBody(file, os.fsdecode(path), 0, found.st_size)
    with file:
        return file.read()


def _close(opened: bytes | FileBody) -> None:
    if not isinstance(opened, bytes):
        opened.close()


# -- early hints (RFC 8297) -------------------------------------------------------------------------------------------


def hint_fields(links: Any) -> RawHeaders:
    """Return the fields of an early hint. Raises TypeError and ValueError for links that cannot be sent."""
    return RawFields([(b"link", link) for link in links]).encoded()[0]
