"""The description of the machine in a report."""

from __future__ import annotations

from typing import Any

import pytest

from sketch.bench import Cores
from sketch.bench.machine import machine, versions


def test_machine_and_versions() -> None:
    about: dict[str, Any] = machine(Cores(0, 0))
    assert set(about) == {"processor", "system", "python", "cores"}
    assert all(about.values())
    assert versions(["pytest", "no-such-distribution"]) == {"pytest": pytest.__version__}
