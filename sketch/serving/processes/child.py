"""A worker process, as its parent sees it."""

from __future__ import annotations

import math
import signal
from collections.abc import Collection
from enum import Enum
from typing import Any, Protocol


class State(Enum):
    """What a worker process does. A state may be followed by those below it. When it ends, it leaves the table."""

    STARTING = "it loads the application, or runs its start-up hooks"
    READY = "it serves"
    STOPPING = "it was told to stop, and finishes what is under way"
    KILLED = "it was sent the signal that ends it"


STARTING, READY, STOPPING, KILLED = State


class Process(Protocol):
    """What a table needs of a process."""

    pid: int

    def send(self, **message: Any) -> None:
        """Send it a message."""

    def signal(self, number: int) -> None:
        """Send it a signal."""


class Child:
    """A worker process. Times are those of the table, in seconds.

    Args:
        process: the process, which has just been started.
        index: the slot that it works in.
        due: until when it has to be ready.
        limit: how many requests it serves until it is replaced.
    """

    def __init__(self, process: Process, index: int, due: float, limit: float = math.inf) -> None:
        self.process = process
        self.index = index
        self.state = STARTING
        self.due = due
        """When it is killed unless it does what it has to: get ready, send a heartbeat, end."""
        self.limit = limit
        self.requests = 0
        """How many requests it has served."""
        self.ready_at: float | None = None
        self.seen_at = -math.inf
        """The time of its last heartbeat."""
        self.missed: set[int] = set()
        """The signals that it is sent once it is ready."""
        self.asked = False
        """Whether it was asked where it stands."""
        self.ordered = False
        """Whether it was told to stop."""
        self.reason: str | None = None
        """Why it could not start, in one line, if it has told."""
        self.covers = False
        """Whether its server can accept connections of other slots."""
        self.covered: list[int] = []
        """The other slots whose connections it accepts."""

    def __str__(self) -> str:
        return f"worker {self.index} (process {self.process.pid})"

    def end(self, status: int) -> str:
        """Describe its end by its exit status."""
        return describe_end(status, killed=self.state is KILLED)

    @property
    def used_up(self) -> bool:
        """Whether it has served as many requests as it may."""
        return self.requests >= self.limit

    def cover(self, indexes: Collection[int]) -> None:
        """Let it accept the connections of these other slots, and of no more than these."""
        if self.covered != sorted(indexes):
            self.covered = sorted(indexes)
            self.process.send(accept=self.covered)

    def ask(self, due: float) -> None:
        """Ask it where its tasks stand. One that blocks its event loop does not answer."""
        self.asked = True
        self.due = due
        self.process.send(explain=True)

    def stop(self, due: float) -> None:
        """Tell it to stop, once."""
        if not self.ordered:
            self.ordered = True
            self.due = due
            if self.state is not KILLED:
                self.state = STOPPING
            self.process.signal(signal.SIGTERM)

    def kill(self, number: int, due: float) -> None:
        """Send it a signal that ends it; at the second call, SIGKILL."""
        self.due = due
        self.process.signal(signal.SIGKILL if self.state is KILLED else number)
        self.state = KILLED


def describe_end(status: int, *, killed: bool = False) -> str:
    """Describe the end of a process by its exit status; negative, it is that of a signal.

    Args:
        status: the exit status.
        killed: whether the parent has killed it, so that no reason need be guessed.
    """
    if status >= 0:
        return f"ended with exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    hint = ": perhaps the system was out of memory" if name == "SIGKILL" and not killed else ""
    return f"was ended by {name}{hint}"
