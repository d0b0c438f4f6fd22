"""Writes responses with large bodies, streams and files to a server's `send`."""

from __future__ import annotations

import os
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sketch.concurrency.threads import file_threads
from sketch.files.reading import read_in_thread
from sketch.http.fields import RawHeaders
from sketch.serving.asgi import Send
from sketch.transport import Body, FileBody
from sketch_asgi.connection import Scope, ScopeConnection
from sketch_gateway.streaming import pass_on, write_stream

if TYPE_CHECKING:
    from sketch.request import BaseRequest

LARGE_BODY = 64 * 1024
"""Bytes that servers take without waiting for the client, so that a write deadline would gain nothing."""


def closing(fields: RawHeaders, scope: Scope) -> RawHeaders:
    """Return the fields with `Connection: close`, which the server obeys. Only HTTP/1 has the field."""
    if scope.get("http_version", "1.1")[0] != "1":
        return fields
    return [*(field for field in fields if field[0] != b"connection"), (b"connection", b"close")]


def without_date(fields: RawHeaders) -> RawHeaders:
    """Return the fields without the application's Date: most servers add theirs to it, and two are malformed."""
    return [field for field in fields if field[0] != b"date"]


async def write_body(
    connection: ScopeConnection,
    send: Send,
    start: dict[str, Any],
    body: Body,
    length: int | None,
    scope: Scope,
    request: BaseRequest,
) -> None:
    """Write head and body. The client may be slow, but must read something within the write timeout.

    Raises:
        ClientDisconnected: if the client left, or reads nothing.
        Exception: whatever a stream raises, so that the server aborts what must not look complete.
    """
    if isinstance(body, FileBody):
        await write_file(connection, send, start, body, scope, request)
    elif not isinstance(body, bytes):
        await write_stream(connection, send, start, body, length, request)
    else:
        if connection.body is not None:
            await connection.body.leave()
        with connection.writing(request):
            await pass_on(send, start, connection)
            connection.first_byte_at = perf_counter()
            await pass_on(send, {"type": "http.response.body", "body": body}, connection)
        connection.size = len(body)


async def write_file(
    connection: ScopeConnection, send: Send, start: dict[str, Any], body: FileBody, scope: Scope, request: BaseRequest
) -> None:
    """Write head and file, by the server's own means if it has any. The file is closed exactly once.

    Raises:
        ClientDisconnected: if the client left.
        RuntimeError: if the file has shrunk since it was opened.
    """
    try:
        extensions = scope.get("extensions") or {}
        message: dict[str, Any] | None = None
        path = None
        if "http.response.pathsend" in extensions and body.by_name:
            path = await file_threads.run(_path_of_whole, body)
        if path is not None:
            message = {"type": "http.response.pathsend", "path": path}
        elif "http.response.zerocopysend" in extensions:
            file = body.file.fileno()
            message = {"type": "http.response.zerocopysend", "file": file, "offset": body.offset, "count": body.count}
        if message is None:
            await write_stream(connection, send, start, read_in_thread(body), body.count, request)
            return
        if connection.body is not None:
            connection.body.discard()
        # The server writes the file itself and does not tell how fast the client reads: no write deadline.
        await pass_on(send, start, connection)
        connection.first_byte_at = perf_counter()
        await pass_on(send, message, connection)
        connection.size = body.count
    finally:
        body.close()


def _path_of_whole(body: FileBody) -> str | None:
    """Return the file's path if the whole file is to be sent and the path still leads to the open file, else None."""
    opened = os.fstat(body.file.fileno())
    path = Path(body.path).absolute()
    try:
        named = path.stat()
    except OSError:
        return None
    whole = body.offset == 0 and body.count == opened.st_size == named.st_size
    return str(path) if whole and os.path.samestat(opened, named) else None
