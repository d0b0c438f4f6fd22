"""The table of deviations names tests and transports that exist, and the documentation shows it as it is."""

from __future__ import annotations

import re
from pathlib import Path

from tests.contract.deviations import DEVIATIONS, PAGE, render
from tests.contract.transports import ALL

HERE = Path(__file__).parent


def test_the_page_is_the_table() -> None:
    assert PAGE.read_text() == render(), "run: python -m tests.contract.deviations"


def test_cases_and_transports_exist() -> None:
    sources = "".join(path.read_text() for path in HERE.glob("test_*.py"))
    tests = set(re.findall(r"^async def (test_\w+)", sources, re.MULTILINE))
    for row in DEVIATIONS:
        assert row.case.partition("[")[0] in tests, row.case
        assert set(row.transports) <= set(ALL), row


def test_each_row_says_why() -> None:
    for row in DEVIATIONS:
        assert row.transports
        assert len(row.reason) > 20
        assert row.expected != row.instead


def test_no_case_is_named_twice_for_a_transport() -> None:
    pairs = [(row.case, name) for row in DEVIATIONS for name in row.transports]
    assert len(pairs) == len(set(pairs))
