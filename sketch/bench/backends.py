"""Measures one application on several servers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sketch.bench.cores import Cores
from sketch.bench.errors import BenchError
from sketch.bench.figures import Figures
from sketch.bench.load import Load, require
from sketch.bench.machine import machine, versions
from sketch.bench.measure import measure
from sketch.bench.probe import Answer, probe, successful
from sketch.bench.program import Program, Refused, running, server_command
from sketch.bench.progress import Progress

DISTRIBUTIONS = ("sketch-web", "uvicorn", "hypercorn", "granian", "uvloop", "httptools", "orjson")


@dataclass(slots=True)
class Comparison:
    """The result of a measurement: figures by server, why a server has none, and facts about the machine."""

    load: Load
    about: dict[str, Any]
    figures: dict[str, Figures] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    differing: list[str] = field(default_factory=list)
    """Servers that answer differently from the first one: their figures compare different work."""

    def as_json(self) -> dict[str, Any]:
        """The result as data for JSON."""
        figures = {name: one.as_json() for name, one in self.figures.items()}
        about = {**self.about, "target": self.load.target, "connections": self.load.connections}
        return {"about": about, "servers": figures, "refused": self.refused, "differing": self.differing}


def compare_backends(
    app: str,
    servers: Sequence[str],
    load: Load,
    *,
    loop: str = "auto",
    seconds: float = 2.0,
    rounds: int = 3,
) -> Comparison:
    """Serve an application, given by its import string, on each of the servers, and measure them.

    Raises:
        BenchError: if the load generator is missing.
    """
    require(load.tool)
    cores = Cores.choose()
    about = {**machine(cores), "versions": versions(DISTRIBUTIONS), "seconds": seconds, "rounds": rounds, "app": app}
    result = Comparison(load, about)
    progress = Progress(len(set(servers)) * (rounds + 1))

    def refuse(name: str, exc: BenchError) -> None:
        result.refused[name] = str(exc)
        progress.skip(rounds + 1)

    starts = {name: partial(Program, name, _command(app, name, loop), cores=cores) for name in servers}
    with running(starts, refuse) as programs:
        result.figures = measure(
            _answering(programs, result, refuse),
            load,
            seconds=seconds,
            rounds=rounds,
            cores=cores,
            refused=refuse,
            step=progress.step,
        )
    progress.clear()
    return result


def _command(app: str, server: str, loop: str) -> Callable[[int], list[str]]:
    return lambda port: server_command(app, server, port, loop=loop)


def _answering(programs: Sequence[Program], result: Comparison, refuse: Refused) -> list[Program]:
    """Return the programs that answer with success, so that no error page is measured."""
    answers: dict[str, Answer] = {}
    for program in programs:
        try:
            answers[program.name] = successful(probe(result.load, program.port))
        except BenchError as exc:
            refuse(program.name, exc)
    first = next(iter(answers.values()), None)
    result.differing = [name for name, answer in answers.items() if answer != first]
    return [program for program in programs if program.name in answers]
