"""A raw connection with a reader in the background. Errors of the connection are noted, never raised."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.native.conformance.replies import Reply, parse

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
GET_AND_CLOSE = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Client:
    """A raw connection. Made by `connect`."""

    def __init__(self, sock: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._changed = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self.received = bytearray()
        self.closed: str | None = None
        """How the server has closed: `"fin"`, `"rst"`, or None as long as it has not."""
        self.changed_at = self._loop.time()
        """When something was last sent or received."""

    def read(self) -> None:
        """Begin to read in the background."""
        self._reader = self._loop.create_task(self._read())

    async def _read(self) -> None:
        while self.closed is None:
            try:
                data = await self._loop.sock_recv(self._sock, 262144)
            except OSError:
                self.closed = "rst"
            else:
                self.received += data
                if not data:
                    self.closed = "fin"
            self._note()

    def _note(self) -> None:
        self.changed_at = self._loop.time()
        self._changed.set()

    @property
    def quiet(self) -> float:
        """Seconds since something was sent or received."""
        return self._loop.time() - self.changed_at

    async def send(self, data: bytes, seconds: float = 5.0) -> bool:
        """Send; returns whether the kernel took everything."""
        try:
            async with asyncio.timeout(seconds):
                await self._loop.sock_sendall(self._sock, data)
        except OSError:
            return False
        self.changed_at = self._loop.time()
        return True

    def half_close(self) -> None:
        """Send no more."""
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.closed = self.closed or "rst"

    def reset(self) -> None:
        """Turn the close that follows into a reset."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async def change(self, seconds: float) -> None:
        """Wait for new bytes or an end, for so many seconds at most."""
        if self.closed is None:
            self._changed.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._changed.wait()
            except TimeoutError:
                return

    async def until(self, condition: Callable[[], object], seconds: float) -> bool:
        """Wait for the condition; returns whether it became true in that time."""
        end = self._loop.time() + seconds
        while not condition() and self.closed is None and self._loop.time() < end:
            await self.change(end - self._loop.time())
        return bool(condition())

    async def until_closed(self, seconds: float) -> bool:
        """Wait for the server's close; returns whether it came in that time."""
        return await self.until(lambda: self.closed is not None, seconds)

    def replies(self, *methods: str) -> tuple[list[Reply], bytes]:
        """All answers so far, and the bytes after them."""
        return parse(bytes(self.received), methods or ("GET",), ended=self.closed is not None)

    async def count(self, seconds: float) -> int:
        """Read a connection without a reader to its end; returns the number of bytes."""
        size = 0
        try:
            async with asyncio.timeout(seconds):
                while data := await self._loop.sock_recv(self._sock, 1 << 20):
                    size += len(data)
        except OSError:
            return size
        return size

    async def close(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])
        self._sock.close()


@asynccontextmanager
async def connect(port: int, *, reading: bool = True, receive_buffer: int | None = None) -> AsyncIterator[Client]:
    """A connection to the loopback; raises OSError where there is none to be had."""
    sock = socket.socket()
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client = Client(sock)
    try:
        async with asyncio.timeout(10):
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        if reading:
            client.read()
        yield client
    finally:
        await client.close()


async def ask(port: int, raw: bytes, method: str = "GET", seconds: float = 10.0) -> Reply | None:
    """The first answer to these bytes, None where none came whole."""
    async with connect(port) as client:
        await client.send(raw, seconds)
        await client.until(lambda: any(reply.complete for reply in client.replies(method)[0]), seconds)
        replies, _ = client.replies(method)
        return replies[0] if replies and replies[0].complete else None


async def alive(port: int, seconds: float = 10.0) -> bool:
    """Whether the server answers a new connection."""
    reply = await ask(port, GET_AND_CLOSE, seconds=seconds)
    return reply is not None and (reply.status, reply.body) == (200, b"ok")
