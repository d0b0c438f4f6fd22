"""Starts and stops an application by the calls of RSGI, which are made outside of any coroutine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sketch.lifecycle.background import CANCELLED_GRACE
from sketch.lifecycle.hook_deadline import StartCancelled
from sketch_gateway.life import ApplicationLife
from sketch_gateway.stop_signals import StopSignals

NO_INIT = (
    "this server has not called __rsgi_init__: start-up hooks run before the first request, "
    "shutdown and clean-up hooks cannot run"
)

_LEAVING = 0.5
"""Seconds in which what the server has cut off, as it does with websockets, may end by itself."""


class RSGILife(ApplicationLife):
    """Starts an application in `__rsgi_init__`, and stops it in `__rsgi_del__`. See `ApplicationLife`."""

    _chained: StopSignals | None = None
    _starting: asyncio.Task[bool] | None = None
    _stopping: asyncio.Task[None] | None = None

    def init(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start. In a loop that runs (granian embedded) the start goes on after this call, and requests wait for it.

        Raises:
            SystemExit: with status 1 if the start fails, 0 if it is cancelled.
        """
        self._chained = signals = self.stop_signals()
        if loop.is_running():
            self._starting = loop.create_task(self.start(signals))
        elif not loop.run_until_complete(self.start(signals)):
            signals.restore()
            raise SystemExit(0 if isinstance(self.error, StartCancelled) else 1)

    def end(self, loop: asyncio.AbstractEventLoop) -> None:
        """Stop, after the server's last exchange. In a loop that runs, the stop goes on after this call."""
        if loop.is_running():
            self._stopping = loop.create_task(self._end())
        else:
            loop.run_until_complete(self._end())

    async def _end(self) -> None:
        await self.ready()
        if self.started:
            await self.stop()
        if self._chained is not None:
            self._chained.restore()

    async def ready(self) -> bool:
        """Return whether the application runs: at once, once its start is over, or after a late start."""
        if self._starting is not None:
            await asyncio.wait([self._starting])
            return self.started
        return self.started or self._chained is not None or await self.start_late(NO_INIT)

    def stop_signals(self) -> StopSignals:
        """As `ApplicationLife.stop_signals`, and cancel at the end of the grace period what still runs.

        granian waits for it for ever, or until it kills the process.
        """
        return StopSignals(self._ordered_to_stop)

    def _ordered_to_stop(self) -> None:
        self._app.stopping.set(self._grace)
        asyncio.get_running_loop().call_later(self._grace, self.exchanges.cut)

    def _steps(self) -> tuple[Callable[[], Any], ...]:
        first, *others = super()._steps()
        return (first, self._end_exchanges, *others)

    async def _end_exchanges(self) -> None:
        """End the exchanges that are left: the server has cut them off, and tells them nothing any more."""
        self.exchanges.leave()
        if self.exchanges:
            await asyncio.wait(list(self.exchanges), timeout=_LEAVING)
            self.exchanges.cut()
        if self.exchanges:
            await asyncio.wait(list(self.exchanges), timeout=CANCELLED_GRACE)
