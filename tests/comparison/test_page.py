"""The comparison page shows the present behaviour of sketch."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from tests.comparison.__main__ import PAGE, cell
from tests.comparison.apps import SERVERS
from tests.comparison.cases import CASES, QUIET
from tests.comparison.observe import outcome, running

ROWS = [
    [part.strip() for part in line.strip("| ").split(" | ")] for line in PAGE.read_text().splitlines() if "|" in line
]


def test_every_case_and_every_server_is_on_the_page() -> None:
    header, _, *rows = ROWS
    assert header == ["bytes", "right", *SERVERS]
    assert [row[:2] for row in rows] == [[case.name, case.rule] for case in CASES]
    assert {len(row) for row in rows} == {len(header)}


def test_sketch_does_what_is_right() -> None:
    assert not [row[0] for row in ROWS[2:] if row[2].startswith("**")]


def test_outcomes_of_sketch(tmp_path: Path) -> None:
    """Cases of ten seconds are tested with the other timeouts."""
    quick = [(case, row[2]) for case, row in zip(CASES, ROWS[2:], strict=True) if case.patience == QUIET]

    async def observe(port: int) -> list[str]:
        return await asyncio.gather(*(outcome(port, case) for case, _ in quick))

    with running("sketch", tmp_path / "log") as program:
        seen = asyncio.run(observe(program.port))
    assert [cell(case, text) for (case, _), text in zip(quick, seen, strict=True)] == [text for _, text in quick]
    assert not re.search("Traceback|ERROR", program.output)
