"""One line per request, which no client can forge."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from sketch.serving.access_log import log_access


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.INFO, "sketch.access")
    return lambda: [record.getMessage() for record in caplog.records]


def test_line(lines: Any) -> None:
    log_access(("192.0.2.1", 80), "GET", b"/a?b=c%20d", 200, 12, 0.00125)
    assert lines() == ['192.0.2.1:80 "GET /a?b=c%20d" 200 12 0.001250']


def test_unknown_values(lines: Any) -> None:
    log_access(None, "GET", b"*", None, 0, 0)
    assert lines() == ['- "GET *" - 0 0.000000']


@pytest.mark.parametrize(
    ("target", "escaped"),
    [
        (b"/a\r\nb", "/a\\r\\nb"),
        (b"/\x1b[2J", "/\\x1b[2J"),
        (b'/"', '/\\"'),
        (b"/\\n", "/\\\\n"),
        (b"/\xe9\x7f\x00", "/\\xe9\\x7f\\x00"),
    ],
)
def test_escapes(lines: Any, target: bytes, escaped: str) -> None:
    log_access(("a\nb", 1), 'G"', target, 400, 0, 0)
    assert lines() == [f'a\\nb:1 "G\\" {escaped}" 400 0 0.000000']
