"""The end of a server that sketch has started: from the order to stop to its last request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from sketch.concurrency.tasks import first_of
from sketch.serving.endings import PARTING, level_of_stops, log_stopped, log_stopping
from sketch.serving.options import ServeOptions
from sketch.serving.orders import Orders, unless_given_up
from sketch.serving.run import announce_stop
from sketch_asgi.lifespan import Life

if TYPE_CHECKING:
    from sketch.application import Application

logger = logging.getLogger("sketch.server")

TURNS = 10
"""Turns of the event loop in which what was begun comes to its end: an accepted connection is set up, a websocket sends
its close. uvicorn, once told, closes them itself."""

_POLL = 0.02
"""Seconds between two looks for idle connections: no server tells when one becomes idle."""

_LAST_STEPS = 1.0
"""Seconds in which a server has to end once its requests were cancelled, and again once it was aborted."""


class Ending(Protocol):
    """How a server ends."""

    async def close_listeners(self) -> None:
        """Accept no more connections, but serve those that were accepted."""

    def has_idle(self) -> bool:
        """Whether a connection may be open on which nothing is under way."""
        ...

    async def stop(self) -> None:
        """Tell the server to end. It closes idle connections at once."""

    def abort(self) -> None:
        """Cut what the server still waits for, so that it ends."""


class Stop:
    """Waits for the order to stop, and leads a server to its end.

    Args:
        app: is told.
        life: knows what is under way.
        options: how long things may take.
        ending: how the server ends.
    """

    def __init__(self, app: Application, life: Life, options: ServeOptions, ending: Ending) -> None:
        self.orders = Orders(self._ordered)
        self._app = app
        self._life = life
        self._options = options
        self._ending = ending
        self._began_at: float | None = None

    async def run(self, serving: Coroutine[Any, Any, None]) -> None:
        """Await a server, and lead it to its end once that is ordered.

        Raises:
            CancelledError: if the server did not end by itself.
        """
        server = asyncio.get_running_loop().create_task(serving)
        with self.orders.taken():
            leading = asyncio.get_running_loop().create_task(self._lead(server))
            try:
                await unless_given_up(server, self._app, self.orders, None)
            finally:
                leading.cancel()
                await asyncio.wait([leading])
                if self._began_at is not None:
                    log_stopped(monotonic() - self._began_at, level_of_stops(self._options))

    def _ordered(self, at_once: bool) -> None:
        if at_once:
            self._app.stopping.set(0)
        elif not self._life.started:
            self._life.cancel_start(self._options.shutdown_timeout)

    async def _lead(self, server: asyncio.Task[None]) -> None:
        """Lead the server to its end. A step that fails is logged, and followed by the next one."""
        await self.orders.given.wait()
        if not self._life.started:
            return
        self._began_at = monotonic()
        await _step(self._begin())
        self._life.closing = True  # both are so already, unless that has failed
        self._app.stopping.set(self._options.shutdown_timeout)
        if self._options.reload:
            self._app.stopping.cut_level = logging.DEBUG
            asyncio.get_running_loop().call_later(PARTING, self._life.exchanges.cut_streams)
        stop = asyncio.get_running_loop().create_task(_step(self._ending.stop()))
        try:
            await self._app.stopping.wait_grace()
            self._life.exchanges.cut()
            await asyncio.sleep(_LAST_STEPS)
            if self._life.started:  # the server still waits for something; else the hooks run
                await _step(self._abort())
                await asyncio.sleep(_LAST_STEPS)
            if self._life.started:
                server.cancel()
        finally:
            stop.cancel()
            await asyncio.wait([stop])

    async def _begin(self) -> None:
        """Tell everything of the stop but the server, and wait for the last requests of idle connections."""
        stopping = self._app.stopping
        stopping.announce()
        announce_stop()
        log_stopping(self._life.exchanges.under_way(), level_of_stops(self._options))
        if self._options.drain_delay:
            await first_of(asyncio.sleep(self._options.drain_delay), stopping.wait())
        await self._ending.close_listeners()
        self._life.closing = True
        stopping.set(self._options.shutdown_timeout)
        await turns()
        await first_of(_step(self._drained()), stopping.wait_grace())

    async def _abort(self) -> None:
        self._ending.abort()

    async def _drained(self) -> None:
        """Return once no connection is idle, or each had the time to send its last request."""
        until = monotonic() + self._options.keep_alive_drain
        while self._ending.has_idle() and monotonic() < until:  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(_POLL)


async def _step(step: Coroutine[Any, Any, None]) -> None:
    """Take a step of the stop. If it fails, that is logged: a fault of ours, or another version of the server."""
    try:
        await step
    except Exception:
        logger.exception("the server cannot be stopped in order")


async def turns() -> None:
    """Let the event loop make some turns."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def close_servers(servers: list[asyncio.Server]) -> None:
    """Close servers of the event loop in two steps.

    asyncio drops a connection that is accepted, and not set up, when its server is closed.
    """
    loop = asyncio.get_running_loop()
    for server in servers:
        for sock in server.sockets:
            loop.remove_reader(sock.fileno())
    await turns()
    for server in servers:
        server.close()
