"""One line per exchange, which no client can forge."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from sketch.application import Application
from sketch.http.grammar import Address
from sketch.observability.access_fields import FIELDS, facts_of
from sketch.observability.access_log import log_access, log_refused
from sketch.response import Response
from sketch.transport import Outcome
from tests.core.observability.test_access_fields import check_types
from tests.support.requests import Peer, exchange, finished, in_loop, make_request

ESCAPES = [
    (b"/a\r\nb", "/a\\r\\nb"),
    (b"/\x1b[2J", "/\\x1b[2J"),
    (b'/"', '/\\"'),
    (b"/\\n", "/\\\\n"),
    (b"/\xe9\x7f\x00", "/\\xe9\\x7f\\x00"),
]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.INFO, "sketch.access")
    return lambda: [record.getMessage() for record in caplog.records]


def peer(client: Address | None) -> Peer:
    connection = Peer()
    connection.client = client
    return connection


def outcome(status: int | None = 200, sent: int = 12, seconds: float = 0.00125, **options: Any) -> Outcome:
    return Outcome(status, sent, 100.0, None if status is None else 100.0, 100.0 + seconds, **options)


# -- of an exchange ----------------------------------------------------------------------------------------------------


@in_loop
async def test_line_of_an_exchange(lines: Any) -> None:
    request = make_request("/a?b=c%20d", connection=peer(("192.0.2.1", 80)))
    log_access(request, outcome())
    assert lines() == ['192.0.2.1:80 "GET /a?b=c%20d" 200 12 0.001250']


@in_loop
async def test_the_port_can_be_told_from_an_ipv6_address(lines: Any) -> None:
    request = make_request("/", connection=peer(("2001:db8::1", 80)))
    log_access(request, outcome())
    log_refused(("::1", 4711), 400)
    assert lines() == ['[2001:db8::1]:80 "GET /" 200 12 0.001250', '[::1]:4711 "- -" 400 0 0.000000']


@in_loop
async def test_unknown_values_of_an_exchange(lines: Any) -> None:
    request = make_request("*", method="OPTIONS", connection=peer(None))
    log_access(request, outcome(None, 0, 0.0, disconnected=True))
    assert lines() == ['- "OPTIONS *" - 0 0.000000']


@in_loop
async def test_the_client_is_the_one_that_middleware_has_found(lines: Any) -> None:
    """Behind a proxy, middleware replaces the connection of the request."""
    request = make_request()
    request.connection = peer(("203.0.113.9", 0))
    log_access(request, outcome())
    assert lines()[0].startswith("203.0.113.9:0 ")


@pytest.mark.parametrize(("target", "escaped"), ESCAPES)
@in_loop
async def test_escapes(lines: Any, target: bytes, escaped: str) -> None:
    log_access(make_request(target, method='G"', connection=peer(("a\nb", 1))), outcome(400, 0, 0.0))
    assert lines() == [f'a\\nb:1 "G\\" {escaped}" 400 0 0.000000']


@in_loop
async def test_the_line_is_written_at_the_end(lines: Any) -> None:
    """With the target as it was sent, also for a mounted application."""
    app, inner = Application(), Application()

    @inner.get("/x")
    async def handler() -> Response:
        return Response("hello")

    app.mount("/in", inner)
    app.access_log = log_access
    wire, request = await exchange(app, "/in/x?y")
    assert lines() == []
    await finished(app, request, wire)
    assert lines() == ['127.0.0.1:50000 "GET /in/x?y" 200 5 2.000000']


# -- of what never became a request ------------------------------------------------------------------------------------


def test_line_of_a_refusal(lines: Any) -> None:
    log_refused(("192.0.2.1", 80), 414, method="GET", target=b"/a?b=c%20d", sent=12, seconds=0.00125)
    assert lines() == ['192.0.2.1:80 "GET /a?b=c%20d" 414 12 0.001250']


def test_unknown_values_of_a_refusal(lines: Any) -> None:
    log_refused(None, None)
    assert lines() == ['- "- -" - 0 0.000000']


@pytest.mark.parametrize(("target", "escaped"), ESCAPES)
def test_escapes_of_a_refusal(lines: Any, target: bytes, escaped: str) -> None:
    log_refused(("a\nb", 1), 400, method='G"', target=target)
    assert lines() == [f'a\\nb:1 "G\\" {escaped}" 400 0 0.000000']


# -- as attributes of the record ---------------------------------------------------------------------------------------


@in_loop
async def test_the_facts_are_attributes_of_the_record(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sketch.access")
    request = make_request("/a?b", connection=peer(("192.0.2.1", 80)))
    log_access(request, outcome())
    (record,) = caplog.records
    assert {name: getattr(record, name) for name in FIELDS} == facts_of(request, outcome())
    assert (record.funcName, record.levelname) == ("log_access", "INFO")
    log_refused(("192.0.2.1", 80), 400, seconds=0.5)
    refused = caplog.records[-1].__dict__
    check_types({name: refused[name] for name in FIELDS})
    assert (refused["first_byte"], refused["method"]) == (0.5, "-")


def test_nothing_is_made_of_what_nothing_shows(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "sketch.access")
    log_access(None, outcome())
    assert caplog.records == []
