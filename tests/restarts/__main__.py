"""Measures what clients lose while servers are replaced, and writes the page: `nox -s restarts`.

It takes about an hour; `--times 2 --server native-uvloop` is quick, and writes nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.restarts.clients import Load, clients, keep_alive, new_connections, pipelining, wrk
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


async def _sighup(directory: Path, load: Load, times: int, **options: Any) -> Observed:
    return await observe(directory, load, partial(by_sighup, times=times), **options)


REPLACEMENTS: dict[str, Measure] = {
    "SIGHUP": _sighup,
    "a new parent on the inherited socket, then SIGTERM": partial(observe_successors, overlap=True),
    "SIGTERM, then a new parent on the inherited socket": partial(observe_successors, overlap=False),
}

INTRODUCTION = """\
# What a restart loses

Requests that got no answer while a server with two workers was replaced {times} times under load. A cell says how many
requests were answered, and how many were not. The handler is as fast as can be, since a slow one hides what is lost;
every client heeds `Connection: close`, and none repeats a request. `keep_alive_drain` is 1 s: a client that
is silent for longer meets a closed connection, which it may repeat its request on a new one for, as it was not run.
Not covered: `kill -9`, answers longer than `shutdown_timeout`, websockets and streams (they are told, and end), and a
new server with fewer workers. The page is written by `nox -s restarts`.
"""


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
    return f"{seen.tally.answered:,} / {seen.tally.failed}"


async def tables(times: int, servers: list[str], loads: list[str], replacements: list[str]) -> list[str]:
    """Measure all tables."""
    lines = []
    for title in replacements:
        print(f"== {title}", file=sys.stderr, flush=True)
        lines += ["", f"## {title}", "", f"| clients | {' | '.join(servers)} |", "|---|" + "---|" * len(servers)]
        for load in loads:
            cells = [await cell(REPLACEMENTS[title], load, server, times) for server in servers]
            lines.append(f"| {load} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.restarts", description=__doc__)
    parser.add_argument("--times", type=int, default=13, help="replacements per cell (default: 13)")
    parser.add_argument("--server", action="append", choices=SERVERS, help="repeatable; nothing is written then")
    parser.add_argument("--clients", action="append", choices=LOADS, help="as --server")
    parser.add_argument(
        "--replacement", action="append", choices=REPLACEMENTS, help="repeatable; nothing is written then"
    )
    given = parser.parse_args()
    loads = given.clients or [name for name in LOADS if shutil.which("wrk") or not name.startswith("wrk")]
    found = asyncio.run(
        tables(given.times, given.server or list(SERVERS), loads, given.replacement or list(REPLACEMENTS))
    )
    versions = ", ".join(f"{name} {version(name)}" for name in ("uvloop", "uvicorn", "hypercorn", "granian"))
    about = (
        f"Written on {datetime.now(UTC):%Y-%m-%d}: {platform.python_implementation()} {platform.python_version()}, "
        f"{versions}; answered / failed."
    )
    page = "\n".join([INTRODUCTION.format(times=given.times), about, *found, ""])
    print(page)
    if not (given.server or given.clients or given.replacement):
        PAGE.write_text(page)


if __name__ == "__main__":
    main()
