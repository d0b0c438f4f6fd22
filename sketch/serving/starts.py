"""What becomes of the exception of a start that has failed: it is logged, or kept for a page about it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_kept: list[Exception] | None = None


@contextmanager
def failed_starts_kept() -> Iterator[list[Exception]]:
    """Yield a list that gets the exceptions of failed starts while the block runs, in place of the log."""
    global _kept
    kept: list[Exception] = []
    _kept = kept
    try:
        yield kept
    finally:
        _kept = None


def log_failed_start(logger: logging.Logger, exc: Exception) -> None:
    """Log that the application could not be started, with the traceback, unless that is kept."""
    if _kept is None:
        logger.error("the application could not be started", exc_info=exc)
    else:
        _kept.append(exc)
