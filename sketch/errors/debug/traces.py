"""An exception as data: what raised it, where, and with which variables; masked and bounded."""

from __future__ import annotations

import linecache
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import FrameType, TracebackType

from sketch.errors.debug.masking import FRAMEWORK, Masker

BEFORE, AFTER = 5, 3
"""Lines of source code that are shown before and after the one that raised."""
INNERMOST, OUTERMOST = 30, 10
"""Frames that are shown of each end of a deep stack."""
VARIABLES = 50
"""Variables of one frame that are shown."""
CHAIN, PARTS, NESTED = 10, 10, 4
"""Exceptions of a chain, exceptions of a group, and levels of nested groups that are shown."""
MESSAGE = 5000
"""Characters of an exception's text that are shown."""

_LIBRARIES = tuple(f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib", "purelib", "platlib"))

CAUSE = "The above was directly caused by"
CONTEXT = "The above happened while handling"


@dataclass(slots=True)
class Line:
    """A line of source code. `current`: whether it was running; `marked`: the columns of the failing expression."""

    number: int
    text: str
    current: bool = False
    marked: tuple[int, int] | None = None


@dataclass(slots=True)
class Frame:
    """A call that led to the exception."""

    file: str
    line: int
    function: str
    library: bool
    source: list[Line]
    variables: list[tuple[str, str]]
    hidden: int
    """Variables that are not shown."""


@dataclass(slots=True)
class Trace:
    """An exception, with the calls that led to it, the outermost first."""

    title: str
    frames: list[Frame]
    skipped: int = 0
    """Frames left out after the first `OUTERMOST`."""
    relation: str = ""
    """How the trace before this one, of a later exception, is related to this one."""
    parts: list[list[Trace]] = field(default_factory=list)
    """The traces of each exception of an exception group."""


def read_traces(exc: BaseException, masker: Masker) -> list[Trace]:
    """The traces of an exception, then of those that led to it, as far as Python would print them."""
    _learn(exc, masker, 0)
    return _chain(exc, masker, 0)


def _chain(exc: BaseException, masker: Masker, depth: int) -> list[Trace]:
    return [_trace(link, relation, masker, depth) for link, relation in _links(exc)]


def _links(exc: BaseException) -> Iterator[tuple[BaseException, str]]:
    seen: set[int] = set()
    relation, link = "", exc
    while id(link) not in seen and len(seen) < CHAIN:
        yield link, relation
        seen.add(id(link))
        if link.__cause__ is not None:
            relation, link = CAUSE, link.__cause__
        elif link.__context__ is not None and not link.__suppress_context__:
            relation, link = CONTEXT, link.__context__


def _parts(exc: BaseException, depth: int) -> tuple[BaseException, ...]:
    return exc.exceptions[:PARTS] if isinstance(exc, BaseExceptionGroup) and depth < NESTED else ()


def _learn(exc: BaseException, masker: Masker, depth: int) -> None:
    """Collect the secrets of all frames before anything is shown: one frame's secret may appear in another."""
    for link, _ in _links(exc):
        masker.learn(None, link)
        masker.learn_text(_title(link))
        for frame, _, _ in _calls(link.__traceback__):
            for name, value in _variables(frame):
                masker.learn(name, value)
        for part in _parts(link, depth):
            _learn(part, masker, depth + 1)


def _trace(exc: BaseException, relation: str, masker: Masker, depth: int) -> Trace:
    calls = list(_calls(exc.__traceback__))
    skipped = len(calls) - INNERMOST - OUTERMOST
    if skipped > 0:
        calls = calls[:OUTERMOST] + calls[-INNERMOST:]
    return Trace(
        masker.text(_title(exc), MESSAGE),
        [_frame(*call, masker) for call in calls],
        max(0, skipped),
        relation,
        [_chain(part, masker, depth + 1) for part in _parts(exc, depth)],
    )


def _title(exc: BaseException) -> str:
    return "".join(traceback.format_exception_only(exc)).strip()  # unlike str(exc), it never fails


def _calls(trace: TracebackType | None) -> Iterator[tuple[FrameType, int, int]]:
    """Frame, line and instruction of each call, the outermost first."""
    while trace is not None:
        yield trace.tb_frame, trace.tb_lineno or 0, trace.tb_lasti
        trace = trace.tb_next


def _variables(frame: FrameType) -> list[tuple[str, object]]:
    return [(name, value) for name, value in dict(frame.f_locals).items() if not name.startswith(("__", ".", "@"))]


def _frame(frame: FrameType, line: int, instruction: int, masker: Masker) -> Frame:
    code = frame.f_code
    variables = _variables(frame)
    return Frame(
        _short(code.co_filename),
        line,
        code.co_name if _is_template(frame) else code.co_qualname,
        is_library(frame),
        _source(frame, line, instruction, masker),
        [(name, masker.show(name, value)) for name, value in variables[:VARIABLES]],
        max(0, len(variables) - VARIABLES),
    )


def in_library(file: str) -> bool:
    """Whether a file belongs to Python or an installed package, not to the application."""
    return file.startswith((*_LIBRARIES, "<frozen ")) or "/site-packages/" in file or "/dist-packages/" in file


def is_library(frame: FrameType) -> bool:
    """Whether a call is one inside a library, or of this framework."""
    module = str(frame.f_globals.get("__name__", ""))
    return in_library(frame.f_code.co_filename) or module.partition(".")[0] in FRAMEWORK


def _is_template(frame: FrameType) -> bool:
    """Whether a frame is what jinja puts in the place of a template's: its name and line are right, its code is not."""
    return "__jinja_exception__" in frame.f_globals


def _short(file: str) -> str:
    """A file's name without a common prefix: the directory of the libraries, or the working directory."""
    prefixes = sorted(_LIBRARIES, key=len, reverse=True)
    with suppress(OSError):  # the working directory was removed
        prefixes.append(f"{Path.cwd()}/")
    return next((file[len(prefix) :] for prefix in prefixes if file.startswith(prefix)), file)


def _source(frame: FrameType, line: int, instruction: int, masker: Masker) -> list[Line]:
    lines = linecache.getlines(frame.f_code.co_filename, frame.f_globals)
    first = max(1, line - BEFORE)
    shown: list[Line] = []
    for number, text in enumerate(lines[first - 1 : line + AFTER], first):
        text = text.rstrip("\r\n")
        masked = masker.source(text)
        marks = number == line and masked == text and not _is_template(frame)
        marked = _columns(frame, line, instruction, text) if marks else None
        shown.append(Line(number, masked, number == line, marked))
    return shown


def _columns(frame: FrameType, line: int, instruction: int, text: str) -> tuple[int, int] | None:
    """The range of characters in the line that the instruction comes from, None if it is the whole line."""
    position = next(islice(frame.f_code.co_positions(), instruction // 2, None), None)
    if position is None or position[0] != line or position[1] != line or position[2] is None or position[3] is None:
        return None
    raw = text.encode("utf-8", "replace")  # the columns are counted in bytes
    begin, end = (len(raw[:column].decode("utf-8", "replace")) for column in (position[2], position[3]))
    return (begin, end) if text[:begin].strip() or text[end:].strip() else None
