"""Measures the latency at half load: what a request waits for while the server has time to spare.

First each server gets as many requests as it can answer, from 64 connections. Then it gets half as many per second,
from connections that pause between their requests, for times that vary at random, so that requests do not come in step.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from statistics import median

from benchmarks.outcome import Result
from benchmarks.settings import Settings
from benchmarks.work import Variant
from sketch.bench import BenchError, Load, Program, Report, running
from sketch.bench.load import run_load

PAUSE = 10
"""Milliseconds between two requests of a connection, on the average."""
UNIT = "microseconds at half of the requests per second that the server can answer"
TITLES = {"p50": "half wait less", "p99": "99 of 100 wait less"}


def steps(settings: Settings) -> int:
    """The number of progress steps of `run`."""
    return len(settings.frameworks) * (settings.rounds + 1)


def run(settings: Settings) -> list[Result]:
    """Measure each server in turn. Returns the median and the 99th percentile."""
    skipped: dict[str, str] = {}
    reports: dict[str, list[Report]] = {}
    rates: dict[str, float] = {}
    starts = {one.name: partial(settings.start, one, Variant()) for one in settings.frameworks}
    with running(starts, partial(settings.skip, skipped)) as programs:
        for number in range(-1, settings.rounds):
            for program in programs:
                settings.progress.step(f"half load: {program.name}")
                if program.name in skipped:
                    continue
                try:
                    report = _ask(program, rates, settings)
                except BenchError as exc:
                    settings.skip(skipped, program.name, exc)
                    continue
                if number < 0:
                    rates[program.name] = report.requests / report.seconds
                else:
                    reports.setdefault(program.name, []).append(report)
    return [_result(percentile, reports, rates, skipped) for percentile in TITLES]


def _ask(program: Program, rates: Mapping[str, float], settings: Settings) -> Report:
    """Ask as often as the server can answer, or half as often once that is known."""
    rate = rates.get(program.name)
    load = Load() if rate is None else Load(connections=max(1, round(rate / 2 * PAUSE / 1000)), pause=PAUSE)
    return run_load(load, program.port, settings.seconds, settings.cores.load)


def _result(
    percentile: str, reports: Mapping[str, list[Report]], rates: Mapping[str, float], skipped: Mapping[str, str]
) -> Result:
    result = Result(f"half-{percentile}", TITLES[percentile], UNIT, skipped=dict(skipped))
    for name, found in reports.items():
        samples = [value * 1e6 for report in found if (value := getattr(report, percentile)) is not None]
        if samples and name not in skipped:
            result.values[name] = median(samples)
            rate = median(report.requests / report.seconds for report in found)
            result.more[name] = {"samples": samples, "most": rates[name], "asked": rate}
    return result
