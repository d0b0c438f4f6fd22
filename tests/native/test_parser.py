"""The request parser without a socket: segmentation makes no difference, and no input breaks the parser."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, strategies as st

from sketch.serving.server_limits import ServerLimits
from sketch_native.parser import SLICE, RequestParser
from tests.native.parsing import (
    CORPUS,
    ROUNDS,
    Event,
    Recorder,
    bounded,
    bytewise,
    mutants,
    mutate,
    parse,
    requests,
    segmented,
    split,
)

HOST = b"Host: x\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
UNKNOWN = {("refused", 400), ("refused", 501)}


def statuses(events: list[Event]) -> list[int]:
    return [event[1] for event in events if event[0] == "refused"]


def assert_same(parts: list[bytes], whole: bytes) -> None:
    """Equal events, but for the refusal of what is no method behind the body of an ignored upgrade.

    It is refused in any case, but 400 or 501, at once or at the space, depends on the segments: nothing shows there
    where the method begins.
    """
    expected, found = parse([whole]), parse(parts)
    if expected != found and b"upgrade" in whole.lower():
        expected, found = ([event for event in events if event not in UNKNOWN] for events in (expected, found))
    assert found == expected


# -- properties -------------------------------------------------------------------------------------------------------


@bounded
@given(segmented(requests()))
def test_any_split_of_a_request_is_the_same_request(case: tuple[bytes, list[bytes]]) -> None:
    whole, parts = case
    events = parse([whole])
    assert events[0][0] == "head"
    assert [event[0] for event in events].count("end") == 1
    assert parse(parts) == events


@bounded
@given(segmented(st.lists(requests(), min_size=2, max_size=4).map(b"".join)))
def test_any_split_of_a_pipeline_is_the_same_pipeline(case: tuple[bytes, list[bytes]]) -> None:
    whole, parts = case
    assert parse(parts) == parse([whole])


@bounded
@given(st.lists(requests(versions=("1.1",)), min_size=2, max_size=4))
def test_a_pipeline_is_its_requests_one_by_one(raws: list[bytes]) -> None:
    assert parse([b"".join(raws)]) == [event for raw in raws for event in parse([raw])]


@bounded
@given(requests(), st.data())
def test_a_beginning_is_no_more_than_the_whole(raw: bytes, data: st.DataObject) -> None:
    """A request that is cut short is never taken for complete, and never refused."""
    cut = data.draw(st.integers(0, len(raw) - 1))
    events = parse([raw[:cut]])
    assert all(event[0] != "refused" for event in events)
    assert not any(event[0] == "end" for event in events)


@bounded
@given(segmented(mutants))
def test_any_split_of_a_mutant_is_judged_alike(case: tuple[bytes, list[bytes]]) -> None:
    whole, parts = case
    assert_same(parts, whole)


@bounded
@given(segmented(st.binary(max_size=300)))
def test_any_split_of_random_bytes_is_judged_alike(case: tuple[bytes, list[bytes]]) -> None:
    whole, parts = case
    assert_same(parts, whole)


@bounded
@given(segmented(st.text("GETPOS /HTTP1.\r\n:\t\0", max_size=200).map(str.encode)))
def test_any_split_of_what_looks_like_http_is_judged_alike(case: tuple[bytes, list[bytes]]) -> None:
    whole, parts = case
    assert_same(parts, whole)


def test_mutants_break_nothing() -> None:
    """Whatever is not refused has one Host, one framing and a target in one of the known forms."""
    rng = random.Random(20261120)
    for _ in range(ROUNDS or 3000):
        raw = mutate(rng, rng.choice(CORPUS))
        for event in parse([raw]):
            if event[0] == "head":
                _, method, target, version, headers, framing, *_ = event
                names = [name for name, _ in headers]
                assert names.count(b"host") == 1 or (version == "1.0" and b"host" not in names)
                assert not (b"transfer-encoding" in names and b"content-length" in names)
                assert (framing == "chunked") == (b"transfer-encoding" in names)
                assert target[:1] == b"/" or target[:4].lower() == b"http" or (method, target) == ("OPTIONS", b"*")
                assert not any(c in part for part in (target, *sum(headers, ())) for c in (b"\r", b"\n", b"\0"))


# -- the end of a refused connection ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "garbage", [b"garbage", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\0", b"FOO / HTTP/1.1\r\n\r\n"]
)
def test_bytes_behind_the_last_request_mean_nothing(garbage: bytes) -> None:
    raw = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert parse([raw + garbage]) == parse([raw]) == parse(bytewise(raw + garbage))


def test_nothing_behind_a_refused_request_is_parsed() -> None:
    raw = b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\nHost: x\r\n\r\n"
    for parts in ([raw], bytewise(raw)):
        events = parse(parts)
        assert [event[2] for event in events if event[0] == "head"] == [b"/1"]
        assert statuses(events) == [400]


@pytest.mark.parametrize(
    "before", [b"", b"\r\n", b"\r\n" * 40, NEXT, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na"]
)
@pytest.mark.parametrize(("line", "status"), [
    (b"FOO / HTTP/1.1\r\n", 501), (b"GXT /", 501), (b"get /", 501), (b"A" * 32 + b" ", 501), (b"A" * 33, 400),
    (b"FOO(/", 400), (b"FOO\r", 400), (b"\x16\x03\x01\x00\xa5", 400), (b"G\0T ", 400),
])  # fmt: skip
def test_an_unknown_method_is_told_from_none(before: bytes, line: bytes, status: int) -> None:
    """Also byte by byte, in two parts, and together with the request before it."""
    raw = before + line
    for parts in ([raw], bytewise(raw), [before, line], [raw[:-2], raw[-2:]]):
        assert statuses(parse(parts)) == [status]


# -- an upgrade that is not taken -------------------------------------------------------------------------------------

UPGRADE = b"POST /up HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
FRAMED = {
    "length": b"Content-Length: %d\r\n\r\n%b" % (len(SMUGGLED), SMUGGLED),
    "chunked": b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED),
    "two chunks": b"Transfer-Encoding: chunked\r\n\r\n1\r\nG\r\n%x\r\n%b\r\n0\r\nX-T: 1\r\n\r\n"
    % (len(SMUGGLED) - 1, SMUGGLED[1:]),
}


@pytest.mark.parametrize("framing", FRAMED)
@pytest.mark.parametrize("cut", ["whole", "bytewise", "head and body"])
def test_the_body_of_an_ignored_upgrade_is_a_body(framing: str, cut: str) -> None:
    raw = UPGRADE + FRAMED[framing] + NEXT
    head = raw.index(b"\r\n\r\n") + 4
    events = parse({"whole": [raw], "bytewise": bytewise(raw), "head and body": [raw[:head], raw[head:]]}[cut])
    assert [event[2] for event in events if event[0] == "head"] == [b"/up", b"/next"]
    assert [event[1] for event in events if event[0] == "body"] == [SMUGGLED]
    assert statuses(events) == []


def test_an_ignored_upgrade_with_the_longest_target() -> None:
    limits = ServerLimits(target=100)
    raw = b"POST /%b HTTP/1.1\r\n" % (b"a" * 99) + UPGRADE.partition(b"\r\n")[2] + FRAMED["length"] + NEXT
    assert statuses(parse([raw], limits)) == []
    assert len(parse([raw], limits)) == 5


def test_an_ignored_upgrade_without_a_body() -> None:
    for parts in ([UPGRADE + b"\r\n" + NEXT], bytewise(UPGRADE + b"\r\n" + NEXT)):
        assert [event[0] for event in parse(parts)] == ["head", "end", "head", "end"]


def test_chunk_errors_behind_an_ignored_upgrade_are_refused() -> None:
    assert statuses(parse([UPGRADE + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n"])) == [400]


# -- white space behind chunked ---------------------------------------------------------------------------------------

TAB = CHUNKED.replace(b"chunked", b"chunked\t")


def test_a_tab_behind_chunked_is_white_space() -> None:
    events = parse([b"\r\n\r\n" + TAB + b"5\r\nhello\r\n0\r\n\r\n" + NEXT])
    assert [event[0] for event in events] == ["head", "body", "end", "head", "end"]


def test_a_body_is_not_looked_for_behind_a_later_empty_line() -> None:
    """The head ends at the beginning of the second segment: nothing there shows where the body begins."""
    smuggled = b"5;chunked\t\r\nhello\r\n0\r\n\r\n" + NEXT
    events = parse([TAB[:-2], TAB[-2:] + smuggled])
    assert [event[0] for event in events] == ["head", "refused"]


def test_a_bad_chunk_is_not_skipped() -> None:
    for parts in (
        [CHUNKED + b"ZZchunked\t\r\n\r\n5\r\nhello\r\n0\r\n\r\n"],
        [CHUNKED, b"ZZchunked\t\r\n\r\n0\r\n\r\n"],
    ):
        assert [event[0] for event in parse(parts)] == ["head", "refused"]


@pytest.mark.parametrize("behind", [NEXT, b"FOO / HTTP/1.1\r\n", b"\x16\x03\x01", b"X" * 40, b""])
@pytest.mark.parametrize("left", [-1, 0, 1, SLICE - 1, SLICE, SLICE + 1, 5 * SLICE])
def test_a_body_of_known_length_is_fed_as_a_whole(left: int, behind: bytes) -> None:
    """In one piece if more than a slice has arrived; the bytes after it are parsed as usual."""
    size = SLICE + left
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size
    whole = head + b"b" * size + behind + NEXT
    expected = parse(split(whole, range(0, len(whole), 1000)))
    assert expected[1] == ("body", b"b" * size)
    for parts in ([whole], [head, whole[len(head) :]], split(whole, [len(head) + left, len(head) + size])):
        found = parse(parts)
        assert found[:-1] == expected[:-1]
        assert found[-1] == expected[-1] or {found[-1], expected[-1]} == UNKNOWN


@pytest.mark.parametrize("upgrade", [b"", b"Upgrade: h2c\r\nConnection: upgrade\r\n"])
def test_size_of_the_chunks_fed_to_a_body(upgrade: bytes) -> None:
    sink = Recorder()
    parser = sink.parser = RequestParser(ServerLimits(), sink)
    assert parser.slice == SLICE
    head = b"POST / HTTP/1.1\r\nHost: x\r\n%bContent-Length: %d\r\n\r\n" % (upgrade, 10 * SLICE)
    assert parser.feed(head + b"b") == (b"b" if upgrade else b"")
    left = 10 * SLICE if upgrade else 10 * SLICE - 1
    assert parser.slice == left
    assert parser.feed(b"b" * (left - 1)) == b""
    assert parser.slice == SLICE
    assert parser.feed(b"b" + CHUNKED) == b""
    assert parser.slice == SLICE
    assert [event[0] for event in sink.events] == ["head", "body", "end", "head"]


def test_a_large_body_counts_nothing_against_the_next_head() -> None:
    limits = ServerLimits(head=1000)
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (10 * SLICE)
    body = b"b" * 10 * SLICE
    for end in (0, 1):
        parts = [
            head + body[:100],
            body[100 : len(body) - end],
            body[len(body) - end :] + b"GET / HTTP/1.1\r\n",
            HOST,
            b"\r\n",
        ]
        assert statuses(parse(list(filter(None, parts)), limits)) == []
        assert statuses(parse([*filter(None, parts[:-1]), b"X: " + b"y" * 30_000], limits)) == [431]


# -- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, SLICE - 100, SLICE, 3 * SLICE])
def test_the_head_limit_holds_behind_another_request(size: int) -> None:
    """However much of the head arrives together with the request before it."""
    limits = ServerLimits(head=1000)
    large = b"GET / HTTP/1.1\r\nHost: x\r\nX: %b\r\n\r\n" % (b"a" * 1000)
    before = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"b" * size
    for parts in ([before + large], [before, large], split(before + large, range(0, len(before + large), 700))):
        assert statuses(parse(parts, limits)) == [431]


def test_a_head_of_just_the_limit_is_taken_behind_another_request() -> None:
    fields = HOST + b"X: %b\r\n" % (b"a" * (1000 - len(HOST) - 5))
    assert len(fields) == 1000
    raw = b"GET / HTTP/1.1\r\n" + fields + b"\r\n"
    limits = ServerLimits(head=1000)
    assert statuses(parse([raw * 20], limits)) == []
    assert statuses(parse([raw.replace(b"X: ", b"X: a")], limits)) == [431]


def test_small_chunks_save_nothing_up_for_an_endless_trailer() -> None:
    parts = [CHUNKED, b"1\r\na\r\n" * 100_000, b"0\r\nX: "]
    parts += [b"b" * SLICE] * 60  # less than the chunks could have saved up
    assert statuses(parse(parts)) == [400]


def test_many_small_chunks_are_taken() -> None:
    events = parse([CHUNKED, b"1\r\na\r\n" * 100_000, b"0\r\n\r\n"])
    assert [event[0] for event in events] == ["head", "body", "end"]
    assert len(events[1][1]) == 100_000


@pytest.mark.parametrize("zeros", [4, 40, 5000, 60_000])
def test_a_length_of_many_digits_breaks_nothing(zeros: int) -> None:
    raw = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %b5\r\n\r\nhello" % (b"0" * zeros)
    assert statuses(parse([raw])) == ([] if zeros == 4 else [400])


# -- other protocols --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [b"RTSP/1.0", b"ICE/1.0", b"RTSP/1.1"])
@pytest.mark.parametrize("start", [b"GET / ", b"OPTIONS * ", b"\r\nGET  /x  ", b"SOURCE /x "])
def test_other_protocols_are_refused(protocol: bytes, start: bytes) -> None:
    raw = start + protocol + b"\r\nHost: x\r\n\r\n"
    for parts in ([raw], bytewise(raw), [NEXT + raw]):
        assert statuses(parse(parts))[0] in (400, 501, 505)


@pytest.mark.parametrize("before", [b"", b"\r\n", NEXT])
def test_the_name_of_another_protocol_in_a_field_is_a_value(before: bytes) -> None:
    raw = before + b"GET / HTTP/1.1\r\nHost: x\r\nX-Note: / RTSP/1.0 / ICE/1.0\r\n\r\n"
    assert statuses(parse([raw])) == statuses(parse(bytewise(raw))) == []
