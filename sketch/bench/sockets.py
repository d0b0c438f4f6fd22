"""Websocket messages without a library, which would cost as much as the server to be measured."""

from __future__ import annotations

import base64
import os
import socket

from sketch.bench.errors import BenchError
from sketch.bench.program import HOST

ENOUGH = 20.0
"""Seconds that an answer may take."""
ACCEPTED = b"HTTP/1.1 101 "
BINARY, CLOSE = 2, 8
"""Opcodes."""
_KEY = b"\x37\xfa\x21\x3d"


def handshake(target: str, port: int) -> bytes:
    """A handshake without extensions: compressed messages would measure zlib."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {target} HTTP/1.1",
        f"Host: {HOST}:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def frame(message: bytes, opcode: int = BINARY) -> bytes:
    """A message in a masked frame (RFC 6455 section 5.2)."""
    pad = (_KEY * (len(message) // 4 + 1))[: len(message)]
    masked = (int.from_bytes(message) ^ int.from_bytes(pad)).to_bytes(len(message))
    _, second, *rest = _head(len(message))
    return bytes((0x80 | opcode, 0x80 | second, *rest)) + _KEY + masked


def answer(message: bytes) -> bytes:
    """The frame with which a server sends a message back."""
    return _head(len(message)) + message


def _head(size: int) -> bytes:
    if size < 126:
        return bytes((0x82, size))
    return b"\x82\x7e" + size.to_bytes(2) if size < 0x10000 else b"\x82\x7f" + size.to_bytes(8)


def open_socket(target: str, port: int) -> socket.socket:
    """Open a websocket, and return its socket.

    Raises:
        BenchError: if there is no answer, or one that opens no websocket.
    """
    try:
        sock = socket.create_connection((HOST, port), ENOUGH)
    except OSError as exc:
        raise BenchError(f"does not listen: {exc!r}") from None
    try:
        sock.sendall(handshake(target, port))
        head = b""
        while b"\r\n\r\n" not in head:
            head += _some(sock)
        if not head.startswith(ACCEPTED):
            raise BenchError(f"answers a websocket handshake with {head.splitlines()[0]!r}")
    except BaseException:
        sock.close()
        raise
    return sock


def exchange(sock: socket.socket, message: bytes) -> bytes:
    """Send one message, and return the bytes of the frames that answer it.

    Raises:
        BenchError: if there is no answer.
    """
    sock.sendall(frame(message))
    wanted, came = len(answer(message)), b""
    while len(came) < wanted:
        came += _some(sock)
    return came


def _some(sock: socket.socket) -> bytes:
    try:
        data = sock.recv(65536)
    except OSError as exc:
        raise BenchError(f"gives no answer: {exc!r}") from None
    if not data:
        raise BenchError("closes the connection of a websocket")
    return data
