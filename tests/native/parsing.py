"""The request parser without a server: bytes in, events out; and strategies for valid and mutated requests."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from hypothesis import settings, strategies as st

from sketch.serving.server_limits import ServerLimits
from sketch_native.parser import RequestParser
from sketch_native.refusal import Refusal
from sketch_native.whole_head import FieldBlock, WholeHeads

ROUNDS = int(os.environ.get("SKETCH_FUZZ", "0"))
"""Examples per property in a long session (`nox -s fuzz`), which then differ from run to run."""

bounded = settings(max_examples=ROUNDS or 100, derandomize=not ROUNDS, deadline=None, database=None)

Event = tuple[Any, ...]


class Recorder:
    """A sink that records the parser's events; the bytes of one body are one event."""

    parser: RequestParser

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.refusal: Refusal | None = None
        self.whole = 0
        """Heads that came whole, without callbacks."""
        self._trailers: Sequence[tuple[bytes, bytes]] = ()

    def on_head(self) -> None:
        p = self.parser
        assert not p.in_head
        framing = "chunked" if p.chunked else p.content_length
        self._trailers = p.trailers
        self.events.append(
            ("head", p.method, p.target, p.version, tuple(p.headers), framing, p.keep_alive, p.expect_continue)
        )

    on_handshake = on_head

    def on_whole_head(self, method: str, target: bytes, fields: FieldBlock) -> None:
        assert not self.parser.in_head
        self.whole += 1
        self.events += [("head", method, target, "1.1", tuple(fields()), None, True, False), ("end", ())]

    def on_body(self, data: bytes) -> None:
        assert data
        if self.events[-1][0] == "body":
            data = self.events.pop()[1] + data
        self.events.append(("body", data))

    def on_end(self) -> None:
        self.events.append(("end", tuple(self._trailers)))


class NoWholeHeads(WholeHeads):
    """Leaves every head to the general way."""

    __slots__ = ()

    def read(self, data: bytes) -> None:
        return None


def parse(parts: Iterable[bytes], limits: ServerLimits | None = None, *, general: bool = False) -> list[Event]:
    """The events that these segments make; the last may be `("refused", status)`. Fed as the protocol feeds.

    Args:
        parts: the segments.
        limits: of the server.
        general: whether no head is read as a whole: all go the general way.
    """
    return record(parts, limits, general=general).events


def record(parts: Iterable[bytes], limits: ServerLimits | None = None, *, general: bool = False) -> Recorder:
    """The recorder of these events: see `parse`."""
    sink = Recorder()
    sink.parser = RequestParser(limits or ServerLimits(), sink)
    if general:
        sink.parser._whole_heads = NoWholeHeads(ServerLimits())
    try:
        for part in parts:
            position = 0
            while position < len(part):
                piece = part[position : position + sink.parser.slice]
                position += len(piece) - len(sink.parser.feed(piece))
    except Refusal as refusal:
        sink.events.append(("refused", refusal.status))
        sink.refusal = refusal
    return sink


def split(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """The same bytes in segments."""
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    return [data[start:end] for start, end in pairwise(places)]


def bytewise(data: bytes) -> list[bytes]:
    return [data[n : n + 1] for n in range(len(data))]


# -- what to parse ----------------------------------------------------------------------------------------------------

TOKEN = "!#$%&'*+-.^_`|~0123456789ABCXYZabcxyz"
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "QUERY", "PROPFIND", "M-SEARCH"]

names = st.text(TOKEN, min_size=1, max_size=12).map(lambda name: f"X-{name}")
values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=30)
fields = st.lists(st.tuples(names, values), max_size=4)
targets = st.text("abc/?&=%20;:@!$'()*+,.-_~", max_size=20).map(lambda text: "/" + text)
bodies = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n", b"0\r\n\r\n", b"\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n"]
    ),
)


@st.composite
def chunked_bodies(draw: st.DrawFn) -> bytes:
    chunks = draw(st.lists(bodies.filter(len), max_size=3))
    extension = draw(st.sampled_from([b"", b";a=b", b';a="b c"', b";a"]))
    trailers = draw(st.sampled_from([b"", b"X-T: 1\r\n", b"X-T: 1\r\nAuthorization: 9\r\nX-U:\r\n"]))
    size = draw(st.sampled_from([b"%x", b"%X", b"000%x"]))
    return b"".join(size % len(c) + extension + b"\r\n" + c + b"\r\n" for c in chunks) + b"0\r\n" + trailers + b"\r\n"


