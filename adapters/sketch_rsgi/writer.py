"""Writes responses to a server's RSGI protocol."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sketch.concurrency.threads import file_threads
from sketch.files.reading import read_in_thread
from sketch.http.fields import RawHeaders
from sketch.transport import FileBody, WireResponse
from sketch_gateway.streaming import write_stream
from sketch_rsgi.connection import RSGIConnection
from sketch_rsgi.interfaces import StreamTransport, TextFields
from sketch_rsgi.peer import Peer, find_peer

if TYPE_CHECKING:
    from sketch.request import BaseRequest

UNMEASURED = 256 * 1024
"""Bytes of a stream after which it is measured how much of it the client has taken."""
UNTAKEN = 256 * 1024
"""Bytes of a stream that may then be under way to the system's buffers."""

_PAUSES = (0.0, 0.0, 0.0, 0.001, 0.005, 0.02)
"""Seconds between looks whether a client has taken more: the server hands it on in a thread, and does not tell."""
_ENDING = 2.0
"""Seconds in which the server has to notice that a connection was broken off."""


def as_text(fields: RawHeaders) -> TextFields:
    """Return header fields as RSGI takes them: text, which granian encodes as UTF-8."""
    try:
        return [(name.decode(), value.decode()) for name, value in fields]
    except UnicodeDecodeError:
        return [(name.decode("latin-1"), _decoded(value)) for name, value in fields]


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


async def write_payload(connection: RSGIConnection, wire: WireResponse, request: BaseRequest) -> None:
    """Write a response with a file or a stream.

    Raises:
        ClientDisconnected: if the client left, or reads nothing.
        Exception: whatever a stream raises; what was sent of it does not look complete.
    """
    body = wire.payload
    if isinstance(body, FileBody):
        await _write_file(connection, wire, body, request)
        return
    assert not isinstance(body, bytes)
    stream = Streamed(connection)
    try:
        await write_stream(connection, stream.send, _start(wire), body, wire.length, request)
    finally:
        await stream.close()


async def _write_file(connection: RSGIConnection, wire: WireResponse, body: FileBody, request: BaseRequest) -> None:
    """Let the server send a part of a file by its path if that still leads to the open file; else stream it."""
    try:
        path = await file_threads.run(_path_of, body) if body.by_name and body.count else None
        if path is None:
            stream = Streamed(connection)
            try:
                await write_stream(connection, stream.send, _start(wire), read_in_thread(body), body.count, request)
            finally:
                await stream.close()
            return
        if connection.body is not None:
            connection.body.discard()
        # The server does not tell how fast the client reads: no write deadline.
        end, connection.status = body.offset + body.count, wire.status
        connection.protocol.response_file_range(wire.status, as_text(wire.fields), path, body.offset, end)
        connection.first_byte_at = perf_counter()
        connection.size = body.count
    finally:
        body.close()


def _path_of(body: FileBody) -> str | None:
    """Return the file's path if it still leads to the open file, else None."""
    path = Path(body.path).absolute()
    try:
        same = os.path.samestat(os.fstat(body.file.fileno()), path.stat())
    except OSError:
        return None
    return str(path) if same else None


def _start(wire: WireResponse) -> dict[str, Any]:
    return {"type": "http.response.start", "status": wire.status, "headers": wire.fields}


class Streamed:
    """Takes a streamed response as messages of ASGI; waits while the client does not take it, as RSGI does not.

    A stream that does not come to its end is broken off: the server would end it as if it were complete.

    Args:
        connection: of the exchange.
    """

    __slots__ = ("_before", "_connection", "_peer", "_sent", "_start", "_transport")

    def __init__(self, connection: RSGIConnection) -> None:
        self._connection = connection
        self._start: Any = None
        self._transport: StreamTransport | None = None
        self._sent = 0
        self._before: int | None = None
        self._peer: Peer | None = None

    async def send(self, message: Any) -> None:
        """Take a message.

        Raises:
            OSError: if the client has left.
        """
        if message["type"] == "http.response.start":
            self._start = message
            return
        if self._transport is None:
            start = self._start
            status = self._connection.status = start["status"]
            self._transport = self._connection.protocol.response_stream(status, as_text(start["headers"]))
        data = message["body"]
        if data:
            await self._send(self._transport, data)
        if not message["more_body"]:
            self._transport = None

    async def _send(self, transport: StreamTransport, data: bytes) -> None:
        try:
            await transport.send_bytes(data)
        except Exception as exc:  # RSGI names no error: granian's is a RuntimeError
            raise ConnectionError("the client has left") from exc
        before, self._sent = self._sent, self._sent + len(data)
        if before < UNMEASURED <= self._sent:
            self._peer = self._find()
            self._before = None if self._peer is None else self._peer.taken()
            self._sent = UNMEASURED
        elif self._before is not None:
            await self._until_taken()

    async def _until_taken(self) -> None:
        assert self._peer is not None
        assert self._before is not None
        for pause in _PAUSES:
            if self._is_taken():
                return
            await asyncio.sleep(pause)
        while not self._is_taken():  # noqa: ASYNC110 - nothing tells; a deadline and the disconnect end it
            await asyncio.sleep(_PAUSES[-1])

    def _is_taken(self) -> bool:
        """Whether little of the stream is under way."""
        assert self._peer is not None
        assert self._before is not None
        taken = self._peer.taken()
        return taken is None or self._sent - UNMEASURED - (taken - self._before) <= UNTAKEN

    def _find(self) -> Peer | None:
        return find_peer(self._connection.client, self._connection.server)

    async def close(self) -> None:
        """End it. If it has not come to its end, break the connection off."""
        try:
            if self._transport is not None:
                await self._break_off()
        finally:
            self._transport = None
            if self._peer is not None:
                self._peer.close()

    async def _break_off(self) -> None:
        """Break the connection, and keep the stream open until the server knows.

        Where the connection is not found (a unix socket), the stream is kept open until the client leaves.
        """
        peer, self._peer = self._peer or self._find(), None
        if peer is not None:
            try:
                with suppress(OSError):  # it is broken already
                    peer.reset()
            finally:
                peer.close()
        leaving = asyncio.ensure_future(_left(self._connection))
        await asyncio.wait([leaving], timeout=None if peer is None else _ENDING)
        leaving.cancel()
        await asyncio.wait([leaving])


async def _left(connection: RSGIConnection) -> None:
    await connection.protocol.client_disconnect()
