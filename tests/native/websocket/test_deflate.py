"""permessage-deflate: what either side packs, the other unpacks, within bounds."""

from __future__ import annotations

import tracemalloc
import zlib

import pytest
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

from sketch_native.websocket.deflate import Deflate, TooMuch

MESSAGES = [b"sketch " * 200, b"", b"x", b"sketch " * 200, bytes(range(256)) * 20]
MOST = 10_000


def packed(*messages: bytes, forgets: bool = False, bits: int = 12) -> list[bytes]:
    """Compress a message as a client does."""
    compress = zlib.compressobj(wbits=-bits)
    found = []
    for message in messages:
        if forgets:
            compress = zlib.compressobj(wbits=-bits)
        found.append((compress.compress(message) + compress.flush(zlib.Z_SYNC_FLUSH))[:-4])
    return found


def expanded(deflate: Deflate, parts: list[bytes], *, last: bool = True) -> bytes:
    """Expand the frames of a message; with `last`, the last frame ends it."""
    return b"".join(deflate.expand(part, MOST, last=last and n == len(parts) - 1) for n, part in enumerate(parts))


@pytest.mark.parametrize("forgets", [False, True])
@pytest.mark.parametrize("bits", [9, 12, 15])
def test_from_a_client(forgets: bool, bits: int) -> None:
    deflate = Deflate(client_bits=bits, server_bits=12, client_no_context_takeover=forgets)
    for message, payload in zip(MESSAGES, packed(*MESSAGES, forgets=forgets, bits=bits), strict=True):
        assert deflate.expand(payload, MOST, last=True) == message


@pytest.mark.parametrize("forgets", [False, True])
@pytest.mark.parametrize("bits", [9, 12, 15])
def test_to_a_client(forgets: bool, bits: int) -> None:
    deflate = Deflate(client_bits=12, server_bits=bits, server_no_context_takeover=forgets)
    theirs = PerMessageDeflate(forgets, forgets, bits, bits)
    sizes = []
    for message in MESSAGES:
        payload = deflate.compress(message)
        sizes.append(len(payload))
        assert theirs.decode(Frame(Opcode.BINARY, payload, rsv1=True), max_size=MOST).data == message
    assert (sizes[3] < sizes[0]) == (not forgets)


def test_in_parts() -> None:
    deflate = Deflate(client_bits=12, server_bits=12)
    for message, payload in zip(MESSAGES, packed(*MESSAGES), strict=True):
        parts = [payload[n : n + 3] for n in range(0, len(payload), 3)] or [b""]
        assert expanded(deflate, parts) == message


@pytest.mark.parametrize("size", [0, 1, 100, 4096, MOST - 1, MOST])
@pytest.mark.parametrize("last", [True, False])
def test_as_much_as_is_allowed(size: int, last: bool) -> None:
    (payload,) = packed(b"\0" * size)
    deflate = Deflate(client_bits=12, server_bits=12)
    assert deflate.expand(payload, size, last=last) == b"\0" * size


@pytest.mark.parametrize("size", [1, 2, 100, 4096, MOST, 1 << 26])
@pytest.mark.parametrize("last", [True, False])
def test_too_much_is_not_unpacked(size: int, last: bool) -> None:
    (payload,) = packed(b"\0" * size)
    deflate = Deflate(client_bits=12, server_bits=12)
    tracemalloc.start()
    try:
        with pytest.raises(TooMuch):
            deflate.expand(payload, min(size - 1, MOST), last=last)
        assert tracemalloc.get_traced_memory()[1] < 500_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("payload", [b"\xff" * 10, b"\x07"])
def test_malformed_compressed_data(payload: bytes) -> None:
    with pytest.raises(zlib.error):
        Deflate(client_bits=12, server_bits=12).expand(payload, MOST, last=True)


def test_a_final_block() -> None:
    """RFC 7692 section 7.2.3.4; the next message is compressed independently."""
    deflate = Deflate(client_bits=12, server_bits=12)
    for message in (b"one", b"two"):
        compress = zlib.compressobj(wbits=-12)
        payload = compress.compress(message) + compress.flush(zlib.Z_FINISH) + b"\0"
        assert deflate.expand(payload, MOST, last=True) == message


def final(message: bytes) -> bytes:
    compress = zlib.compressobj(wbits=-12)
    return compress.compress(message) + compress.flush(zlib.Z_FINISH)


@pytest.mark.parametrize(
    "parts", [[final(b"one")], [final(b"one") + b"\0"], [final(b"one"), b"\0"], [final(b"one"), b""]]
)
def test_a_final_block_in_parts(parts: list[bytes]) -> None:
    deflate = Deflate(client_bits=12, server_bits=12)
    for _ in range(2):
        assert expanded(deflate, parts) == b"one"


@pytest.mark.parametrize("parts", [[b"more"], [b"", b"\0", b"\0"], [b"\1"], [*packed(b"more")], [final(b"two")]])
@pytest.mark.parametrize("last", [True, False])
def test_nothing_comes_behind_a_final_block(parts: list[bytes], last: bool) -> None:
    """Such data would not count for the limit, and would be kept."""
    deflate = Deflate(client_bits=12, server_bits=12)
    deflate.expand(final(b"one"), MOST, last=False)
    with pytest.raises(zlib.error):
        expanded(deflate, parts, last=last)
    with pytest.raises(zlib.error):
        Deflate(client_bits=12, server_bits=12).expand(final(b"one") + b"".join(parts), MOST, last=last)


def test_idle_connections_hold_no_compressor() -> None:
    tracemalloc.start()
    try:
        kept = [Deflate(client_bits=15, server_bits=15) for _ in range(100)]
        assert tracemalloc.get_traced_memory()[0] < 50_000
        assert kept
    finally:
        tracemalloc.stop()
