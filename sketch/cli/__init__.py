"""The command `sketch`."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping, Sequence

from sketch.cli import bench, demo, openapi, routes, run
from sketch.cli.doctor import command as doctor

COMMANDS = (run, doctor, routes, openapi, demo, bench)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line, by default that of this process. Returns the exit code.

    Raises:
        SystemExit: for a command line that cannot be understood (2), and if something could not be served (1).
    """
    parser, commands = _parsers()
    options, unknown = parser.parse_known_args(arguments)
    used = commands[vars(options).pop("name")]
    if unknown:
        used.error(f"unrecognized arguments: {' '.join(unknown)}{_advice(unknown, used)}")
    command = vars(options).pop("command")
    try:
        code: int = command(**vars(options))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has closed the pipe: `sketch routes package.module:app | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter would complain at its end
        return 1
    return code


def _parsers() -> tuple[argparse.ArgumentParser, Mapping[str, argparse.ArgumentParser]]:
    """Return the parser of command lines, and those of the commands by their names."""
    parser = argparse.ArgumentParser(prog="sketch", description="Serve web applications.")
    parser.add_argument(
        "--version", action=_Version, nargs=0, default=argparse.SUPPRESS, help="show the version and exit"
    )
    commands = parser.add_subparsers(required=True, metavar="command", dest="name")
    for module in COMMANDS:
        module.add_to(commands)
    return parser, commands.choices


def _advice(unknown: Sequence[str], used: argparse.ArgumentParser) -> str:
    """Return a question for the flag that was probably meant by the first one that does not exist, if there is one."""
    from difflib import get_close_matches  # for mistakes only

    flags = sorted(set(re.findall(r"--[a-z][a-z-]+", used.format_help())))
    close = [match for text in unknown for match in get_close_matches(text.partition("=")[0], flags, 1)]
    return f": did you mean {close[0]}?" if close else ""


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
