"""Which worker this process is, and what it cannot share with the others."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

logger = logging.getLogger("sketch")


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """Which one of the workers a process is."""

    index: int
    """Its number, from 0 to `count - 1`. The worker that replaces it has the same."""
    count: int
    """How many workers there are."""
    generation: int
    """How many processes had this index up to now, this one included: 1 for the first."""


_current: WorkerInfo | None = None
_reported: set[str] = set()


def current_worker() -> WorkerInfo | None:
    """Return which worker this process is: `index`, `count` and `generation`.

    A server of one process, without `workers`, is worker 0 of 1. None where sketch does not run the process: in a test,
    inside `serve`, and under the own command line of an ASGI server.

    While a worker is replaced, the old one and the new one run at the same time, with the same index.
    """
    return _current


@contextmanager
def working_as(info: WorkerInfo) -> Iterator[None]:
    """Be this worker while the block runs."""
    global _current
    before, _current = _current, info
    _reported.clear()
    try:
        yield
    finally:
        _current = before


def report_unshared(what: str, instead: str) -> None:
    """Log a warning if this process is one of several workers, at the first use of what each of them has for itself.

    Args:
        what: is in the memory of this process, in plural or with an article: `a MemoryStore`. It is reported once.
        instead: what all workers would share.
    """
    if _current is None or _current.count == 1 or what in _reported:
        return
    _reported.add(what)
    logger.warning(
        "%s in the memory of one process, and %d workers serve: each has its own. %s, or run one worker",
        what,
        _current.count,
        instead,
    )
