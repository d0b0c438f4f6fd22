"""Threads that Python knows nothing of: those of a server that is not written in it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

LAST = 1.0
"""Seconds that such threads get to end. They take a few milliseconds, on a busy machine some more."""


@contextmanager
def native_threads_ended() -> Iterator[None]:
    """Leave the block a moment after its end, when the threads that were started in it have ended, too.

    granian's still work when it says that it has ended. One that lets go of its Python objects while the interpreter
    ends already makes it abort the process. Where the system does not list threads, nobody is waited for.
    """
    before = _native_threads()
    try:
        yield
    finally:
        deadline = monotonic() + LAST
        while _native_threads() - before and monotonic() < deadline:
            sleep(0.001)


def _native_threads() -> set[str]:
    ours = {str(thread.native_id) for thread in threading.enumerate()}
    try:
        return {*os.listdir("/proc/self/task")} - ours  # noqa: PTH208 - names, not paths
    except OSError:
        return set()
