"""The order to stop, and the grace period after it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from time import monotonic

logger = logging.getLogger("sketch")

SHUTDOWN_GRACE = 20.0
"""The default grace period in seconds, from the order to stop until everything that still runs is ended."""

HOOK_GRACE = (1.0, 5.0)
"""Seconds that a hook gets at least: as many as the grace period has, within these bounds. Requests may use up all of
it, and a database has to be closed all the same."""

_NAMED = 10
"""How many of the things that were cut off are named in the log."""


class Stopping:
    """The order to stop, which the server gives: `if app.stopping`, `await app.stopping.wait()`.

    Endless streams and websockets check it, or wait for it, and end.
    """

    __slots__ = (
        "_cut",
        "_deadline",
        "_event",
        "_given_up",
        "_hook_grace",
        "_listeners",
        "_moved",
        "announced",
        "cut_level",
        "hurried",
    )

    def __init__(self) -> None:
        self.announced = False
        """Whether the server is about to stop: from then on a readiness check should fail. With `drain_delay` requests
        go on for so long before the order itself."""
        self._event = asyncio.Event()
        self._moved = asyncio.Event()
        self._given_up = asyncio.Event()
        self._deadline = 0.0  # by the monotonic clock
        self._hook_grace = HOOK_GRACE[1]
        self.hurried: set[Callable[[], None]] = set()
        """Called when a further order shortens the grace period."""
        self.cut_level = logging.WARNING
        """The level at which `report` logs."""
        self._cut: list[str] = []
        self._listeners: set[Callable[[], None]] = set()

    def __bool__(self) -> bool:
        return self._event.is_set()

    def announce(self) -> None:
        """Say that the order will follow, once load balancers have noticed. Nothing ends yet."""
        self.announced = True

    def set(self, grace: float = SHUTDOWN_GRACE) -> None:
        """Order to stop. Only in the event loop's thread; a second order can only shorten the grace period.

        Args:
            grace: seconds for everything that still runs to end by itself.
        """
        deadline = monotonic() + grace
        if not self:
            self._hook_grace = max(HOOK_GRACE[0], min(grace, HOOK_GRACE[1]))
        if not self or deadline < self._deadline:
            self._deadline = deadline
            self._moved.set()
            for hurry in list(self.hurried):
                hurry()
        self.announced = True
        self._event.set()
        listeners, self._listeners = self._listeners, set()
        for listener in listeners:
            listener()

    async def wait(self) -> None:
        """Return once the order is given."""
        await self._event.wait()

    async def wait_grace(self) -> None:
        """Return once the grace period is over; at once if no order was given yet."""
        while (left := self._deadline - monotonic()) > 0:
            self._moved.clear()
            try:
                await asyncio.wait_for(self._moved.wait(), left)
            except TimeoutError:
                return

    def hook_deadline(self) -> float:
        """Return when a hook that begins now has to end, by the monotonic clock.

        That is the end of the grace period. If there is less left than `HOOK_GRACE`, or nothing, the hook has so long,
        unless another order comes meanwhile: see `hurried`.
        """
        return max(self._deadline, monotonic() + self._hook_grace)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call a function once the order is given, at once if it was. It must not raise. For callers without a task."""
        if self._event.is_set():
            listener()
        else:
            self._listeners.add(listener)

    def forget(self, listener: Callable[[], None]) -> None:
        """Do not call the listener any more."""
        self._listeners.discard(listener)

    # -- what did not end by itself ---------------------------------------------------------------------------------

    def note_cut(self, name: str) -> None:
        """Note what was cut off at the end of the grace period, for `report`. Without an order nothing is."""
        if self:
            self._cut.append(name)

    def report(self) -> None:
        """Log, usually at level WARNING, what was cut off since the last report, if anything was."""
        cut, self._cut = Counter(self._cut), []
        if cut:
            named = [name if count == 1 else f"{name} ({count} times)" for name, count in cut.most_common(_NAMED)]
            rest = cut.total() - sum(count for _, count in cut.most_common(_NAMED))
            more = f" and {rest} more" if rest else ""
            logger.log(self.cut_level, "cut off at the end of the grace period: %s%s", ", ".join(named), more)

    def give_up(self, name: str) -> None:
        """Note that a hook goes on after its cancellation. The application cannot come to its end."""
        logger.warning("left behind: %s does not end", name)
        self._given_up.set()

    async def wait_given_up(self) -> None:
        """Return once a hook goes on after its cancellation."""
        await self._given_up.wait()
