"""`sketch run package.module:app`: serves an application."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from sketch.cli.flags import add_address_flags, add_serving_flags
from sketch.serving.run import run_app


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("run", help="serve an application", description="Serve an application.")
    parser.add_argument("app", help="package.module:app, or package.module:create_app() to call a function for it")
    add_address_flags(parser)
    add_serving_flags(parser)
    parser.set_defaults(command=run)


def run(app: str, **options: Any) -> int:
    """Serve the application that an import string names, looked for in the working directory first.

    Raises:
        SystemExit: with code 1 if it cannot be served.
    """
    sys.path.insert(0, str(Path.cwd()))
    return run_app(app, **options)
