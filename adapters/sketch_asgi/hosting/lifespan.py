"""Runs the lifespan of a foreign application: the server's side of the lifespan protocol."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from sketch.concurrency.containment import contained
from sketch.serving.asgi import ASGIApp, Message
from sketch_asgi.hosting.scope import LIFESPAN

logger = logging.getLogger("sketch.server")

LAST_STEPS = 5.0
"""Seconds for which an application may go on after it has said that it has ended."""


class HostedLife:
    """Runs the lifespan scopes of a foreign application, one at a time, in a task of its own.

    Args:
        app: served without a lifespan if it does not know the protocol, as the specification requires.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.state: dict[str, Any] = {}
        """What the application has put into the scope for its requests."""
        self._app = app
        self._task: asyncio.Task[Any] | None = None
        self._phase = "startup"

    async def startup(self) -> None:
        """Begin a lifespan, and wait until the application is ready.

        Raises:
            Exception: why the application says it could not be started.
        """
        loop = asyncio.get_running_loop()
        self.state.clear()
        self._phase, self._asked, self._told = "startup", False, asyncio.Event()
        self._answer: asyncio.Future[Message] = loop.create_future()
        scope = {"type": "lifespan", "asgi": LIFESPAN, "state": self.state}
        self._task = task = loop.create_task(self._live(scope))
        try:
            await self._first_of(task)
        except asyncio.CancelledError:
            task.cancel()
            await self._end(task)
            raise
        if not self._answer.done():
            self._note_unsupported(task)
        elif self._answer.result()["type"] != "lifespan.startup.complete":
            raise await self._end(task) or self._failure("started")

    async def _first_of(self, task: asyncio.Task[Any]) -> None:
        """Wait until the application has answered or ended."""
        waits: list[asyncio.Future[Any]] = [task, self._answer]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)

    async def _live(self, scope: dict[str, Any]) -> None:
        await contained(self._app(scope, self._receive, self._send))

    async def _receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "lifespan.startup"}
        await self._told.wait()
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind not in (f"lifespan.{self._phase}.complete", f"lifespan.{self._phase}.failed") or self._answer.done():
            raise RuntimeError(f"expected one answer to lifespan.{self._phase}, got {kind!r}")
        self._answer.set_result(message)

    def _note_unsupported(self, task: asyncio.Task[Any]) -> None:
        """Log that the application gave no answer. It is served all the same, as the specification requires."""
        error = None if task.cancelled() else task.exception()
        if self._asked and error is not None:
            logger.warning("the ASGI application is served without its lifespan, in which it failed", exc_info=error)
        else:
            logger.debug("the ASGI application knows no lifespan")

    async def cleanup(self) -> None:
        """End the lifespan, and wait until the application has ended.

        Raises:
            Exception: why the application says it could not be stopped in order.
        """
        task = self._task
        if task is None or not self._answer.done():
            return
        self._phase, self._answer = "shutdown", asyncio.get_running_loop().create_future()
        self._told.set()
        try:
            await self._first_of(task)
        except asyncio.CancelledError:
            task.cancel()
            await self._end(task)
            raise
        error = await self._end(task)
        if error is not None:
            raise error
        if self._answer.done() and self._answer.result()["type"] != "lifespan.shutdown.complete":
            raise self._failure("stopped in order")

    async def _end(self, task: asyncio.Task[Any]) -> BaseException | None:
        """Let the application take its last steps, cancel it if it takes too long, and return its error."""
        self._task = None
        _, left = await asyncio.wait([task], timeout=LAST_STEPS)
        if left:
            task.cancel()
            _, left = await asyncio.wait([task], timeout=LAST_STEPS)
        if left:
            logger.warning("left behind: %r does not end", task)
            return None
        return None if task.cancelled() else task.exception()

    def _failure(self, what: str) -> Exception:
        """Return the error with the message that the application gave."""
        return RuntimeError(f"the ASGI application could not be {what}: {self._answer.result().get('message', '')}")
