"""The hot path stays fast: what it costs over what a bare function costs, against the recorded ratio.

Instructions are counted where valgrind is there and the build of Python is the one of the record; CPU time is measured
elsewhere.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import callgrind
from tests.house.log_speed import MOST
from tests.house.speed import BUILD, KINDS, RECORD, VERSION, instructions
from tests.support.once import made_once

ROOT = Path(__file__).parents[2]
SLACK = 4 / 3
"""Of CPU times."""
COUNTED_SLACK = 1.05
"""Of instructions, which repeat; other versions of packages may take a few more."""
ATTEMPTS = 4

known = json.loads(RECORD.read_text()).get(VERSION, {})


def measured(*flags: str) -> dict[str, float]:
    """The ratios of CPU times, measured in a process that no coverage watches."""
    path = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-m", "tests.house.speed", "--times", *flags],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": path, "COVERAGE_PROCESS_CONFIG": "", "COVERAGE_PROCESS_START": ""},
        capture_output=True, text=True, timeout=50,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, float] = json.loads(done.stdout)["times"]
    return found


def too_slow(found: dict[str, float], recorded: dict[str, float], slack: float) -> list[str]:
    """The ratios that exceed the recorded ones by more than the slack."""
    return [
        f"{kind}: {found[kind]} > {recorded[kind]} x {slack:.2f}"
        for kind in KINDS
        if found[kind] > recorded[kind] * slack
    ]


def guard(*flags: str, attempts: int = ATTEMPTS) -> list[str]:
    """Measure CPU times, and repeat a slow result: a disturbance passes, a slow code path remains."""
    best = dict.fromkeys(KINDS, float("inf"))
    slow: list[str] = []
    for _ in range(attempts):
        best = {kind: min(value, best[kind]) for kind, value in measured(*flags).items()}
        slow = too_slow(best, known["times"], SLACK)
        if not slow:
            break
    return slow


comparable = callgrind.available() and known.get("build") == BUILD
needs_record = pytest.mark.skipif(
    "times" not in known, reason=f"no ratio is recorded for Python {VERSION}: python -m tests.house.speed --record"
)
by_time = pytest.mark.skipif(comparable, reason="instructions are counted here, which tells more than CPU time")
by_count = pytest.mark.skipif(
    not comparable, reason=f"no valgrind for x86-64 here, or no instructions recorded for {BUILD}: CPU time is measured"
)


@pytest.fixture(scope="module")
def counts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float]]:
    """The ratios of instructions: `as it is`, and with the `careless` change."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"):
            patch.delenv(name, raising=False)
        patch.chdir(ROOT)
        counted: dict[str, dict[str, float]] = made_once(tmp_path_factory, "instructions", instructions)
        return counted


@by_count
@pytest.mark.timeout(300)
def test_hot_path_takes_no_more_instructions_than_recorded(counts: dict[str, dict[str, float]]) -> None:
    assert too_slow(counts["as it is"], known["instructions"], COUNTED_SLACK) == []


@pytest.mark.skipif(not callgrind.available(), reason="no valgrind for x86-64 here: tests/house/test_log_speed.py")
@pytest.mark.timeout(300)
def test_a_line_of_the_access_log_takes_few_instructions(counts: dict[str, dict[str, float]]) -> None:
    found = counts["access log"]
    assert [f"{kind}: {found[kind]} > {MOST[kind]:.2f}" for kind in MOST if found[kind] > MOST[kind]] == []


@by_count
@pytest.mark.timeout(300)
def test_count_notices_a_careless_change(counts: dict[str, dict[str, float]]) -> None:
    slow = too_slow(counts["careless"], known["instructions"], COUNTED_SLACK)
    assert [line.partition(":")[0] for line in slow] == list(KINDS)


@by_time
@needs_record
def test_hot_path_is_as_fast_as_recorded() -> None:
    assert guard() == []


@by_time
@needs_record
def test_guard_notices_a_careless_change() -> None:
    slow = guard("--slow", attempts=2)
    assert [line.partition(":")[0] for line in slow] == list(KINDS)


def test_slack_is_a_third() -> None:
    recorded = {"asgi": 3.0, "native": 6.0, "hosted": 6.0}
    assert too_slow({"asgi": 3.99, "native": 7.99, "hosted": 7.99}, recorded, SLACK) == []
    assert too_slow({"asgi": 4.01, "native": 7.99, "hosted": 7.99}, recorded, SLACK) == ["asgi: 4.01 > 3.0 x 1.33"]
