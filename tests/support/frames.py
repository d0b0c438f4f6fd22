"""Websockets from the client's side, on a raw socket: sends any bytes, and reads frames strictly.

A client of a library would repair or refuse half of what the suite has to send, and forgive what a server must not do.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import struct
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from tests.support.wire import Headers, Reply, Wire

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KNOWN = (CONT, TEXT, BINARY, CLOSE, PING, PONG)
KEY = b"\x37\xfa\x21\x3d"
RSV1, RSV2, RSV3 = 4, 2, 1

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
DEADLINE = 20.0
OFFER = ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")

Message = str | bytes


def masked(payload: bytes, key: bytes = KEY) -> bytes:
    """A payload as a client sends it."""
    size = len(payload)
    pad = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(pad)).to_bytes(size)


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bool = True, width: int | None = None
) -> bytes:
    """A client's frame; `width` is the size of its extended length: 0, 2 or 8 bytes."""
    size = len(payload)
    if width is None:
        width = 0 if size < 126 else 2 if size < 65536 else 8
    length = size if width == 0 else 126 if width == 2 else 127
    head = bytes(((0x80 if fin else 0) | rsv << 4 | opcode, (0x80 if mask else 0) | length))
    head += size.to_bytes(width) if width else b""
    return head + KEY + masked(payload) if mask else head + payload


def close_frame(code: int | None = 1000, reason: bytes = b"", **options: bool) -> bytes:
    """A close frame, empty where there is no code."""
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason, **options)


def fragments(opcode: int, *parts: bytes, rsv: int = 0) -> list[bytes]:
    """The frames of one message."""
    last = len(parts) - 1
    return [frame(opcode if n == 0 else CONT, part, fin=n == last, rsv=0 if n else rsv) for n, part in enumerate(parts)]


def handshake(target: str = "/ws", headers: Headers = (), key: str = "dGhlIHNhbXBsZSBub25jZQ==") -> bytes:
    """The head that asks for a websocket. A header that is given takes the place of the usual one; None drops it."""
    fields: dict[str, str] = {
        "Host": "localhost",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Version": "13",
    }
    given = {name for name, _ in headers}
    lines = [f"{name}: {value}" for name, value in fields.items() if name not in given]
    lines += [f"{name}: {value}" for name, value in headers if value is not None]
    return "\r\n".join([f"GET {target} HTTP/1.1", *lines, "", ""]).encode("latin-1")


@dataclass(frozen=True)
class Close:
    """A close frame that came; without a code it is 1005."""

    code: int
    reason: str = ""


@dataclass(frozen=True)
class Ping:
    payload: bytes = b""


@dataclass(frozen=True)
class Pong:
    payload: bytes = b""


Event = Message | Close | Ping | Pong


