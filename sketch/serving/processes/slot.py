"""The place of one worker: its sockets stay, its processes come and go."""

from __future__ import annotations

import math

from sketch.serving.processes.child import READY, STARTING, Child

STEADY = 10.0
"""Seconds after which a worker counts as one that works: its end begins a new count of failures."""

DELAY = 0.5
"""Seconds until the second failure in a row is followed by another start; each further one doubles them."""

LONGEST_DELAY = 15.0


class Slot:
    """The place of one worker.

    Args:
        index: its number, from 0 on.
    """

    def __init__(self, index: int) -> None:
        self.index = index
        self.children: list[Child] = []
        """Its processes, in the order of their starts: one, and while it is replaced two."""
        self.generation = 0
        """How many processes it has had."""
        self.failures = 0
        """How many of them, in a row, have not started or have not lasted."""
        self.start_at = math.inf
        """When the next process is started."""
        self.vacant_since = -math.inf
        """Since when no process is ready."""
        self.opened = False
        """Whether its sockets listen: a process was ready once."""

    @property
    def ready(self) -> Child | None:
        """The newest process that serves."""
        return next((child for child in reversed(self.children) if child.state is READY), None)

    @property
    def starting(self) -> Child | None:
        """The process that is going to serve."""
        return next((child for child in reversed(self.children) if child.state is STARTING), None)

    def older(self, child: Child) -> list[Child]:
        """The processes that a new one replaces."""
        return [other for other in self.children if other is not child and other.state in (STARTING, READY)]

    def fail(self, child: Child, now: float) -> float:
        """Count the unexpected end of a process. Returns the delay until the next one is started, in seconds."""
        if child.ready_at is not None and now - child.ready_at >= STEADY:
            self.failures = 0
        self.failures += 1
        return 0.0 if self.failures == 1 else min(DELAY * 2.0 ** (self.failures - 2), LONGEST_DELAY)
