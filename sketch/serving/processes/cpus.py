"""How many CPUs this process may use."""

from __future__ import annotations

import os
from math import ceil
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def usable_cpus() -> int:
    """Return how many CPUs this process may use, at least 1.

    It is the number of CPUs that it may be scheduled on (`taskset`, cpusets), or the quota of its cgroup (`docker run
    --cpus`, the CPU limit of a Kubernetes container) if that is less; a part of a CPU counts as one.
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([count, *(ceil(quota) for quota in _quotas())]))


def _quotas() -> list[float]:
    """Return the quotas of the cgroup of this process and of those above it, in CPUs; none without cgroups."""
    try:
        memberships = MEMBERSHIP.read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in memberships:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            found += [_read_v2(folder) for folder in _upwards(CGROUPS, path)]
        elif "cpu" in controllers.split(","):
            found += [_read_v1(folder) for folder in _upwards(CGROUPS / "cpu", path)]
    return [quota for quota in found if quota is not None]


def _upwards(root: Path, path: str) -> list[Path]:
    """Return the folder of a cgroup and those above it. Inside a container the path may not exist: the root does."""
    folder = root / path.lstrip("/")
    return [folder, *(above for above in folder.parents if above.is_relative_to(root))]


def _read_v2(folder: Path) -> float | None:
    try:
        quota, period = (folder / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        return None


def _read_v1(folder: Path) -> float | None:
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        return None if quota < 0 else quota / int((folder / "cpu.cfs_period_us").read_text())
    except (OSError, ValueError):
        return None
