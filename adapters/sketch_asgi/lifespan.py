"""Starts and stops an application by the server's lifespan scope, or without one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sketch.lifecycle.hook_deadline import StartCancelled
from sketch.lifecycle.stopping import SHUTDOWN_GRACE
from sketch.serving.asgi import Send
from sketch.serving.options import ServeError
from sketch.transport import AccessLog
from sketch_asgi.connection import Scope
from sketch_gateway.body import Receive
from sketch_gateway.life import ApplicationLife

if TYPE_CHECKING:
    from sketch.application import Application

NO_LIFESPAN = (
    "this server has sent no lifespan scope: start-up hooks run before the first request, "
    "shutdown and clean-up hooks cannot run"
)

START_FAILED = "the start failed: "
"""How the message to a server about a failed start begins. What has failed is logged here."""


class Life(ApplicationLife):
    """Starts and stops an application, once per lifespan scope. The arguments are those of `ApplicationLife`."""

    def __init__(
        self,
        app: Application,
        grace: float = SHUTDOWN_GRACE,
        access_log: AccessLog | None = None,
        *,
        signals: bool = True,
    ) -> None:
        super().__init__(app, grace, access_log, signals=signals)
        self.listen: Callable[[], None] | None = None
        """Begins to listen, once the application has started: what the launchers do themselves, before the server."""
        self.listening = False
        """Whether that is done."""

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
        signals = self.stop_signals()
        try:
            if not (await self.start(signals) and await self._listen()):
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
                await self.stop()
        finally:
            signals.restore()
        if self.stop_error is None:
            await send({"type": "lifespan.shutdown.complete"})
        else:
            await send({"type": "lifespan.shutdown.failed", "message": f"the stop failed: {self.stop_error!r}"})

    async def _listen(self) -> bool:
        """Listen. If that fails, keep the reason, stop the application and return False."""
        if self.listen is not None:
            try:
                self.listen()
            except ServeError as exc:
                self.error = exc
                await self.stop()
                return False
            self.listening = True
        return True


async def _expect(receive: Receive, kind: str) -> None:
    message: Any = await receive()
    if message["type"] != kind:
        raise RuntimeError(f"expected the server to send {kind}, got {message['type']!r}")
