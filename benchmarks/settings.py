"""The settings of a run: what it measures, for how long, and where it reports its progress."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.contestants import ROOT, Contestant
from benchmarks.work import Variant
from sketch.bench import BenchError, Cores, Program, Progress

ENVIRONMENT = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "adapters"), *filter(None, sys.path)])}
"""For child processes: they measure this checkout, whatever is installed."""


@dataclass(slots=True)
class Settings:
    """The settings of a run.

    Attributes:
        seconds: the length of each contestant's round over the network.
        rounds: how many rounds.
        files: the paths of the files that `/file` sends, by their names in `FILES`.
        certificates: folders of certificates by the kind of key; empty if no case needs them.
    """

    contestants: Sequence[Contestant]
    seconds: float
    rounds: int
    cores: Cores
    progress: Progress
    files: Mapping[str, str]
    certificates: Mapping[str, str]

    @property
    def frameworks(self) -> list[Contestant]:
        """The contestants that are not limited to one kind of case."""
        return [one for one in self.contestants if not one.only]

    def start(self, contestant: Contestant, variant: Variant) -> Program:
        """Start a contestant's server.

        Raises:
            BenchError: if it cannot be started.
        """
        whole = replace(variant, file=self.files[variant.file], tls=self.certificates.get(variant.tls, ""))
        return Program(
            contestant.name,
            lambda port: contestant.command(port, whole),
            cores=self.cores,
            environment=ENVIRONMENT,
        )

    def skip(self, skipped: dict[str, str], name: str, exc: BenchError) -> None:
        """Record and print why a contestant has no figure."""
        skipped[name] = str(exc)
        self.progress.say(f"skipped: {name}: {exc}")
