"""The table of the one worker that is restarted: what happens to it, and what the parent does about it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from sketch.serving.processes.child import READY, Child
from sketch.serving.processes.table import Policy, Table

if TYPE_CHECKING:
    from sketch.serving.processes.child import Process
    from sketch.serving.processes.pipe import Message
    from sketch.serving.processes.slot import Slot

logger = logging.getLogger("sketch")

DEAF = 1.0
"""Seconds in which a worker has to say that it stops, or its event loop is blocked."""

MARGIN = 2.0
"""Seconds beyond the grace period that a worker gets to end: the developer waits for the next one."""


class ReloadTable(Table):
    """One worker. When it is restarted, it has ended before the next one starts: they may need the same port or file.

    Args:
        policy, start, on_first: as for `Table`.
        on_ready: called with whether the application runs, each time a worker is ready.
        watch: called with the files that a worker has read.
    """

    def __init__(
        self,
        policy: Policy,
        start: Callable[[int, int], Process],
        on_first: Callable[[], None],
        on_ready: Callable[[bool], None],
        watch: Callable[[list[str]], None],
    ) -> None:
        super().__init__(1, policy, start, on_first, level=logging.DEBUG)
        self.fault: str | None = None
        """Why the last worker has ended before it was ready: the next one serves a page about it."""
        self._on_ready = on_ready
        self._watch = watch
        self._due = False  # whether the next worker starts when the last one has ended
        self._broken = False  # whether the worker that gets ready serves a page in place of the application
        self._reported: str | None = None  # the fault that was logged last, until it is mended

    def replace(self) -> None:
        """Restart: stop what runs, then start a new worker."""
        if self.stopping:
            return
        (slot,) = self.slots
        self._due, self.fault, slot.failures = True, None, 0
        for child in self.children():
            self._stop(child)
        self._start_if_due()

    def received(self, process: Process, message: Message) -> None:
        """Note what a worker tells."""
        if "read" in message:
            self._watch(message["read"])
        if "broken" in message:
            self._broken = True
            self._tell(message["broken"])
        if "stopping" in message:
            for child in self.children():
                if child.ordered:
                    child.due = self.now + self._bound
        if "failed" in message and self.slots[0].generation == 1:
            self.failure = message["failed"]  # the command is wrong, not the code
        super().received(process, message)

    def ended(self, process: Process, status: int) -> None:
        """Note the end of a process."""
        super().ended(process, status)
        self._start_if_due()

    def _start_if_due(self) -> None:
        (slot,) = self.slots
        if self._due and not slot.children and not self.stopping:
            self._due = False
            self._fill(slot)

    def _fill(self, slot: Slot) -> None:
        self._broken = self.fault is not None
        super()._fill(slot)

    def _got_ready(self, child: Child) -> None:
        if not self._broken:
            self._reported = None
        self._on_ready(not self._broken)
        super()._got_ready(child)

    def _start_failed(self, slot: Slot, child: Child, status: int) -> None:
        """Let another worker say what has happened to one that has ended before it was ready."""
        if self.failure is not None:
            self.stop()
            return
        why = child.reason or f"the process {child.end(status)} before it was ready"
        self._tell(why)
        if self.fault is None:
            self.fault = why
            self._fill(slot)

    def _tell(self, fault: str) -> None:
        """Log a fault, once for as long as it is there."""
        if fault != self._reported:
            self._reported = fault
            logger.error("the application cannot be started: %s", fault)

    def _stop(self, child: Child) -> None:
        child.stop(self.now + (DEAF if child.state is READY else self._bound))

    @property
    def _bound(self) -> float:
        return self._policy.stop_timeout + MARGIN
