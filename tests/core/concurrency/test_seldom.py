"""Lines of the log that come at most once in a while."""

from __future__ import annotations

import logging

import pytest

from sketch.concurrency.seldom import Seldom


def test_one_line_in_a_while_and_how_many_there_would_have_been(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    lines = Seldom(logging.getLogger("sketch.test"), logging.WARNING, 10, lambda: now)
    for now in (0.0, 1.0, 9.9, 10.0, 20.0):
        lines.log("at %s", now)
    assert caplog.messages == ["at 0.0", "at 10.0 (and 2 times since the last such line)", "at 20.0"]
