"""A record of what the commands serve."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from sketch.cli import demo, run


@pytest.fixture(autouse=True)
def nothing_is_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty working directory, and no variable that is an option."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name == "PORT" or name.startswith("SKETCH_"):
            monkeypatch.delenv(name)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """The arguments of each `run_app` call, which serves nothing."""
    calls: list[tuple[str, dict[str, Any]]] = []

    def run_app(app: str, **options: Any) -> int:
        calls.append((app, options))
        return 0

    monkeypatch.setattr(run, "run_app", run_app)
    monkeypatch.setattr(demo, "run_app", run_app)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return calls
