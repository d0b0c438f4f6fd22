"""Reads the members of a process tree, their CPU time and their memory from the kernel (proc(5))."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")


class Times(NamedTuple):
    """The CPU time of a process tree in seconds: in the programs themselves, and in the kernel on their behalf."""

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
    """The CPU time of the whole tree until now, as `cpu_seconds`, divided into user and system."""
    user = system = 0.0
    for member in tree(pid):
        total = _cpu_of_one(member)
        share = _user_share(member)
        user += total * share
        system += total * (1 - share)
    return Times(user, system)


def _cpu_of_one(pid: int) -> float:
    # The CPU clock of another process: the sum of utime and stime in /proc/PID/stat, which are cut to 10 ms, in
    # nanoseconds. The number is what clock_getcpuclockid(3) answers on Linux.
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:  # it has ended since it was listed
        return 0.0


def _user_share(pid: int) -> float:
    """The share of a process's CPU time that is user time: utime and stime of /proc/PID/stat, in steps of 10 ms."""
    fields = _read(PROC / str(pid) / "stat").rpartition(")")[2].split()
    if not fields:  # the process has ended
        return 0.0
    user, system = int(fields[11]), int(fields[12])
    return user / (user + system) if user + system else 1.0


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
