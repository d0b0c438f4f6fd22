"""The benchmarks' own websocket client: one message there and back, without a library."""

from __future__ import annotations

import pytest

from sketch.bench import BenchError, Load, probe
from sketch.bench.sockets import CLOSE, answer, exchange, frame, handshake, open_socket
from tests.core.bench.programs import GOOD, LISTEN, started


def test_frames() -> None:
    """As in the sample of RFC 6455 section 5.7, with another text."""
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


def test_refused_handshake_is_an_error() -> None:
    with started(LISTEN + GOOD) as program, pytest.raises(BenchError, match="404 Not Found"):
        open_socket("/other", program.port)
    with pytest.raises(BenchError, match="does not listen"):
        open_socket("/ws", program.port)
