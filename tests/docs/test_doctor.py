"""The page of the doctor names what there is."""

from __future__ import annotations

import re

from sketch.cli.doctor.case import Case
from sketch.cli.doctor.checks import CHECKS
from sketch.cli.doctor.report import Report, to_json
from tests.docs.documents import ROOT

PAGE = (ROOT / "docs" / "doctor.md").read_text()


def test_the_page_has_every_finding() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (error|warning|advice) \|", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted((each.name, each.severity.word) for each in CHECKS)
    severities = [severity for _, severity in rows]
    assert severities == sorted(severities, key=["error", "warning", "advice"].index)


def test_the_page_has_every_key_of_the_json() -> None:
    made = to_json(Report(Case(), []))
    table = PAGE.split("\n## JSON\n")[1]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(made)
    inner = [each for value in made.values() if isinstance(value, dict) for each in value]
    assert [name for name in inner if f"`{name}`" not in table] == []
