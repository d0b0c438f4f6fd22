"""Measures programs in rounds; the order rotates, so that no program runs first in every round."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sketch.bench.cores import Cores
from sketch.bench.errors import BenchError
from sketch.bench.figures import Figures, Sample
from sketch.bench.load import Load, Report, require, run_load
from sketch.bench.processes import Times
from sketch.bench.program import Program, Refused

WARM_UP = 0.2
"""The uncounted warm-up, as a share of a round's seconds: lazy imports, caches, the allocator."""
SHORTEST = 0.25
"""The shortest load in seconds: earlier, wrk may not be ready to be interrupted."""


def measure(
    programs: Sequence[Program],
    load: Load,
    *,
    seconds: float,
    rounds: int,
    cores: Cores | None = None,
    refused: Refused,
    step: Callable[[str], None] = lambda _: None,
) -> dict[str, Figures]:
    """Put the load on each program in every round. Returns the figures by the programs' names.

    Args:
        seconds: how long each program's round takes.
        refused: is called for a program that fails under the load; it is left out of later rounds.
        step: is called with a program's name before each of its rounds.

    Raises:
        BenchError: if the load generator is missing.
    """
    require(load.tool)
    samples: dict[str, list[Sample]] = {program.name: [] for program in programs}
    left = list(programs)
    for number in range(-1, rounds):
        for program in _turned(left, number):
            step(program.name)
            try:
                if number < 0:
                    _put_load(program, load, max(SHORTEST, seconds * WARM_UP), cores)
                else:
                    samples[program.name].append(_round(program, load, seconds, cores))
            except BenchError as exc:
                left.remove(program)
                del samples[program.name]
                refused(program.name, exc)
    return {name: Figures.of(found) for name, found in samples.items()}


def _turned(programs: Sequence[Program], number: int) -> list[Program]:
    begin = number % len(programs) if programs else 0
    return [*programs[begin:], *programs[:begin]]


def _round(program: Program, load: Load, seconds: float, cores: Cores | None) -> Sample:
    before, times = program.cpu_seconds(), program.cpu_times()
    report = _put_load(program, load, seconds, cores)
    used, later = program.cpu_seconds() - before, program.cpu_times()
    if report.requests == 0:
        raise BenchError(f"answered no request in {seconds:g} s")
    memory = program.memory()
    return Sample(
        requests=report.requests,
        seconds=report.seconds,
        cpu=used / report.requests * 1e6,
        user=used * _user_share(times, later) / report.requests * 1e6,
        p50=report.p50,
        p99=report.p99,
        rss=memory.rss,
        pss=memory.pss,
    )


def _user_share(before: Times, after: Times) -> float:
    """The share of user time in what was used meanwhile."""
    user, system = after.user - before.user, after.system - before.system
    return user / (user + system) if user + system else 1.0


def _put_load(program: Program, load: Load, seconds: float, cores: Cores | None) -> Report:
    return run_load(load, program.port, seconds, cores.load if cores is not None else None)
