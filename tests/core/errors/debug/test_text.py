"""Traces as text."""

from __future__ import annotations

from pathlib import Path

from sketch.errors.debug.text import render_text
from tests.core.errors.debug.support import run, traces_of


def test_the_text_is_what_python_prints(tmp_path: Path) -> None:
    source = "try:\n    {}['a']\nexcept KeyError as exc:\n    raise ValueError('b') from exc\n"
    error = run(tmp_path / "a.py", source)
    traces = traces_of(error)
    for trace in traces:  # `run` called the program
        trace.frames = [frame for frame in trace.frames if "debug/support" not in frame.file]
    path = tmp_path / "a.py"
    assert render_text(traces).splitlines() == [
        "Traceback (most recent call last):",
        f'  File "{path}", line 2, in <module>',
        "    {}['a']",
        "KeyError: 'a'",
        "",
        "The above exception was the direct cause of the following exception:",
        "",
        "Traceback (most recent call last):",
        f'  File "{path}", line 4, in <module>',
        "    raise ValueError('b') from exc",
        "ValueError: b",
    ]


def test_the_text_of_groups_and_contexts() -> None:
    error = ExceptionGroup("g", [ValueError("a"), KeyError("b")])
    error.__context__ = OSError("before")
    text = render_text(traces_of(error))
    assert text.startswith("OSError: before\n\nDuring handling of the above exception, another exception occurred:\n\n")
    assert "  +---------------- 2 ----------------\n  | KeyError: 'b'" in text
