"""The life of an application: contexts and start-up hooks in order, their ends in reverse, each exactly once."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from sketch.signals import Signal

if TYPE_CHECKING:
    from sketch.application import Application

logger = logging.getLogger("sketch")

Lifespan = Callable[..., Any]
"""`(app)` to an async context manager, or an async generator function that yields once."""


class Stopping:
    """Whether the server has been told to stop: `if app.stopping`, `await app.stopping.wait()`.

    Streams and sockets that would go on for ever look at it, or wait for it, and end.
    """

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def __bool__(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        """Tell. Only in the event loop's thread; telling again does nothing."""
        self._event.set()

    async def wait(self) -> None:
        """Return once it is told."""
        await self._event.wait()


class Lifecycle:
    """Runs an application's hooks. Start and stop may alternate any number of times."""

    def __init__(self, app: Application, lifespan: Lifespan | None) -> None:
        self.on_startup = Signal("on_startup", "app")
        self.on_shutdown = Signal("on_shutdown", "app")
        self.on_cleanup = Signal("on_cleanup", "app")
        self.cleanup_ctx = Signal("cleanup_ctx", "app")
        self.stopping = Stopping()
        self._app = app
        self._lifespan = lifespan
        self._entered: list[AbstractAsyncContextManager[Any]] = []
        self._stage = "new"

    async def startup(self, freeze: Callable[[], None]) -> None:
        """Enter the contexts, then call the start-up hooks, one at a time; then freeze.

        Raises whatever a hook raises, after what was started has been cleaned up.
        """
        if self._stage in ("started", "stopping"):
            raise RuntimeError(f"expected an application that is not running, got one that is {self._stage}")
        self._stage = "started"
        self.stopping = Stopping()
        try:
            if self._lifespan is not None:
                await self._enter(self._lifespan)
            for context in self.cleanup_ctx:
                await self._enter(context)
            await self.on_startup.send(self._app)
            freeze()
        except BaseException:
            await self._cleanup_quietly()
            raise

    async def shutdown(self) -> None:
        """Set `stopping`, then call the shutdown hooks. All are called; the first error is raised at the end."""
        self.stopping.set()
        if self._stage == "started":
            self._stage = "stopping"
            await _run_all([partial(receiver, self._app) for receiver in self.on_shutdown.receivers], "on_shutdown")

    async def cleanup(self) -> None:
        """Call the clean-up hooks, then leave the contexts, both in reverse order, whatever fails among them."""
        self.stopping.set()
        if self._stage in ("started", "stopping"):
            self._stage = "ended"
            hooks = [partial(receiver, self._app) for receiver in reversed(self.on_cleanup.receivers)]
            exits = [partial(context.__aexit__, None, None, None) for context in reversed(self._entered)]
            self._entered = []
            await _run_all([*hooks, *exits], "on_cleanup")

    async def _enter(self, factory: Lifespan) -> None:
        if inspect.isasyncgenfunction(factory):
            factory = asynccontextmanager(factory)
        context = factory(self._app) if inspect.signature(factory).parameters else factory()
        if not isinstance(context, AbstractAsyncContextManager):
            raise TypeError(f"expected {factory!r} to give an async context manager, got {context!r}")
        state = await context.__aenter__()
        self._entered.append(context)
        if isinstance(state, Mapping):
            self._app.state.update(state)

    async def _cleanup_quietly(self) -> None:
        """Clean up after a failed start: it is the start's error that is raised."""
        try:
            await self.cleanup()
        except Exception:
            logger.warning("the application could not be cleaned up entirely after its failed start")


async def _run_all(calls: list[Callable[[], Any]], name: str) -> None:
    """Call each in order, log every exception, raise the first one at the end."""
    first: Exception | None = None
    for call in calls:
        try:
            await call()
        except Exception as exc:
            logger.exception("error in %s", name)
            first = first or exc
    if first is not None:
        raise first
