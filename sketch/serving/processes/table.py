"""The table of workers: what happens to them, and what the parent does about it. It knows no process and no clock."""

from __future__ import annotations

import logging
import math
import signal
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import randint

from sketch.serving.processes.child import KILLED, READY, STARTING, STOPPING, Child, Process
from sketch.serving.processes.pipe import Message
from sketch.serving.processes.slot import LONGEST_DELAY, Slot

logger = logging.getLogger("sketch")

VACANT = 0.5
"""Seconds without a ready worker after which another one accepts the connections of a slot."""

SILENT = 3.0
"""Seconds without a heartbeat after which a worker counts as absent, for that purpose alone."""

LAST_WORDS = 1.0
"""Seconds in which a worker prints where it stands: its tasks when it is asked, its threads at SIGABRT."""

MARGIN = 15.0
"""Seconds beyond the grace period that a stopping worker gets: it cancels what still runs, and its hooks end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The bounds of a table: those of `ServeOptions`, in seconds and requests. Infinite is no bound."""

    start_timeout: float = 60.0
    worker_timeout: float = 30.0
    stop_timeout: float = 20.0
    max_requests: float = math.inf
    jitter: int = 0


class Table:
    """The workers of a parent. It is told what happens, and starts, replaces, stops and kills them.

    Args:
        count: how many workers there shall be.
        policy: the bounds.
        start: starts the process of a slot; it gets the slot's index and the generation of the process, and may raise
            OSError.
        on_first: called when the first worker is ready.
        level: at which the usual comings and goings are logged.
    """

    def __init__(
        self,
        count: int,
        policy: Policy,
        start: Callable[[int, int], Process],
        on_first: Callable[[], None],
        *,
        level: int = logging.INFO,
    ) -> None:
        self.slots = [Slot(index) for index in range(count)]
        self.now = 0.0
        """The time, in seconds; `tick` moves it on."""
        self.failure: str | None = None
        """Why the table has given up."""
        self.stopping = False
        self.failed_ends = 0
        """How many workers have not stopped in order when they were told to."""
        self.failures = 0
        """How many processes could not start, have ended by themselves, or were killed because they hung."""
        self._policy = policy
        self._start = start
        self._on_first = on_first
        self._level = level
        self._ready_at: float | None = None  # the last time at which a worker got ready, or was lost that had been
        self._queue: deque[Slot] = deque()  # to be replaced, one after the other
        self._replacing: Slot | None = None
        self._told: set[str] = set()
        self._hurry = signal.SIGQUIT

    # -- orders -------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start all workers."""
        for slot in self.slots:
            if not self.stopping:
                self._fill(slot)

    def replace(self) -> None:
        """Replace all workers, one after the other: the new one is ready before the old one is told to stop."""
        if not self.stopping:
            self._told.clear()  # a fault that is still there is a new one
            self._queue = deque(self.slots)
            self._go_on()

    def pass_on(self, number: int) -> None:
        """Send a signal to all workers. One that starts gets it when it is ready: before, it could end the process."""
        for child in self.children():
            if child.ready_at is None:
                child.missed.add(number)
            else:
                child.process.signal(number)

    def stop(self) -> None:
        """Tell all workers to stop."""
        self.stopping = True
        self._queue.clear()
        for slot in self.slots:
            slot.start_at = math.inf
        for child in self.children():
            self._stop(child)

    def hurry(self) -> None:
        """End the grace period of stopping workers; at the second call kill them."""
        number, self._hurry = self._hurry, signal.SIGKILL
        for child in self.children():
            if number == signal.SIGKILL or child.ready_at is None:
                child.kill(signal.SIGKILL, math.inf)
            else:
                child.due = min(child.due, self.now + MARGIN)
                child.process.signal(number)

    # -- events -------------------------------------------------------------------------------------------------------

    def children(self) -> Iterator[Child]:
        """All processes."""
        return (child for slot in self.slots for child in list(slot.children))

    def received(self, process: Process, message: Message) -> None:
        """Note what a worker tells."""
        child = self._child_of(process)
        child.seen_at = self.now
        if "failed" in message:
            child.reason = message["failed"]
        if "ready" in message and child.state is STARTING:
            child.covers = message["covers"]
            self._got_ready(child)
        if "stopping" in message and child.state is READY:
            self._stops_by_itself(child)
        if "requests" in message:
            child.requests = message["requests"]
            self._retire_if_used_up(child)

    def ended(self, process: Process, status: int) -> None:
        """Note the end of a process, by its exit status; negative, it is that of a signal."""
        child = self._child_of(process)
        slot = self.slots[child.index]
        slot.children.remove(child)
        if child.ordered or (child.state is STOPPING and not status):
            self._has_stopped(child, status)
        elif child.ready_at is None:
            self._start_failed(slot, child, status)
        else:
            logger.error("%s %s", child, child.end(status))
            self.failures += 1
            self._ready_at = self.now
            self._refill(slot, child)
        if self._replacing is slot and len(slot.children) <= 1 and slot.starting is None:
            self._replacing = None
        self._spread()
        self._go_on()

    @property
    def ready(self) -> int:
        """How many slots have a worker that serves."""
        return sum(slot.ready is not None for slot in self.slots)

    @property
    def restarts(self) -> int:
        """How many processes have taken the place of another."""
        return sum(max(slot.generation - 1, 0) for slot in self.slots)

    def tick(self, now: float) -> None:
        """Move the time on, and act on what is due."""
        self.now = now
        for child in self.children():
            self._check(child)
        for slot in self.slots:
            if now >= slot.start_at:
                self._fill(slot)
        self._spread()

    def _child_of(self, process: Process) -> Child:
        return next(child for child in self.children() if child.process is process)

    # -- starting -----------------------------------------------------------------------------------------------------

    def _fill(self, slot: Slot) -> None:
        """Start a process in a slot."""
        slot.start_at = math.inf
        slot.generation += 1
        try:
            process = self._start(slot.index, slot.generation)
        except OSError as exc:  # too many processes, no memory
            self._not_started(slot, exc)
            return
        limit = self._policy.max_requests + randint(0, self._policy.jitter)  # noqa: S311 - it only spreads the work
        slot.children.append(Child(process, slot.index, self.now + self._policy.start_timeout, limit))

    def _not_started(self, slot: Slot, exc: OSError) -> None:
        """Go on without a process that the system has refused."""
        logger.error("worker %d cannot be started: %s", slot.index, exc)
        if self._ready_at is None:
            self.failure = str(exc)
            self.stop()
        elif slot.ready is None:
            slot.start_at = self.now + LONGEST_DELAY
        else:
            self._give_up_replacing(slot.ready)

    def _give_up_replacing(self, child: Child) -> None:
        """Let an old worker serve on whose successor cannot start."""
        logger.error("%s serves on, and no other worker is replaced", child)
        self._replacing = None
        self._queue.clear()
        child.limit += self._policy.max_requests

    def _got_ready(self, child: Child) -> None:
        slot = self.slots[child.index]
        child.state, child.ready_at, child.due = READY, self.now, math.inf
        slot.opened = True
        first, self._ready_at = self._ready_at is None, self.now
        if first:
            self._on_first()
        logger.log(self._level, "%s is ready", child)
        for number in child.missed:
            child.process.signal(number)
        for older in slot.older(child):
            self._stop(older)
        self._told.clear()
        for other in self.slots if first else ():  # what has failed meanwhile has waited for this
            if not other.children:
                self._fill(other)
        if self._replacing is slot and len(slot.children) == 1:
            self._replacing = None
        self._spread()
        self._go_on()

    def _start_failed(self, slot: Slot, child: Child, status: int) -> None:
        """Go on without a worker that was never ready."""
        self.failures += 1
        why = child.reason or f"it {child.end(status)}"
        if child.state is not KILLED and why not in self._told:  # one line for all of them
            logger.error("%s could not start: %s", child, why)
        self._told.add(why)
        if slot.ready is not None:
            self._give_up_replacing(slot.ready)
        elif self._hopeless():
            self.failure = why
            self.stop()
        else:
            self._refill(slot, child)

    def _hopeless(self) -> bool:
        """Whether to give up: no worker is ready or starting, and none was ready for a while."""
        if any(child.state in (STARTING, READY) for child in self.children()):
            return False
        return self._ready_at is None or self.now - self._ready_at >= self._policy.start_timeout

    def _refill(self, slot: Slot, lost: Child) -> None:
        """Start another process in a slot that has lost one, now or later."""
        if self.stopping or slot.ready is not None:
            return
        slot.vacant_since = self.now
        if slot.starting is None and self._ready_at is not None:  # else wait whether any worker can start
            slot.start_at = self.now + slot.fail(lost, self.now)
            if slot.start_at <= self.now:
                self._fill(slot)

    # -- replacing ----------------------------------------------------------------------------------------------------

    @property
    def replacing(self) -> bool:
        """Whether workers are being replaced."""
        return self._replacing is not None or bool(self._queue)

    def _retire_if_used_up(self, child: Child) -> None:
        slot = self.slots[child.index]
        if child.used_up and child is slot.ready and slot is not self._replacing and slot not in self._queue:
            logger.info("%s has served %d requests: it is replaced", child, child.requests)
            self._queue.append(slot)
            self._go_on()

    def _go_on(self) -> None:
        """Replace the next worker that shall be, unless one is being replaced."""
        while self._queue and self._replacing is None and not self.stopping:
            slot = self._queue.popleft()
            if slot.ready is not None:
                self._replacing = slot
            elif slot.starting is not None:  # it may have loaded the old version already
                self._stop(slot.starting)
            self._fill(slot)

    # -- stopping -----------------------------------------------------------------------------------------------------

    def _stop(self, child: Child) -> None:
        child.stop(self.now + self._policy.stop_timeout + MARGIN)

    def _has_stopped(self, child: Child, status: int) -> None:
        if status in (0, -signal.SIGTERM):
            logger.log(self._level, "%s has stopped", child)
        else:
            logger.warning("%s %s while it stopped", child, child.end(status))
            self.failed_ends += self.stopping and status > 0

    def _stops_by_itself(self, child: Child) -> None:
        """Plan the successor of a worker that was told to stop by another process than this one.

        Not at once: a service manager may have told all processes, and this one will know in a moment.
        """
        logger.info("%s was told to stop by another process", child)
        child.state, child.due = STOPPING, self.now + self._policy.stop_timeout + MARGIN
        self._ready_at = self.now
        slot = self.slots[child.index]
        if slot.ready is None:
            slot.vacant_since = self.now
            if slot.starting is None:
                slot.start_at = self.now + VACANT

    def _check(self, child: Child) -> None:
        """Kill a process that does not do what it has to."""
        if child.state is READY and self.now - child.seen_at >= self._policy.worker_timeout:
            logger.error(
                "%s has sent no heartbeat for %g s: its event loop is blocked, it is killed",
                child,
                self._policy.worker_timeout,
            )
            child.kill(signal.SIGABRT, self.now + LAST_WORDS)
            self.slots[child.index].vacant_since = self.now
        elif self.now < child.due:
            return
        elif child.state is STARTING and not child.asked:
            child.ask(self.now + LAST_WORDS)
        elif child.state is STARTING:
            child.reason = f"it was not ready within {self._policy.start_timeout:g} s"
            logger.error("%s is killed: %s", child, child.reason)
            child.kill(signal.SIGABRT, self.now + LAST_WORDS)
        else:
            if child.state is STOPPING:
                logger.warning("%s has not stopped: it is killed", child)
            child.kill(signal.SIGKILL, math.inf)

    # -- spreading ----------------------------------------------------------------------------------------------------

    def _spread(self) -> None:
        """Let ready workers accept the connections of slots that have had none for a while."""
        able = [child for slot in self.slots if (child := self._present(slot)) is not None and child.covers]
        plan: dict[Child, list[int]] = {child: [] for child in able}
        for slot in self.slots:
            if able and self._needs_cover(slot):
                others = [child for child in able if child.index != slot.index]
                if others:
                    chosen = min(others, key=lambda child: (slot.index not in child.covered, len(plan[child])))
                    plan[chosen].append(slot.index)
        for child, indexes in plan.items():
            child.cover(indexes)

    def _present(self, slot: Slot) -> Child | None:
        """The worker that serves a slot, unless it has not been heard of for a while."""
        child = slot.ready
        return child if child is not None and self.now - child.seen_at < SILENT else None

    def _needs_cover(self, slot: Slot) -> bool:
        if not slot.opened or self.stopping or self._present(slot) is not None:
            return False
        return slot.ready is not None or self.now - slot.vacant_since >= VACANT
