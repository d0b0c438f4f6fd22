"""Measures how long it takes to import a framework, and how long until a started server answers."""

from __future__ import annotations

import sys
from functools import partial
from time import monotonic

from benchmarks.cases import NETWORK
from benchmarks.outcome import Result
from benchmarks.settings import ENVIRONMENT, Settings
from benchmarks.work import Variant
from sketch.bench import BenchError, probe, running
from sketch.bench.program import run_pinned

IMPORTS = 9
"""Rounds. Many, because an import is short, and a disturbance lasts longer."""
ANSWERS = 3
TIMED = "import time; begin = time.perf_counter(); import {}; print(time.perf_counter() - begin)"


def import_steps(settings: Settings) -> int:
    """The number of progress steps of `imports`."""
    return sum(one.loads is not None for one in settings.contestants) * (IMPORTS + 1)


def answer_steps(settings: Settings) -> int:
    """The number of progress steps of `answers`."""
    return len(settings.frameworks) * ANSWERS


def imports(settings: Settings) -> Result:
    """Import each framework in fresh interpreters, in turn."""
    result = Result("import", "import", "milliseconds to import the framework")
    samples: dict[str, list[float]] = {}
    for number in range(-1, IMPORTS):  # the first one compiles
        for contestant in settings.contestants:
            if contestant.loads is None or contestant.name in result.skipped:
                continue
            settings.progress.step(f"import: {contestant.name}")
            try:
                seconds = _import_seconds(contestant.loads, settings.cores.server)
            except BenchError as exc:
                settings.skip(result.skipped, contestant.name, exc)
                continue
            if number >= 0:
                samples.setdefault(contestant.name, []).append(seconds * 1e3)
    result.add_samples(samples)
    return result


def _import_seconds(module: str, core: int) -> float:
    output = run_pinned([sys.executable, "-c", TIMED.format(module)], core, timeout=60, environment=ENVIRONMENT)
    try:
        return float(output.split()[-1])
    except (IndexError, ValueError):
        raise BenchError(f"import {module} gives {output.strip()!r}") from None


def answers(settings: Settings) -> Result:
    """Start each server and ask it as soon as it listens."""
    result = Result("startup", "start", "milliseconds from the start of the process to its first answer")
    samples: dict[str, list[float]] = {}
    skip = partial(settings.skip, result.skipped)
    for _ in range(ANSWERS):
        for contestant in settings.frameworks:
            settings.progress.step(f"startup: {contestant.name}")
            if contestant.name in result.skipped:
                continue
            with running({contestant.name: partial(settings.start, contestant, Variant())}, skip) as programs:
                for program in programs:
                    probe(NETWORK["text"].load, program.port)
                    samples.setdefault(program.name, []).append((monotonic() - program.started) * 1e3)
    result.add_samples(samples)
    return result
