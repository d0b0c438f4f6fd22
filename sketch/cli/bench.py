"""`sketch bench package.module:app`: measures one application on several servers."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from sketch.serving.options import LOOPS
from sketch.serving.registry import BUILT_IN

if TYPE_CHECKING:
    from sketch.bench.backends import Comparison


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    text = "measure an application on several servers"
    parser = commands.add_parser("bench", help=text, description=f"{text.capitalize()}. Needs wrk.")
    parser.add_argument("app", help="package.module:app, or package.module:create_app()")
    names = f"{', '.join(BUILT_IN)}, or one that another package adds"
    _add(parser, "--server", "a server, may be repeated: " + names, None, action="append", metavar="NAME")
    _add(parser, "--loop", "event loop", "auto", choices=LOOPS)
    _add(parser, "--path", "what is asked for: path and query", "/", metavar="PATH")
    _add(parser, "--method", "the request's method", "GET", metavar="NAME")
    _add(parser, "--header", "a field of the request, may be repeated", (), action="append", type=_field, metavar="N:V")
    _add(parser, "--body", "the request's body", "", metavar="TEXT")
    _add(parser, "--connections", "how many ask at once", 64, type=_positive, metavar="N")
    _add(parser, "--seconds", "of each round and server", 2.0, type=_seconds, metavar="SECONDS")
    _add(parser, "--rounds", "over all servers; the median counts", 3, type=_positive, metavar="N")
    parser.add_argument("--json", dest="as_json", action="store_true", help="print all figures as JSON")
    parser.set_defaults(command=bench)


def _add(parser: argparse.ArgumentParser, flag: str, text: str, default: object, **settings: object) -> None:
    shown = f" (default: {default})" if default else ""
    if settings.get("action") == "append":
        default = None
    parser.add_argument(flag, help=text + shown, default=default, **settings)  # type: ignore[arg-type]


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {text!r}")
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0.25 <= number <= 3600:
        raise argparse.ArgumentTypeError(f"expected 0.25 to 3600, got {text!r}")
    return number


def _field(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not name or not colon:
        raise argparse.ArgumentTypeError(f"expected NAME:VALUE, got {text!r}")
    return name, value.strip()


def bench(
    *,
    app: str,
    server: list[str] | None,
    loop: str,
    path: str,
    method: str,
    header: list[tuple[str, str]] | None,
    body: str,
    connections: int,
    seconds: float,
    rounds: int,
    as_json: bool,
) -> int:
    """Measure and print. Returns 0, or 1 if a server that was asked for by name has no figures.

    Raises:
        SystemExit: with code 1 and one line if nothing could be measured.
    """
    # Imported here, because no other command needs it.
    from sketch.bench.backends import compare_backends
    from sketch.bench.ending import ending_in_order
    from sketch.bench.errors import BenchError
    from sketch.bench.load import Load

    load = Load(path, method, tuple(header or ()), body.encode(), connections)
    try:
        with ending_in_order():
            result = compare_backends(app, server or list(BUILT_IN), load, loop=loop, seconds=seconds, rounds=rounds)
    except BenchError as exc:
        print(f"error: {exc}", file=sys.stderr, flush=True)
        raise SystemExit(1) from None
    print(_as_json(result) if as_json else _as_text(result))
    _warn(result)
    return 1 if not result.figures or (server and result.refused) else 0


def _as_json(result: Comparison) -> str:
    return json.dumps(result.as_json(), indent=2)


def _as_text(result: Comparison) -> str:
    from sketch.bench.table import figures_table

    about, load = result.about, result.load
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    lines = [
        f"{load.method} {load.target}, {load.connections} connections, {about['rounds']} x {about['seconds']:g} s",
        f"{about['processor']}; {about['system']}; {about['python']}; {versions}",
        str(about["cores"]),
        "",
        figures_table(result.figures),
    ]
    return "\n".join(lines)


def _warn(result: Comparison) -> None:
    for name, reason in result.refused.items():
        print(f"not measured: {name}: {reason}", file=sys.stderr)
    if result.differing:
        print(f"warning: these answer something else: {', '.join(result.differing)}", file=sys.stderr)
