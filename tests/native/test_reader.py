"""The request reader without a socket: what it queues, when it stops parsing, and what becomes of the other bytes."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sketch.exceptions import HTTPException
from sketch.serving.server_limits import ServerLimits
from sketch_native.backlog import HANDSHAKE, PIPELINE, REFUSAL
from sketch_native.exchange import Exchange
from sketch_native.interfaces import Line
from sketch_native.reader import RequestReader
from sketch_native.refusal import Refusal
from sketch_native.responder import ResponderExchange
from sketch_native.websocket.upgrade import UpgradeExchange

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
MALFORMED = b"GET / HTTP/1.1\r\n\r\n"
SHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class FakeLine:
    """A connection without a socket; it notes whether the socket would be read."""

    def __init__(self, limits: ServerLimits, respond: Any) -> None:
        self.server = SimpleNamespace(limits=limits, respond=respond, root_path="")
        self.connection = object()
        self.transport = self
        self.task: object = None
        self.reading = True

    def pause_reading(self) -> None:
        self.reading = False

    def want_body(self) -> None:
        self.reading = True

    def send_continue(self) -> None:
        raise AssertionError("expected no body to be read here")


def make(respond: Any = None, **limits: Any) -> tuple[RequestReader, FakeLine]:
    line = FakeLine(ServerLimits(**limits), respond)
    return RequestReader(cast("Line", line)), line


def targets(reader: RequestReader) -> list[bytes]:
    return [turn.request.target for turn in reader.queue if isinstance(turn, Exchange)]


@pytest.mark.parametrize(("respond", "kind"), [(None, Exchange), (lambda: None, ResponderExchange)])
def test_the_kind_of_exchange_is_the_servers(respond: Any, kind: type[Exchange]) -> None:
    reader, _ = make(respond)
    reader.feed(GET)
    assert [type(turn) for turn in reader.queue] == [kind]


def test_requests_are_queued_in_order() -> None:
    reader, _ = make()
    reader.feed(b"".join(GET.replace(b"/ ", b"/%d " % number) for number in range(5)))
    assert targets(reader) == [b"/%d" % number for number in range(5)]
    assert reader.receiving is None
    assert reader.backlog is None


async def test_the_last_request_is_received_until_its_body_is_complete() -> None:
    reader, _ = make()
    reader.feed(GET + POST + b"abc")
    exchange = reader.queue[1]
    assert isinstance(exchange, Exchange)
    assert reader.receiving is exchange
    assert exchange.body is not None
    assert not exchange.body.ended
    reader.feed(b"def")
    assert reader.receiving is None
    assert [await exchange.body.read() for _ in range(3)] == [b"abc", b"def", b""]


def test_parsing_stops_at_the_limit_of_waiting_requests() -> None:
    reader, line = make(pipeline=2)
    rest = b"P" + b"x" * 20_000
    reader.feed(GET * 700 + rest)  # more than one slice
    assert reader.backlog is not None
    assert reader.backlog.reason is PIPELINE
    assert reader.full
    assert not line.reading
    waiting = len(reader.queue)
    assert 2 <= waiting < 700
    reader.keep(b"y")
    assert reader.backlog.data.endswith(b"xy")
    assert len(reader.queue) == waiting


def test_the_backlog_is_parsed_when_the_queue_is_empty() -> None:
    reader, line = make(pipeline=1)
    reader.feed(GET * 1500)
    parsed = 0
    while reader.backlog is not None:
        parsed += len(reader.queue)
        reader.queue.clear()
        reader.feed_backlog()
    assert parsed + len(reader.queue) == 1500
    assert line.reading
    assert not reader.full


async def test_bytes_behind_a_handshake_are_kept() -> None:
    reader, line = make()
    reader.feed(GET + SHAKE + b"frame")
    reader.keep(b"s")
    assert isinstance(reader.queue[1], UpgradeExchange)
    assert reader.backlog is not None
    assert (reader.backlog.reason, reader.backlog.data) == (HANDSHAKE, b"frames")
    line.task = asyncio.current_task()
    reader.feed_backlog()
    assert reader.backlog is not None, "expected nothing to be parsed while the handshake is being answered"
    assert reader.close() == b"frames"


def test_bytes_behind_a_handshake_with_another_answer_are_requests() -> None:
    reader, line = make(body_buffer=10)
    reader.feed(SHAKE)
    assert reader.full
    assert line.reading
    reader.keep(GET)
    assert not line.reading, "expected an end of reading: as much waits as may wait of a body"
    reader.queue.clear()
    reader.feed_backlog()
    assert targets(reader) == [b"/"]
    assert line.reading
    assert reader.backlog is None


def test_nothing_may_be_behind_a_handshake() -> None:
    reader, _ = make()
    reader.feed(SHAKE)
    reader.queue.clear()
    reader.feed_backlog()
    assert reader.backlog is None
    reader.feed(GET)
    assert targets(reader) == [b"/"]
    assert make()[0].close() == b""


def test_a_refusal_is_queued_and_ends_the_parsing() -> None:
    reader, line = make()
    reader.feed(GET + MALFORMED + GET)
    assert [type(turn) for turn in reader.queue] == [Exchange, Refusal]
    assert reader.backlog is not None
    assert reader.backlog.reason is REFUSAL
    assert not line.reading
    reader.keep(GET)
    reader.queue.clear()
    reader.feed_backlog()
    assert not reader.queue
    assert not reader.backlog


async def test_an_error_in_a_body_is_raised_to_its_reader() -> None:
    reader, _ = make()
    reader.feed(CHUNKED + b"3\r\nabc\r\nZ\r\n")
    (exchange,) = reader.queue
    assert isinstance(exchange, Exchange)
    assert exchange.body is not None
    assert not exchange.keep_alive
    assert await exchange.body.read() == b"abc"
    with pytest.raises(HTTPException) as caught:
        await exchange.body.read()
    assert caught.value.status == 400


async def test_no_more_is_wanted_while_a_body_fills_its_buffer() -> None:
    reader, line = make(body_buffer=3)
    reader.feed(POST + b"ab")
    assert not reader.full
    reader.feed(b"cd")
    assert reader.full
    assert not line.reading
    (exchange,) = reader.queue
    assert isinstance(exchange, Exchange)
    assert exchange.body is not None
    await exchange.body.read()
    assert not reader.full
    assert line.reading


def test_clear_drops_what_is_not_answered() -> None:
    reader, _ = make(pipeline=1)
    reader.feed(GET * 1500)
    reader.clear()
    assert not reader.queue
    assert reader.backlog is None
