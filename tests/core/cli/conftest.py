"""A record of what the commands serve."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from sketch.cli import demo, run


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
