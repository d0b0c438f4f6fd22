"""Every row of the page of bug reports names reports and tests that exist."""

from __future__ import annotations

import re

import pytest

from tests.docs.documents import ROOT, TEST, defined_tests

TEXT = (ROOT / "docs" / "bug-reports.md").read_text()
ROWS = [line.strip("| ").split(" | ") for line in TEXT.splitlines() if re.match(r"\| (?!---|report )", line)]
NAMED = sorted(set(TEST.findall(TEXT)))


def test_the_rows_are_reports_in_order() -> None:
    assert len(ROWS) > 20
    for row in ROWS:
        assert len(row) == 4, row
        assert all(re.fullmatch(r"[\w.-]+/[\w.-]+#[0-9]+", report) for report in row[0].split(", ")), row
    assert sorted(ROWS, key=lambda row: _order(row[0])) == ROWS


def _order(reports: str) -> tuple[str, int]:
    repository, _, number = reports.split(", ")[0].partition("#")
    return repository.lower(), int(number)


def test_every_row_names_a_test() -> None:
    for row in ROWS:
        assert row[3].count("`tests/") == len(TEST.findall(row[3])) > 0, row


@pytest.mark.parametrize(("path", "name"), NAMED, ids=lambda part: part)
def test_a_named_test_exists(path: str, name: str) -> None:
    assert name in defined_tests(path)
