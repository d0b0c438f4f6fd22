"""Figures as a table."""

from __future__ import annotations

from sketch.bench import Figures
from sketch.bench.table import HEADINGS, figures_table, table
from tests.core.bench.support import sample


def test_table_shows_the_cheapest_first() -> None:
    text = figures_table({"slow": Figures.of([sample(10.0, p50=None)]), "fast": Figures.of([sample(4.0, 246912)])})
    heading, rule, fast, slow = text.splitlines()
    assert heading.split() == " ".join(HEADINGS).split()
    assert set(rule) == {"-", " "}
    assert fast.split() == ["fast", "123,456", "1.00", "2.00", "4.00", "2.00", "1.00", "0.0"]
    assert slow.split() == ["slow", "50", "-", "2.00", "10.00", "5.00", "2.50", "0.0"]
    assert len({line.index(" 2.00") + 5 for line in (fast, slow)}) == 1
    assert figures_table({}).count("\n") == 1
    assert table(("a", "b"), [("long name", "1")]).splitlines()[2] == "long name  1"
