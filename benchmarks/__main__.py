"""Measure sketch and its peers: `python -m benchmarks`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import callgrind, certificates, idle, inprocess, instructions, latency, network, report, start, workers
from benchmarks.cases import FILE_CASES, FORM_CASES, HOSTING_CASES, MAIN, MORE, NETWORK, SOCKET_CASES, SPECIAL
from benchmarks.contestants import CONTESTANTS, DISTRIBUTIONS
from benchmarks.outcome import Outcome, Result
from benchmarks.settings import ENVIRONMENT, Settings
from benchmarks.work import FILES
from sketch.bench import BenchError, Cores, Progress
from sketch.bench.ending import ending_in_order
from sketch.bench.load import require
from sketch.bench.machine import machine, versions
from sketch.bench.measure import SHORTEST

OTHERS = {
    "latency": "the latency at half load",
    "workers": "the cost of a request with two workers",
    "inprocess": "the cost of one ASGI call without a server",
    "instructions": "the instructions of a native request, and of an ASGI call",
    "import": "the time to import a framework",
    "startup": "the time until a server answers",
    "memory": "the memory of an idle connection",
    "websocket-memory": "the memory of an idle websocket",
}
GROUPS = {
    "main": [*(case.name for case in (*MAIN, *SPECIAL)), *(name for name in OTHERS if name != "websocket-memory")],
    "more": [*(case.name for case in MORE), "websocket-memory"],
}
GROUPS["forms"] = [case.name for case in FORM_CASES]
GROUPS["files"] = [case.name for case in FILE_CASES]
GROUPS["hosting"] = [case.name for case in HOSTING_CASES]
GROUPS["websockets"] = [*(case.name for case in SOCKET_CASES), "websocket-memory"]
GROUPS["tls"] = [case.name for case in SPECIAL if case.variant.tls]
GROUPS["all"] = [*GROUPS["main"], *GROUPS["more"]]
RESULTS = Path(__file__).parent / "results"
SECONDS, ROUNDS = 1.0, 3
"""Of a whole run, which takes less than 25 minutes."""
QUICK = 0.25
"""Seconds of a round of a quick run, which has one round."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.seconds is None:
        given.seconds = QUICK if given.quick else SECONDS
    if given.rounds is None:
        given.rounds = 1 if given.quick else ROUNDS
    if given.seconds < SHORTEST or given.rounds < 1:
        parser.error(f"expected --seconds of at least {SHORTEST} and --rounds of at least 1")
    if given.list:
        print(_listing())
        return 0
    try:
        if given.redraw:
            outcome = Outcome.read((given.output or RESULTS) / report.DATA)
        else:
            with ending_in_order():
                outcome = _measure(given)
    except BenchError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    print(json.dumps(outcome.as_json(), indent=1) if given.json else report.text(outcome))
    whole = not given.only and not given.case and not given.quick
    if given.output or whole or given.redraw:
        report.write(outcome, given.output or RESULTS)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure sketch and its peers.")
    parser.add_argument("--only", action="append", choices=CONTESTANTS, metavar="NAME", help="a contestant; repeatable")
    names = [*GROUPS, *NETWORK, *OTHERS]
    parser.add_argument("--case", action="append", choices=names, metavar="NAME", help="a case or a group; repeatable")
    parser.add_argument("--seconds", type=float, help=f"of each round (default: {SECONDS:g})")
    parser.add_argument("--rounds", type=int, help=f"the median counts (default: {ROUNDS})")
    quick = f"one round of {QUICK:g} s, to see that everything runs; writes nothing without --output"
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--json", action="store_true", help="print everything as JSON instead of tables")
    where = (
        "for data, table and pictures (default: benchmarks/results; with --only, --case or --quick nothing is written)"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help=where)
    parser.add_argument("--redraw", action="store_true", help="measure nothing, draw what was measured before")
    parser.add_argument("--list", action="store_true", help="show contestants and cases")
    return parser


