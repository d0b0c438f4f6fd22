"""The order to stop that hypercorn and granian get from their launchers. uvicorn's is in `uvicorn_runner`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from sketch_asgi.lifespan import Life
from sketch_asgi.stop_signals import NUMBERS

if TYPE_CHECKING:
    from sketch.application import Application


class Stop:
    """Waits for the order to stop: SIGINT or SIGTERM. A second one cancels the server's task at once.

    Args:
        app: its `stopping` is set before the server is told.
        life: tells at the end of the grace period whether the server still waits for requests.
        timeout: the grace period in seconds.
        expire: cancels the requests that outlast the grace period. Called only if the server has not done so itself.
    """

    def __init__(self, app: Application, life: Life, timeout: float, expire: Callable[[], object]) -> None:
        self._app = app
        self._life = life
        self._timeout = timeout
        self._expire = expire
        self._told = asyncio.Event()
        self._deadline: asyncio.TimerHandle | None = None

    async def wait(self) -> None:
        """Return once the order to stop is given."""
        await self._told.wait()

    async def __aenter__(self) -> Stop:
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        if threading.current_thread() is threading.main_thread():
            for number in NUMBERS:
                self._loop.add_signal_handler(number, self._tell)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        for number in NUMBERS:
            self._loop.remove_signal_handler(number)
        if self._deadline is not None:
            self._deadline.cancel()

    def _tell(self) -> None:
        if self._told.is_set():
            if self._task is not None:
                self._task.cancel()
            return
        self._app.stopping.set(self._timeout)
        self._told.set()
        self._deadline = self._loop.call_later(self._timeout, self._end_of_grace)

    def _end_of_grace(self) -> None:
        if self._life.started:
            self._expire()
