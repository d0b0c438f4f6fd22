"""`sketch demo`: serves a small application that comes with sketch."""

from __future__ import annotations

import argparse
from typing import Any

from sketch.cli.flags import add_address_flags
from sketch.serving.run import run_app

APP = "sketch.demo:app"


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    text = "serve a small application that comes with sketch"
    parser = commands.add_parser("demo", help=text, description=f"{text.capitalize()}.")
    add_address_flags(parser)
    parser.set_defaults(command=demo)


def demo(**options: Any) -> int:
    """Serve the demo.

    Raises:
        SystemExit: with code 1 if it cannot be served.
    """
    return run_app(APP, **options)
