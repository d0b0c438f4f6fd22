"""Severities are exit codes."""

from __future__ import annotations

from sketch.cli.doctor.finding import Severity


def test_severities_are_exit_codes() -> None:
    assert [(each.word, int(each)) for each in Severity] == [("advice", 0), ("warning", 1), ("error", 2)]
