"""How long an exchange waits for its client: the native server's time limits, under any ASGI server.

A timer for each wait would cost more than the wait is about. So whoever waits is in a set, and one timer, armed only
while the set is not empty, looks at it now and then: who is in it then has waited since the last look. Over a body
that comes in many small parts that is a fair sample of all its waits together. One wait alone ends between its limit
and two looks later, never before.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextvars import Context
from typing import TYPE_CHECKING, Any

from sketch.transport import ClientDisconnected

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.limits import Limits
    from sketch.request import Request

LONGEST_LOOK = 1.0
"""Seconds between two looks at most: as often as the native server looks."""


class DeadlineTimer:
    """The one timer of an application in one event loop.

    Args:
        app: its shortest limit says how often to look.
    """

    __slots__ = ("_app", "_interval", "_last", "armed", "loop", "waiting")

    def __init__(self, app: Application) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self._app = app
        self.waiting: set[Deadline] = set()
        """The waits that it looks at."""
        self._interval = 0.0
        self.armed = False
        """Whether the timer runs."""

    def look_later(self) -> None:
        """Arm the timer, for who begins to wait while it does not run."""
        if self.loop is None:
            self.loop = asyncio.get_running_loop()
            self._interval = _interval(self._app)
        self._last = self.loop.time()
        # In a context of its own: it would keep that of the request that happens to be the first, and the request.
        self.armed = True
        self.loop.call_later(self._interval, self._look, context=Context())

    def _look(self) -> None:
        assert self.loop is not None
        self.armed = False
        seconds = self.loop.time() - self._last
        for wait in tuple(self.waiting):
            wait.passed(seconds)
        if self.waiting:
            self.look_later()


def _interval(app: Application) -> float:
    """A quarter of the shortest limit. Limits do not change any more once requests are handled."""
    limits = [app.limits, *(route.limits for route in app.router.routes() if route.limits is not None)]
    given = [seconds for each in limits for seconds in (each.body_timeout, each.write_timeout) if seconds is not None]
    return min([LONGEST_LOOK, *(seconds / 4 for seconds in given)])


class Deadline(ABC):
    """A block in which a task waits for its client; to be entered any number of times.

    The block is cancelled when its time is over, as `asyncio.timeout` does it: nothing else gets a task out of an
    `await` that may never return. Cancellation from outside passes through.

    Args:
        timer: counts the time.
    """

    __slots__ = ("_expired", "_task", "_timer", "_waited", "request")

    def __init__(self, timer: DeadlineTimer) -> None:
        self.request: Request | None = None
        """The limits of its route say how much time there is; without one there is no limit."""
        self._timer = timer
        self._task: asyncio.Task[Any] | None = None
        self._waited: float | None = None
        self._expired = False

    @abstractmethod
    def allowed(self, limits: Limits) -> float | None:
        """Seconds that there are in all, None without a limit."""

    @abstractmethod
    def error(self) -> Exception:
        """What the block ends with when they are over."""

    def __enter__(self) -> None:
        timer = self._timer
        timer.waiting.add(self)
        if not timer.armed:
            timer.look_later()
        # Given the loop, it need not look for it, which would be most of what all this costs.
        self._task = asyncio.current_task(timer.loop)

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, traceback: object) -> None:
        self._timer.waiting.discard(self)
        task, self._task = self._task, None  # its context knows the request: kept, the two would be garbage to collect
        if self._expired and task is not None:
            self._leave(task, kind)

    def _leave(self, task: asyncio.Task[Any], kind: type[BaseException] | None) -> None:
        self._expired = False
        cancelled_too = task.uncancel()
        if not cancelled_too and (kind is None or issubclass(kind, asyncio.CancelledError)):
            raise self.error() from None

    def passed(self, seconds: float) -> None:
        """Count so many seconds; the first look finds a wait that may have begun just now, and counts nothing."""
        self._waited = 0.0 if self._waited is None else self._waited + seconds
        allowed = None if self.request is None else self.allowed(self.request.limits)
        # Who is being cancelled already needs no second reason to stop waiting.
        if allowed is not None and self._waited >= allowed and self._task is not None and not self._task.cancelling():
            self._expired = True
            self._task.cancel()


class WriteDeadline(Deadline):
    """For a client to take a part of the answer: who takes something now and then is slow, not gone.

    Args:
        timer: counts the time.
        request: what is answered.
    """

    __slots__ = ()

    def __init__(self, timer: DeadlineTimer, request: Request) -> None:
        super().__init__(timer)
        self.request = request

    @property
    def idle(self) -> bool:
        """Whether nobody is in the block."""
        return self._task is None

    def __enter__(self) -> None:
        self._waited = None
        super().__enter__()

    def allowed(self, limits: Limits) -> float | None:
        """The write timeout."""
        return limits.write_timeout

    def error(self) -> Exception:
        """The end of an answer that nobody takes."""
        return ClientDisconnected("the client reads nothing, the answer is broken off")
