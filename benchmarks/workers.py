"""Measures what a request costs with one worker and with two: `python -m benchmarks.workers`.

The cost is CPU time of the parent and all workers. It needs a calm machine, and wrk. The processes are not pinned: two
workers on one core would not disturb each other as they do on two.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from benchmarks.outcome import Result
from benchmarks.settings import ENVIRONMENT, Settings
from sketch.bench import BenchError, Program, measure, running
from sketch.bench.load import Load

MOST = 1.1
"""How much more a request may cost with two workers than with one."""

COUNTS = (1, 2)
SERVERS = {"sketch": "native", "sketch-uvicorn": "uvicorn", "sketch-granian": "granian"}
"""Contestants of the benchmarks, and their backends."""


def steps(settings: Settings) -> int:
    """The number of progress steps of `run`."""
    return len(_able(settings)) * len(COUNTS) * (settings.rounds + 1)


def _able(settings: Settings) -> list[str]:
    return [one.name for one in settings.contestants if one.name in SERVERS]


def run(settings: Settings) -> list[Result]:
    """Measure sketch's backends with one worker and with two, unpinned."""
    titles = {count: f"{count} worker{'s' * (count > 1)}" for count in COUNTS}
    unit = "microseconds of CPU per request, of the parent and all workers, which are not pinned"
    results = {count: Result(f"workers-{count}", titles[count], unit) for count in COUNTS}
    for name in _able(settings):
        skipped: dict[str, str] = {}
        starts = {str(count): partial(_start, count, SERVERS[name], "auto") for count in COUNTS}
        with running(starts, partial(settings.skip, skipped)) as programs:
            figures = measure(
                programs,
                Load(),
                seconds=settings.seconds,
                rounds=settings.rounds,
                refused=partial(settings.skip, skipped),
                step=lambda count, name=name: settings.progress.step(f"{count} workers: {name}"),
            )
        for count, result in results.items():
            if str(count) in figures:
                result.add_figures({name: figures[str(count)]})
            else:
                result.skipped[name] = skipped[str(count)]
    return list(results.values())


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers", description=__doc__)
    parser.add_argument("--server", default="native", help="the backend (default: native)")
    parser.add_argument("--loop", default="auto", help="the event loop (default: auto)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each round (default: 3)")
    parser.add_argument("--rounds", type=int, default=7, help="the median counts (default: 7)")
    given = parser.parse_args(arguments)
    starts = {str(count): partial(_start, count, given.server, given.loop) for count in COUNTS}
    with running(starts, _refuse) as programs:
        figures = measure(programs, Load(), seconds=given.seconds, rounds=given.rounds, refused=_refuse)
    one, two = (figures[str(count)] for count in COUNTS)
    for count, found in zip(COUNTS, (one, two), strict=True):
        each = f"{found.cpu:.2f} us of CPU per request ({found.least:.2f} to {found.most:.2f})"
        print(f"{given.server}, {count} worker{'s' * (count > 1)}: {each}, {found.rate:,.0f} requests per second")
    ratio = two.cpu / one.cpu
    print(f"two workers cost {ratio:.3f} times as much per request; at most {MOST} is wanted")
    return int(ratio > MOST)


def _start(count: int, server: str, loop: str) -> Program:
    options = {"workers": count, "server": server, "loop": loop, "access_log": False}

    def command(port: int) -> list[str]:
        code = f"from sketch import run_app; run_app('tests.restarts.app:app', port={port}, **{options!r})"
        return [sys.executable, "-c", code]

    return Program(str(count), command, environment=ENVIRONMENT)


def _refuse(name: str, exc: BenchError) -> None:
    raise BenchError(f"with {name} workers: {exc}")


if __name__ == "__main__":
    sys.exit(main())
