"""Sends large files: by the kernel if it can and there is no TLS, else in pieces that are read in a thread."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol

from sketch.files.reading import read_in_thread, shrunk
from sketch.transport import ClientDisconnected, FileBody

if TYPE_CHECKING:
    from sketch_native.interfaces import Line

BURST = 1024 * 1024
"""Bytes that the kernel may send at once before other tasks get a turn."""


class Progress(Protocol):
    """What is told how far a file was sent."""

    size: int
    """Bytes that were sent so far."""


async def send_file(line: Line, body: FileBody, progress: Progress) -> None:
    """Send a part of a file, behind what was already written, and add the bytes to `progress.size` as they go out.

    Raises:
        ClientDisconnected: if the connection is lost.
        RuntimeError: if the file has become shorter than was announced.
    """
    encrypted = line.transport.get_extra_info("ssl_object") is not None
    if encrypted or not hasattr(os, "sendfile"):
        await _send_pieces(line, body, progress)
    else:
        await _send_by_kernel(line, body, progress)


async def _send_pieces(line: Line, body: FileBody, progress: Progress) -> None:
    async with aclosing(read_in_thread(body)) as pieces:
        async for data in pieces:
            await line.write(data)
            progress.size += len(data)


async def _send_by_kernel(line: Line, body: FileBody, progress: Progress) -> None:
    """Send with `os.sendfile` on a duplicate of the socket's descriptor.

    asyncio has `loop.sendfile`, uvloop does not. Both refuse to watch the descriptor of a transport, and both watch its
    duplicate: so one way serves both.
    """
    transport = line.transport
    transport.set_write_buffer_limits(high=0)
    await line.flow.drain()  # the head must be out first
    descriptor = os.dup(transport.get_extra_info("socket").fileno())
    position, end = body.offset, body.offset + body.count
    try:
        while position < end:
            try:
                sent = os.sendfile(descriptor, body.file.fileno(), position, min(BURST, end - position))
            except BlockingIOError:
                await _writable(line, descriptor)
                continue
            if not sent:
                raise shrunk(body, end - position)
            position += sent
            progress.size += sent
            await asyncio.sleep(0)
    except (BrokenPipeError, ConnectionResetError):
        raise ClientDisconnected("the client left before the end of the file") from None
    finally:
        os.close(descriptor)
        transport.set_write_buffer_limits()


async def _writable(line: Line, descriptor: int) -> None:
    """Wait until the socket takes more, but no longer than the write timeout without progress."""
    waiter = line.loop.create_future()
    line.loop.add_writer(descriptor, _settle, waiter)
    line.watch_writing()
    try:
        await waiter
    finally:
        line.loop.remove_writer(descriptor)
        line.writing_done()


def _settle(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
