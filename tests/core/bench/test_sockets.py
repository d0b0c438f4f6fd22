"""Websockets of the benchmarks: one message there and back, on a socket without a library."""

from __future__ import annotations

import pytest

from sketch.bench import BenchError, Load, probe
from sketch.bench.sockets import CLOSE, answer, exchange, frame, handshake, open_socket
from tests.core.bench.programs import LISTEN, started

ECHO = """
import base64, hashlib
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

def some(sock, size):
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise OSError
        data += part
    return data

def serve(sock):
    head = b""
    while b"\\r\\n\\r\\n" not in head:
        head += some(sock, 1)
    if b" /ws " not in head:
        sock.sendall(b"HTTP/1.1 404 Not Found\\r\\n\\r\\n")
        return
    key = head.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\\r\\n")[0]
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    sock.sendall(b"HTTP/1.1 101 Yes\\r\\nSec-WebSocket-Accept: %b\\r\\n\\r\\n" % accept)
    while True:
        first, second = some(sock, 2)
        size, length = second & 127, b""
        if size > 125:
            length = some(sock, 2 if size == 126 else 8)
            size = int.from_bytes(length, "big")
        mask = some(sock, 4)
        data = bytes(byte ^ mask[n % 4] for n, byte in enumerate(some(sock, size)))
        if first == 0x88 or QUITS:
            return
        sock.sendall(bytes((first, second & 127)) + length + data)

import threading
def run(sock):
    with sock:
        try:
            serve(sock)
        except OSError:
            pass
while True:
    threading.Thread(target=run, args=[server.accept()[0]], daemon=True).start()
"""
GOOD, QUITTING = ECHO.replace("QUITS", "False"), ECHO.replace("QUITS", "True")


def test_frames() -> None:
    """The sample of RFC 6455 section 5.7, but for its text."""
    assert frame(b"Hello")[:2] == b"\x82\x85"
    assert frame(b"Hello")[2:] == b"\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
    assert frame(b"x" * 126)[:4] == b"\x82\xfe\x00\x7e"
    assert frame(b"x" * 65536)[:10] == b"\x82\xff" + (65536).to_bytes(8, "big")
    assert frame(b"", CLOSE)[:2] == b"\x88\x80"
    assert answer(b"Hello") == b"\x82\x05Hello"
    assert answer(b"x" * 300)[:4] == b"\x82\x7e\x01\x2c"
    assert handshake("/a", 1) != handshake("/a", 1)


@pytest.mark.parametrize("size", [0, 64, 300, 70_000])
def test_messages_there_and_back(size: int) -> None:
    with started(LISTEN + GOOD) as program:
        found = probe(Load("/ws", message=size), program.port)
        assert (found.status, found.body) == (200, b"x" * size)
        with open_socket("/ws", program.port) as sock:
            assert exchange(sock, b"one") == answer(b"one")
            assert exchange(sock, b"two") == answer(b"two")


def test_no_websocket() -> None:
    with started(LISTEN + GOOD) as program, pytest.raises(BenchError, match="404 Not Found"):
        open_socket("/other", program.port)
    with pytest.raises(BenchError, match="does not listen"):
        open_socket("/ws", program.port)


def test_no_answer() -> None:
    with started(LISTEN + QUITTING) as program, pytest.raises(BenchError, match="closes the connection"):
        probe(Load("/ws", message=1), program.port)
