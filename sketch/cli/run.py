"""`sketch run package.module:app`: serves an application."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sketch.cli.flags import add_application, add_serving_flags
from sketch.observability.logs import tell
from sketch.serving.config import read_config
from sketch.serving.discovery import find_app, nothing_found
from sketch.serving.options import OptionError, ServeError
from sketch.serving.run import run_app
from sketch.serving.sources import values_from

_SOURCES = """
Each option may also be given in the environment (--log-level as SKETCH_LOG_LEVEL) or in pyproject.toml (log_level in
[tool.sketch], --limit-head as head in [tool.sketch.limits]). The command line replaces what the environment says, and
that what the file says. Of a platform's variables PORT is read; the default host is 0.0.0.0 then.
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "run",
        help="serve an application",
        description="Serve an application.",
        epilog=_SOURCES,
        allow_abbrev=False,
    )
    add_application(parser)
    text = "print all options with their sources, in the form of pyproject.toml, and exit"
    parser.add_argument("--print-config", action="store_true", help=text)
    add_serving_flags(parser)
    parser.set_defaults(command=run)


def run(app: str | None = None, *, print_config: bool = False, unset: Sequence[str] = (), **flags: Any) -> int:
    """Serve the application that an import string names, looked for in the working directory first.

    Raises:
        SystemExit: with code 2 for a flag that no server could honour, 1 if the application cannot be served.
    """
    sys.path.insert(0, str(Path.cwd()))
    if app is not None:
        flags["app"] = app
    try:
        config = read_config(flags, os.environ, Path.cwd(), unset)
        options = config.given()
        found = None if config.app else find_app(Path.cwd())
        if found is not None:
            config.add({"app": found.string}, found.file)
        if print_config:
            print(config.render())
            return 0
        if config.app is None:
            raise nothing_found(Path.cwd())
        if found is not None:
            tell(f"Serving {found.string}, found in {found.file}")
        with values_from(config.sources()):
            return run_app(config.app, **options)
    except ServeError as exc:
        print(f"error: {exc}", file=sys.stderr, flush=True)
        wrong = isinstance(exc, OptionError) and {*flags, "unset"} & {*exc.names}
        raise SystemExit(2 if wrong else 1) from None
