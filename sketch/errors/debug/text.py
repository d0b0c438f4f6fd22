"""Renders traces as text, as Python prints them: for terminals, and to be copied."""

from __future__ import annotations

from collections.abc import Iterator

from sketch.errors.debug.traces import CAUSE, OUTERMOST, Frame, Trace

_LINKS = {
    True: "The above exception was the direct cause of the following exception:",
    False: "During handling of the above exception, another exception occurred:",
}


def render_text(traces: list[Trace]) -> str:
    """Render an exception and those that led to it, the earliest first."""
    return "\n".join(_lines(traces))


def _lines(traces: list[Trace]) -> Iterator[str]:
    for place, trace in reversed(list(enumerate(traces))):
        yield from _trace(trace)
        if place:
            yield from ("", _LINKS[trace.relation == CAUSE], "")


def _trace(trace: Trace) -> Iterator[str]:
    if trace.frames:
        yield "Traceback (most recent call last):"
    for place, frame in enumerate(trace.frames):
        if trace.skipped and place == OUTERMOST:
            yield f"  ... {trace.skipped} calls are left out here ..."
        yield from _frame(frame)
    yield from trace.title.splitlines() or [""]
    for number, part in enumerate(trace.parts, 1):
        yield f"  +---------------- {number} ----------------"
        yield from (f"  | {line}" for line in _lines(part))


def _frame(frame: Frame) -> Iterator[str]:
    yield f'  File "{frame.file}", line {frame.line}, in {frame.function}'
    for line in frame.source:
        if line.current:
            yield f"    {line.text.strip()}"