def _listing() -> str:
    lines = ["contestants:", *(f"  {one.name:18}{one.kind}" for one in CONTESTANTS.values())]
    lines += ["cases, group main (the default):", *(f"  {case.name:18}{case.title}" for case in (*MAIN, *SPECIAL))]
    lines += [f"  {name:18}{title}" for name, title in OTHERS.items()]
    lines += ["cases, group more:", *(f"  {case.name:18}{case.title}" for case in MORE)]
    return "\n".join(lines)


def _measure(given: argparse.Namespace) -> Outcome:
    names = list(dict.fromkeys(name for one in given.case or ["main"] for name in GROUPS.get(one, [one])))
    cases = [NETWORK[name] for name in names if name in NETWORK]
    for tool in sorted({case.load.tool for case in cases}):
        require(tool)
    cores = Cores.choose()
    contestants = [one for one in CONTESTANTS.values() if not given.only or one.name in given.only]
    with tempfile.TemporaryDirectory() as compiled, tempfile.TemporaryDirectory() as folder:
        # An installed package has compiled files, a checkout may have none: the first round compiles for all.
        ENVIRONMENT.update(PYTHONPYCACHEPREFIX=compiled, PYTHONDONTWRITEBYTECODE="")
        files = _write_files(Path(folder))
        keys = certificates.make(Path(folder)) if any(case.variant.tls for case in cases) else {}
        settings = Settings(contestants, given.seconds, given.rounds, cores, Progress(0), files, keys)
        settings.progress = Progress(_steps(names, settings))
        outcome = Outcome(_about(given, cores))
        for result in _run(names, settings):
            outcome.results[result.name] = result
    settings.progress.clear()
    return outcome


def _write_files(folder: Path) -> dict[str, str]:
    paths = {name: folder / f"{name}.bin" for name in FILES}
    for name, path in paths.items():
        path.write_bytes(FILES[name])
        os.utime(path, (0, 0))  # long ago, so that no server treats the file as just changed
    return {name: str(path) for name, path in paths.items()}


def _nginx_version() -> dict[str, str]:
    path = shutil.which("nginx")
    if path is None:
        return {}
    done = subprocess.run([path, "-v"], capture_output=True, text=True, check=True)
    return {"nginx": done.stderr.rpartition("/")[2].strip()}


def _steps(names: Sequence[str], settings: Settings) -> int:
    count = network.steps([NETWORK[name] for name in names if name in NETWORK], settings)
    parts = {"inprocess": inprocess.steps, "import": start.import_steps, "startup": start.answer_steps}
    parts |= {"latency": latency.steps, "workers": workers.steps, "instructions": instructions.steps}
    parts |= {"memory": idle.steps, "websocket-memory": idle.socket_steps}
    return count + sum(steps(settings) for name, steps in parts.items() if name in names)


def _run(names: Sequence[str], settings: Settings) -> Iterator[Result]:
    yield from network.run([NETWORK[name] for name in names if name in NETWORK], settings)
    if "latency" in names:
        yield from latency.run(settings)
    if "workers" in names:
        yield from workers.run(settings)
    if "inprocess" in names:
        yield from inprocess.run(settings)
    if "instructions" in names:
        if callgrind.available():
            yield from instructions.run(settings)
        else:
            settings.progress.say("skipped: instructions: there is no valgrind for x86-64 here")
    if "import" in names:
        yield start.imports(settings)
    if "startup" in names:
        yield start.answers(settings)
    if "memory" in names:
        yield idle.run(settings)
    if "websocket-memory" in names:
        yield idle.run_sockets(settings)


def _about(given: argparse.Namespace, cores: Cores) -> dict[str, Any]:
    return {
        **machine(cores),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "method": f"{given.rounds} interleaved rounds of {given.seconds:g} s per server and case, medians; "
        f"64 connections, one worker, no TLS, no access log unless the case says otherwise; uvloop",
        "versions": versions(DISTRIBUTIONS) | _nginx_version(),
        "platform": platform.platform(),
    }


if __name__ == "__main__":
    sys.exit(main())
