"""One line for whatever an application's modules raise when they are imported: type, message, file and line."""

from __future__ import annotations

import sys
from pathlib import Path
from traceback import walk_tb

LONGEST = 300
"""Characters of a message that are shown."""


def describe(exc: BaseException) -> str:
    """Return an error in one line, with its place in the user's own code: `shop.py:3: ValueError: no database`."""
    text = exc.msg if isinstance(exc, SyntaxError) else str(exc)
    message = text.strip().partition("\n")[0][:LONGEST]
    return f"{_place_of(exc)}{type(exc).__name__}{': ' if message else ''}{message}"


def _place_of(exc: BaseException) -> str:
    if isinstance(exc, SyntaxError) and exc.filename:
        return f"{_shown(exc.filename)}:{exc.lineno}: "
    frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(exc.__traceback__)]
    own = [each for each in frames if _is_own(each[0])]
    return f"{_shown(own[-1][0])}:{own[-1][1]}: " if own else ""


def _is_own(file: str) -> bool:
    """Whether a file is neither the interpreter's, nor an installed package's, nor sketch's."""
    path = Path(file)
    elsewhere = (Path(__file__).parents[1], *map(Path, {sys.prefix, sys.base_prefix}))
    return path.is_absolute() and not any(path.is_relative_to(each) for each in elsewhere)


def _shown(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
