"""The command `sketch`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from sketch.cli import bench, demo, routes, run

COMMANDS = (run, routes, demo, bench)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line, by default that of this process. Returns the exit code.

    Raises:
        SystemExit: for a command line that cannot be understood (2), and if something could not be served (1).
    """
    options = _parser().parse_args(arguments)
    command = vars(options).pop("command")
    try:
        code: int = command(**vars(options))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has closed the pipe: `sketch routes package.module:app | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter would complain at its end
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sketch", description="Serve web applications.")
    parser.add_argument("--version", action="version", version=f"sketch {_version()}")
    commands = parser.add_subparsers(required=True, metavar="command")
    for module in COMMANDS:
        module.add_to(commands)
    return parser


def _version() -> str:
    try:
        return version("sketch-web")
    except PackageNotFoundError:  # a checkout that was never installed
        return f"(not installed) on Python {sys.version.split()[0]}"
