"""The lines without records are those of the records, for any request."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sketch.concurrency.workers import WorkerInfo
from sketch.observability import access_lines, logs
from sketch.observability.access_fields import FIELDS
from sketch.observability.access_format import AccessFormat
from sketch.observability.access_log import log_access
from sketch.observability.formatters import JSONFormatter, TextFormatter
from sketch.observability.line_writer import WHOLE, LineWriter
from sketch.routing import Mount, Route
from sketch.transport import AccessLog, Outcome
from tests.core.observability.test_access_fields import PARENT, check_types
from tests.support.requests import Peer, make_request

OUTCOMES = [
    Outcome(200, 12, 100.0, 100.5, 101.25),
    Outcome(None, 0, 100.0, None, 100.0000004, ConnectionError("gone"), True, False),
    Outcome(503, 12345678, 100.0, 100.1, 100.2, None, False, True),
]
TARGETS = [
    b"/", b"/a?b=c%20d", b"*", b'/"', b"/\\", b"/\r\n\x1b\x00\xff", b"/" + b"a" * 1500, b"/" + b"b" * 3000,
    b"/" + b'"' * 3000, b"/" + b"\xff" * 8000,
]  # fmt: skip
HOSTILE = [(b"user-agent", b'"}\n{"forged":"\xe9\x9b' + b'"' * 9000), (b"referer", b"\\" * 9000)]
HEADERS = [
    [], [(b"host", b"x"), (b"user-agent", b"curl/8"), (b"referer", b"http://x/")], HOSTILE,
    [(b"traceparent", PARENT.encode())], [(b"traceparent", b"no")],
    [(b"user-agent", b"one"), (b"user-agent", b"two"), (b"traceparent", b"no"), (b"traceparent", PARENT.encode())],
]  # fmt: skip


def handler(request: Any) -> None:
    """Of the routes."""


ROUTES = [None, Route("GET", "/teas/{number}", handler), Route("GET", '/\xe4"/{x}', handler)]


class Captured(LineWriter):
    """Keeps the lines."""

    def __init__(self) -> None:
        super().__init__(lambda: os.open(os.devnull, os.O_WRONLY), str, closing=True)
        self.awake = True  # so that no thread takes them

    def taken(self) -> str:
        (line,) = self.queue
        self.queue.clear()
        return line


def never(request: Any, outcome: Outcome) -> None:
    raise AssertionError("expected no record")


@pytest.fixture
def records() -> Iterator[list[logging.LogRecord]]:
    """The records of the access log."""
    found: list[logging.LogRecord] = []
    access, handler = logging.getLogger("sketch.access"), logging.Handler()
    handler.emit = found.append  # type: ignore[method-assign]
    level = access.level
    access.setLevel("INFO")
    access.addHandler(handler)
    yield found
    access.removeHandler(handler)
    access.setLevel(level)


def requests() -> Iterator[Any]:
    for number, target in enumerate(TARGETS):
        for headers in HEADERS:
            request = make_request(target, headers=headers, method=["GET", 'G"T', "x" * 99][number % 3])
            request.connection = Peer()
            request.connection.client = [("192.0.2.1", 80), None, ("2001:db8::1", 1), ("a\nb", 2)][number % 4]
            request.route = ROUTES[number % 3]
            if request.route is not None:
                request.route.prefix = "/in" * (number % 2)
            if number % 2:
                request.id = "7" * number
            yield request


SHAPES = {TextFormatter: "9999-99-99 99:99:99,999 ", JSONFormatter: '{"time":"9999-99-99T99:99:99.999Z","level":"'}


def head_of(line: str, formatter: logging.Formatter) -> str:
    """What stands in front of the fields: the time has its form."""
    head, _, rest = line.partition("INFO")
    assert "".join("9" if each.isdigit() else each for each in head) == SHAPES[type(formatter)]
    return rest


@pytest.mark.parametrize(
    ("make", "formatter"),
    [(access_lines.text_writer, TextFormatter()), (access_lines.json_writer, JSONFormatter())],
    ids=["text", "json"],
)
def test_both_ways_say_the_same(
    make: Callable[..., AccessLog],
    formatter: logging.Formatter,
    records: list[logging.LogRecord],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logs, "fallback", None)
    monkeypatch.setattr("sketch.concurrency.workers._current", WorkerInfo(3, 4, 1))
    writer = Captured()
    write = make(writer, lambda: True, never)
    for request in requests():
        for outcome in OUTCOMES:
            write(request, outcome)
            line = writer.taken()
            log_access(request, outcome)
            record = records.pop()
            assert line.endswith("\n")
            assert line.isascii()
            assert line[:-1].isprintable()
            assert len(line) <= WHOLE, "a pipe takes it as a whole"
            expected = head_of(formatter.format(record), formatter)
            if isinstance(formatter, TextFormatter):
                assert head_of(line[:-1], formatter) == expected
                continue
            found, facts = json.loads(line), json.loads(formatter.format(record))
            del found["time"], facts["time"]
            assert found == facts
            assert (found.pop("level"), found.pop("logger")) == ("INFO", "sketch.access")
            found["duration"] = float(found["duration"])
            check_types(found)
            assert list(found) == list(FIELDS)


def test_a_mount_and_a_foreign_route(records: list[logging.LogRecord]) -> None:
    class Theirs:
        path = "/items/{id}"

    writer = Captured()
    write = access_lines.json_writer(writer, lambda: True, never)
    request = make_request("/x/items/7")
    request.route = Mount("/x", handler)
    request.route.prefix = ""
    write(request, OUTCOMES[0])
    assert json.loads(writer.taken())["route"] == "/x/*"
    request.inner_scope = {"route": Theirs()}
    write(request, OUTCOMES[0])
    assert json.loads(writer.taken())["route"] == "/items/{id}"


def any_writer(writer: LineWriter, alone: Callable[[], bool], otherwise: AccessLog) -> AccessLog:
    return access_lines.format_writer(AccessFormat("{status}"), writer, alone, otherwise)


@pytest.mark.parametrize("make", [access_lines.text_writer, access_lines.json_writer, any_writer])
def test_others_are_looked_for_once_in_a_while(make: Callable[..., AccessLog]) -> None:
    writer, alone, elsewhere = Captured(), [True], []
    write = make(writer, lambda: alone[-1], lambda request, outcome: elsewhere.append(outcome.ended_at))
    request = make_request()

    def end(at: float) -> None:
        write(request, Outcome(200, 1, 1.0, 1.0, at))

    end(5.0)
    alone.append(False)
    end(5.0 + access_lines.WINDOW / 2)
    assert (len(writer.queue), elsewhere) == (2, [])
    end(5.0 + access_lines.WINDOW)
    end(5.0 + access_lines.WINDOW)
    alone.append(True)
    end(5.0 + access_lines.WINDOW)
    assert (len(writer.queue), elsewhere) == (3, [5.0 + access_lines.WINDOW] * 2)


@pytest.mark.parametrize("make", [access_lines.text_writer, access_lines.json_writer, any_writer])
def test_a_full_queue_takes_no_more(make: Callable[..., AccessLog]) -> None:
    writer = Captured()
    writer.most = 2
    write = make(writer, lambda: True, never)
    for _ in range(5):
        write(make_request(), OUTCOMES[0])
    assert (len(writer.queue), writer.dropped) == (2, 3)


def test_a_cache_is_bounded() -> None:
    made: list[int] = []

    def make(key: int) -> int:
        made.append(key)
        return key + 1

    known = access_lines.Known(make)
    for key in range(access_lines.KNOWN + 1):
        assert known[key] == known[key] == key + 1
    assert len(made) == access_lines.KNOWN + 1
    assert len(known) == 1
    long: access_lines.Known[bytes, int] = access_lines.Known(len)
    assert (long[b"x" * 5000], len(long)) == (5000, 0)
