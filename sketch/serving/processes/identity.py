"""Which worker this process is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


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
    try:
        yield
    finally:
        _current = before
