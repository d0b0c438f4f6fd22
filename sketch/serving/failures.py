"""One line for whatever an application raises when it is loaded or started: file, line, type and message."""

from __future__ import annotations

from pathlib import Path
from traceback import format_exception_only, walk_tb

from sketch.errors.debug.traces import is_library
from sketch.serving.options import ServeError
from sketch.serving.sources import explain

LONGEST = 300
"""Characters of a message that are shown."""


def describe(exc: BaseException) -> str:
    """Return an error in one line, with its place in the user's own code: `shop.py:3: ValueError: no database`.

    Of a message of several lines it has the first and the last: of errors of validation the first says little.
    """
    if isinstance(exc, ServeError):
        return explain(exc)
    lines = format_exception_only(exc)
    said = (lines[-1] if isinstance(exc, SyntaxError) else lines[0]).strip().splitlines() or [type(exc).__name__]
    short = said[0] if len(said) == 1 else f"{said[0]} ... {said[-1].strip()}"
    return _place_of(exc) + (short if len(short) <= LONGEST else f"{short[:LONGEST]}...")


def _place_of(exc: BaseException) -> str:
    if isinstance(exc, SyntaxError) and exc.filename:
        return f"{_shown(exc.filename)}:{exc.lineno or 1}: "
    calls = [(frame.f_code.co_filename, line) for frame, line in walk_tb(exc.__traceback__) if not is_library(frame)]
    return f"{_shown(calls[-1][0])}:{calls[-1][1]}: " if calls else ""


def _shown(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
