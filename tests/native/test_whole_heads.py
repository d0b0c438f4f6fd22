"""Two ways, one behaviour: heads that are read as a whole give the requests and refusals that the general way gives.

The same segments go through a parser of each way: those of the conformance cases, mutants, heads that are made to
deceive one of them, and any split of them. A long session is `nox -s fuzz`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from sys import getsizeof
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from sketch.serving.server_limits import ServerLimits
from sketch_native.whole_head import KEPT, FieldBlock, WholeHeads
from tests.native.conformance.cases import CASES
from tests.native.conformance.judge import text
from tests.native.parsing import (
    ROUNDS,
    TOKENS,
    bounded,
    bytewise,
    mutants,
    mutate,
    record,
    requests,
    segmented,
)

few = settings(bounded, max_examples=ROUNDS or 40)

LINE = b"GET / HTTP/1.1\r\n"
HOST = b"Host: x\r\n"
GET = LINE + HOST + b"\r\n"
PROBE = b"GET /probe HTTP/1.1\r\nHost: probe\r\nX-Probe: 1\r\n\r\n"


def both(parts: Sequence[bytes], limits: ServerLimits | None = None) -> int:
    """Check that both ways do the same with these segments. Returns how many heads came whole."""
    one, other = record(parts, limits), record(parts, limits, general=True)
    refusals = [(found.refusal.status, found.refusal.reason) if found.refusal else None for found in (one, other)]
    assert one.events == other.events
    assert refusals[0] == refusals[1]
    assert (one.parser.in_head, one.parser.keep_alive) == (other.parser.in_head, other.parser.keep_alive)
    assert other.whole == 0
    if one.refusal is None:  # what is left open understands the next request in the same way
        assert record([*parts, PROBE], limits).events == record([*parts, PROBE], limits, general=True).events
    return one.whole


# -- what is read as a whole, and what is not -------------------------------------------------------------------------

USUAL = [
    GET,
    b'GET /a/b%20c;d?e=f&g=[h]|i"<>^`{} HTTP/1.1\r\nHost: example.org:8080\r\nAccept:*/*\r\nX: \t y\t \r\n\r\n',
    b"HEAD / HTTP/1.1\r\nhOsT:[::1]:80\r\nConnection: Keep-Alive\r\n\r\n",
    b"DELETE /x HTTP/1.1\r\nHost: \r\nconnection: keep-alive\r\nConnection: keep-alive\r\n\r\n",
    b"OPTIONS / HTTP/1.1\r\nX-Empty:\r\nHost: x\r\nX-Empty:   \r\n\r\n",
    LINE
    + HOST
    + b"Upgrade-Insecure-Requests: 1\r\nUser-Agent: a:b\r\nHostess: y\r\nExpectation: 1\r\nTE: gzip\r\n\r\n",
    LINE + HOST + b"X: \xe9\x80\xff\r\nCookie: a=b; c=d\r\nCookie: e=f\r\nContent-Type: text/plain\r\n\r\n",
]

UNUSUAL = [
    # the request line
    b"\r\n" + GET, b"\n" + GET, b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /  HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n", b"get / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / http/1.1\r\nHost: x\r\n\r\n",
    b"GET /\r\n\r\n", b"GET / HTTP/0.9\r\nHost: x\r\n\r\n", b"GET / HTTP/1.0\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.2\r\nHost: x\r\n\r\n", b"GET / HTTP/1.10\r\nHost: x\r\n\r\n",
    b"GET / HTTP/11.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", b"GET / RTSP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1 \r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\nHost: x\r\n\r\n", b"GET / HTTP/1.1\rHost: x\r\n\r\n", b"GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /\xe9 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /\x7f HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://y/ HTTP/1.1\r\nHost: x\r\n\r\n", b"GET y HTTP/1.1\r\nHost: x\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"PROPFIND / HTTP/1.1\r\nHost: x\r\n\r\n", b"GETGET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"PRI / HTTP/1.1\r\nHost: x\r\n\r\n",
    # the destination
    LINE + b"\r\n", LINE + b"X: y\r\n\r\n", LINE + HOST + HOST + b"\r\n", LINE + HOST + b"host: y\r\n\r\n",
    LINE + b"Host: x y\r\n\r\n", LINE + b"Host: x/y\r\n\r\n", LINE + b"Host: x@y\r\n\r\n",
    LINE + b"Host: x:99999\r\n\r\n",
    LINE + b"Host: \xe9\r\n\r\n", LINE + b"Host : x\r\n\r\n", LINE + b" Host: x\r\n\r\n",
    LINE + b"Host\x00: x\r\n\r\n",
    LINE + b"Host: x\r\n y\r\n\r\n", LINE + b"Host: x\x00\r\n\r\n", LINE + b"X: y\nHost: x\r\n\r\n",
    LINE + b"X: y\rHost: x\r\n\r\n", LINE + b"H\xf6st: x\r\n\r\n", LINE + b"Host\t: x\r\n\r\n",
    LINE + b"Host\r\n\r\n",
    # the framing
    LINE + HOST + b"Content-Length: 0\r\n\r\n", LINE + HOST + b"Content-Length: 5\r\n\r\n",
    LINE + HOST + b"content-length: " + b"0" * 40 + b"\r\n\r\n", LINE + HOST + b"CONTENT-LENGTH: +0\r\n\r\n",
    LINE + HOST + b"Content-Length: 4\r\n\r\n\r\n\r\n", LINE + HOST + b"Content-Length:\r\n\r\n",
    LINE + HOST + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n", LINE + HOST + b"Content-Length: 0, 5\r\n\r\n",
    LINE + HOST + b"Content-Length : 5\r\n\r\n", LINE + HOST + b"Content-Length\t: 5\r\n\r\n",
    LINE + HOST + b" Content-Length: 5\r\n\r\n", LINE + HOST + b"X: y\r\n\tContent-Length: 5\r\n\r\n",
    LINE + HOST + b"X: y\nContent-Length: 5\r\n\r\n", LINE + HOST + b"X: y\rContent-Length: 5\r\n\r\n",
    LINE + HOST + b"X: y\n\r\nContent-Length: 5\r\n\r\n", LINE + HOST + b"X: y\r\r\nContent-Length: 5\r\n\r\n",
    LINE + HOST + b"Transfer-Encoding: chunked\r\n\r\n", LINE + HOST + b"Transfer-Encoding: identity\r\n\r\n",
    LINE + HOST + b"tRANSFER-eNCODING: chunked\r\n\r\n", LINE + HOST + b"Transfer-Encoding : chunked\r\n\r\n",
    LINE + HOST + b"Transfer-Encoding:\r\n chunked\r\n\r\n", LINE + HOST + b"Transfer-Encoding:\x0bchunked\r\n\r\n",
    LINE + HOST + b"X: y\nTransfer-Encoding: chunked\r\n\r\n", LINE + HOST + b"Transfer-Encoding: chunked\t\r\n\r\n",
    LINE + HOST + b"Expect: 100-continue\r\n\r\n", LINE + HOST + b"EXPECT: something\r\n\r\n",
    # the connection
    LINE + HOST + b"Connection: close\r\n\r\n", LINE + HOST + b"connection: keep-alive, close\r\n\r\n",
    LINE + HOST + b"Proxy-Connection: close\r\n\r\n", LINE + HOST + b"proxy-connection: keep-alive\r\n\r\n",
    LINE + HOST + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n", LINE + HOST + b"Upgrade: h2c\r\n\r\n",
    LINE + b"Host:\r\n\r\n", LINE + HOST + b"Connection: keep-alive \r\n\r\n",
    LINE + b"Host: x\nContent-Length: 5\r\nX: y\rz\r\n\r\n",
    LINE + HOST + b"X: y\rContent-Length: 5\r\nX: y\nz\r\n\r\n",
    LINE + HOST + b"X: y\nContent-Length: 5\r\nX: y\rz\r\n\r\n",
    LINE + HOST + b"Connection:\r\n\r\n", LINE + HOST + b"Connection: X\r\n\r\n",
    LINE + HOST + b"Connection : close\r\n\r\n",
    LINE + HOST + b"Connection: keep-alive\r\nConnection: close\r\n\r\n",
    LINE + HOST + b"Connection: keep-alive\r\n close\r\n\r\n",
    # other fields
    LINE + HOST + b": y\r\n\r\n", LINE + HOST + b"X\r\n\r\n", LINE + HOST + b"X Y: z\r\n\r\n",
    LINE + HOST + b"X : y\r\n\r\n",
    LINE + HOST + b"X: \x00\r\n\r\n", LINE + HOST + b"X: \x01\r\n\r\n", LINE + HOST + b"X: \x7f\r\n\r\n",
    LINE + HOST + b"X\x80: y\r\n\r\n", LINE + HOST + b"X: y\r\n z\r\n\r\n",
    LINE + b"X: y\r\n" + b" z\r\n" + HOST + b"\r\n",
    LINE + HOST + b"(x): y\r\n\r\n", LINE + HOST + b"X: y\r\n\n\r\n\r\n", LINE + HOST + b"X: y\n\n\r\n\r\n",
    # more than a head
    GET + GET, GET + b"\r\n\r\n", GET + b"\r\n" + GET, GET + b"x\r\n\r\n",
    GET + LINE + HOST + b"Content-Length: 4\r\n\r\n\r\n\r\n",
    LINE + HOST + b"\r\nX: y\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n\r\n\r\n",
]  # fmt: skip


@pytest.mark.parametrize("raw", USUAL)
def test_a_usual_head_is_read_as_a_whole(raw: bytes) -> None:
    assert both([raw]) == 1
    assert both([raw, raw, GET, raw]) == 4
    assert both([raw, raw, raw, GET, GET, GET, raw]) == 7
    assert both(bytewise(raw)) == 0


@pytest.mark.parametrize("raw", UNUSUAL)
def test_any_other_goes_the_general_way(raw: bytes) -> None:
    """Also behind one that was read as a whole, with the same fields or others, and before one."""
    assert both([raw]) == 0
    assert both([GET, raw]) == 1
    assert both([GET, GET, GET, raw]) == 3
    both([raw, GET])
    both([raw + GET, GET])
    both([raw[:-4], raw[-4:], GET])
    for place in range(1, len(raw)):
        both([raw[:place], raw[place:], GET])


def test_a_request_line_with_known_fields_is_checked_as_any_other() -> None:
    for line in (b"GET / HTTP/1.0\r\n", b"POST / HTTP/1.1\r\n", b"GET /\x01 HTTP/1.1\r\n", b"BREW / HTTP/1.1\r\n"):
        assert both([GET, line + HOST + b"\r\n", GET]) in (1, 2)


# -- the limits -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", range(60, 100))
def test_the_limits_hold_at_every_size(size: int) -> None:
    """Of a head, a target and the number of fields, whichever of the ways reads it."""
    fields = b"".join(b"a:\r\n" for _ in range((size - len(GET)) // 4))
    raw = LINE + HOST + fields + b"\r\n"
    for limits in (ServerLimits(head=80, headers=8), ServerLimits(headers=8), ServerLimits(head=80)):
        for parts in ([raw], [GET, raw], [raw, raw, raw]):
            both(parts, limits)
    target = b"GET /" + b"a" * size + b" HTTP/1.1\r\n" + HOST + b"\r\n"
    both([target, target], ServerLimits(target=80))


def test_as_many_fields_as_allowed_and_one_more() -> None:
    limits = ServerLimits(headers=5)
    raw = LINE + HOST + b"X: y\r\n" * 4
    assert both([raw + b"\r\n"], limits) == 1
    assert both([raw + b"X: y\r\n\r\n"], limits) == 0
    assert record([raw + b"X: y\r\n\r\n"], limits).events[-1] == ("refused", 431)


@pytest.mark.parametrize("count", range(27, 33))
def test_what_the_general_way_counts_for_a_field_is_within_the_limit(count: int) -> None:
    """It counts one byte more than was sent for a field without a space, where it looks: behind another request."""
    limits = ServerLimits(head=150, headers=50)
    raw = LINE + HOST + b"a:\r\n" * count + b"\r\n"
    for parts in ([GET, raw], [raw, raw], [GET, raw[:-4], raw[-4:]], [GET + raw]):
        both(parts, limits)


def test_empty_lines_between_requests_do_not_add_up() -> None:
    """They are bounded between two requests, and not over the life of a connection."""
    limits = ServerLimits()
    empty = b"\r\n" * 8000
    rounds = (limits.head + limits.target) // len(empty) + 3
    assert both([empty, GET] * rounds) == rounds
    assert record([empty, GET] * rounds).refusal is None
    assert both([GET, *[empty] * rounds, GET]) == 1
    assert record([GET, *[empty] * rounds]).events[-1] == ("refused", 431)


@pytest.mark.parametrize("size", [20, 500, 10_000])
def test_an_endless_head_behind_another_is_refused_at_the_same_byte(size: int) -> None:
    raw = LINE + HOST + b"X: " + b"x" * size + b"\r\n\r\n"
    part = b"x" * 97
    both([raw, LINE + HOST + b"X: ", *[part] * 1000])


# -- the fields of the request before ---------------------------------------------------------------------------------


def reader(limits: ServerLimits | None = None) -> WholeHeads:
    return WholeHeads(limits or ServerLimits())


def fields_of(heads: WholeHeads, raw: bytes) -> FieldBlock:
    found = heads.read(raw)
    assert found is not None
    return found[2]


def test_equal_fields_are_read_once() -> None:
    heads = reader()
    first = fields_of(heads, GET)
    assert fields_of(heads, b"HEAD /other HTTP/1.1\r\nHost: x\r\n\r\n") is first
    assert fields_of(heads, b"GET / HTTP/1.1\r\nHost: X\r\n\r\n") is not first
    assert fields_of(reader(), GET) is not first


def test_an_equal_head_is_read_once() -> None:
    heads = reader()
    found = [heads.read(USUAL[1]) for _ in range(4)]
    assert found == [found[0]] * 4
    assert found[2] is found[3] is found[1]
    parser, heads._parser = heads._parser, None
    assert heads.read(USUAL[1]) is found[1]
    assert heads._parser is None  # llhttp was not asked
    heads._parser = parser
    assert fields_of(heads, GET)() == [(b"host", b"x")]  # one head is kept, the last
    assert heads.read(USUAL[1]) is not found[1]


def test_a_list_of_fields_is_of_its_own() -> None:
    block = fields_of(reader(), GET)
    taken = block()
    assert taken == [(b"host", b"x")]
    taken.clear()
    assert block() == [(b"host", b"x")]


@pytest.mark.parametrize("count", [1, 5, 20, 100])
def test_little_is_kept(count: int) -> None:
    """The bytes as received, and the fields made of them, are within the bound, whatever their number."""
    heads = reader()
    kept = []
    for size in range(0, 4096, 50):
        raw = (
            LINE
            + HOST
            + b"".join(b"X-%d: %b\r\n" % (number, b"y" * (size // count)) for number in range(count))
            + b"\r\n"
        )
        block = fields_of(heads, raw)
        if heads._last is block:
            fields = block()
            of_fields = sum(getsizeof(pair) + sum(map(getsizeof, pair)) for pair in fields)
            kept.append(getsizeof(block.raw) + getsizeof(block._fields) + of_fields)
            found = heads.read(raw)
            if found is not None and heads._head is raw:
                kept.append(kept[-1] + getsizeof(raw) + getsizeof(found) + getsizeof(found[1]))
            else:
                assert heads._head == b""
        else:
            assert heads._last.raw == heads._head == b""
    assert max(kept, default=0) <= KEPT
    assert kept or count == 100


# -- any bytes --------------------------------------------------------------------------------------------------------

lines = st.one_of(
    st.sampled_from([LINE, b"HEAD /a?b HTTP/1.1\r\n", b"DELETE / HTTP/1.1\r\n", b"OPTIONS / HTTP/1.1\r\n"]),
    st.sampled_from([raw.partition(b"\n")[0] + b"\n" for raw in UNUSUAL]),
)
named = st.sampled_from([
    b"Host", b"host", b"Content-Length", b"Transfer-Encoding", b"Connection", b"Proxy-Connection", b"Expect",
    b"Upgrade", b"Upgrade-Insecure-Requests", b"Cookie", b"X", b"", b" X", b"X ", b"T", b"\xe9", b"Content-length ",
])  # fmt: skip
valued = st.one_of(
    st.sampled_from([
        b"x", b"", b"0", b"5", b"chunked", b"close", b"keep-alive", b"Keep-Alive", b"upgrade", b"100-continue", b"h2c",
        b"x y", b"[::1]", b"a\nb", b"a\rb", b"a\r\n b", b"a\0", b"a\tb", b"websocket", b"x, y",
    ]),
    st.binary(max_size=6),
)  # fmt: skip
separators = st.sampled_from([b": ", b": ", b": ", b":", b" : ", b":\t", b"", b":  "])
ends = st.sampled_from([b"\r\n"] * 12 + [b"\n", b"\r", b"\r\r\n", b"\n\r\n", b"\r\n\r\n"])
odd = st.builds(lambda *parts: b"".join(parts), named, separators, valued, ends)
even = st.sampled_from([HOST, HOST, b"Accept: */*\r\n", b"Connection: keep-alive\r\n", b"Cookie: a=b\r\n", b"X:y\r\n"])
heads = st.builds(
    lambda line, fields: line + b"".join(fields) + b"\r\n", lines, st.lists(st.one_of(even, even, odd), max_size=6)
)
usual = st.builds(
    lambda line, fields: line + HOST + b"".join(fields) + b"\r\n",
    st.sampled_from([LINE, b"HEAD /a HTTP/1.1\r\n"]),
    st.lists(st.sampled_from([b"Accept: */*\r\n", b"X:y\r\n"]), max_size=2),
)


@few
@given(st.lists(st.one_of(heads, usual, usual), min_size=1, max_size=4))
def test_any_heads_one_after_the_other(parts: list[bytes]) -> None:
    both(parts)


@few
@given(st.lists(st.tuples(st.one_of(heads, usual, usual), st.integers(1, 4)), min_size=1, max_size=4))
def test_any_heads_that_come_again(parts: list[tuple[bytes, int]]) -> None:
    both([raw for raw, times in parts for _ in range(times)])


@few
@given(segmented(st.lists(st.one_of(heads, usual), min_size=1, max_size=3).map(b"".join)))
def test_any_split_of_any_heads(case: tuple[bytes, list[bytes]]) -> None:
    both(case[1])


@few
@given(st.lists(st.one_of(requests(), usual), min_size=1, max_size=4))
def test_any_valid_requests(parts: list[bytes]) -> None:
    both(parts)


@few
@given(segmented(mutants), st.booleans())
def test_any_split_of_a_mutant(case: tuple[bytes, list[bytes]], before: bool) -> None:
    both([GET, *case[1]] if before else case[1])


def test_mutants_of_usual_heads() -> None:
    """What one change makes of a head that would be read as a whole, behind the head itself."""
    rng = random.Random(20261201)
    whole = 0
    for _ in range(ROUNDS or 600):
        raw = rng.choice(USUAL)
        changed = mutate(rng, raw)
        whole += both([raw, changed, raw])
    assert whole > (ROUNDS or 600)


def test_every_token_in_every_place_of_a_head() -> None:
    raw = b"GET /a HTTP/1.1\r\nHost: x\r\nX: y\r\n\r\n"
    for token in TOKENS:
        for place in range(len(raw)):
            both([raw[:place] + token + raw[place:]])


def sent(case: dict[str, Any]) -> list[bytes]:
    """The segments of a conformance case."""
    found = []
    for step, *arguments in case["send"]:
        if step in ("b", "chop"):
            data = text(arguments[0])
            size = arguments[1] if step == "chop" else max(1, len(data))
            found += [data[start : start + size] for start in range(0, len(data), size)]
    return found


def test_the_conformance_cases() -> None:
    whole = 0
    for case in CASES:
        parts = sent(case)
        if sum(map(len, parts)) < 100_000:
            whole += both(parts)
            both([GET, *parts])
            both([b"".join(parts)])
    assert whole > 50
