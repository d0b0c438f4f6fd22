"""The outcome of a run: filled while it measures, stored as JSON, read back to draw."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from sketch.bench import Figures


@dataclass(slots=True)
class Result:
    """The result of one case.

    Attributes:
        unit: of `values`, in words.
        values: the figures that are compared, by contestant; lower is better.
        more: everything else that was measured, by contestant.
        skipped: why a contestant has no figure.
    """

    name: str
    title: str
    unit: str
    values: dict[str, float] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def add_figures(self, figures: Mapping[str, Figures]) -> None:
        """Add figures of a measurement over the network; the CPU time per request is compared."""
        for name, one in figures.items():
            self.values[name] = one.cpu
            self.more[name] = one.as_json()

    def add_samples(self, samples: Mapping[str, Sequence[float]]) -> None:
        """Add several measurements of one number for each contestant; the median counts."""
        for name, found in samples.items():
            if found:
                self.values[name] = median(found)
                self.more[name] = {"samples": list(found)}

    def ordered(self) -> list[tuple[str, float]]:
        """Contestants and values, the best first."""
        return sorted(self.values.items(), key=lambda item: item[1])


@dataclass(slots=True)
class Outcome:
    """The outcome of a run: what it ran on, and the results by case name."""

    about: dict[str, Any]
    results: dict[str, Result] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The outcome as data for JSON."""
        return {
            "about": self.about,
            "results": {name: _fields(result) for name, result in self.results.items()},
        }

    def write(self, path: Path) -> None:
        """Store the outcome in a file."""
        path.write_text(json.dumps(self.as_json(), indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> Outcome:
        """Read an outcome that `write` has stored."""
        data = json.loads(path.read_text())
        results = {name: Result(**result) for name, result in data["results"].items()}
        return cls(data["about"], results)


def _fields(result: Result) -> dict[str, Any]:
    return {name: getattr(result, name) for name in Result.__slots__}
