"""Deadlines for waiting on a client: the native server's time limits, under any ASGI server.

A timer per wait would cost more than the wait itself. Instead, all running waits are in a set, and one timer, armed
only while the set is not empty, looks at it at intervals: each wait found there is charged the time since the last
look. For a body that arrives in many small parts, the charges add up to about the time of all its waits. A single wait
ends between its limit and two looks later, never before.
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
"""The most seconds between two looks: the native server looks as often."""


class DeadlineTimer:
    """The single timer behind all deadlines of an application in one event loop.

    Args:
        app: its shortest limit decides how often the timer looks.
    """

    __slots__ = ("_app", "_interval", "_last", "armed", "loop", "waiting")

    def __init__(self, app: Application) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self._app = app
        self.waiting: set[Deadline] = set()
        """The deadlines that a task is waiting under."""
        self._interval = 0.0
        self.armed = False
        """Whether the next look is scheduled."""

    def look_later(self) -> None:
        """Schedule the next look."""
        if self.loop is None:
            self.loop = asyncio.get_running_loop()
            self._interval = _interval(self._app)
        self._last = self.loop.time()
        # In an empty context: the current one would keep alive the request that happens to arm the timer.
        self.armed = True
        self.loop.call_later(self._interval, self._look, context=Context())

    def _look(self) -> None:
        assert self.loop is not None
        self.armed = False
        seconds = self.loop.time() - self._last
        for deadline in tuple(self.waiting):
            deadline.passed(seconds)
        if self.waiting:
            self.look_later()


def _interval(app: Application) -> float:
    """Return a quarter of the shortest limit, mounted applications included, and at most LONGEST_LOOK.

    Limits are fixed once requests are handled.
    """
    limits = [app.limits, *(route.limits for route in app.router.walk() if route.limits is not None)]
    given = [seconds for each in limits for seconds in (each.body_timeout, each.write_timeout) if seconds is not None]
    return min([LONGEST_LOOK, *(seconds / 4 for seconds in given)])


class Deadline(ABC):
    """A context manager that limits how long a task waits for its client. It may be entered any number of times.

    When the time is up, the task is cancelled, as `asyncio.timeout` does it: nothing else gets a task out of an
    `await` that may never return. Cancellation from outside passes through.

    Args:
        timer: counts the time.
    """

    __slots__ = ("_expired", "_task", "_timer", "_waited", "request")

    def __init__(self, timer: DeadlineTimer) -> None:
        self.request: Request | None = None
        """The limits of the request's route apply; without a request there is no limit."""
        self._timer = timer
        self._task: asyncio.Task[Any] | None = None
        self._waited: float | None = None
        self._expired = False

    @abstractmethod
    def allowed(self, limits: Limits) -> float | None:
        """Return the seconds allowed in all, None without a limit."""

    @abstractmethod
    def error(self) -> Exception:
        """Return the exception that ends the block when the time is up."""

    def __enter__(self) -> None:
        timer = self._timer
        timer.waiting.add(self)
        if not timer.armed:
            timer.look_later()
        # Without the argument it would look up the loop, which costs more than the rest of this method.
        self._task = asyncio.current_task(timer.loop)

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, traceback: object) -> None:
        self._timer.waiting.discard(self)
        task, self._task = self._task, None  # its context refers to the request: kept, it would form a cycle
        if self._expired and task is not None:
            self._leave(task, kind)

    def _leave(self, task: asyncio.Task[Any], kind: type[BaseException] | None) -> None:
        self._expired = False
        cancelled_too = task.uncancel()
        if not cancelled_too and (kind is None or issubclass(kind, asyncio.CancelledError)):
            raise self.error() from None

    def passed(self, seconds: float) -> None:
        """Add `seconds` to the time waited. The first look adds nothing: the wait may have begun just before it."""
        self._waited = 0.0 if self._waited is None else self._waited + seconds
        allowed = None if self.request is None else self.allowed(self.request.limits)
        # A task that is already being cancelled needs no second reason to stop waiting.
        if allowed is not None and self._waited >= allowed and self._task is not None and not self._task.cancelling():
            self._expired = True
            self._task.cancel()


class WriteDeadline(Deadline):
    """Limits how long a client may take to read one part of a response, or one websocket message.

    Each part starts anew: a client that reads something now and then is slow, not gone.

    Args:
        timer: counts the time.
        request: the request being answered.
    """

    __slots__ = ()

    def __init__(self, timer: DeadlineTimer, request: Request) -> None:
        super().__init__(timer)
        self.request = request

    @property
    def idle(self) -> bool:
        """Whether no task waits under this deadline."""
        return self._task is None

    def __enter__(self) -> None:
        self._waited = None
        super().__enter__()

    def allowed(self, limits: Limits) -> float | None:
        """Return the write timeout."""
        return limits.write_timeout

    def error(self) -> Exception:
        """Return the error for a response that the client does not read."""
        return ClientDisconnected("the client reads nothing, the answer is broken off")
