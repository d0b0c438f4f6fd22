"""Reads the members of a process tree, their CPU time and their memory from the kernel (proc(5))."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
"""The unit of CPU times in /proc/PID/stat: parts of a second."""


class Times(NamedTuple):
    """The CPU time of a process tree in seconds: in the programs themselves, and in the kernel on their behalf.

    The kernel counts both in steps of 10 ms.
    """

    user: float
    system: float


class Memory(NamedTuple):
    """The memory of a process tree in bytes: resident set size (RSS), proportional set size (PSS)."""

    rss: int
    pss: int


def tree(pid: int) -> list[int]:
    """The process and its descendants that are alive."""
    found = [pid]
    for parent in found:  # the list grows meanwhile
        for thread in _listed(PROC / str(parent) / "task"):
            found += map(int, _read(thread / "children").split())
    return found


def cpu_seconds(pid: int) -> float:
    """The CPU time of the whole tree until now: user and system, of all threads, also of those that have ended."""
    return sum(map(_cpu_of_one, tree(pid)))


def cpu_times(pid: int) -> Times:
    """The CPU time of the whole tree until now, divided into user and system, but not as exact as `cpu_seconds`."""
    user = system = 0
    for member in tree(pid):
        fields = _read(PROC / str(member) / "stat").rpartition(")")[2].split()
        if fields:  # else it has ended since it was listed
            user += int(fields[11])
            system += int(fields[12])
    return Times(user / TICKS, system / TICKS)


def _cpu_of_one(pid: int) -> float:
    # The CPU clock of another process: the sum of utime and stime in /proc/PID/stat, which are cut to 10 ms, in
    # nanoseconds. The number is what clock_getcpuclockid(3) answers on Linux.
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:  # it has ended since it was listed
        return 0.0


def memory(pid: int) -> Memory:
    """The memory of the whole tree now."""
    rss = pss = 0
    for member in tree(pid):
        for line in _read(PROC / str(member) / "smaps_rollup").splitlines():
            name, _, rest = line.partition(":")
            if name == "Rss":
                rss += _kibibytes(rest)
            elif name == "Pss":
                pss += _kibibytes(rest)
    return Memory(rss, pss)


def _kibibytes(text: str) -> int:
    return int(text.split()[0]) * 1024


def _listed(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError:  # the process has ended
        return []


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # the process has ended
        return ""
