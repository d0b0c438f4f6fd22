"""The life of an application under a gateway server: one start, and one stop with everything that still runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sketch.lifecycle.background import CANCELLED_GRACE
from sketch.lifecycle.hook_deadline import StartCancelled
from sketch.lifecycle.stopping import SHUTDOWN_GRACE
from sketch.serving.options import ServeError
from sketch.serving.starts import log_failed_start
from sketch.transport import AccessLog
from sketch_gateway.exchanges import Exchanges
from sketch_gateway.stop_signals import StopSignals

if TYPE_CHECKING:
    from sketch.application import Application

logger = logging.getLogger("sketch.server")


class ApplicationLife:
    """Starts and stops an application when its server says so.

    Args:
        app: its hooks are run.
        grace: seconds from the order to stop until what still runs is ended.
        access_log: writes the access log's line, None without a log.
        signals: whether to learn of the order to stop by the signals of the process.
    """

    def __init__(
        self,
        app: Application,
        grace: float = SHUTDOWN_GRACE,
        access_log: AccessLog | None = None,
        *,
        signals: bool = True,
    ) -> None:
        self.started = False
        """Whether requests may be handled."""
        self.closing = False
        """Whether each response asks the server to close its connection."""
        self.exchanges = Exchanges()
        """The exchanges that run."""
        self.error: BaseException | None = None
        """Why the last start failed."""
        self.stop_error: BaseException | None = None
        """Why the last stop failed."""
        self._app = app
        self._grace = grace
        self._access_log = access_log
        self._signals = signals
        self._ordered = False
        self._ended = False
        self._lock: asyncio.Lock | None = None
        self._task: asyncio.Task[Any] | None = None

    def stop_signals(self) -> StopSignals:
        """Return signal handlers that set `stopping`, for one life: each start makes a new `stopping`."""
        return StopSignals(lambda: self._app.stopping.set(self._grace))

    async def start(self, signals: StopSignals) -> bool:
        """Run the start-up hooks, once `signals` are installed. If they fail, log the reason and return False."""
        lock = self._lock = asyncio.Lock()
        async with lock:
            self.error, self._ended = None, False
            try:
                _require_asyncio()
                self._task = asyncio.current_task()
                if self._ordered:
                    raise StartCancelled("the order to stop came before the start")
                if self._signals:
                    signals.install()
                await self._app.startup(self._access_log)
            except StartCancelled as exc:
                logger.info("%s", exc)
                self.error = exc
                return False
            except ServeError as exc:  # the launcher shows it, in one line
                self.error = exc
                return False
            except Exception as exc:
                log_failed_start(logger, exc)
                self.error = exc
                return False
            self.started, self.closing = True, False
            return True

    async def start_late(self, warning: str) -> bool:
        """Start before the first request, for a server that has not told of the start. Returns whether it runs.

        Such a server does not tell of the end either: no clean-up hook can run, and signal handlers are not chained,
        as nothing would restore them.

        Args:
            warning: logged if it is done.
        """
        if self._lock is None:
            self._lock = asyncio.Lock()
        async with self._lock:
            if self.started:
                return True
            if self.error is not None or self._ended:
                return False
            logger.warning("%s", warning)
            try:
                _require_asyncio()
                await self._app.startup(self._access_log)
            except Exception as exc:
                log_failed_start(logger, exc)
                self.error = exc
                return False
            self.started = True
            return True

    async def stop(self) -> None:
        """Run the shutdown hooks, wait for what ends exchanges, and run the clean-up hooks. Errors are logged."""
        self.started, self._ended, self.stop_error = False, True, None
        self._app.stopping.set(self._grace)
        for step in self._steps():
            try:
                await step()
            except Exception as exc:
                logger.exception("the application could not be stopped cleanly")
                self.stop_error = self.stop_error or exc

    def _steps(self) -> tuple[Callable[[], Any], ...]:
        """Return what a stop consists of, in order."""
        return (self._app.shutdown, self._finish, self._app.cleanup)

    async def _finish(self) -> None:
        """Wait, within bounds, for what is done at the end of exchanges that the server has cancelled."""
        if self.exchanges.finishing:
            await asyncio.wait(self.exchanges.finishing, timeout=CANCELLED_GRACE)


def _require_asyncio() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError("expected an asyncio event loop: sketch does not run on trio workers") from None
