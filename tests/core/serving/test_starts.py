"""The exception of a failed start is logged, or kept."""

from __future__ import annotations

import logging

import pytest

from sketch.serving.starts import failed_starts_kept, log_failed_start

logger = logging.getLogger("sketch.server")


def test_a_failed_start_is_logged_unless_it_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    exc = LookupError("no database")
    with failed_starts_kept() as kept:
        log_failed_start(logger, exc)
    assert kept == [exc]
    assert caplog.messages == []
    log_failed_start(logger, exc)
    assert caplog.messages == ["the application could not be started"]
    assert "LookupError: no database" in caplog.text
    assert len(kept) == 1
