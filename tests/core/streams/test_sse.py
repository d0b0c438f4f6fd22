"""Server-sent events: their format, checked by an independent parser, and the response that sends them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest
from hypothesis import given, strategies as st

from sketch import Event, EventStreamResponse, last_event_id
from sketch.application import Application
from sketch.jsoncodec import JSONCodec
from sketch.response import Response
from sketch.streams.event_source import PING
from sketch.streams.sse import format_event
from sketch.testing import TestClient
from sketch.transport import Chunks, FileBody, WireResponse
from tests.support.eventstream import EventParser, Received
from tests.support.requests import in_loop, make_request
from tests.support.responses import finalized

# -- the format --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "sent"),
    [
        (Event("a"), b"data: a\n\n"),
        (Event(""), b"data: \n\n"),
        (Event(" a"), b"data:  a\n\n"),
        (Event("a\nb\rc\r\nd"), b"data: a\ndata: b\ndata: c\ndata: d\n\n"),
        (Event("a\n"), b"data: a\ndata: \n\n"),
        (Event("a\u2028b\x0bc\x85"), "data: a\u2028b\x0bc\x85\n\n".encode()),
        (Event({"a": [1, "é"]}), 'data: {"a":[1,"é"]}\n\n'.encode()),
        (Event([date(2026, 1, 2)]), b'data: ["2026-01-02"]\n\n'),
        (Event(0), b"data: 0\n\n"),
        (Event(False), b"data: false\n\n"),
        (Event("a", "tick", 7, 1500), b"retry: 1500\nid: 7\nevent: tick\ndata: a\n\n"),
        (Event(id="x y"), b"id: x y\n\n"),
        (Event(id=""), b"id: \n\n"),
        (Event(id=0), b"id: 0\n\n"),
        (Event(retry=0), b"retry: 0\n\n"),
    ],
)
def test_the_format(event: Event, sent: bytes) -> None:
    assert format_event(event) == sent


def test_json_that_is_written_over_several_lines() -> None:
    assert format_event(Event({}), lambda data: b'{\n\r\n"a": 1}') == b'data: {\ndata: \ndata: "a": 1}\n\n'


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "nothing in it"),
        ({"data": None}, "nothing in it"),
        ({"event": "x"}, "type and data together"),
        ({"event": "", "data": "x"}, "type and data together"),
        ({"event": "a\nb", "data": "x"}, "expected event without line ends"),
        ({"event": "a\rb", "data": "x"}, "expected event without line ends"),
        ({"id": "a\nb"}, "expected id without line ends"),
        ({"id": "a\r"}, "expected id without line ends"),
        ({"id": "a\0"}, "expected id without line ends or NUL"),
        ({"retry": -1}, "0 milliseconds or more, got -1"),
    ],
)
def test_values_that_no_event_can_hold_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Event(**fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"data": b"x"}, "decode it, or write it in base64"),
        ({"data": bytearray(b"x")}, "decode it"),
        ({"data": "x", "event": 1}, "expected event of str, got 1"),
        ({"id": 1.5}, "expected an id of str or int, got 1.5"),
        ({"retry": 1.5}, "whole milliseconds, got 1.5"),
    ],
)
def test_values_of_other_types_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Event(**fields)


def test_data_that_cannot_be_written() -> None:
    with pytest.raises(TypeError):
        format_event(Event({"a": object()}))
    with pytest.raises(ValueError):
        format_event(Event("\ud800"))


TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\r\n:\0 \ufeff\x85"))


def without(forbidden: str, *, least: int = 0) -> st.SearchStrategy[str]:
    alphabet = st.characters(exclude_categories=["Cs"], exclude_characters=forbidden) | st.sampled_from(": \ufeff")
    return st.text(alphabet, min_size=least)


WITH_DATA = st.builds(
    Event,
    data=TEXT,
    event=st.none() | without("\r\n", least=1),
    id=st.none() | without("\r\n\0") | st.integers(),
    retry=st.none() | st.integers(0, 10**9),
)
WITHOUT_DATA = st.builds(Event, id=without("\r\n\0"))


@given(st.lists(WITH_DATA | WITHOUT_DATA | st.just(PING)), st.lists(st.integers(1, 9)))
def test_what_a_browser_reads(events: list[Event | bytes], cuts: list[int]) -> None:
    """For any text, and any segments of the stream."""
    sent = b"".join(event if isinstance(event, bytes) else format_event(event) for event in events)
    parser = EventParser()
    for size in cuts:
        parser.feed(sent[:size])
        sent = sent[size:]
    parser.feed(sent)
    expected, last = [], ""
    for event in events:
        if isinstance(event, bytes):
            continue
        last = last if event.id is None else str(event.id)
        if event.data is not None:
            data = event.data.replace("\r\n", "\n").replace("\r", "\n")
            expected.append(Received(event.event or "message", data, last))
    assert parser.events == expected
    assert parser.last_id == last
    retries = [event.retry for event in events if isinstance(event, Event) and event.retry is not None]
    assert parser.retry == (retries[-1] if retries else None)


# -- the request -------------------------------------------------------------------------------------------------------


def test_the_last_event_of_a_client_that_comes_back() -> None:
    assert last_event_id(make_request(headers=[])) is None
    assert last_event_id(make_request(headers=[(b"last-event-id", b"")])) is None
    assert last_event_id(make_request(headers=[(b"last-event-id", "ü 7".encode())])) == "ü 7"
    assert last_event_id(make_request(headers=[(b"last-event-id", b"\xff")])) == "\ufffd"


# -- the response ------------------------------------------------------------------------------------------------------


async def numbers(count: int = 2) -> AsyncIterator[Any]:
    for number in range(count):
        yield number


async def pulled(wire: WireResponse) -> list[bytes]:
    assert not isinstance(wire.payload, bytes | FileBody)
    parts = []
    async with Chunks(wire.payload, wire.length) as chunks:
        while chunk := await chunks.next():
            parts.append(chunk)
    return parts


@in_loop
async def test_a_response() -> None:
    wire = finalized(EventStreamResponse(numbers(), headers={"X-A": "b"}))
    assert dict(wire.fields) == {
        b"content-type": b"text/event-stream",
        b"cache-control": b"no-store",
        b"x-accel-buffering": b"no",
        b"x-a": b"b",
    }
    assert (wire.status, wire.length) == (200, None)
    assert await pulled(wire) == [b"data: 0\n\n", b"data: 1\n\n"]


@in_loop
async def test_fields_that_are_given_win() -> None:
    headers = {"cache-control": "no-cache", "x-accel-buffering": "yes"}
    response = EventStreamResponse(numbers(), headers=headers)
    assert dict(response.headers) == headers | {"Content-Type": "text/event-stream"}


@in_loop
async def test_retry_is_sent_first() -> None:
    assert await pulled(finalized(EventStreamResponse(numbers(1), retry=250))) == [b"retry: 250\n\n", b"data: 0\n\n"]


@in_loop
async def test_a_source_may_yield_events_text_and_data() -> None:
    async def source() -> AsyncIterator[Any]:
        yield Event("a", id=1)
        yield "b"
        yield ["c"]

    assert b"".join(await pulled(finalized(EventStreamResponse(source())))) == (
        b'id: 1\ndata: a\n\ndata: b\n\ndata: ["c"]\n\n'
    )


@pytest.mark.parametrize("source", [numbers, [1, 2], iter([1]), "text", None])
def test_other_sources_are_refused(source: Any) -> None:
    with pytest.raises(TypeError, match="expected an async iterable of events"):
        EventStreamResponse(source)


@pytest.mark.parametrize("options", [{"ping": 0}, {"ping": -1}, {"ping": "15"}, {"ping": float("nan")}, {"retry": -1}])
def test_invalid_times_are_refused(options: dict[str, Any]) -> None:
    class Source:
        def __aiter__(self) -> Any:
            raise NotImplementedError

    with pytest.raises(ValueError):
        EventStreamResponse(Source(), **options)


@in_loop
async def test_the_codec_is_that_of_the_application() -> None:
    app = Application(json=JSONCodec(dumps=lambda data: b"<%d>" % data, loads=lambda text: None))

    @app.get("/")
    async def index() -> Response:
        return EventStreamResponse(numbers(1))

    async with TestClient(app) as client:
        assert await (await client.get("/")).text() == "data: <0>\n\n"


@in_loop
async def test_a_source_that_starts_afresh_may_be_sent_again() -> None:
    class Source:
        def __aiter__(self) -> AsyncIterator[Any]:
            return numbers(1)

    response = EventStreamResponse(Source())
    assert await pulled(finalized(response)) == await pulled(finalized(response)) == [b"data: 0\n\n"]
    used = EventStreamResponse(numbers(1))
    await pulled(finalized(used))
    with pytest.raises(RuntimeError, match="sent before"):
        finalized(used)
