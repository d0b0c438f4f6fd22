"""Starts and stops an application by the server's lifespan scope, or without one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sketch.lifecycle.background import CANCELLED_GRACE
from sketch.lifecycle.hook_deadline import StartCancelled
from sketch.lifecycle.stopping import SHUTDOWN_GRACE
from sketch.serving.options import ServeError
from sketch.transport import AccessLog
from sketch_asgi.body import Receive
from sketch_asgi.connection import Scope
from sketch_asgi.exchanges import Exchanges
from sketch_asgi.stop_signals import StopSignals
from sketch_asgi.writer import Send

if TYPE_CHECKING:
    from sketch.application import Application

logger = logging.getLogger("sketch.server")

START_FAILED = "the start failed: "
"""How the message to a server about a failed start begins. What has failed is logged here."""


class Life:
    """Starts and stops an application, once per lifespan scope.

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
        self.listen: Callable[[], None] | None = None
        """Begins to listen, once the application has started: what the launchers do themselves, before the server."""
        self.listening = False
        """Whether that is done."""
        self.finishing: set[asyncio.Task[Any]] = set()
        """Tasks of exchanges whose end is being reported."""
        self._app = app
        self._grace = grace
        self._access_log = access_log
        self._signals = signals
        self._ordered = False
        self._ended = False
        self._lock: asyncio.Lock | None = None
        self._task: asyncio.Task[Any] | None = None

    @property
    def exit_code(self) -> int:
        """The exit code of a process that served the application: 1 if the start or the stop failed, else 0."""
        cancelled = self.error is None or isinstance(self.error, StartCancelled)
        return 0 if cancelled and self.stop_error is None else 1

    def cancel_start(self, grace: float) -> None:
        """Order to stop during the start, or before it: it is cancelled.

        Args:
            grace: as for `Stopping.set`.
        """
        self._ordered = True
        self._app.stopping.set(grace)

    async def end(self) -> None:
        """End a lifespan that the server has left running, as an aborted one does: the hooks run all the same."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a lifespan scope.

        Raises:
            RuntimeError: if the server breaks the protocol.
        """
        await _expect(receive, "lifespan.startup")
        signals = StopSignals(lambda: self._app.stopping.set(self._grace))  # each start makes a new `stopping`
        try:
            if not (await self._start(signals) and await self._listen()):
                await send({"type": "lifespan.startup.failed", "message": f"{START_FAILED}{self.error!r}"})
                return
            state = scope.get("state")
            if state is not None:
                state.update(self._app.state)
            try:
                await send({"type": "lifespan.startup.complete"})
                await _expect(receive, "lifespan.shutdown")
            finally:
                # Stop what was started, also if the server ends this task without a shutdown message.
                await self._stop()
        finally:
            signals.restore()
        if self.stop_error is None:
            await send({"type": "lifespan.shutdown.complete"})
        else:
            await send({"type": "lifespan.shutdown.failed", "message": f"the stop failed: {self.stop_error!r}"})

    async def _start(self, signals: StopSignals) -> bool:
        """Run the start-up hooks. If they fail, log the reason and return False."""
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
            except Exception as exc:
                logger.exception("the application could not be started")
                self.error = exc
                return False
            self.started, self.closing = True, False
            return True

    async def _listen(self) -> bool:
        """Listen. If that fails, keep the reason, stop the application and return False."""
        if self.listen is not None:
            try:
                self.listen()
            except ServeError as exc:
                self.error = exc
                await self._stop()
                return False
            self.listening = True
        return True

    async def _stop(self) -> None:
        self.started, self._ended, self.stop_error = False, True, None
        self._app.stopping.set(self._grace)
        for step in (self._app.shutdown, self._finish, self._app.cleanup):
            try:
                await step()
            except Exception as exc:
                logger.exception("the application could not be stopped cleanly")
                self.stop_error = self.stop_error or exc

    async def _finish(self) -> None:
        """Wait, within bounds, for what is done at the end of exchanges that the server has cancelled."""
        if self.finishing:
            await asyncio.wait(self.finishing, timeout=CANCELLED_GRACE)

    async def start_late(self) -> bool:
        """Start before the first request, for a server that has sent no lifespan. Returns whether that is possible.

        Such a server does not tell of the end either: no clean-up hook can run, and signal handlers are not chained,
        as nothing would restore them.
        """
        if self._lock is None:
            self._lock = asyncio.Lock()
        async with self._lock:
            if self.started:
                return True
            if self.error is not None or self._ended:
                return False
            logger.warning(
                "this server has sent no lifespan scope: start-up hooks run before the first request, "
                "shutdown and clean-up hooks cannot run"
            )
            try:
                _require_asyncio()
                await self._app.startup(self._access_log)
            except Exception as exc:
                logger.exception("the application could not be started")
                self.error = exc
                return False
            self.started = True
            return True


async def _expect(receive: Receive, kind: str) -> None:
    message: Any = await receive()
    if message["type"] != kind:
        raise RuntimeError(f"expected the server to send {kind}, got {message['type']!r}")


def _require_asyncio() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError("expected an asyncio event loop: sketch does not run on trio workers") from None
