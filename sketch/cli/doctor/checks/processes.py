"""Checks of the processes: how many there are, what they share, and as whom they run."""

from __future__ import annotations

from collections.abc import Iterator

from sketch.cli.doctor.application import in_memory
from sketch.cli.doctor.case import Case
from sketch.cli.doctor.finding import Fault


def idle_cpus(case: Case) -> Iterator[Fault]:
    """Find CPUs that one process cannot use."""
    if case.options.workers is None and case.system.cpus > 1 and case.reachable():
        text = (
            f"one process serves, and there are {case.system.cpus} CPUs; nor is it watched, or replaced without a gap"
        )
        yield Fault(text, "--workers 0 starts one per CPU", ("workers",))


def memory_of_one(case: Case) -> Iterator[Fault]:
    """Find state that each worker would have for itself."""
    found = in_memory() if case.workers > 1 else []
    if found:
        text = f"{' and '.join(found)} in memory, and {case.workers} workers: each has its own"
        yield Fault(text, "keep it outside of the processes, in Redis say, or run one worker", ("workers",))


def runs_as_root(case: Case) -> Iterator[Fault]:
    """Find a server that may do everything."""
    if case.system.is_root and case.reachable():
        text = "the server runs as root: what takes it over owns the machine, or the container"
        yield Fault(text, "run it as a user of its own: User= or DynamicUser= of systemd, USER of an image")


def development_mode(case: Case) -> Iterator[Fault]:
    """Find switches of Python that are for development."""
    if case.system.development_mode and case.reachable():
        text = "Python runs in development mode (-X dev, PYTHONDEVMODE, PYTHONASYNCIODEBUG): every request costs more"
        yield Fault(text, "leave it off here")
