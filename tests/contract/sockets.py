"""A websocket from the client's side, the same on every transport: `async with transport.websocket(path) as ws`."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from sketch.testing import ClientWebSocket, TestClient, WebSocketRefused
from sketch.websocket import WebSocketDisconnected
from tests.support.wire import Headers, Reply

ABNORMAL = 1006
_EMPTY_CLOSE = b"\x88\x80\x00\x00\x00\x00"


class Ended(Exception):
    """The websocket has ended."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class Refused(Exception):
    """The handshake got another answer than 101."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status, reply.body)
        self.reply = reply


class Websocket(Protocol):
    """The interface of a websocket in the tests."""

    headers: list[tuple[str, str]]
    """The header fields of the handshake's answer."""
    subprotocol: str | None

    async def send(self, message: str | bytes) -> None:
        """Send a message; waits while too much is under way."""

    async def receive(self) -> str | bytes:
        """The next message. Raises `Ended`."""

    async def close(self, code: int | None = 1000, reason: str = "") -> None:
        """Close; None for a close without a code."""

    def abort(self) -> None:
        """Leave without a close."""


async def ended(ws: Websocket) -> tuple[int, str]:
    """Wait for the end, whatever comes before it."""
    try:
        while True:
            await ws.receive()
    except Ended as end:
        return end.code, end.reason


# -- in memory --------------------------------------------------------------------------------------------------------


class MemoryWebsocket:
    """A websocket of the test client."""

    def __init__(self, ws: ClientWebSocket) -> None:
        self._ws = ws
        self.headers = [(name.lower(), value) for name, value in ws.response.headers.items()]
        self.subprotocol = ws.subprotocol
        self.close = ws.close
        self.abort = ws.abort

    async def send(self, message: str | bytes) -> None:
        try:
            await self._ws.send(message)
        except WebSocketDisconnected as end:
            raise Ended(end.code, end.reason) from None

    async def receive(self) -> str | bytes:
        try:
            return await self._ws.receive()
        except WebSocketDisconnected as end:
            raise Ended(end.code, end.reason) from None


@asynccontextmanager
async def open_in_memory(
    client: TestClient, path: str, headers: Headers, subprotocols: Sequence[str]
) -> AsyncIterator[Websocket]:
    try:
        async with client.websocket(path.encode("latin-1"), headers=headers, subprotocols=subprotocols) as ws:
            yield MemoryWebsocket(ws)
    except WebSocketRefused as exc:
        fields = [(name.lower(), value) for name, value in exc.response.headers.items()]
        raise Refused(Reply(exc.response.status, fields, await exc.response.read())) from None


# -- on a real connection ---------------------------------------------------------------------------------------------


class WiredWebsocket:
    """A websocket of a strict client library."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        assert connection.response is not None
        self.headers = [(name.lower(), value) for name, value in connection.response.headers.raw_items()]
        self.subprotocol: str | None = connection.subprotocol

    async def send(self, message: str | bytes) -> None:
        try:
            await self._connection.send(message)
        except ConnectionClosed as exc:
            raise _end(exc) from None

    async def receive(self) -> str | bytes:
        try:
            return await self._connection.recv()
        except ConnectionClosed as exc:
            raise _end(exc) from None

    async def close(self, code: int | None = 1000, reason: str = "") -> None:
        if code is None:
            self._connection.transport.write(_EMPTY_CLOSE)
            await self._connection.wait_closed()
        else:
            await self._connection.close(code, reason)

    def abort(self) -> None:
        self._connection.transport.abort()


def _end(exc: ConnectionClosed) -> Ended:
    """From whichever side closed first."""
    first = exc.sent if exc.rcvd is None or exc.rcvd_then_sent is False else exc.rcvd
    return Ended(ABNORMAL, "") if exc.rcvd is None or first is None else Ended(first.code, first.reason)


@asynccontextmanager
async def open_on_the_wire(
    port: int, tls: ssl.SSLContext | None, path: str, headers: Headers, subprotocols: Sequence[str]
) -> AsyncIterator[Websocket]:
    options: dict[str, Any] = {"ssl": tls, "server_hostname": "localhost"} if tls else {}
    try:
        connection = await connect(
            f"{'wss' if tls else 'ws'}://127.0.0.1:{port}{path}",
            additional_headers=list(headers),
            subprotocols=list(subprotocols) or None,
            proxy=None,
            ping_interval=None,
            close_timeout=5,
            max_size=None,
            **options,
        )
    except InvalidStatus as exc:
        fields = [(name.lower(), value) for name, value in exc.response.headers.raw_items()]
        raise Refused(Reply(exc.response.status_code, fields, bytes(exc.response.body))) from None
    try:
        yield WiredWebsocket(connection)
    except BaseException:
        connection.transport.abort()
        raise
    finally:
        await connection.close()
