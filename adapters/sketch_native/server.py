"""The native server: listens, keeps track of the connections, stops in order."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sketch.concurrency.tasks import first_of
from sketch.http.grammar import Address
from sketch.routing import WEBSOCKET, Mount, Router
from sketch.serving.access_log import log_access, log_refused
from sketch.serving.listening import listening
from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.registry import load_served
from sketch.serving.run import cannot_listen
from sketch_native.admission import ConcurrencyLimit
from sketch_native.limits import ServerLimits
from sketch_native.listener import Listener
from sketch_native.protocol import HTTPProtocol
from sketch_native.proxy_connection import ProxiedProtocol
from sketch_native.refusal import Refusal
from sketch_native.websocket import handshake
from sketch_native.writer import Clock

if TYPE_CHECKING:
    import socket

    from sketch.application import Application
    from sketch.request import BaseRequest
    from sketch.serving.asgi import ASGIApp
    from sketch.serving.contract import Answer, Served
    from sketch_native.interfaces import ServedConnection

    Respond = Callable[[BaseRequest, Answer], Awaitable[None]]

logger = logging.getLogger("sketch.native")
SWEEP = 1.0
"""Seconds between two checks of the deadlines of all connections; fewer if one of the timeouts is short."""

CANCELLED_GRACE = 5.0
"""Seconds that cancelled handlers get to end. What still runs after that is logged and left behind."""


class Server:
    """Serves one application on its listening sockets, in the running event loop.

    Args:
        app: the application; the server starts and stops it.
        options: the options of the backend.
    """

    def __init__(self, app: Application | ASGIApp, options: ServeOptions) -> None:
        self.app: Served = load_served(app, options)
        self.handle = self.app.handle
        self.options = options
        self.limits = ServerLimits.of(options.server_limits)
        self.root_path = options.root_path.rstrip("/")
        self.watched = False
        """Whether each exchange is reported to the application at its end; known once the application has started."""
        self.loop = asyncio.get_running_loop()
        self.context = contextvars.copy_context()
        self.clock = Clock()
        self.connections: set[ServedConnection] = set()
        limits = self.limits
        self.admission = (
            None if limits.concurrency is None else ConcurrencyLimit(limits.concurrency, wait=limits.overload == "wait")
        )
        self.stopping = False
        self.respond: Respond | None = getattr(self.app, "respond", None)
        """The method of an application that writes its answers itself; None for one that returns responses."""
        self.going_on: set[asyncio.Task[Any]] = set()
        """Tasks that may still run after their answer is out; their connections do not wait for them."""
        self._listener: Listener | None = None
        self._bound = ExitStack()
        self._empty = asyncio.Event()
        self._sweep_interval = min(SWEEP, self.limits.shortest_timeout() / 4)
        self._time = self._swept = self.loop.time()
        self.now = self._time + self._sweep_interval
        """The server's time at the next sweep, in seconds. A deadline set from it comes at most two sweeps late, never
        early, and costs no call."""

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The listening sockets."""
        return () if self._listener is None else tuple(self._listener.sockets)

    @property
    def port(self) -> int | None:
        """The TCP port that the server listens on, None on a unix socket."""
        name = self.sockets[0].getsockname() if self.sockets else None
        return name[1] if isinstance(name, tuple) else None

    async def start(self) -> None:
        """Bind the sockets, start the application, then listen.

        Raises:
            ServeError: if the server cannot listen on the address, or if websocket routes lack their package. Errors of
                the application's startup are raised as they are.
        """
        tls = tls_context(self.options)
        with ExitStack() as bound:
            sockets = bound.enter_context(listening(self.options))
            await self.app.startup(log_access if self.options.access_log else None)
            self.watched = self.app.watched
            try:
                self._prepare_websockets()
                listener = Listener(self, sockets, tls, self._protocol)
                listener.open(self.options.backlog)
            except OSError as exc:
                await self._end_application()
                raise cannot_listen(self.options, exc) from exc
            except BaseException:
                await self._end_application()
                raise
            self._listener = listener
            self._bound = bound.pop_all()
        self._sweep()

    def _prepare_websockets(self) -> None:
        """If there are websocket routes, import their modules now instead of at the first handshake."""
        router: Router | None = getattr(self.app, "router", None)
        if router is None or not any(WEBSOCKET in r.methods and not isinstance(r, Mount) for r in router.walk()):
            return
        if not handshake.available():
            raise ServeError("websocket routes need the package websockets: pip install 'sketch-web[websockets]'")
        import_module("sketch_native.websocket.upgrade")

    def _protocol(self) -> HTTPProtocol:
        return ProxiedProtocol(self) if self.options.proxy_protocol else HTTPProtocol(self)

    async def stop(self) -> None:
        """Stop in order: close the listener, set `app.stopping`, run the shutdown hooks, end the requests, clean up.

        `app.stopping.set(0)` ends the grace period of the running requests.
        """
        self.stopping = True
        self.app.stopping.set(self.options.shutdown_timeout)
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self._bound.close()
        try:
            await self.app.shutdown()
        finally:
            await self._drain()
            self._timer.cancel()
            await self.app.cleanup()

    async def _drain(self) -> None:
        """Let running requests end within the grace period, then cancel them; log and abandon those that do not end."""
        for connection in list(self.connections):
            connection.shut_down()
        if self._busy:
            await first_of(self._empty.wait(), self.app.stopping.wait_grace())
        if self._busy:
            logger.warning("cancelling %d connections and tasks that are still busy", self._busy)
            for connection in list(self.connections):
                connection.cancel()
            for task in self.going_on:
                task.cancel()
            await first_of(self._empty.wait(), asyncio.sleep(CANCELLED_GRACE))
        for left in [*self.connections, *self.going_on]:
            logger.warning("left behind: %r does not end", left)

    @property
    def _busy(self) -> int:
        return len(self.connections) + len(self.going_on)

    async def _end_application(self) -> None:
        try:
            await self.app.shutdown()
        finally:
            await self.app.cleanup()

    def forget(self, connection: ServedConnection) -> None:
        """Remove a connection: it is gone, and no task runs on it any more."""
        self.connections.discard(connection)
        if self.stopping:
            self.check_idle()
        elif self._listener is not None and self._listener.paused:
            self.loop.call_soon(self._listener.resume)  # the transport closes the descriptor after this call

    def check_idle(self) -> None:
        """End the wait in `stop` once no connection and no task remains."""
        if not self._busy:
            self._empty.set()

    def time(self) -> float:
        """Return the server's time now, in seconds.

        It is that of the event loop, but two intervals are the most that counts between two sweeps. A sweep that comes
        later was held up, by a stopped process or a handler that blocks the loop: what clients have sent meanwhile is
        still unread, so the time must not count against them.
        """
        return self._time + min(self.loop.time() - self._swept, 2 * self._sweep_interval)

    def _sweep(self) -> None:
        """Check the deadlines of all connections; one timer serves them all."""
        self._timer = self.loop.call_later(self._sweep_interval, self._sweep)
        now = self._time = self.time()
        self._swept = self.loop.time()
        self.now = now + self._sweep_interval
        self.clock.tick()
        for connection in list(self.connections):
            if now > connection.read_deadline or now > connection.write_deadline:
                connection.sweep(now)

    def release(self, task: asyncio.Task[Any]) -> None:
        """Do not wait for a task any more: it has done everything."""
        self.going_on.discard(task)
        if self.stopping:
            self.check_idle()

    def log_refusal(self, client: Address | None, refusal: Refusal) -> None:
        """Write the access log's line for a refusal."""
        if self.app.access_log is not None:
            log_refused(client, refusal.status, sent=len(refusal.text))


@asynccontextmanager
async def serve(app: Application | ASGIApp, options: ServeOptions) -> AsyncIterator[Server]:
    """Serve in the running event loop for as long as the `async with` block lasts."""
    server = Server(app, options)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def tls_context(options: ServeOptions) -> ssl.SSLContext | None:
    """Return the TLS context of the options, or one made from their files; None without TLS.

    Raises:
        ServeError: if the files cannot be used.
    """
    if options.ssl_certfile is None:
        return options.ssl
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(options.ssl_certfile, options.ssl_keyfile)
    except (OSError, ssl.SSLError) as exc:
        raise ServeError(f"cannot use {options.ssl_certfile} for TLS: {exc}") from None
    return context
