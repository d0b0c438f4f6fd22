"""Frames to messages, in any segmentation; and the same bytes read by the reader and by `websockets`' own protocol."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import example, given, strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Close as ClosePayload
from websockets.protocol import OPEN, SERVER, Protocol as Oracle

from sketch_native.websocket.deflate import Deflate
from sketch_native.websocket.frames import FrameError, FrameReader, frame_head
from tests.native.parsing import bounded
from tests.support.frames import BINARY, CLOSE, CONT, PING, PONG, RSV1, RSV2, RSV3, TEXT, close_frame, fragments, frame

MAX = 1000

Event = tuple[str, Any]


class Recorder:
    """A sink that records events; it may hold the reader after each message."""

    def __init__(self, *, max_message: int = MAX, deflate: Deflate | None = None, hold: bool = False) -> None:
        self.events: list[Event] = []
        self.reader = FrameReader(self, max_message, deflate)
        self._hold = hold

    def on_message(self, message: str | bytes) -> None:
        self.events.append(("message", message))
        if self._hold:
            self.reader.hold()

    def on_ping(self, payload: bytes) -> None:
        self.events.append(("ping", payload))

    def on_close(self, code: int, reason: str) -> None:
        self.events.append(("close", (code, reason)))

    def feed(self, data: bytes) -> bool:
        """Feed the reader; returns whether it goes on."""
        try:
            self.reader.feed(data)
            while self._hold and self.reader._held and not self.reader._closed:
                self.reader.go_on()
        except FrameError as error:
            self.events.append(("error", error.code))
            return False
        return True


def read(data: bytes, piece: int = 0, **options: Any) -> list[Event]:
    """The events of some bytes, fed in pieces of that size."""
    recorder = Recorder(**options)
    for start in range(0, len(data), piece or max(len(data), 1)):
        if not recorder.feed(data[start : start + (piece or len(data))]):
            break
    return recorder.events


def deflater() -> Deflate:
    return Deflate(client_bits=12, server_bits=12)


def deflated(*payloads: bytes) -> list[bytes]:
    compress = zlib.compressobj(wbits=-12)
    return [
        (compress.compress(payload) + compress.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")
        for payload in payloads
    ]


# -- what is right -----------------------------------------------------------------------------------------------------

PIECES = pytest.mark.parametrize("piece", [0, 1, 2, 5, 7, 64])


@PIECES
@pytest.mark.parametrize("size", [0, 1, 3, 4, 125, 126, 127, 65535, 65536])
def test_one_message(size: int, piece: int) -> None:
    data = bytes(range(256)) * (size // 256) + bytes(range(size % 256))
    assert read(frame(BINARY, data), piece, max_message=1 << 20) == [("message", data)]
    text = "ä" * (size // 2) + "x" * (size % 2)
    assert read(frame(TEXT, text.encode()), piece, max_message=1 << 20) == [("message", text)]


@PIECES
@pytest.mark.parametrize("hold", [False, True])
def test_many_frames(piece: int, hold: bool) -> None:
    data = b"".join([
        frame(TEXT, b"one"),
        *fragments(TEXT, b"t", b"", "wö".encode()[:2], "wö".encode()[2:], b""),
        frame(PONG, b"unasked"),
        frame(PING, b"p1"),
        frame(BINARY, b"a", fin=False),
        frame(PING, b"p2"),
        frame(CONT, b"b"),
        frame(TEXT, b"x" * 200),
        frame(TEXT, b"", fin=False),
        close_frame(3001, "grüße".encode()),
        frame(TEXT, b"late"),
    ])  # fmt: skip
    assert read(data, piece, hold=hold) == [
        ("message", "one"),
        ("message", "twö"),
        ("ping", b"p1"),
        ("ping", b"p2"),
        ("message", b"ab"),
        ("message", "x" * 200),
        ("close", (3001, "grüße")),
    ]


def test_a_close_without_a_code() -> None:
    assert read(close_frame(None)) == [("close", (1005, ""))]


def test_messages_wait_while_the_reader_is_held() -> None:
    recorder = Recorder(hold=False)
    recorder.reader.hold()
    for part in (frame(TEXT, b"one")[:3], frame(TEXT, b"one")[3:], frame(TEXT, b"two")):
        assert recorder.feed(part)
    assert recorder.events == []
    recorder.reader.go_on()
    assert recorder.events == [("message", "one"), ("message", "two")]


@PIECES
def test_compressed(piece: int) -> None:
    long = b"sketch " * 100
    first, second, third = deflated(long, b"", long)
    data = b"".join([
        frame(TEXT, first, rsv=RSV1),
        frame(TEXT, second, rsv=RSV1),
        frame(BINARY, b"plain"),
        *fragments(BINARY, third[:2], third[2:5], third[5:], rsv=RSV1),
    ])  # fmt: skip
    assert read(data, piece, deflate=deflater()) == [
        ("message", long.decode()),
        ("message", ""),
        ("message", b"plain"),
        ("message", long),
    ]


# -- limits ------------------------------------------------------------------------------------------------------------


@PIECES
def test_a_compressed_message_does_not_go_on_behind_its_final_block(piece: int) -> None:
    compress = zlib.compressobj(wbits=-12)
    final = compress.compress(b"all") + compress.flush(zlib.Z_FINISH)
    assert read(frame(TEXT, final + b"\0", rsv=RSV1) * 2, piece, deflate=deflater()) == [("message", "all")] * 2
    data = b"".join([*fragments(TEXT, final, b"\0", rsv=RSV1), *fragments(TEXT, final, b"more", b"", rsv=RSV1)])
    assert read(data, piece, deflate=deflater()) == [("message", "all"), ("error", 1002)]


@PIECES
def test_the_limit_is_of_the_whole_message(piece: int) -> None:
    assert read(frame(BINARY, b"x" * MAX), piece) == [("message", b"x" * MAX)]
    assert read(frame(BINARY, b"x" * (MAX + 1)), piece) == [("error", 1009)]
    parts = [b"x" * 400, b"x" * 400, b"x" * 200]
    assert read(b"".join(fragments(TEXT, *parts)), piece) == [("message", "x" * MAX)]
    parts.append(b"x")
    assert read(b"".join(fragments(TEXT, *parts)), piece) == [("error", 1009)]
    assert read(b"".join([*fragments(TEXT, *parts[:3]), *fragments(TEXT, *parts[:3])]), piece)[1][0] == "message"


def test_too_much_is_known_from_the_head_of_a_frame() -> None:
    assert read(frame(BINARY, b"x" * (MAX + 1))[:8]) == [("error", 1009)]
    assert read(b"\x82\xff" + (1 << 63).to_bytes(8) + b"\0\0\0\0") == [("error", 1009)]


@PIECES
@pytest.mark.parametrize("size", [MAX, MAX + 1, 10 * MAX, 1 << 24])
def test_the_limit_is_of_what_is_inflated(size: int, piece: int) -> None:
    bomb = frame(BINARY, deflated(b"\0" * size)[0], rsv=RSV1)
    expected = ("message", b"\0" * size) if size <= MAX else ("error", 1009)
    assert read(bomb, piece, deflate=deflater()) == ([expected] if len(bomb) < MAX else [("error", 1009)])


def test_a_bomb_in_fragments() -> None:
    """Each part is below the limit, and all together are not."""
    compress = zlib.compressobj(wbits=-12)
    parts = [compress.compress(b"\0" * 400) + compress.flush(zlib.Z_SYNC_FLUSH) for _ in range(3)]
    assert read(b"".join(fragments(BINARY, *parts, rsv=RSV1)), deflate=deflater()) == [("error", 1009)]


# -- what is wrong -----------------------------------------------------------------------------------------------------

WRONG = {
    "no mask": frame(TEXT, b"x", mask=False),
    "no mask, nothing else": frame(TEXT, b"", mask=False),
    "no mask, long": frame(TEXT, b"x" * 200, mask=False),
    "unmasked ping": frame(PING, mask=False),
    **{f"rsv {rsv}": frame(TEXT, b"x", rsv=rsv) for rsv in range(1, 8)},
    "rsv of a ping": frame(PING, b"", rsv=RSV2),
    **{f"opcode {opcode}": frame(opcode, b"x") for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "long ping": frame(PING, b"x" * 126),
    "long close": close_frame(1000, b"x" * 124),
    "fragmented ping": frame(PING, b"x", fin=False),
    "fragmented close": close_frame(fin=False),
    "goes on with nothing": frame(CONT, b"x"),
    "goes on with nothing, unfinished": frame(CONT, b"x", fin=False),
    "a message in a message": frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"),
    "binary in a message": frame(TEXT, b"x", fin=False) + frame(BINARY, b"y"),
    "length 5 in two bytes": frame(TEXT, b"x" * 5, width=2),
    "length 125 in eight bytes": frame(TEXT, b"x" * 125, width=8),
    "length 200 in eight bytes": frame(TEXT, b"x" * 200, width=8),
    "close with half a code": frame(CLOSE, b"\x03"),
    **{
        f"close with {code}": close_frame(code)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    },
}


@PIECES
@pytest.mark.parametrize("name", WRONG)
def test_broken_frames(name: str, piece: int) -> None:
    assert read(WRONG[name] + frame(TEXT, b"late"), piece) == [("error", 1002)]


def test_an_unmasked_frame_is_found_without_waiting_for_its_mask() -> None:
    assert read(frame(TEXT, b"", mask=False)) == [("error", 1002)]
    assert read(frame(TEXT, b"x" * 200, mask=False)[:3]) == [("error", 1002)]


@PIECES
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(TEXT, b"x", rsv=RSV2), 1002),
        (frame(TEXT, b"x", rsv=RSV1 | RSV3), 1002),
        (frame(PING, b"x", rsv=RSV1), 1002),
        (frame(TEXT, b"x", fin=False, rsv=RSV1) + frame(CONT, b"y", rsv=RSV1), 1002),
        (frame(TEXT, b"x", fin=False) + frame(CONT, b"y", rsv=RSV1), 1002),
        (frame(BINARY, b"\xff" * 100, rsv=RSV1), 1002),
        (frame(TEXT, deflated(b"\xff")[0], rsv=RSV1), 1007),
    ],
)
def test_broken_compression(data: bytes, code: int, piece: int) -> None:
    assert read(data, piece, deflate=deflater()) == [("error", code)]


NO_UTF8 = [
    b"\x80", b"\xc0\xaf", b"\xc3", b"\xe0\x80\xaf", b"\xe1\xbd", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff",
    b"\xf8\x88\x80\x80\x80", "κόσμε".encode() + b"\xed\xa0\x80edited",
]  # fmt: skip


@PIECES
@pytest.mark.parametrize("text", NO_UTF8)
def test_invalid_utf_8_is_refused(text: bytes, piece: int) -> None:
    for frames in (
        [frame(TEXT, text)],
        [frame(TEXT, b"x" * 200 + text)],
        fragments(TEXT, text, b""),
        fragments(TEXT, *[text[n : n + 1] for n in range(len(text))], b""),
    ):
        assert read(b"".join(frames), piece) == [("error", 1007)]
    assert read(close_frame(1000, text), piece) == [("error", 1007)]
    assert read(frame(BINARY, text), piece) == [("message", text)]
    assert read(frame(PING, text), piece) == [("ping", text)]


@pytest.mark.parametrize("text", [b"\xce\xbaxxxx\xff", b"\xce\xba\xf4\x90"])
def test_invalid_utf_8_is_found_in_the_middle_of_a_frame(text: bytes) -> None:
    whole = frame(TEXT, text + b"x" * 100)
    assert read(whole[: 6 + len(text)]) == [("error", 1007)]


# -- beside the protocol of `websockets` -------------------------------------------------------------------------------


def oracle(data: bytes, deflate: PerMessageDeflate | None = None) -> list[Event]:
    """The events that `websockets` reads from the same bytes; this function only joins fragments."""
    protocol = Oracle(SERVER, state=OPEN, max_size=MAX)
    protocol.extensions = [] if deflate is None else [deflate]
    protocol.receive_data(data)
    events: list[Event] = []
    parts, kind = b"", 0
    for each in protocol.events_received():
        if each.opcode == PING:
            events.append(("ping", bytes(each.data)))
        elif each.opcode == CLOSE:
            close = ClosePayload.parse(each.data)
            events.append(("close", (int(close.code), close.reason)))
        elif each.opcode != PONG:
            kind = each.opcode or kind
            parts += bytes(each.data)
            if kind == TEXT and not _may_be_text(parts, whole=each.fin):
                return [*events, ("error", 1007)]
            if each.fin:
                events.append(("message", parts.decode() if kind == TEXT else parts))
                parts = b""
    if protocol.close_rcvd is not None and protocol.parser_exc is not None:
        # It takes a close in the middle of a message for an error, which the Autobahn test suite does not (7.1.5).
        events.append(("close", (int(protocol.close_rcvd.code), protocol.close_rcvd.reason)))
    elif protocol.parser_exc is not None:
        assert protocol.close_sent is not None
        events.append(("error", int(protocol.close_sent.code)))
    return events


def same(mine: list[Event], other: list[Event]) -> bool:
    """Whether both end alike. If a frame breaks several rules, either may name any of them."""
    if mine[-1:] != other[-1:] and mine and other and mine[-1][0] == other[-1][0] == "error":
        return mine[:-1] == other[:-1]
    return mine == other


def _may_be_text(data: bytes, *, whole: bool) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError as exc:
        return not whole and exc.reason == "unexpected end of data"
    return True


payloads = st.one_of(
    st.binary(max_size=20),
    st.text(max_size=10).map(str.encode),
    st.integers(100, 400).map(lambda size: b"x" * size),
    st.sampled_from(NO_UTF8),
    st.sampled_from([b"\x03\xe8", b"\x03\xe8bye", b"\x0f\xa0", b"\x03\xed"]),
)
frames = st.builds(
    frame,
    st.sampled_from([TEXT] * 4 + [BINARY] * 4 + [CONT] * 6 + [PING, PING, PONG, CLOSE, 3, 11]),
    payloads,
    fin=st.sampled_from([True, True, True, False]),
    rsv=st.sampled_from([0] * 30 + [RSV1, RSV2]),
    mask=st.sampled_from([True] * 30 + [False]),
)
cuts: st.SearchStrategy[Callable[[bytes], Sequence[bytes]]] = st.lists(st.integers(1, 50), max_size=200).map(
    lambda sizes: lambda data: _cut(data, sizes)
)


def _cut(data: bytes, sizes: Sequence[int]) -> list[bytes]:
    parts, position = [], 0
    for size in sizes:
        parts.append(data[position : position + size])
        position += size
    return [part for part in (*parts, data[position:]) if part]


@bounded
@given(st.lists(frames, max_size=12), cuts, st.booleans())
def test_the_same_as_the_oracle(sent: list[bytes], cut: Callable[[bytes], Sequence[bytes]], hold: bool) -> None:
    data = b"".join(sent)
    recorder = Recorder(hold=hold)
    for part in cut(data):
        if not recorder.feed(part):
            break
    assert same(recorder.events, oracle(data))


compressed = st.builds(
    lambda data, opcode, size: fragments(opcode, *_cut(deflated(data)[0], [size]), rsv=RSV1),
    st.one_of(
        st.binary(max_size=300), st.text(max_size=100).map(str.encode), st.just(b"\0" * MAX), st.just(b"\0" * 2000)
    ),
    st.sampled_from([TEXT, BINARY]),
    st.integers(1, 30),
).map(b"".join)


@bounded
@given(st.lists(st.one_of(compressed, frames), max_size=8), cuts)
@example([frame(BINARY, deflated(b"\0" * MAX)[0], rsv=RSV1)], lambda data: [data])
def test_the_same_as_the_oracle_with_compression(sent: list[bytes], cut: Callable[[bytes], Sequence[bytes]]) -> None:
    data = b"".join(sent)
    forgetful = Deflate(
        client_bits=12, server_bits=12, client_no_context_takeover=True, server_no_context_takeover=True
    )
    recorder = Recorder(deflate=forgetful)
    for part in cut(data):
        if not recorder.feed(part):
            break
    assert same(recorder.events, oracle(data, PerMessageDeflate(True, True, 12, 12)))


# -- heads that are sent -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "head"),
    [(0, b"\x81\x00"), (125, b"\x81\x7d"), (126, b"\x81\x7e\x00\x7e"), (65535, b"\x81\x7e\xff\xff"),
     (65536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00")],
)  # fmt: skip
def test_heads(size: int, head: bytes) -> None:
    assert frame_head(TEXT, size) == head
    assert frame_head(TEXT, size, compressed=True) == b"\xc1" + head[1:]
