"""Start and stop of an application: contexts and hooks run in order and clean up in reverse order, each once."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from contextvars import copy_context
from functools import partial
from typing import Any, Protocol

from sketch.callables import name_of
from sketch.concurrency.containment import as_error, ends_task
from sketch.concurrency.contexts import Variables, changed_since
from sketch.concurrency.tasks import await_all
from sketch.concurrency.threads import Threads
from sketch.lifecycle.background import Background
from sketch.lifecycle.hook_deadline import UntilOrder, call_in_time
from sketch.lifecycle.signals import Receiver, Signal
from sketch.lifecycle.stopping import Stopping

logger = logging.getLogger("sketch")

HOOKS = 40
"""How many hooks may run in threads at once. They run one by one: it bounds those that are stuck and left behind."""

Lifespan = Callable[..., Any]
"""A function of `(app)` that returns an async context manager, or an async generator function that yields once."""


class LifecycleApp(Protocol):
    """What the lifecycle needs of its application; hooks and contexts get the application itself."""

    name: str
    state: dict[str, Any]
    """What the contexts yield is added to it."""

    @property
    def stopping(self) -> Stopping:
        """The order to stop; a mounted application has that of its parent."""
        ...


class Part(Protocol):
    """A mounted application: it is started after the application that it is mounted in, and stopped before it."""

    app: Any

    async def startup(self) -> None:
        """Start. If that fails, clean up, and raise the error."""

    async def shutdown(self) -> None:
        """Prepare for the end, while requests may still run."""

    async def cleanup(self, stopping: Stopping, /) -> None:
        """End, within the grace period of `stopping`. Called only after a successful start."""


class Lifecycle:
    """Runs an application's contexts and hooks, exactly once per start and stop. The application may start again."""

    def __init__(self, app: LifecycleApp, lifespan: Lifespan | None) -> None:
        self.threads = Threads(HOOKS, f"{app.name}-hook")
        """For hooks that are plain functions. Handlers that are stuck in their threads keep no hook from its call."""
        self.on_startup, self.on_shutdown, self.on_cleanup = (
            Signal(name, "app", threads=lambda _: self.threads) for name in ("on_startup", "on_shutdown", "on_cleanup")
        )
        self.cleanup_ctx = Signal("cleanup_ctx", "app", generators=True)
        if lifespan is not None:
            Signal("lifespan", "app", generators=True).append(lifespan)  # for its checks
        self.variables: Variables = ()
        """The context variables that contexts and start-up hooks have set; every request sees them."""
        self.stopping = Stopping()
        self.background = Background()
        self.parts: list[Part] = []
        self._app = app
        self._lifespan = lifespan
        self._entered: list[tuple[str, AbstractAsyncContextManager[Any]]] = []
        self._running: list[Part] = []
        self._stage = "new"

    def check_ended(self) -> None:
        """Refuse an application that already runs.

        Raises:
            RuntimeError: while the application runs, by itself or mounted in another one.
        """
        if self._stage in ("started", "stopping"):
            raise RuntimeError(f"expected an application that is not running, got one that is {self._stage}")

    async def startup(self, freeze: Callable[[], None] | None) -> None:
        """Enter the contexts, call the start-up hooks, start the parts, one at a time; then freeze.

        If one of them raises, everything started before is cleaned up first. `sys.exit` in one is a failed start, too.

        Raises:
            StartCancelled: if the order to stop comes meanwhile.
        """
        import yarl  # noqa: F401 - for `request.url`: no request waits for it, nor does `import sketch`

        self._stage = "started"
        before = copy_context()
        self.stopping = Stopping()
        self.background.open()
        try:
            with UntilOrder(self.stopping) if self._app.stopping is self.stopping else nullcontext():
                await self._begin()
            self.variables = changed_since(before)
            if freeze is not None:
                freeze()
        except BaseException as exc:
            await self._cleanup_quietly()
            if isinstance(exc, Exception) or ends_task(exc):
                raise
            raise as_error(exc)  # noqa: B904 - it has its cause

    async def _begin(self) -> None:
        if self._lifespan is not None:
            await self._enter(self._lifespan)
        for context in self.cleanup_ctx:
            await self._enter(context)
        await self.on_startup.send(self._app)
        for part in self.parts:
            await part.startup()
            self._running.append(part)

    async def shutdown(self) -> None:
        """Set `stopping`, shut down the parts, call all shutdown hooks; the first error is raised at the end."""
        self.stopping.set()
        if self._stage == "started":
            self._stage = "stopping"
            parts = [part.shutdown for part in reversed(self._running)]
            hooks = [self._hook("on_shutdown", each) for each in self.on_shutdown.receivers]
            await _run_all([*parts, *hooks], "on_shutdown")

    async def cleanup(self) -> None:
        """End the parts, then the background tasks, call the clean-up hooks, leave the contexts.

        Parts, hooks and contexts each go in reverse order. All are called; the first error is raised at the end. What
        was cut off since the order to stop is logged.
        """
        self.stopping.set()
        if self._stage in ("started", "stopping"):
            self._stage = "ended"
            hooks = [self._hook("on_cleanup", each) for each in reversed(self.on_cleanup.receivers)]
            exits = [
                self._in_time(partial(context.__aexit__, None, None, None), f"the end of {name}")
                for name, context in reversed(self._entered)
            ]
            stopping = self._app.stopping
            parts = [partial(part.cleanup, stopping) for part in reversed(self._running)]
            self._entered, self._running = [], []
            drain = partial(self.background.drain, stopping)
            try:
                await _run_all([*parts, drain, *hooks, *exits], "on_cleanup")
            finally:
                report_threads(self.threads, "hook")
                if stopping is self.stopping:
                    stopping.report()

    def _hook(self, signal: str, receiver: Receiver) -> Callable[[], Any]:
        return self._in_time(partial(receiver, self._app), f"{signal} hook {name_of(receiver.function)}")

    def _in_time(self, call: Callable[[], Any], name: str) -> Callable[[], Any]:
        return partial(call_in_time, call, name, self._app.stopping)

    async def _enter(self, factory: Lifespan) -> None:
        name = name_of(factory)
        if inspect.isasyncgenfunction(factory):
            factory = asynccontextmanager(factory)
        context = factory(self._app) if inspect.signature(factory).parameters else factory()
        if not isinstance(context, AbstractAsyncContextManager):
            raise TypeError(f"expected {factory!r} to give an async context manager, got {context!r:.200}")
        state = await context.__aenter__()
        self._entered.append((name, context))
        if isinstance(state, Mapping):
            self._app.state.update(state)

    async def _cleanup_quietly(self) -> None:
        """Clean up after a failed start. An error here is only logged: the start's own error is the one to raise."""
        self.stopping.set()
        self.stopping.set(0)  # background tasks end at once; hooks have some time, as after any order
        try:
            await self.cleanup()
        except Exception:
            logger.warning("the application could not be cleaned up entirely after its failed start")


def report_threads(threads: Threads, kind: str) -> None:
    """Close a pool and log the calls that did not end in time. Their threads are left behind: nothing can stop them."""
    for name in threads.running():
        logger.warning("%s %s still runs in its thread after the end of the application", kind, name)
    threads.close()


async def _run_all(calls: list[Callable[[], Any]], name: str) -> None:
    """Call each in order, log every exception; at the end raise the last cancellation, or else the first exception."""
    error = await await_all(calls, name)
    if error is not None:
        raise error
