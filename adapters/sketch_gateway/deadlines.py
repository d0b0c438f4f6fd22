"""Deadlines for waiting on a client: the native server's time limits, under any ASGI server.

For a body that arrives in many small parts, the timer's charges add up to about the time of all its waits: each look
charges the wait that it finds with the time since the last look.
"""

from __future__ import annotations

from abc import abstractmethod
from asyncio import current_task
from functools import partial
from typing import TYPE_CHECKING, Any

from sketch.concurrency.cancellation import Interruption
from sketch.concurrency.idle import BEGUN, DeadlineTimer, waited
from sketch.serving.endings import log_stalled
from sketch.transport import ClientDisconnected

if TYPE_CHECKING:
    import asyncio

    from sketch.application import Application
    from sketch.limits import Limits
    from sketch.request import BaseRequest


def client_timer(app: Application) -> DeadlineTimer:
    """Return a new timer for the deadlines of an application in one event loop."""
    return DeadlineTimer(partial(_shortest_limit, app))


def _shortest_limit(app: Application) -> float:
    """Return the shortest limit in seconds, mounted applications included. Limits are fixed once requests come."""
    limits = [app.limits, *(route.limits for route in app.router.walk() if route.limits is not None)]
    given = [seconds for each in limits for seconds in (each.body_timeout, each.write_timeout) if seconds is not None]
    return min(given, default=float("inf"))


class ClientDeadline(Interruption):
    """A context manager that limits how long a task waits for its client. It may be entered any number of times.

    Args:
        timer: counts the time.
    """

    __slots__ = ("_timer", "_waited", "request")

    insistent = True

    request: BaseRequest | None
    """The limits of the request's route apply; without a request there is no limit."""

    _task: asyncio.Task[Any] | None

    def __init__(self, timer: DeadlineTimer) -> None:
        self.begin_deadline(timer)

    def begin_deadline(self, timer: DeadlineTimer) -> None:
        """Initialize the deadline. A method, as looking `__init__` up in the class takes longer."""
        self.request = None
        self._timer = timer
        self._waited = BEGUN
        # As in Interruption, without its call: there is one deadline for each body and each written response.
        self._task = None
        self._interrupted = False

    @abstractmethod
    def allowed(self, limits: Limits) -> float | None:
        """Return the seconds allowed in all, None without a limit."""

    def __enter__(self) -> None:
        # As in Interruption, but faster: to look up the loop would cost more than the rest of this method.
        timer = self._timer
        if timer.handle is None:
            timer.arm()
        task = self._task = current_task(timer.loop)
        assert task is not None, "expected to run in a task"
        self._cancelling = task.cancelling()
        timer.waiting.add(self)

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, traceback: object) -> None:
        self._timer.waiting.discard(self)
        if self._interrupted:
            Interruption.__exit__(self, kind, exc, traceback)
        else:
            self._task = None

    def idled(self, seconds: float) -> None:
        """Add `seconds` to the time waited, and interrupt the wait if it is over the limit; called by the timer."""
        self._waited = waited(self._waited, seconds)
        allowed = None if self.request is None else self.allowed(self.request.limits)
        if allowed is not None and self._waited >= allowed and not self._being_cancelled():
            self.interrupt()

    def _being_cancelled(self) -> bool:
        """Whether the task was cancelled since its wait began: then it needs no second reason to stop waiting."""
        return self._task is not None and self._task.cancelling() > self._cancelling


class WriteDeadline(ClientDeadline):
    """Limits how long a client may take to read one part of a response, or one websocket message.

    Each part starts anew: a client that reads something now and then is slow, not gone.

    Args:
        timer: counts the time.
        request: the request being answered.
    """

    __slots__ = ()

    def __init__(self, timer: DeadlineTimer, request: BaseRequest) -> None:
        self.begin_deadline(timer)
        self.request = request

    @property
    def idle(self) -> bool:
        """Whether no task waits under this deadline."""
        return self._task is None

    def __enter__(self) -> None:
        self._waited = BEGUN
        ClientDeadline.__enter__(self)

    def allowed(self, limits: Limits) -> float | None:
        """Return the write timeout."""
        return limits.write_timeout

    def error(self) -> Exception:
        """Log that the client reads nothing, and return the error for its response."""
        assert self.request is not None
        log_stalled(self.request.connection.client)
        return ClientDisconnected("the client reads nothing, the answer is broken off")
