"""Tells the application of a stop signal as early as the server learns of it."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

NUMBERS = (signal.SIGINT, signal.SIGTERM)

_TURNS = 10
"""Turns of the event loop between telling the application and telling the server: enough for each websocket to send
its close. uvicorn, once told, closes them itself."""


class StopSignals:
    """Signal handlers that notify the application, and then call the server's own handlers.

    The lifespan protocol tells of a stop only when every request has ended, which an endless stream never does.
    Works with handlers set by `signal.signal` (uvicorn) and by `loop.add_signal_handler` (hypercorn, the launchers):
    the loop learns of a signal through its wake-up descriptor, whichever Python function is called as well. A signal
    without a handler stays without one: it ends the process or is ignored.

    Args:
        notify: called in the event loop's thread.
    """

    def __init__(self, notify: Callable[[], None]) -> None:
        self._notify = notify
        self._loop: asyncio.AbstractEventLoop | None = None
        self._previous: dict[int, Callable[[int, FrameType | None], Any]] = {}

    def install(self) -> None:
        """Chain the handlers. Do nothing outside the main thread, where Python allows none."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._loop = asyncio.get_running_loop()
        for number in NUMBERS:
            previous = signal.getsignal(number)
            if callable(previous):
                self._previous[number] = previous
                signal.signal(number, self._handle)
                signal.siginterrupt(number, False)

    def restore(self) -> None:
        """Put back the previous handlers, unless another one has been set since."""
        for number, previous in self._previous.items():
            if signal.getsignal(number) == self._handle:
                signal.signal(number, previous)
        # The previous handlers are kept: code that has chained `_handle` still calls it.
        self._loop = None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        loop = self._loop
        if loop is None or not loop.is_running():
            self._previous[number](number, frame)
        else:
            loop.call_soon_threadsafe(self._tell, loop, number, frame)

    def _tell(self, loop: asyncio.AbstractEventLoop, number: int, frame: FrameType | None) -> None:
        self._notify()
        self._pass_on(loop, _TURNS, number, frame)

    def _pass_on(self, loop: asyncio.AbstractEventLoop, turns: int, number: int, frame: FrameType | None) -> None:
        if turns:
            loop.call_soon(self._pass_on, loop, turns - 1, number, frame)
        else:
            self._previous[number](number, frame)
