"""The figures of the house stay within bounds that only become tighter; `python -m tests.house` prints them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.house import figures

HERE = Path(__file__).parent
FLAT = 16
MOST = 30
"""Methods and properties that a class may have."""
LONGEST = 480
"""Lines that a file may have."""


def test_few_modules_lie_flat() -> None:
    flat = figures.flat_modules()
    assert {"application", "request", "response"} & {*flat, *figures.rooms()} == {"application", "request", "response"}
    assert len(flat) <= FLAT, flat


def test_no_circle_of_imports_at_run_time() -> None:
    assert figures.runtime_circles() == []


def test_classes_are_small() -> None:
    assert [size for size in figures.largest_classes(20) if size.number > MOST] == []


def test_files_are_short() -> None:
    assert [size for size in figures.largest_files(20) if size.number > LONGEST] == []


def test_the_command_prints_them() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.house"], capture_output=True, text=True, timeout=50, cwd=HERE.parents[1]
    )
    assert done.returncode == 0, done.stderr
    assert "modules flat in sketch/: " in done.stdout
    assert "import circles when modules are loaded: none\n" in done.stdout
    assert done.stdout.count("\n") > 15
