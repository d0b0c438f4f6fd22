"""Checks of the processes."""

from __future__ import annotations

from typing import Any

import pytest

from sketch.cli.doctor.checks import processes
from sketch.cli.doctor.system import System
from tests.core.cli.doctor.support import PUBLIC, case, found


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({**PUBLIC, "system": System(cpus=4)}, "idle-cpus"),
        ({**PUBLIC, "system": System(cpus=4), "workers": 1}, None),
        ({"system": System(cpus=4)}, None),
        ({**PUBLIC, "system": System(is_root=True)}, "runs-as-root"),
        ({**PUBLIC, "system": System(development_mode=True)}, "development-mode"),
        ({"system": System(development_mode=True, is_root=True)}, None),
    ],
)
def test_what_is_found(options: dict[str, Any], name: str | None) -> None:
    assert [*found(case(**options), "plain-http-in-public", "slow-loop")] == ([name] if name else [])


def test_memory_is_of_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "in_memory", lambda: ["Channels", "a MemoryStore"])
    told = found(case(workers=3))["memory-of-one"]
    assert told.text.startswith("Channels and a MemoryStore in memory, and 3 workers: ")
    assert "memory-of-one" not in found(case(workers=1))