@st.composite
def requests(draw: st.DrawFn, versions: Sequence[str] = ("1.1", "1.1", "1.0")) -> bytes:
    """A strategy for valid requests."""
    extra = [f"{name}: {value}".encode("latin-1") for name, value in draw(fields)]
    extra += draw(st.lists(st.sampled_from([b"Expect: 100-continue", b"Accept:", b"X-Tab:\t \t1\t"]), max_size=2))
    extra += draw(st.sampled_from([[], [], [b"Connection: Upgrade", b"Upgrade: h2c"], [b"Connection: keep-alive"]]))
    kind = draw(st.sampled_from(["none", "length", "chunked"]))
    version = draw(st.sampled_from(versions)) if kind != "chunked" else "1.1"
    body = b""
    if kind == "length":
        body = draw(bodies)
        extra.append(b"%b: %d" % (draw(st.sampled_from([b"Content-Length", b"CONTENT-length"])), len(body)))
    elif kind == "chunked":
        body = draw(chunked_bodies())
        extra.append(draw(st.sampled_from([b"Transfer-Encoding: chunked", b"transfer-encoding:CHUNKED "])))
    lines = draw(st.permutations([b"Host: example.org:80", *extra]))
    start = f"{draw(st.sampled_from(METHODS))} {draw(targets)} HTTP/{version}".encode()
    empty = draw(st.sampled_from([b"", b"", b"\r\n"]))
    return empty + b"\r\n".join([start, *lines, b"", body])


@st.composite
def segmented(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> tuple[bytes, list[bytes]]:
    """Bytes, and the same bytes in segments."""
    data = draw(whole)
    cuts = draw(st.lists(st.integers(1, max(1, len(data))), max_size=8))
    return data, bytewise(data) if draw(st.booleans()) else split(data, cuts)


# -- mutations --------------------------------------------------------------------------------------------------------

CORPUS = [
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: fuzz\r\nAccept: */*\r\n\r\n",
    b"GET /headers HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\nCookie: a=b; c=d\r\nAccept-Encoding: gzip, br\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n\r\nhello world",
    (
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-T: 1\r\n\r\n"
    ),
    (
        b"GET /inspect?a=1&b=%20x HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n"
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    ),
    b'GET /file HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-99\r\nIf-Range: "x"\r\n\r\n',
    b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    (
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n\x81\x85\x37\xfa\x21\x3d"
    ),
    (
        b"POST / HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 37\r\n\r\n"
        b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n\r\n"
    ),
    b"GET /stream HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"PUT /method HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\ndata",
]

TOKENS = [
    b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b"\0", b"\xff", b"chunked", b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"HTTP/1.0", b"HTTP/2.0", b"%00", b"%", b"../", b"0\r\n\r\n",
    b"ffffffffffffffff\r\n", b"Expect: 100-continue\r\n", b"Connection: close\r\n", b"Upgrade: websocket\r\n",
    b"Host: a\r\n", b";", b",", b"\x80", b"99999999999999999999", b"Range: bytes=-1\r\n", b"\xc2\xb2", b" RTSP/",
    b"Connection: Upgrade\r\nUpgrade: h2c\r\n", b"Transfer-Encoding: gzip\r\n", b"\r\n\r\n", b"Host:\r\n",
]  # fmt: skip


def mutate(rng: random.Random, data: bytes) -> bytes:
    """A few random changes: of bits and bytes, of protocol elements, of lines, of lengths."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5, 8))):
        changed = _MUTATIONS[rng.randrange(len(_MUTATIONS))](rng, changed, rng.randrange(len(changed) + 1))
    return bytes(changed)


def _replace(rng: random.Random, data: bytearray, at: int) -> bytearray:
    data[at : at + 1] = bytes([rng.randrange(256)])
    return data


def _flip(rng: random.Random, data: bytearray, at: int) -> bytearray:
    if at < len(data):
        data[at] ^= 1 << rng.randrange(8)
    return data


def _insert(rng: random.Random, data: bytearray, at: int) -> bytearray:
    data[at:at] = bytes([rng.randrange(256)])
    return data


def _insert_token(rng: random.Random, data: bytearray, at: int) -> bytearray:
    data[at:at] = rng.choice(TOKENS)
    return data


def _delete(rng: random.Random, data: bytearray, at: int) -> bytearray:
    del data[at : at + rng.choice((1, 2, 4, 16, 40))]
    return data


def _double(rng: random.Random, data: bytearray, at: int) -> bytearray:
    other = rng.randrange(len(data) + 1)
    data[at:at] = data[min(at, other) : max(at, other)][:200]
    return data


def _swap_lines(rng: random.Random, data: bytearray, at: int) -> bytearray:
    lines = bytes(data).split(b"\r\n")
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return bytearray(b"\r\n".join(lines))


def _repeat(rng: random.Random, data: bytearray, at: int) -> bytearray:
    data[at : at + 1] = data[at : at + 1] * rng.randrange(1, 300)
    return data


_MUTATIONS = (_replace, _flip, _insert, _insert_token, _delete, _double, _swap_lines, _repeat)

mutants = st.builds(
    lambda seed, whole: mutate(random.Random(seed), whole),
    st.integers(0, 2**32),
    st.one_of(st.sampled_from(CORPUS), requests()),
)