class Refused(Exception):
    """The handshake got another answer."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply


class Socket:
    """An open websocket on a wire."""

    def __init__(self, wire: Wire, reply: Reply) -> None:
        self.wire = wire
        self.reply = reply
        self.deflate = Deflate(reply) if reply.header("sec-websocket-extensions") else None

    async def send(self, *frames: bytes) -> None:
        await self.wire.send(b"".join(frames))

    async def receive(self, seconds: float = DEADLINE) -> Event | None:
        """The next message or control frame; None at the end of the connection."""
        async with asyncio.timeout(seconds):
            parts: list[bytes] = []
            kind, compressed = -1, False
            while True:
                head = await self._frame_head()
                if head is None:
                    assert kind < 0, "expected the rest of a message, got the end"
                    return None
                opcode, fin, rsv, payload = head
                if opcode >= CLOSE:
                    assert (fin, rsv, len(payload) <= 125) == (True, 0, True), f"bad control frame {head}"
                    assert kind < 0, "this client takes no control frames between those of a message"
                    return _control(opcode, payload)
                assert (opcode == CONT) == (kind >= 0), f"a frame of opcode {opcode} in the wrong place"
                if kind < 0:
                    kind, compressed = opcode, bool(rsv & RSV1)
                    assert not rsv & (RSV2 | RSV3), rsv
                    assert not compressed or self.deflate, "compressed, though that was not agreed on"
                parts.append(payload)
                if fin:
                    whole = b"".join(parts)
                    if compressed and self.deflate is not None:
                        whole = self.deflate.inflate(whole)
                    return whole.decode() if kind == TEXT else whole

    async def _frame_head(self) -> tuple[int, bool, int, bytes] | None:
        reader = self.wire.reader
        begin = await reader.read(1)
        if not begin:
            return None
        first, second = begin[0], (await reader.readexactly(1))[0]
        assert not second & 0x80, "expected no mask from a server"
        assert first & 0x0F in KNOWN, f"unknown opcode {first & 0x0F}"
        size = second
        if size == 126:
            size = int.from_bytes(await reader.readexactly(2))
            assert size > 125, "the length is not in its shortest form"
        elif size == 127:
            size = int.from_bytes(await reader.readexactly(8))
            assert size > 0xFFFF, "the length is not in its shortest form"
        return first & 0x0F, first >= 0x80, first >> 4 & 7, await reader.readexactly(size)

    async def close(self, code: int | None = 1000) -> None:
        """Close, expect the same code back, and then the end of the connection."""
        await self.send(close_frame(code))
        await self.closed(1005 if code is None else code, answer=False)

    async def closed(self, *codes: int, answer: bool = True) -> Close:
        """The server closes with one of these codes and, when it has its answer, the connection."""
        event = await self.receive()
        assert isinstance(event, Close), event
        assert event.code in codes, event
        if answer:
            with suppress(ConnectionError):  # it may not wait for one
                await self.send(close_frame(event.code))
        assert await self.wire.ended() == b""
        self.wire.abort()
        return event

    async def ended(self) -> None:
        """The server ends the connection without a close frame."""
        event = await self.receive()
        assert event is None, event
        self.wire.abort()


def _control(opcode: int, payload: bytes) -> Event:
    if opcode == PING:
        return Ping(payload)
    if opcode == PONG:
        return Pong(payload)
    if not payload:
        return Close(1005)
    return Close(int.from_bytes(payload[:2]), payload[2:].decode())


class Deflate:
    """The client's end of permessage-deflate, with the parameters of the server's answer."""

    def __init__(self, reply: Reply) -> None:
        name, *parameters = (reply.header("sec-websocket-extensions") or "").split(";")
        assert name.strip() == "permessage-deflate", name
        self.parameters: dict[str, str] = {}
        for parameter in parameters:
            key, _, value = parameter.strip().partition("=")
            assert key not in self.parameters, f"{key} twice"
            self.parameters[key] = value
        self._client_bits = int(self.parameters.get("client_max_window_bits") or 15)
        self._server_bits = int(self.parameters.get("server_max_window_bits") or 15)
        self._compress: zlib._Compress | None = None
        self._decompress: zlib._Decompress | None = None

    def deflate(self, data: bytes) -> bytes:
        """A payload as the client sends it."""
        if self._compress is None or "client_no_context_takeover" in self.parameters:
            self._compress = zlib.compressobj(wbits=-max(self._client_bits, 9))
        return (self._compress.compress(data) + self._compress.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")

    def inflate(self, data: bytes) -> bytes:
        """Decompress a message of the server."""
        if self._decompress is None or "server_no_context_takeover" in self.parameters:
            self._decompress = zlib.decompressobj(wbits=-self._server_bits)
        return self._decompress.decompress(data + b"\0\0\xff\xff")


async def shake(wire: Wire, target: str = "/ws", headers: Headers = (), early: Sequence[bytes] = ()) -> Socket:
    """Open a websocket on a connection; `early` frames go out in the same packet.

    Raises:
        Refused: for any answer but 101.
    """
    key = base64.b64encode(os.urandom(16)).decode()
    await wire.send(handshake(target, headers, key) + b"".join(early))
    return await shaken(wire, key)


async def shaken(wire: Wire, key: str) -> Socket:
    """The websocket behind the answer to a handshake with this key."""
    async with asyncio.timeout(DEADLINE):
        reply = await wire.switched()
    if reply.status != 101:
        reply.body = b"".join([chunk async for chunk in wire.body(reply, "GET")])
        raise Refused(reply)
    accept = base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()
    assert reply.header("sec-websocket-accept") == accept
    assert (reply.header("upgrade") or "").lower() == "websocket"
    assert (reply.header("connection") or "").lower() == "upgrade"
    assert reply.header("content-length") is reply.header("transfer-encoding") is None
    return Socket(wire, reply)


@asynccontextmanager
async def connect(port: int, target: str = "/ws", headers: Headers = ()) -> AsyncIterator[Socket]:
    """A websocket on a new connection; raises as `shake`. Leaving the block without a close drops the connection."""
    wire = await Wire.connect(port)
    try:
        yield await shake(wire, target, headers)
    finally:
        wire.abort()
        await wire.close()
