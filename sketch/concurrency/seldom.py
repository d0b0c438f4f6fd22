"""Lines of the log that clients can cause: at most one in a while, however many there would be."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic


class Seldom:
    """Writes a line, and then no other for a while; the next one tells how many there would have been.

    Args:
        logger: writes the lines.
        level: of the lines.
        interval: seconds between two lines.
        clock: tells the time, in seconds.
    """

    def __init__(
        self, logger: logging.Logger, level: int, interval: float, clock: Callable[[], float] = monotonic
    ) -> None:
        self._logger = logger
        self._level = level
        self._interval = interval
        self._clock = clock
        self._silent_until = float("-inf")
        self._left_out = 0

    def log(self, message: str, *arguments: object) -> None:
        """Write a line, unless the last one was written just now."""
        now = self._clock()
        if now < self._silent_until:
            self._left_out += 1
            return
        if self._left_out:
            message, arguments = f"{message} (and %d times since the last such line)", (*arguments, self._left_out)
        self._silent_until, self._left_out = now + self._interval, 0
        self._logger.log(self._level, message, *arguments)
