"""The progress bar."""

from __future__ import annotations

import io

from sketch.bench import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_for_terminals_only() -> None:
    silent, seen = io.StringIO(), Terminal()
    for stream in (silent, seen):
        progress = Progress(4, stream)
        for name in "abcd":
            progress.step(name)
        progress.clear()
    assert silent.getvalue() == ""
    parts = seen.getvalue().split("\r\033[K")
    assert [part.split()[1] for part in parts[1:5]] == ["0%", "25%", "50%", "75%"]
    assert parts[4].endswith("left  d")
    assert parts[5] == ""


def test_skipped_steps_shorten_the_bar() -> None:
    stream = Terminal()
    progress = Progress(10, stream)
    progress.step("a")
    progress.skip(8)
    progress.step("b")
    progress.skip(100)
    progress.step("c")
    progress.say("a line")
    assert "50%  b" in stream.getvalue()
    assert "100%  c" in stream.getvalue()
    assert stream.getvalue().endswith("\r\033[Ka line\n")
