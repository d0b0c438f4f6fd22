"""Send the conformance cases to sketch on each server, and write what each lets through: `python -m tests.backends`.

It is run by hand (`nox -s backends`): the servers are in today's versions, and what they do is theirs to change.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.backends.servers import COMMANDS, ROOT, found, running
from tests.native.conformance.cases import CASES, Outcome, run_all
from tests.native.conformance.client import alive

PAGE = ROOT / "docs" / "backends.md"
BEGIN, END = "<!-- written by python -m tests.backends -->", "<!-- end -->"

KINDS = {
    "smuggling": ("transfer-encoding", "content-length", "chunked", "upgrade", "pipelining"),
    "Host": ("host",),
    "limits": ("limits",),
    "request line, target": ("request-line", "target", "methods"),
    "header fields": ("headers", "expect", "connection", "fragmentation"),
    "answers": ("responses", "range", "conditional"),
}
"""The columns of the table, and the groups of cases that each holds."""

Outcomes = Mapping[str, Outcome]


def measure(names: Sequence[str]) -> tuple[dict[str, Outcomes], dict[str, str]]:
    """Run the cases on each server. Returns the outcomes, and why a server has none."""
    outcomes: dict[str, Outcomes] = {}
    missing: dict[str, str] = {}
    for name in names:
        if found(name) is None:
            missing[name] = "it is not installed"
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                with running(name, Path(folder)) as program:
                    if not asyncio.run(alive(program.port)):
                        missing[name] = "it does not answer a plain GET with the application's answer"
                        continue
                    outcomes[name] = asyncio.run(run_all(program.port))
            except (AssertionError, ExceptionGroup) as exc:
                missing[name] = f"{exc!r:.300}"
        print(f"{name}: {missing.get(name) or _count(outcomes[name], CASES)}", file=sys.stderr, flush=True)
    return outcomes, missing


def _must(case: Mapping[str, object]) -> bool:
    return case["level"] == "must"


def _count(outcomes: Outcomes, cases: Sequence[Mapping[str, object]]) -> str:
    failed = sum(outcomes[str(case["id"])].why is not None for case in cases)
    return f"{len(cases) - failed} of {len(cases)}"


def table(outcomes: Mapping[str, Outcomes], missing: Mapping[str, str]) -> str:
    """The page's table: a row per server, a column per kind; and the cases of the first kinds that fail."""
    lines = [f"| server | {' | '.join(KINDS)} |", "|---|" + "---:|" * len(KINDS)]
    required = [case for case in CASES if _must(case)]
    for name, one in outcomes.items():
        cells = [_count(one, [case for case in required if case["group"] in groups]) for groups in KINDS.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", *(f"No figures for {name}: {why}." for name, why in missing.items()), ""]
    for kind in ("smuggling", "Host", "limits"):
        lines += [f"**{kind}**: the cases that fail.", ""]
        for name, one in outcomes.items():
            mine = [str(case["id"]) for case in required if case["group"] in KINDS[kind]]
            failing = [case for case in mine if one[case].why is not None]
            if failing:
                lines.append(f"- {name}: {', '.join(f'`{case}`' for case in failing)}")
        lines.append("")
    return "\n".join(lines)


def about(names: Sequence[str]) -> str:
    """When and by which versions the table was written."""
    versions = ", ".join(f"{name} {found(name)}" for name in names if found(name))
    python = f"CPython {sys.version.split()[0]}"
    return f"Written on {datetime.now(UTC):%Y-%m-%d}, {python}: {versions}."


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.backends", description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=COMMANDS, help="repeatable; the page is not written then")
    parser.add_argument("--json", type=Path, help="a file for each failure and its reason")
    given = parser.parse_args()
    names = given.only or list(COMMANDS)
    outcomes, missing = measure(names)
    text = f"{about(names)}\n\n{table(outcomes, missing)}"
    print(text)
    if given.json:
        failed = {
            name: {case: str(outcome) for case, outcome in one.items() if outcome.why is not None}
            for name, one in outcomes.items()
        }
        given.json.write_text(json.dumps(failed, indent=1))
    if not given.only:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{rest.partition(END)[2]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
