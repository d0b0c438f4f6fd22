"""Measuring: the order of the rounds, and programs that break down."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from sketch.bench import BenchError, Load, Report, measure as package_measure
from sketch.bench.processes import Memory, Times


@dataclass
class Fake:
    """A program with a fixed cost per request."""

    name: str
    port: int
    cost: float
    used: float = 0.0

    def cpu_seconds(self) -> float:
        return self.used

    def cpu_times(self) -> Times:
        return Times(self.used / 4, self.used * 3 / 4)

    def memory(self) -> Memory:
        return Memory(2048, 1024)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float]]:
    """Which port was asked for how long, without asking it; port 3 breaks down in its second round."""
    asked: list[tuple[int, float]] = []

    def run_load(load: Load, port: int, seconds: float, core: int | None) -> Report:
        asked.append((port, seconds))
        if port == 3 and len([one for one in asked if one[0] == 3]) == 3:
            raise BenchError("broke down")
        FAKES[port].used += FAKES[port].cost * 10
        return Report(0 if port == 4 else 10, seconds, 0.1, 0.2)

    module = sys.modules["sketch.bench.measure"]  # in the package, the function hides its module
    monkeypatch.setattr(module, "run_load", run_load)
    monkeypatch.setattr(module, "require", lambda tool: tool)
    return asked


FAKES: dict[int, Fake] = {}


def test_rounds_are_interleaved_and_the_first_program_changes(asked: list[tuple[int, float]]) -> None:
    FAKES.update({port: Fake(f"p{port}", port, port * 1e-6) for port in (1, 2, 3, 4)})
    refused: dict[str, str] = {}
    steps: list[str] = []
    figures = package_measure(
        list(FAKES.values()),  # type: ignore[arg-type]
        Load(),
        seconds=1.0,
        rounds=3,
        refused=lambda name, exc: refused.update({name: str(exc)}),
        step=steps.append,
    )
    assert sorted(asked[:4]) == [(1, 0.25), (2, 0.25), (3, 0.25), (4, 0.25)]  # the warm-up
    assert asked[4:] == [(port, 1.0) for port in (1, 2, 3, 4, 2, 3, 1, 1, 2)]
    assert refused == {"p4": "answered no request in 1 s", "p3": "broke down"}
    assert len(steps) == len(asked)
    assert {name: round(one.cpu, 6) for name, one in figures.items()} == {"p1": 1.0, "p2": 2.0}
    assert figures["p2"].user == pytest.approx(0.5)
    assert figures["p2"].rate == 10
    assert len(figures["p2"].samples) == 3


def test_no_programs_give_no_figures(asked: list[tuple[int, float]]) -> None:
    assert package_measure([], Load(), seconds=1, rounds=2, refused=lambda *_: None) == {}
    assert asked == []
