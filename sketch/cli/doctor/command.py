"""The command `sketch doctor`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sketch.cli.flags import add_application, add_serving_flags

_EPILOG = """
It reads the same sources as `sketch run`, and judges what that would run. The application is imported, and not started;
nothing listens. The exit code is 0 if nothing is found or only advice, 1 with a warning, 2 with an error.
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    text = "say what would run, and what is missing or unsafe"
    description = f"{text.capitalize()}."
    parser = commands.add_parser("doctor", help=text, description=description, epilog=_EPILOG, allow_abbrev=False)
    add_application(parser)
    parser.add_argument("--json", action="store_true", dest="as_json", help="as JSON, for programs")
    parser.add_argument(
        "--options", action="store_true", dest="every_option", help="list all options, not only given ones"
    )
    text = "leave out the findings of this name; may be repeated"
    parser.add_argument("--ignore", action="append", default=[], metavar="NAME", help=text)
    add_serving_flags(parser)
    parser.set_defaults(command=doctor)


def doctor(
    app: str | None = None,
    *,
    as_json: bool = False,
    every_option: bool = False,
    ignore: Sequence[str] = (),
    unset: Sequence[str] = (),
    **flags: Any,
) -> int:
    """Print what `sketch run` would run with the same arguments, and what is missing or unsafe.

    Returns:
        2 if something does not start or is unsafe, 1 for warnings, else 0.

    Raises:
        SystemExit: with code 2 for a name to ignore that no finding has.
    """
    from sketch.cli.doctor.checks import examine  # other commands need none of it
    from sketch.cli.doctor.reading import read_case
    from sketch.cli.doctor.report import Report, to_json, to_text
    from sketch.cli.doctor.system import read_system

    ignored = _known(ignore)
    sys.path.insert(0, str(Path.cwd()))
    if app is not None:
        flags["app"] = app
    case = read_case(flags, os.environ, Path.cwd(), unset, read_system(os.environ))
    report = Report(case, examine(case, ignored), every_option)
    print(json.dumps(to_json(report), indent=2) if as_json else to_text(report))
    return report.exit_code


def _known(names: Sequence[str]) -> frozenset[str]:
    from sketch.cli.doctor.checks import CHECKS

    known = [each.name for each in CHECKS]
    for name in names:
        if name not in known:
            from difflib import get_close_matches  # for mistakes only

            close = get_close_matches(name, known, 1)
            advice = f": did you mean {close[0]}?" if close else f" of {', '.join(known)}"
            print(f"error: expected the name of a finding to ignore, got {name!r}{advice}", file=sys.stderr)
            raise SystemExit(2)
    return frozenset(names)
