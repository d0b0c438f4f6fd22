"""A progress bar on the terminal."""

from __future__ import annotations

import shutil
import sys
from time import monotonic
from typing import TextIO

WIDTH = 30


class Progress:
    """A progress bar on stderr; shown only on a terminal.

    Args:
        steps: the number of steps.
    """

    def __init__(self, steps: int, stream: TextIO | None = None) -> None:
        self._steps = steps
        self._done = 0
        self._stream = sys.stderr if stream is None else stream
        self._shown = self._stream.isatty()
        self._began = monotonic()

    def step(self, what: str) -> None:
        """Begin the next step."""
        self._write(f"{self._bar()} {self._done * 100 // max(self._steps, 1):3d}%{self._rest()}  {what}")
        self._done = min(self._done + 1, self._steps)

    def _bar(self) -> str:
        full = WIDTH * self._done // max(self._steps, 1)
        return "█" * full + "░" * (WIDTH - full)

    def _rest(self) -> str:
        """The remaining time, once it can be estimated."""
        if self._done < 3:
            return ""
        seconds = round((monotonic() - self._began) / self._done * (self._steps - self._done))
        return f"  {seconds // 60}:{seconds % 60:02d} left"

    def skip(self, steps: int) -> None:
        """Leave out some of the announced steps."""
        self._steps = max(self._done, self._steps - steps)

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self.clear()
        print(line, file=self._stream, flush=True)

    def clear(self) -> None:
        """Remove the bar."""
        self._write("")

    def _write(self, text: str) -> None:
        if self._shown:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r\033[K{text[:width]}")
            self._stream.flush()
