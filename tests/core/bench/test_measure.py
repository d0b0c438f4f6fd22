"""Rounds, medians, tables, the progress bar."""

from __future__ import annotations

import io
import json
import signal
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from sketch.bench import BenchError, Cores, Figures, Load, Progress, Report, Sample, measure as package_measure
from sketch.bench.ending import ending_in_order
from sketch.bench.machine import machine, versions
from sketch.bench.processes import Memory
from sketch.bench.table import HEADINGS, figures_table, table


def sample(cpu: float, requests: int = 100, p50: float | None = 0.001) -> Sample:
    return Sample(requests, 2.0, cpu, p50, 0.002, 1024, 512)


@dataclass
class Fake:
    """A program whose requests cost what it says."""

    name: str
    port: int
    cost: float
    used: float = 0.0

    def cpu_seconds(self) -> float:
        return self.used

    def memory(self) -> Memory:
        return Memory(2048, 1024)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float]]:
    """Which port was asked for how long, instead of asking; port 3 breaks down in its second round."""
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


def test_rounds_are_interleaved_and_move_on(asked: list[tuple[int, float]]) -> None:
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
    assert figures["p2"].rate == 10
    assert len(figures["p2"].samples) == 3


def test_nobody_left_is_no_error(asked: list[tuple[int, float]]) -> None:
    assert package_measure([], Load(), seconds=1, rounds=2, refused=lambda *_: None) == {}
    assert asked == []


def test_figures_are_medians() -> None:
    figures = Figures.of([sample(3.0), sample(1.0, 300), sample(2.0, 200, None)])
    assert (figures.cpu, figures.least, figures.most) == (2.0, 1.0, 3.0)
    assert (figures.rate, figures.p50, figures.p99, figures.rss, figures.pss) == (100.0, 0.001, 0.002, 1024, 512)
    assert json.loads(json.dumps(figures.as_json()))["samples"][1]["requests"] == 300
    assert Figures.of([sample(1.0, p50=None)]).p50 is None


def test_table_shows_the_cheapest_first() -> None:
    text = figures_table({"slow": Figures.of([sample(10.0, p50=None)]), "fast": Figures.of([sample(4.0, 246912)])})
    heading, rule, fast, slow = text.splitlines()
    assert heading.split() == " ".join(HEADINGS).split()
    assert set(rule) == {"-", " "}
    assert fast.split() == ["fast", "123,456", "1.00", "2.00", "4.00", "1.00", "0.0"]
    assert slow.split() == ["slow", "50", "-", "2.00", "10.00", "2.50", "0.0"]
    assert len({line.index("2.00") + 4 for line in (fast, slow)}) == 1
    assert figures_table({}).count("\n") == 1
    assert table(("a", "b"), [("long name", "1")]).splitlines()[2] == "long name  1"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_for_terminals_only() -> None:
    silent, seen = io.StringIO(), Terminal()
    for stream in (silent, seen):
        progress = Progress(4, stream)
        for name in "abcd":
            progress.step(name)
        progress.clear()
    assert silent.getvalue() == ""
    parts = seen.getvalue().split("\r\033[K")
    assert [part.split()[1] for part in parts[1:5]] == ["0%", "25%", "50%", "75%"]
    assert parts[4].endswith("left  d")
    assert parts[5] == ""


def test_progress_gets_over_skipped_steps() -> None:
    stream = Terminal()
    progress = Progress(10, stream)
    progress.step("a")
    progress.skip(8)
    progress.step("b")
    progress.skip(100)
    progress.step("c")
    progress.say("a line")
    assert "50%  b" in stream.getvalue()
    assert "100%  c" in stream.getvalue()
    assert stream.getvalue().endswith("\r\033[Ka line\n")


def test_cores() -> None:
    assert Cores.choose([2, 0, 1]) == Cores(0, 2)
    assert not Cores.choose([0, 3]).shared
    alone = Cores.choose([5])
    assert alone.shared
    assert "share core 5" in str(alone)
    assert str(Cores(0, 1)) == "servers on core 0, load generator on core 1"


def test_machine_is_named() -> None:
    about: dict[str, Any] = machine(Cores(0, 0))
    assert set(about) == {"processor", "system", "python", "cores"}
    assert all(about.values())
    assert versions(["pytest", "no-such-distribution"]) == {"pytest": pytest.__version__}


def test_being_told_to_end_is_an_exception() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as caught, ending_in_order():
        signal.raise_signal(signal.SIGTERM)
    assert caught.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before
