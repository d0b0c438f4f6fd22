"""Every row of the threat model names tests that exist."""

from __future__ import annotations

import re

import pytest

from tests.docs.documents import ROOT, TEST, defined_tests

TEXT = (ROOT / "docs" / "threat-model.md").read_text()
NAMED = sorted(set(TEST.findall(TEXT)))
ROWS = [line.strip("| ").split(" | ") for line in TEXT.splitlines() if re.match(r"\| (?!---)", line)]


def test_the_page_was_found() -> None:
    assert len(NAMED) > 50
    assert len(ROWS) > 50


@pytest.mark.parametrize(("path", "name"), NAMED, ids=lambda part: part)
def test_a_named_test_exists(path: str, name: str) -> None:
    assert name in defined_tests(path)


def test_every_reference_is_one_that_is_checked() -> None:
    assert TEXT.count("`tests/") == len(TEST.findall(TEXT))


def test_every_row_names_a_test() -> None:
    for row in ROWS:
        assert len(row) == 3, row
        assert row[0] in ("attack", "advisory") or "tests/" in row[2] or row[2] == "the same", row


def test_advisories_whose_bytes_are_tested_are_named() -> None:
    source = (ROOT / "tests" / "native" / "test_advisories.py").read_text()
    tested = set(re.findall(r"(?:CVE|PYSEC)-\d{4}-\d+", source))
    assert tested
    assert tested <= set(re.findall(r"(?:CVE|PYSEC)-\d{4}-\d+", TEXT))
