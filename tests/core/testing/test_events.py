"""Event streams as the test client reads them."""

from __future__ import annotations

import pytest

from sketch.testing.events import ClientEvent, EventParser


def parse(*chunks: bytes) -> list[ClientEvent]:
    parser = EventParser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


def test_fields() -> None:
    (event,) = parse(b'id: 7\nevent: price\nretry: 500\ndata: {"a":\ndata: 1}\nunknown: x\n: comment\n\n')
    assert event == ClientEvent('{"a":\n1}', "price", "7", 500)
    assert event.json() == {"a": 1}


def test_an_id_stays_and_a_type_does_not() -> None:
    assert parse(b"id: 1\nevent: a\ndata\n\ndata:x\n\nid\ndata: y\n\n") == [
        ClientEvent("", "a", "1"),
        ClientEvent("x", "message", "1"),
        ClientEvent("y", "message", ""),
    ]


def test_what_is_ignored() -> None:
    assert parse(b"\n\nevent: empty\n\nid: a\0b\nretry: 1x\ndata: kept\n\ndata: cut short\n") == [ClientEvent("kept")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_line_ends_and_chunks_that_end_anywhere(end: bytes) -> None:
    stream = b"\xef\xbb\xbf" + end.join([b"data: gr\xc3\xbc\xc3\x9fe", b"data: 2", b"", b"data: 3", b"", b""])
    whole, pieces = parse(stream + b" "), parse(*(stream[at : at + 1] for at in range(len(stream))), b" ")
    assert whole == pieces == [ClientEvent("grüße\n2"), ClientEvent("3")]
