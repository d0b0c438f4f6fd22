"""Responses to bytes, without a socket."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given, strategies as st

from sketch.http.fields import RawHeaders
from sketch.http.status import PHRASES
from sketch_native import writer
from sketch_native.refusal import Refusal
from tests.native.parsing import bounded

COMMON = b"date: Fri, 20 Nov 2026 22:45:00 GMT\r\nserver: sketch\r\n"
PLAIN = (b"content-type", b"text/plain")
LENGTH = (b"content-length", b"2")


@pytest.mark.parametrize(
    ("status", "fields", "connection", "expected"),
    [
        (200, [PLAIN, LENGTH], b"", b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n%b\r\n"),
        (204, [], b"", b"HTTP/1.1 204 No Content\r\n%b\r\n"),
        (404, [LENGTH], b"", b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n%b\r\n"),
        (299, [LENGTH], b"", b"HTTP/1.1 299 \r\ncontent-length: 2\r\n%b\r\n"),
        (
            200,
            [PLAIN, (b"x-a", b"1"), (b"x-a", b"2"), LENGTH],
            b"connection: close\r\n",
            (
                b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-a: 1\r\nx-a: 2\r\ncontent-length: 2\r\n"
                b"%bconnection: close\r\n\r\n"
            ),
        ),
    ],
)
def test_a_head(status: int, fields: RawHeaders, connection: bytes, expected: bytes) -> None:
    assert writer.head(status, fields, COMMON, connection) == expected % COMMON


@given(st.binary(max_size=20))
def test_a_plain_answer_is_its_head_and_its_body(body: bytes) -> None:
    fields = [PLAIN, (b"content-length", b"%d" % len(body))]
    assert writer.plain(fields, COMMON, body) == writer.head(200, fields, COMMON, b"") + body


@pytest.mark.parametrize("name", [b"date", b"server"])
def test_a_field_that_the_handler_sets_is_sent_once(name: bytes) -> None:
    head = writer.head(200, [PLAIN, (name, b"mine"), LENGTH], COMMON, b"")
    assert head.count(b"\r\n" + name + b": ") == 1
    assert name + b": mine\r\n" in head
    for other in {b"date", b"server"} - {name}:
        assert head.count(b"\r\n" + other + b": ") == 1


@pytest.mark.parametrize("name", [b"date", b"server", b"connection"])
@pytest.mark.parametrize("others", [[], [LENGTH], [PLAIN]])
def test_two_fields_may_be_any(name: bytes, others: RawHeaders) -> None:
    """The fast path takes a media type with a length, and no other two fields."""
    for fields in ([(name, b"mine"), *others], [*others, (name, b"mine")]):
        head = writer.head(200, fields, COMMON, b"connection: close\r\n")
        assert head.count(name) == 1
        assert (b"mine" in head) == (name != b"connection")
        assert not writer.usual(fields)
    assert writer.usual([PLAIN, LENGTH])


@pytest.mark.parametrize("name", [b"connection", b"keep-alive"])
def test_persistence_is_the_servers_alone(name: bytes) -> None:
    head = writer.head(200, [PLAIN, (name, b"upgrade, timeout=5"), LENGTH], COMMON, b"connection: close\r\n")
    assert head.count(b"connection") == 1
    assert b"timeout" not in head


@pytest.mark.parametrize("count", range(4))
def test_the_same_with_few_fields_and_with_many(count: int) -> None:
    """Most responses take a fast path."""
    fields = [(b"x-%d" % n, b"v") for n in range(count)]
    lines = b"".join(b"x-%d: v\r\n" % n for n in range(count))
    assert writer.head(200, fields, COMMON, b"") == b"HTTP/1.1 200 OK\r\n" + lines + COMMON + b"\r\n"


def test_every_known_status_has_its_line() -> None:
    for status in PHRASES:
        head = writer.head(status, [], b"", b"")
        assert re.fullmatch(rb"HTTP/1\.1 %d [A-Za-z' -]+\r\n\r\n" % status, head), head


@pytest.mark.parametrize(
    ("value", "closes"),
    [(b"close", True), (b"Close", True), (b"keep-alive, close", True), (b"keep-alive", False), (b"", False)],
)
def test_a_handler_may_ask_for_the_end(value: bytes, closes: bool) -> None:
    assert writer.wants_close([PLAIN, (b"connection", value)]) is closes
    assert not writer.wants_close([PLAIN, (b"x-connection", b"close")])


@bounded
@given(st.lists(st.binary(min_size=1, max_size=5000)))
def test_chunks_add_up(parts: list[bytes]) -> None:
    """Decoded by an independent reading of RFC 9112 section 7.1."""
    wire = b"".join(map(writer.chunk, parts)) + writer.LAST_CHUNK
    found = []
    while True:
        line, _, wire = wire.partition(b"\r\n")
        size = int(line, 16)
        if not size:
            break
        found.append(wire[:size])
        assert wire[size : size + 2] == b"\r\n"
        wire = wire[size + 2 :]
    assert wire == b"\r\n"
    assert found == parts


@pytest.mark.parametrize("status", [400, 408, 413, 414, 417, 431, 501, 503, 505])
def test_a_refusal(status: int) -> None:
    refusal = Refusal(status, "for a reason")
    raw = writer.refusal(refusal, COMMON)
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\nconnection: close" in head
    assert b"\r\ncontent-length: %d\r\n" % len(body) in head
    assert body.decode().endswith("for a reason\n")
    assert body == refusal.text


def test_the_clock_moves_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_800_000_000.0]
    monkeypatch.setattr(writer.time, "time", lambda: now[0])
    clock = writer.Clock()
    first = clock.fields
    clock.tick()
    assert clock.fields is first
    now[0] += 1
    clock.tick()
    lines = clock.fields.decode().splitlines()
    assert [line.partition(":")[0] for line in lines] == ["date", "server"]
    assert parsedate_to_datetime(lines[0][6:]).timestamp() == now[0]
    assert lines[0].endswith(" GMT")
