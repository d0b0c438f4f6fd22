"""Looks at the first byte of a connection, and leaves it to be read."""

from __future__ import annotations

import asyncio
import socket


async def first_byte(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> bytes:
    """Wait for the first byte that a client sends, and return it; `b""` if it sends none. It is still to be read.

    If the wait is cancelled, or fails, the socket is closed: no transport has it yet.

    Raises:
        OSError: if the connection has broken.
    """
    try:
        while True:
            try:
                return sock.recv(1, socket.MSG_PEEK)
            except (BlockingIOError, InterruptedError):
                await _readable(loop, sock)
    except BaseException:
        sock.close()
        raise


async def _readable(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
    readable = loop.create_future()

    def note() -> None:
        if not readable.done():
            readable.set_result(None)

    loop.add_reader(sock.fileno(), note)
    try:
        await readable
    finally:
        loop.remove_reader(sock.fileno())


def is_method(byte: bytes) -> bool:
    """Whether a request of HTTP may begin so. The first byte of a TLS handshake is 22 (RFC 8446 section 5.1)."""
    return byte.isalpha()
