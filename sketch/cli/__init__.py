"""The command `sketch`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from sketch.cli import bench, demo, openapi, routes, run

COMMANDS = (run, routes, openapi, demo, bench)


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
    parser.add_argument(
        "--version", action=_Version, nargs=0, default=argparse.SUPPRESS, help="show the version and exit"
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    for module in COMMANDS:
        module.add_to(commands)
    return parser


class _Version(argparse.Action):
    """Looks the version up only when it is asked for: that is slow."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"sketch {_version()}")
        parser.exit()


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("sketch-web")
    except PackageNotFoundError:  # a checkout that was never installed
        return f"(not installed) on Python {sys.version.split()[0]}"
