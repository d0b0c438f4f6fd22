"""Writes responses with large bodies, streams and files to a server's `send`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sketch.concurrency.threads import file_threads
from sketch.files.reading import read_in_thread
from sketch.http.fields import RawHeaders
from sketch.transport import Body, Chunks, ClientDisconnected, FileBody
from sketch_asgi.body import Interruptible
from sketch_asgi.connection import Scope, ScopeConnection

if TYPE_CHECKING:
    from sketch.request import BaseRequest

Send = Callable[[Any], Awaitable[None]]

LARGE_BODY = 64 * 1024
"""Bytes that servers take without waiting for the client, so that a write deadline would gain nothing."""
_FAIRNESS = 16
"""Chunks after which other tasks get a turn, whether or not the server made the stream wait."""


def closing(fields: RawHeaders, scope: Scope) -> RawHeaders:
    """Return the fields with `Connection: close`, which the server obeys. Only HTTP/1 has the field."""
    if scope.get("http_version", "1.1")[0] != "1":
        return fields
    return [*(field for field in fields if field[0] != b"connection"), (b"connection", b"close")]


def without_date(fields: RawHeaders) -> RawHeaders:
    """Return the fields without the application's Date: most servers add theirs to it, and two are malformed."""
    return [field for field in fields if field[0] != b"date"]


async def pass_on(send: Send, message: dict[str, Any], connection: ScopeConnection) -> None:
    """Send one message.

    Raises:
        ClientDisconnected: if the server says that the client has left: by an OSError (ASGI 2.4) or, once the
            disconnect is known, by any error.
    """
    try:
        await send(message)
    except OSError as exc:
        raise ClientDisconnected("the client left before the end of the answer") from exc
    except Exception as exc:
        if connection.body is not None and connection.body.gone:
            raise ClientDisconnected("the client left before the end of the answer") from exc
        raise


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


async def write_stream(
    connection: ScopeConnection,
    send: Send,
    start: dict[str, Any],
    body: AsyncIterable[bytes],
    length: int | None,
    request: BaseRequest,
) -> None:
    """Write head and chunks; end the stream when the client leaves. The iterator is closed exactly once.

    Raises:
        ClientDisconnected: if the client left, or reads nothing.
        Exception: whatever the stream raises, so that the server aborts what must not look complete.
    """
    writing = connection.writing(request)
    async with Chunks(body, length) as chunks:
        # Servers drop what is sent to a client that has left, most silently: only receive() tells.
        with _unless_complete(connection, length), Interruptible(connection.listen()):
            with writing:
                await pass_on(send, start, connection)
                connection.first_byte_at = perf_counter()
                # Some servers hold the head back until the first body message; the client may be waiting for it.
                await pass_on(send, _chunk(b""), connection)
            count = 0
            while not chunks.complete and (chunk := await chunks.next()):
                with writing:
                    await pass_on(send, _chunk(chunk), connection)
                connection.size += len(chunk)
                count += 1
                if not count % _FAIRNESS:
                    await asyncio.sleep(0)
                if connection.listen().gone:  # the stream has swallowed the cancellation
                    raise ClientDisconnected("the client left before the end of the answer")
        if chunks.complete:
            await chunks.next()
        await connection.listen().leave()
        # Not interruptible: some servers report a disconnect as soon as a response is complete.
        with _unless_complete(connection, length), writing:
            await pass_on(send, {"type": "http.response.body", "body": b"", "more_body": False}, connection)


@contextmanager
def _unless_complete(connection: ScopeConnection, length: int | None) -> Iterator[None]:
    """Go on if the client leaves once the server has taken as many bytes as were announced: it has the whole body."""
    try:
        yield
    except ClientDisconnected:
        if connection.size != length:
            raise


def _chunk(data: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": True}


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
