"""Cases of RFC 6455 and 7692: bytes sent to the echo, and the expected answers.

Numbers are those of the Autobahn test suite, where it has the case; the others are named.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count, product

from tests.support.frames import (
    BINARY,
    CLOSE,
    CONT,
    OFFER,
    PING,
    PONG,
    RSV1,
    TEXT,
    Event,
    Message,
    Pong,
    close_frame,
    fragments,
    frame,
)

LARGEST = 16 << 20
"""Bytes that the echo takes in one message."""

FAILED = (1002,)
NOT_TEXT = (1007,)
TOO_BIG = (1009,)


@dataclass(frozen=True)
class Chopped:
    """Bytes that are sent in pieces."""

    data: bytes
    size: int = 1
    pause: float = 0.0


@dataclass(frozen=True)
class Made:
    """Bytes that are made when they are sent, because they are many."""

    make: Callable[[], bytes]


@dataclass(frozen=True)
class Packed:
    """A message that is sent compressed, in as many fragments as its cuts make."""

    message: Message
    cut: int = 0


@dataclass(frozen=True)
class Pause:
    seconds: float


Step = bytes | Chopped | Made | Packed | Pause


@dataclass(frozen=True)
class Case:
    """One case: what is sent, step by step, the expected answers, and how the websocket ends.

    Messages come in their order, and so do pongs; how the two mix is not laid down. A websocket that does not fail is
    closed at the end, and answers that.
    """

    id: str
    send: Sequence[Step]
    expect: Sequence[Event] = ()
    fails: Sequence[int] = ()
    """One of these close codes must come. The messages in `expect` may come before it."""
    offer: str = ""
    """The offered extensions."""
    closes: Sequence[int] = ()
    """Where the case sends the close itself: the codes of the answer."""
    compressed: bool = False
    """Whether the offer has to be taken."""


def text(payload: bytes) -> Event:
    return payload.decode()


def cases() -> Iterator[Case]:
    """All of them."""
    for group in (
        _framing, _pings, _reserved, _opcodes, _fragments, _text, _closing, _masks, _limits, _pipelines,
        _compression, _compression_parameters,
    ):  # fmt: skip
        yield from group()


def _framing() -> Iterator[Case]:
    for group, opcode, letter in (("1.1", TEXT, b"*"), ("1.2", BINARY, b"\xfe")):
        for n, size in enumerate((0, 125, 126, 127, 128, 65535, 65536), 1):
            payload = letter * size
            echo = text(payload) if opcode == TEXT else payload
            yield Case(f"{group}.{n}", [frame(opcode, payload)], [echo])
        yield Case(f"{group}.8", [Chopped(frame(opcode, letter * 65536), 997)], [echo])


def _pings() -> Iterator[Case]:
    for number, payload in (
        ("2.1", b""),
        ("2.2", b"Hello, world!"),
        ("2.3", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"),
        ("2.4", b"\xfe" * 125),
    ):
        yield Case(number, [frame(PING, payload)], [Pong(payload)])
    yield Case("2.5", [frame(PING, b"\xfe" * 126)], fails=FAILED)
    yield Case("2.6", [Chopped(frame(PING, b"\xfe" * 125), pause=0.001)], [Pong(b"\xfe" * 125)])
    yield Case("2.7", [frame(PONG)])
    yield Case("2.8", [frame(PONG, b"unasked")])
    yield Case("2.9", [frame(PONG, b"unasked"), frame(PING, b"p")], [Pong(b"p")])
    many = b"".join(frame(PING, b"%d" % n) for n in range(10))
    for number, step in (("2.10", many), ("2.11", Chopped(many, pause=0.001))):
        yield Case(number, [step], [Pong(b"%d" % n) for n in range(10)])


def _reserved() -> Iterator[Case]:
    one, ping = frame(TEXT, b"one"), frame(PING)
    yield Case("3.1", [frame(TEXT, b"x", rsv=1)], fails=FAILED)
    yield Case("3.2", [one + frame(TEXT, b"two", rsv=2) + ping], ["one"], FAILED)
    yield Case("3.3", [one, frame(TEXT, b"two", rsv=3), ping], ["one"], FAILED)
    yield Case("3.4", [Chopped(one + frame(TEXT, b"two", rsv=4) + ping)], ["one"], FAILED)
    yield Case("3.5", [frame(BINARY, b"\0\xff\xfe", rsv=5)], fails=FAILED)
    yield Case("3.6", [frame(PING, b"p", rsv=6)], fails=FAILED)
    yield Case("3.7", [close_frame(1000, rsv=7)], fails=FAILED)


def _opcodes() -> Iterator[Case]:
    for group, opcodes in ((1, (3, 4, 5, 6, 7)), (2, (11, 12, 13, 14, 15))):
        for n, opcode in enumerate(opcodes, 1):
            if n < 3:
                yield Case(f"4.{group}.{n}", [frame(opcode, b"x" * (n - 1))], fails=FAILED)
            else:
                data = frame(TEXT, b"one") + frame(opcode, b"x" * (n % 2)) + frame(PING)
                yield Case(f"4.{group}.{n}", [data if n < 5 else Chopped(data)], ["one"], FAILED)


def _fragments() -> Iterator[Case]:
    for number, opcode in (("5.1", PING), ("5.2", PONG)):
        yield Case(number, [frame(opcode, b"1", fin=False) + frame(CONT, b"2")], fails=FAILED)
    plain = fragments(TEXT, b"part1", b"part2")
    with_ping = [plain[0], frame(PING, b"ping"), plain[1]]
    for first, parts, events in ((3, plain, ["part1part2"]), (6, with_ping, [Pong(b"ping"), "part1part2"])):
        yield Case(f"5.{first}", parts, events)
        yield Case(f"5.{first + 1}", [b"".join(parts)], events)
        yield Case(f"5.{first + 2}", [Chopped(b"".join(parts))], events)
    for first, fin in ((9, True), (12, False)):
        parts = [frame(CONT, b"of nothing", fin=fin), frame(TEXT, b"Hello")]
        yield Case(f"5.{first}", parts, fails=FAILED)
        yield Case(f"5.{first + 1}", [b"".join(parts)], fails=FAILED)
        yield Case(f"5.{first + 2}", [Chopped(b"".join(parts))], fails=FAILED)
    yield Case("5.15", [*plain, frame(CONT, b"3", fin=False), frame(TEXT, b"4")], ["part1part2"], FAILED)
    for number, fin in (("5.16", False), ("5.17", True)):
        parts = [frame(CONT, b"1", fin=fin), frame(TEXT, b"2", fin=False), frame(CONT, b"3")]
        yield Case(number, parts * 2, fails=FAILED)
    yield Case("5.18", [frame(TEXT, b"1", fin=False), frame(TEXT, b"2")], fails=FAILED)
    five = fragments(TEXT, b"1", b"2", b"3", b"4", b"5")
    parts = [*five[:2], frame(PING, b"p1"), *five[2:4], frame(PING, b"p2"), five[4]]
    events: list[Event] = [Pong(b"p1"), Pong(b"p2"), "12345"]
    yield Case("5.19", [*parts[:3], Pause(0.2), *parts[3:]], events)
    yield Case("5.20", [b"".join(parts)], events)
    yield Case("5-empty", fragments(TEXT, b"a", *[b""] * 200, b"b"), ["ab"])
    yield Case("5-many", [b"".join(fragments(BINARY, *[b"x"] * 10_000))], [b"x" * 10_000])
    yield Case("5-pong-first", [frame(TEXT, b"a", fin=False), frame(PING, b"now"), Pause(0.1), frame(CONT, b"b")],
               [Pong(b"now"), "ab"])  # fmt: skip


GREEK = "κόσμε".encode()
GREETING = "Hello-µ@ßöäüàá-UTF-8!!".encode()


def _hex(words: str) -> list[bytes]:
    return [bytes.fromhex(word) for word in words.split()]


NONCHARACTERS = [chr(plane << 16 | last).encode() for plane, last in product(range(17), (0xFFFE, 0xFFFF))]
GOOD = [
    GREEK,
    *_hex("00 7f c280 ceba dfbf e0a080 ed9fbf ee8080 efbfbd efbfbe efbfbf f0908080 f48fbfbf"),
    *NONCHARACTERS,
]
BAD = [
    # Cut off, too long, above the last character, a continuation of nothing, a start without continuation.
    *_hex(
        "ce e1 e1bd f090 f888808080 fc8480808080 f7bfbfbf f4908080 80 bf c020c120c220 e020e120 f020f120 c0 e080 f08080"
    ),
    *_hex("df efbf c0e080f08080 fe ff fefeffff"),
    bytes(range(0x80, 0xC0)),
    # Longer than it need be; surrogates, alone and in pairs.
    *_hex("c0af e080af f08080af c1bf e09fbf f08fbfbf c080 e08080 eda080 edadbf edbfbf eda080edb080 edafbfedbfbf"),
    GREEK + b"\xed\xa0\x80edited",
]


def _singly(data: bytes) -> list[bytes]:
    return [data[n : n + 1] for n in range(len(data))]


def _text() -> Iterator[Case]:
    yield Case("6.1.1", [frame(TEXT)], [""])
    yield Case("6.1.2", fragments(TEXT, b"", b"", b""), [""])
    yield Case("6.1.3", fragments(TEXT, b"", b"middle", b""), ["middle"])
    yield Case("6.2.1", [frame(TEXT, GREETING)], [text(GREETING)])
    yield Case("6.2.2", fragments(TEXT, GREETING[:8], GREETING[8:]), [text(GREETING)])
    yield Case("6.2.3", [b"".join(fragments(TEXT, *_singly(GREETING)))], [text(GREETING)])
    yield Case("6.2.4", [b"".join(fragments(TEXT, *_singly(GREEK)))], [text(GREEK)])
    yield Case("6.3.1", [frame(TEXT, BAD[-1])], fails=NOT_TEXT)
    yield Case("6.3.2", [b"".join(fragments(TEXT, *_singly(BAD[-1]), b""))], fails=NOT_TEXT)
    # Invalid UTF-8 fails at once: the rest is never sent.
    for n, parts in enumerate(
        ([GREEK, b"\xf4\x90\x80\x80", b"edited"], [GREEK + b"\xf4", b"\x90", b"\x80\x80edited"]), 1
    ):
        yield Case(f"6.4.{n}", [b"".join(fragments(TEXT, *parts)[:2])], fails=NOT_TEXT)
    for n, rest in ((3, b"edited"), (4, b"\x80\x80edited")):
        whole = frame(TEXT, GREEK + b"\xf4\x90" + (b"\x80\x80" if n == 3 else b"") + rest)
        yield Case(f"6.4.{n}", [whole[: -len(rest)]], fails=NOT_TEXT)
    for n, payload in enumerate(GOOD):
        yield Case(f"6-good-{n}", [frame(TEXT, payload)], [text(payload)])
    for n, payload in enumerate(BAD):
        yield Case(f"6-bad-{n}", [frame(TEXT, payload)], fails=NOT_TEXT)
        yield Case(f"6-bad-chopped-{n}", [Chopped(frame(TEXT, payload))], fails=NOT_TEXT)
    yield Case("6-cut-at-the-end", fragments(TEXT, b"abc\xe1", b"\xbd"), fails=NOT_TEXT)
    yield Case("6-binary", [frame(BINARY, bytes(range(256)))], [bytes(range(256))])
    yield Case("6-ping", [frame(PING, b"\xff\xfe\xc0")], [Pong(b"\xff\xfe\xc0")])


def _closing() -> Iterator[Case]:
    close = close_frame(1000)
    yield Case("7.1.1", [frame(TEXT, b"Hello World!")], ["Hello World!"])
    yield Case("7.1.2", [close + close], closes=[1000])
    yield Case("7.1.3", [close + frame(PING, b"late")], closes=[1000])
    yield Case("7.1.4", [close + frame(TEXT, b"late")], closes=[1000])
    yield Case("7.1.5", [frame(TEXT, b"1", fin=False) + close + frame(CONT, b"2")], closes=[1000])
    big = "B" * 262_144
    yield Case(
        "7.1.6", [frame(TEXT, big.encode()) + frame(TEXT, b"x") + close + frame(PING)], [big, "x"], closes=[1000]
    )
    yield Case("7.3.1", [close_frame(None)], closes=[1005])
    yield Case("7.3.2", [frame(CLOSE, b"a")], fails=FAILED)
    yield Case("7.3.3", [close], closes=[1000])
    yield Case("7.3.4", [close_frame(1000, b"Hello World!")], closes=[1000])
    yield Case("7.3.5", [close_frame(1000, b"*" * 123)], closes=[1000])
    yield Case("7.3.6", [close_frame(1000, b"*" * 124)], fails=FAILED)
    yield Case("7.5.1", [close_frame(1000, BAD[-1])], fails=NOT_TEXT)
    good = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
    for n, code in enumerate(good, 1):
        yield Case(f"7.7.{n}", [close_frame(code)], closes=[code])
    for n, code in enumerate((0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999), 1):
        yield Case(f"7.9.{n}", [close_frame(code)], fails=FAILED)
    for n, code in enumerate((5000, 65535), 1):
        yield Case(f"7.13.{n}", [close_frame(code)], fails=FAILED)


def _masks() -> Iterator[Case]:
    for name, data in (
        ("text", frame(TEXT, b"x", mask=False)),
        ("ping", frame(PING, b"x", mask=False)),
        ("close", close_frame(1000, mask=False)),
    ):
        yield Case(f"unmasked-{name}", [data], fails=FAILED)
    data = frame(TEXT, b"masked") + frame(BINARY, b"unmasked" * 50, mask=False)
    yield Case("unmasked-after-masked", [data], ["masked"], FAILED)
    yield Case("garbage", [b"\xff\x7f\x00\xaa" * 64], fails=FAILED)
    yield Case("http", [b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3], fails=FAILED)


def _limits() -> Iterator[Case]:
    sizes = (1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 23, LARGEST)
    for group, opcode in ((1, TEXT), (2, BINARY)):
        for n, size in enumerate(sizes, 1):
            payload = b"*" * size
            echo = "*" * size if opcode == TEXT else payload
            yield Case(f"9.{group}.{n}", [Made(partial(frame, opcode, payload))], [echo])
    for group, opcode in ((3, TEXT), (4, BINARY)):
        payload = b"*" * (1 << 22)
        for n, size in enumerate((256, 4096, 65536, 1 << 20), 1):
            echo = text(payload) if opcode == TEXT else payload
            yield Case(f"9.{group}.{n}", [Made(partial(_fragments_of, opcode, payload, size))], [echo])
    for group, opcode in ((5, TEXT), (6, BINARY)):
        payload = b"*" * (1 << 20)
        for n, size in enumerate((64, 512, 2048), 1):
            echo = text(payload) if opcode == TEXT else payload
            yield Case(f"9.{group}.{n}", [Chopped(frame(opcode, payload), size)], [echo])
    for n, size in ((7, 64), (8, 4096)):
        yield Case(f"9.{n}", [frame(BINARY, b"x" * size)] * 500, [b"x" * size] * 500)
    parts = [b"*" * 1300] * 50 + [b"*" * 536]
    yield Case("10.1.1", [b"".join(fragments(TEXT, *parts))], ["*" * 65536])
    yield Case("over-the-limit", [Made(_too_large)], fails=TOO_BIG)
    yield Case("over-the-limit-in-fragments", [Made(_too_large_in_fragments)], fails=TOO_BIG)
    yield Case("length-of-64-bits", [b"\x82\xff" + (1 << 63).to_bytes(8) + b"\0" * 20], fails=TOO_BIG)
    yield Case("length-of-3-in-two-bytes", [frame(TEXT, b"abc", width=2)], fails=FAILED)
    yield Case("length-of-300-in-eight-bytes", [frame(TEXT, b"abc" * 100, width=8)], fails=FAILED)


def _fragments_of(opcode: int, payload: bytes, size: int) -> bytes:
    """A message in fragments of so many bytes."""
    return b"".join(fragments(opcode, *[payload[start : start + size] for start in range(0, len(payload), size)]))


def _too_large() -> bytes:
    return frame(BINARY, b"x" * (LARGEST + 1))[:100]


def _too_large_in_fragments() -> bytes:
    megabyte = b"y" * (1 << 20)
    over = [frame(TEXT if not n else CONT, megabyte, fin=False) for n in range(17)]
    return b"".join(over)[: 16 * len(over[1]) + 100]


def _pipelines() -> Iterator[Case]:
    mixed: list[Message] = [f"m{n}" if n % 2 else b"m%d" % n for n in range(100)]
    yield Case("order", [b"".join(frame(TEXT, m.encode()) if isinstance(m, str) else frame(BINARY, m) for m in mixed)],
               mixed)  # fmt: skip
    data = b"".join(frame(TEXT, b"m%d" % n) for n in range(10)) + frame(BINARY, b"z" * 300)
    yield Case("one-byte-at-a-time", [Chopped(data)], [*[f"m{n}" for n in range(10)], b"z" * 300])


TAKEOVERS = ("", "; client_no_context_takeover", "; server_no_context_takeover",
             "; client_no_context_takeover; server_no_context_takeover")  # fmt: skip
OFFERED = OFFER[1]
JSON = '{"id": 7, "name": "item", "tags": ["a", "b", "c"]}'


def _compression() -> Iterator[Case]:
    """12.x: sizes, texts and binaries; 13.x: the parameters that may be agreed on."""
    sizes = (16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131_072)
    for n, size in enumerate(sizes, 1):
        message = (JSON * (size // len(JSON) + 1))[:size]
        noise = hashlib.shake_128(b"%d" % size).digest(size)
        yield Case(f"12.1.{n}", [Packed(message)] * 20, [message] * 20, offer=OFFERED, compressed=True)
        yield Case(f"12.2.{n}", [Packed(noise)] * 20, [noise] * 20, offer=OFFERED, compressed=True)
        yield Case(
            f"12.3.{n}", [Packed(message, cut=max(size // 40, 3))] * 5, [message] * 5, offer=OFFERED, compressed=True
        )
    group = count(1)
    for takeover, bits in product(TAKEOVERS, ("", "; server_max_window_bits=9", "; server_max_window_bits=15")):
        number = next(group)
        for n, size in enumerate((16, 1024, 65536), 1):
            message = (JSON * (size // len(JSON) + 1))[:size]
            yield Case(
                f"13.{number}.{n}",
                [Packed(message)] * 10,
                [message] * 10,
                offer=OFFERED + takeover + bits,
                compressed=True,
            )
    yield Case("packed-empty", [Packed(""), Packed(b""), Packed("x")], ["", b"", "x"], offer=OFFERED, compressed=True)
    yield Case(
        "packed-and-plain",
        [frame(TEXT, b"plain"), Packed("packed")],
        ["plain", "packed"],
        offer=OFFERED,
        compressed=True,
    )
    yield Case("rsv2", [frame(TEXT, b"x", rsv=6)], fails=FAILED, offer=OFFERED, compressed=True)
    yield Case("rsv1-of-a-ping", [frame(PING, b"p", rsv=RSV1)], fails=FAILED, offer=OFFERED, compressed=True)
    parts = [frame(TEXT, b"x", fin=False, rsv=RSV1), frame(CONT, b"y", rsv=RSV1)]
    yield Case("rsv1-of-a-fragment", parts, fails=FAILED, offer=OFFERED, compressed=True)
    yield Case("packed-garbage", [frame(BINARY, b"\xff" * 100, rsv=RSV1)], fails=FAILED, offer=OFFERED, compressed=True)
    bomb = b"\0" * (64 << 20)
    yield Case("bomb", [Packed(bomb)], fails=TOO_BIG, offer=OFFERED, compressed=True)


def _compression_parameters() -> Iterator[Case]:
    """Offers that are taken, in part or not at all: plain messages go either way."""
    taken = ("permessage-deflate", "permessage-deflate; server_max_window_bits=10",
             "permessage-deflate; client_max_window_bits=10", "permessage-deflate; odd, permessage-deflate",
             'permessage-deflate; server_max_window_bits="10"')  # fmt: skip
    for n, offer in enumerate(taken):
        yield Case(f"offer-taken-{n}", [Packed(JSON * 40)] * 3, [JSON * 40] * 3, offer=offer, compressed=True)
    declined = ("x-other; a=b", ";;=,", "permessage-deflate; foo=1", "permessage-deflate; server_max_window_bits=16",
                "permessage-deflate; server_max_window_bits=7", "permessage-deflate; client_max_window_bits=abc",
                "permessage-deflate; server_max_window_bits", "permessage-deflate; server_no_context_takeover=1",
                "permessage-deflate; server_no_context_takeover; server_no_context_takeover")  # fmt: skip
    for n, offer in enumerate(declined):
        yield Case(f"offer-declined-{n}", [frame(TEXT, b"plain")], ["plain"], offer=offer)


CASES = list(cases())
