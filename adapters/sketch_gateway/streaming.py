"""Writes streamed responses to a server that takes messages of ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sketch.serving.asgi import Send
from sketch.transport import Chunks, ClientDisconnected
from sketch_gateway.body import Interruptible
from sketch_gateway.connection import GatewayConnection

if TYPE_CHECKING:
    from sketch.request import BaseRequest

_FAIRNESS = 16
"""Chunks after which other tasks get a turn, whether or not the server made the stream wait."""


async def pass_on(send: Send, message: dict[str, Any], connection: GatewayConnection) -> None:
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


async def write_stream(
    connection: GatewayConnection,
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
def _unless_complete(connection: GatewayConnection, length: int | None) -> Iterator[None]:
    """Go on if the client leaves once the server has taken as many bytes as were announced: it has the whole body."""
    try:
        yield
    except ClientDisconnected:
        if connection.size != length:
            raise


def _chunk(data: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": True}
