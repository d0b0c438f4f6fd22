"""The target as a separate process: one per event loop and run, new ones for tests that measure memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.programs import Program, free_port, serving

LOOPS = ("asyncio", "uvloop")
ROOT = Path(__file__).parents[3]


@contextmanager
def target(loop: str, folder: Path, *options: str) -> Iterator[Program]:
    """The application of target.py on that event loop."""
    port = free_port()
    module = "tests.native.conformance.target"
    command = [sys.executable, "-m", module, str(port), loop, str(folder), *options]
    with serving(command, port, ROOT, folder / f"{port}.log") as program:
        yield program


def resident(pid: int) -> int:
    """The bytes of memory that a process holds (Linux)."""
    return _status(pid, "VmRSS:")


def peak(pid: int) -> int:
    """The most bytes it has held since `forget_peak`."""
    return _status(pid, "VmHWM:")


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _status(pid: int, entry: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition(entry)[2].split()[0]) * 1024


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
