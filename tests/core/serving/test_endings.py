"""What the log says of exchanges that end early."""

from __future__ import annotations

import pytest

from sketch.lifecycle.stopping import Stopping
from sketch.serving.endings import log_cancelled, log_left, log_stalled
from sketch.transport import ClientDisconnected
from tests.support.requests import in_loop


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, str]]:
    return [(record.name, record.levelname, record.getMessage()) for record in caplog.records]


def test_a_client_that_leaves_is_nothing_special(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "sketch")
    log_left("GET", "/a", ClientDisconnected("the client left before the end of the answer"))
    assert said(caplog) == [("sketch.server", "DEBUG", "GET '/a': the client left before the end of the answer")]


def test_what_is_cut_off_is_named(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "sketch")
    log_cancelled("GET", "/a", Stopping())
    for client in (("192.0.2.7", 4711), ("2001:db8::7", 4711), None):
        log_stalled(client)
    assert said(caplog) == [
        ("sketch.server", "INFO", "GET '/a' was cancelled"),
        ("sketch.server", "INFO", "192.0.2.7:4711: the client reads nothing, the connection is cut"),
        ("sketch.server", "INFO", "[2001:db8::7]:4711: the client reads nothing, the connection is cut"),
        ("sketch.server", "INFO", "the client reads nothing, the connection is cut"),
    ]


@in_loop
async def test_what_is_cut_off_by_a_stop_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "sketch")
    stopping = Stopping()
    stopping.set(0)
    log_cancelled("GET", "/a", stopping)
    assert said(caplog) == []
    stopping.report()
    assert said(caplog) == [("sketch", "WARNING", "cut off at the end of the grace period: GET '/a'")]


def test_no_line_can_be_forged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "sketch")
    log_cancelled("GET", "/a\nb", Stopping())
    assert "\n" not in said(caplog)[0][2]
