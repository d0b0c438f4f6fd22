"""Measures cases over the network: all servers of a variant run side by side, and get their requests in turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby

from benchmarks.cases import Case
from benchmarks.contestants import Contestant
from benchmarks.outcome import Result
from benchmarks.settings import Settings
from sketch.bench import BenchError, Program, measure, probe, running

UNIT = "microseconds of server CPU per request"
MESSAGE_UNIT = "microseconds of server CPU per message"


def steps(cases: Sequence[Case], settings: Settings) -> int:
    """The number of progress steps of `run`."""
    return sum(len(_taking_part(case, settings)) for case in cases) * (settings.rounds + 1)


def run(cases: Sequence[Case], settings: Settings) -> Iterator[Result]:
    """Measure the cases. Those of one variant share the running servers."""
    for variant, group in groupby(sorted(cases, key=_by_variant), key=lambda case: case.variant):
        together = list(group)
        refused: dict[str, str] = {}
        names = {one.name for case in together for one in _taking_part(case, settings)}
        starts = {one.name: partial(settings.start, one, variant) for one in settings.contestants if one.name in names}
        with running(starts, partial(settings.skip, refused)) as programs:
            for case in together:
                yield _run_one(case, programs, refused, settings)


def _by_variant(case: Case) -> tuple[int, int, str, bool, str, bool]:
    one = case.variant
    return one.routes, one.middlewares, one.file, one.websockets, one.tls, one.realistic


def _taking_part(case: Case, settings: Settings) -> list[Contestant]:
    return [one for one in settings.contestants if _takes_part(one, case)]


def _takes_part(one: Contestant, case: Case) -> bool:
    if case.hosting:
        return one.hosted
    if case.variant.realistic or case.variant.tls:
        return one.realistic if case.variant.realistic else one.tls
    wanted = "websockets" if case.load.message is not None else "files" if case.load.target == "/file" else ""
    return (
        (case.with_floor or one.kind != "floor")
        and one.only in ("", wanted)
        and (one.websockets or wanted != "websockets")
        and (case.load.target != "/file" or one.files)
        and (case.load.target != "/form" or one.forms)
        and (one.http2 or not case.load.http2)
        and (one.middlewares or not case.variant.middlewares)
    )


def _run_one(case: Case, programs: Sequence[Program], refused: dict[str, str], settings: Settings) -> Result:
    expected = [one.name for one in _taking_part(case, settings)]
    result = Result(case.name, case.title, UNIT if case.load.message is None else MESSAGE_UNIT)
    result.skipped = {name: reason for name, reason in refused.items() if name in expected}

    def skip(name: str, exc: BenchError) -> None:
        settings.skip(result.skipped, name, BenchError(f"{case.name}: {exc}"))

    able = []
    for program in programs:
        if program.name in expected:
            try:
                case.check(probe(case.load, program.port))
            except BenchError as exc:
                skip(program.name, exc)
            else:
                able.append(program)
    figures = measure(
        able,
        case.load,
        seconds=settings.seconds,
        rounds=settings.rounds,
        cores=settings.cores,
        refused=skip,
        step=lambda name: settings.progress.step(f"{case.name}: {name}"),
    )
    settings.progress.skip((len(expected) - len(able)) * (settings.rounds + 1))
    result.add_figures(figures)
    return result
