"""Measures what clients lose while servers are replaced, and writes docs/restarts.md: `nox -s restarts`.

It takes about an hour; `--times 2 --server native-uvloop` is quick, and writes nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.restarts.clients import Load, Tally, clients, keep_alive, new_connections, pipelining, wrk
from tests.restarts.replacements import Observed, by_sighup, certificates, observe, observe_successors

PAGE = Path(__file__).parents[2] / "docs" / "restarts.md"
DRAIN = 1.0
"""The default of `keep_alive_drain`."""

SERVERS: dict[str, dict[str, Any]] = {
    "native-asyncio": {"loop": "asyncio"},
    "native-uvloop": {"loop": "uvloop"},
    "uvicorn": {"server": "uvicorn"},
    "hypercorn": {"server": "hypercorn"},
    "granian": {"server": "granian"},
}
LOADS: dict[str, Load] = {
    "wrk, 16 connections": wrk(16),
    "wrk, 64 connections": wrk(64),
    "a connection per request": clients(new_connections, 8),
    "a TLS connection per request": clients(new_connections, 8),
    "pauses up to 0.8 of the drain": clients(keep_alive(0.8 * DRAIN), 64),
    "pauses up to twice the drain": clients(keep_alive(2 * DRAIN), 64),
    "pipelines of 8": clients(pipelining(), 8),
}
Measure = Callable[..., Awaitable[Observed]]
Figures = dict[tuple[str, str, str], str]
"""What a cell says, by the way of replacement, the clients and the server."""


async def _sighup(directory: Path, load: Load, times: int, **options: Any) -> Observed:
    return await observe(directory, load, partial(by_sighup, times=times), **options)


REPLACEMENTS: dict[str, tuple[Measure, int]] = {
    "SIGHUP": (_sighup, 13),
    "a new parent on the inherited socket, then SIGTERM": (partial(observe_successors, overlap=True, lives=1), 3),
    "SIGTERM, then a new parent on the inherited socket": (partial(observe_successors, overlap=False, lives=1), 3),
}
"""How to replace, and how often for each cell."""

PAGE_TEXT = """\
# What a restart loses

Requests that got no answer while a server with two workers was replaced under load, several times for each cell:
*answered / failed*. The handler is as fast as can be, since a slow one hides what is lost; every client heeds
`Connection: close`, and none repeats a request. `keep_alive_drain` is 1 s: a client that is silent for longer may send
a request in the moment in which its connection is closed. Natively such a request is not run, and can be sent again;
the connection is *closed*, and not *reset*.

- `wrk` sends the next request as soon as it has the answer, on 16 or 64 connections.
- *A connection per request*: 8 clients, without and with TLS.
- *Pauses*: 64 clients, each of which waits for a random time before each request.
- *Pipelines*: 8 clients that send eight requests at once, and those behind an answer with `Connection: close` again.

Not covered: `kill -9`, answers that take longer than `shutdown_timeout`, websockets and streams (they are told, and
end), and a new server with fewer workers. uvicorn and hypercorn drop what is pipelined behind an answer that says
close. granian keeps its listening socket to itself: it accepts connections until `keep_alive_drain` is over, and drops
those that wait then.

`nox -s restarts` measures all of that and writes this page, in an hour; with `--server`, `--clients` and
`--replacement` it measures single cells again.

{about}
{tables}"""


async def cell(measure: Measure, load: str, server: str, times: int) -> str:
    """Measure one cell of a table."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        options = {**SERVERS[server]}
        if "TLS" in load:
            given, options["tls"] = certificates(directory)
            options |= given
        try:
            seen = await measure(directory, LOADS[load], times=times, **options)
        except AssertionError as exc:  # the server does not do what it should
            print(exc, file=sys.stderr, flush=True)
            return "not measured"
    print(f"{server:16} {load:32} {seen.tally}, {seen.executed} executed", file=sys.stderr, flush=True)
    return show(seen.tally, seen.executed, counts=not load.startswith("wrk"))


def show(tally: Tally, executed: int, *, counts: bool) -> str:
    """Write a cell.

    Args:
        tally: of the clients.
        executed: how many requests the application has run.
        counts: whether the clients see all that is run; wrk leaves at its end without its last answers.
    """
    kinds = ", ".join(f"{count} {SHORT.get(kind, kind)}" for kind, count in sorted(tally.lost.items()))
    in_vain = f"; {executed - tally.answered} run in vain" if counts and executed != tally.answered else ""
    return f"{tally.answered:,} / {kinds or 0}{in_vain}"


SHORT = {"closed without an answer": "closed"}


def read_page(text: str) -> Figures:
    """Return the figures of a page."""
    figures: Figures = {}
    title, servers = "", list(SERVERS)
    for line in text.splitlines():
        if line.startswith("## "):
            title = line[3:].rpartition(", ")[0]
        elif line.startswith("| clients |"):
            servers = [each.strip() for each in line.split("|")[2:-1]]
        elif line.startswith("| "):
            load, *cells = (each.strip() for each in line.split("|")[1:-1])
            figures |= {(title, load, server): found for server, found in zip(servers, cells, strict=True)}
    return figures


def write_page(figures: Figures, about: str) -> str:
    """Return a page of figures. What was not measured is empty."""
    lines = []
    for title, (_, times) in REPLACEMENTS.items():
        lines += ["", f"## {title}, {times} times", "", f"| clients | {' | '.join(SERVERS)} |"]
        lines += [f"|---|{'---|' * len(SERVERS)}"]
        for load in LOADS:
            lines.append(f"| {load} | {' | '.join(figures.get((title, load, server), '') for server in SERVERS)} |")
    return PAGE_TEXT.format(about=about, tables="\n".join(lines)) + "\n"


async def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.restarts", description=__doc__)
    parser.add_argument("--times", type=int, help="replacements per cell; nothing is written then")
    parser.add_argument("--server", action="append", choices=SERVERS, help="repeatable; only these are measured")
    parser.add_argument("--clients", action="append", choices=LOADS, help="as --server")
    parser.add_argument("--replacement", action="append", choices=REPLACEMENTS, help="as --server")
    given = parser.parse_args()
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # servers inherit that nohup has it ignored
    loads = given.clients or [name for name in LOADS if shutil.which("wrk") or not name.startswith("wrk")]
    figures = read_page(PAGE.read_text()) if PAGE.exists() else {}
    for title in given.replacement or REPLACEMENTS:
        measure, times = REPLACEMENTS[title]
        print(f"== {title}", file=sys.stderr, flush=True)
        for load in loads:
            for server in given.server or SERVERS:
                figures[title, load, server] = await cell(measure, load, server, given.times or times)
                if given.times is None:
                    PAGE.write_text(write_page(figures, _about()))


def _about() -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in ("uvloop", "uvicorn", "hypercorn", "granian"))
    interpreter = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{datetime.now(UTC):%Y-%m-%d}; {os.cpu_count()} cores; {platform.system()}; {interpreter}, {versions}."


if __name__ == "__main__":
    asyncio.run(main())
