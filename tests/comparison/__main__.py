"""Runs every case against every server, and writes the page: `python -m tests.comparison`, or `nox -s compare`.

Each server is a process of its own on the loopback, with its defaults.
"""

from __future__ import annotations

import asyncio
import platform
import re
import tempfile
import tomllib
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.comparison.apps import SERVERS
from tests.comparison.cases import CASES, Case
from tests.comparison.observe import ROOT, outcome, running

PAGE = ROOT / "docs" / "same-bytes.md"

INTRODUCTION = """\
# The same bytes to different servers

What servers answer to bytes that are wrong, rare or hostile. Every server ran with its defaults, in a process of its
own on the loopback, with an application that answers what it has seen; uvicorn, hypercorn and granian ran a bare ASGI
function. A cell says what came back, and whether the server then closed the connection. **Bold** is what the second
column does not allow; how much is too much is each server's choice, so there only one without any bound stands out.
The page is written by `nox -s compare`; a test holds the column of sketch.
"""


async def column(port: int) -> list[str]:
    return [await outcome(port, case) for case in CASES]


async def measure() -> dict[str, list[str]]:
    """The outcomes of every server."""
    with tempfile.TemporaryDirectory() as logs, ExitStack() as stack:
        ports = {
            name: stack.enter_context(running(name, Path(logs) / f"{number}.log")).port
            for number, name in enumerate(SERVERS)
        }
        columns = await asyncio.gather(*map(column, ports.values()))
    return dict(zip(ports, columns, strict=True))


def cell(case: Case, text: str) -> str:
    return text if re.fullmatch(case.right, text) else f"**{text}**"


def versions() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    packages = sorted({package for _, packages in SERVERS.values() for package in packages})
    return ", ".join([f"sketch {project}", *(f"{package} {version(package)}" for package in packages)])


def render(columns: dict[str, list[str]]) -> str:
    names = list(columns)
    lines = [
        INTRODUCTION,
        f"Written on {datetime.now(UTC):%Y-%m-%d}, {platform.python_implementation()} {platform.python_version()}:",
        f"{versions()}.",
        "",
        f"| bytes | right | {' | '.join(names)} |",
        "|---|---|" + "---|" * len(names),
    ]
    for number, case in enumerate(CASES):
        cells = [cell(case, columns[name][number]) for name in names]
        lines.append(f"| {case.name} | {case.rule} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(render(asyncio.run(measure())))
