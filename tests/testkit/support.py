"""What the tests of the test kit share."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from sketch.bench.processes import tree

TRANSPORTS = ("memory", "native", "uvicorn", "hypercorn", "granian")
SERVERS = TRANSPORTS[1:]
HERE = "tests.testkit.applications"
BOUND = 2.0
"""Seconds in which nothing may be left."""


def sockets() -> int:
    """How many sockets this process has open (Linux)."""
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found += str(entry.readlink()).startswith("socket:")
        except OSError:  # the descriptor of the directory itself
            continue
    return found


@contextmanager
def nothing_left() -> Iterator[None]:
    """Check that the block leaves no thread, process, socket or task."""
    threads, processes, open_sockets, tasks = set(threading.enumerate()), tree(os.getpid()), sockets(), tasks_of_loop()
    yield
    assert set(threading.enumerate()) <= threads
    assert tree(os.getpid()) == processes
    assert sockets() <= open_sockets
    assert tasks_of_loop() <= tasks


def tasks_of_loop() -> set[asyncio.Task[object]]:
    return {task for task in asyncio.all_tasks() if not task.done()}


@contextmanager
def within() -> Iterator[None]:
    """Check that the block takes no longer than it may."""
    began = monotonic()
    yield
    assert monotonic() - began < BOUND
