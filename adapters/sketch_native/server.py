"""The native server: listens, keeps track of the connections, stops in order."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from sketch.concurrency.tasks import first_of
from sketch.http.fields import with_host
from sketch.http.grammar import Address
from sketch.observability.access_log import chosen_access_log, log_refused
from sketch.routing import WEBSOCKET as HANDSHAKE, Mount, Router
from sketch.serving.endings import PARTING, REQUEST, STREAM, WEBSOCKET
from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.processes.link import counted
from sketch.serving.registry import load_served
from sketch.serving.server_limits import SHORTEST, ServerLimits
from sketch.serving.sockets import listening
from sketch.serving.tls.context import server_context
from sketch.serving.tls.handshakes import FailedHandshakes
from sketch_native.admission import ConcurrencyLimit
from sketch_native.listener import Listener
from sketch_native.protocol import HTTPProtocol
from sketch_native.proxy_connection import ProxiedProtocol
from sketch_native.refusal import Refusal
from sketch_native.tasks import makes_plain_tasks
from sketch_native.websocket import handshake
from sketch_native.writer import Clock

if TYPE_CHECKING:
    import socket

    from sketch.application import Application
    from sketch.middleware.proxy_headers import ProxyHeaders
    from sketch.request import BaseRequest
    from sketch.serving.asgi import ASGIApp
    from sketch.serving.contract import Answer, Served
    from sketch_native.interfaces import ServedConnection

    Respond = Callable[[BaseRequest, Answer], Awaitable[None]]

T = TypeVar("T")
P = ParamSpec("P")
logger = logging.getLogger("sketch.native")
SWEEP = 1.0
"""Seconds between two checks of the deadlines of all connections; fewer if one of the timeouts is short."""

LAST_LINGER = 0.5
"""Seconds for which a connection lingers at most, once the grace period is over."""

CANCELLED_GRACE = 5.0
"""Seconds that cancelled handlers get to end. What still runs after that is logged and left behind."""


class Server:
    """Serves one application on its listening sockets, in the running event loop.

    Args:
        app: the application; the server starts and stops it.
        options: the options of the backend.

    Raises:
        ServeError: for TLS files that cannot be used.
    """

    def __init__(self, app: Application | ASGIApp, options: ServeOptions) -> None:
        self.app: Served = load_served(app, options)
        self.handle = counted(self.app.handle)
        self.options = options
        self.limits = options.server_limits or ServerLimits()
        self.root_path = options.root_path.rstrip("/")
        self.watched = False
        """Whether each exchange is reported to the application at its end; known once the application has started."""
        self.listened = False
        """Whether the report is for more than the access log."""
        self.loop = asyncio.get_running_loop()
        self.context = contextvars.copy_context()
        self.plain_tasks = makes_plain_tasks(self.loop)
        self.clock = Clock()
        self.connections: set[ServedConnection] = set()
        limits = self.limits
        self.admission = (
            None if limits.concurrency is None else ConcurrencyLimit(limits.concurrency, wait=limits.overload == "wait")
        )
        self.stopping = False
        self.failed_handshakes = FailedHandshakes()
        self.tls = server_context(options)
        """The context of TLS, None without TLS."""
        respond: Respond | None = getattr(self.app, "respond", None)
        self.respond = None if respond is None else counted(respond)
        """The method of an application that writes its answers itself; None for one that returns responses."""
        proxies = options.proxy_headers()
        if proxies is not None:
            self._trust(proxies)
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

    def _trust(self, proxies: ProxyHeaders) -> None:
        """Let each request come from the client that the proxies name, before the application gets it."""
        self.handle = _behind(proxies, self.handle)
        if self.respond is not None:
            self.respond = _behind(proxies, self.respond)

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The listening sockets."""
        return () if self._listener is None else tuple(self._listener.sockets)

    @property
    def port(self) -> int | None:
        """The TCP port that the server listens on, None on a unix socket."""
        name = self.sockets[0].getsockname() if self.sockets else None
        return name[1] if isinstance(name, tuple) else None

    def accept_also(self, sockets: Sequence[socket.socket]) -> None:
        """Accept on these listening sockets as well, those of other workers, and on no others beside the own ones."""
        if self._listener is not None:
            self._listener.accept_also(sockets)

    async def start(self) -> None:
        """Bind the sockets, start the application, then listen.

        Raises:
            ServeError: if the server cannot listen on the address, or if websocket routes lack their package. Errors of
                the application's startup are raised as they are.
        """
        with ExitStack() as bound:
            sockets = bound.enter_context(listening(self.options))
            await self.app.startup(chosen_access_log() if self.options.access_log else None)
            self.watched, self.listened = self.app.watched, self.app.listened
            try:
                self._prepare_websockets()
                listener = Listener(self, sockets, self.tls, self._protocol)
                listener.open(self.options.backlog)
            except BaseException:
                await self._end_application()
                raise
            self._listener = listener
            self._bound = bound.pop_all()
        self._sweep()

    def _prepare_websockets(self) -> None:
        """If there are websocket routes, import their modules now instead of at the first handshake."""
        router: Router | None = getattr(self.app, "router", None)
        if router is None or not any(HANDSHAKE in r.methods and not isinstance(r, Mount) for r in router.walk()):
            return
        if not handshake.available():
            raise ServeError("websocket routes need the package websockets: pip install 'sketch-web[websockets]'")
        import_module("sketch_native.websocket.upgrade")

    def _protocol(self) -> HTTPProtocol:
        return ProxiedProtocol(self) if self.options.proxy_protocol else HTTPProtocol(self)

    def under_way(self) -> list[str]:
        """Return what each busy connection does, as in `sketch.serving.endings`."""
        return [kind for connection in self.connections if (kind := connection.under_way) is not None]

    async def stop(self) -> None:
        """Stop in order: accept no more, set `app.stopping`, run the shutdown hooks, end the requests, clean up.

        `app.stopping.set(0)` ends the grace period of the running requests.
        """
        stopping = self.app.stopping
        stopping.announce()
        if self.options.drain_delay:
            await first_of(asyncio.sleep(self.options.drain_delay), stopping.wait())
        self._close()
        stopping.set(self.options.shutdown_timeout)
        try:
            await self.app.shutdown()
        finally:
            await self._drain()
            self._timer.cancel()
            await self.app.cleanup()

    def _close(self) -> None:
        """Accept no more connections, and leave those that are open little time for their last request.

        What is answered from now on says `Connection: close`. An answer whose head is out already has not said it, so
        its connection gets that time, too.
        """
        self.stopping = True
        drain = max(SHORTEST, min(self.options.keep_alive_drain, self.options.shutdown_timeout))
        self.limits = replace(self.limits, keep_alive_timeout=min(self.limits.keep_alive_timeout, drain))
        self._sweep_often(drain / 8)
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self._bound.close()
        for connection in list(self.connections):
            connection.shut_down()

    async def _drain(self) -> None:
        """Let running requests end within the grace period, then cancel them; log and abandon those that do not end."""
        if self.options.reload:
            await self._part()
        await first_of(self._idle(), self.app.stopping.wait_grace())
        if self._busy:
            self._linger_at_most(LAST_LINGER)
            self._cancel(REQUEST, STREAM, WEBSOCKET, None)
            for task in self.going_on:
                task.cancel()
            await first_of(self._idle(), asyncio.sleep(CANCELLED_GRACE))
        for left in [*self.connections, *self.going_on]:
            logger.warning("left behind: %r does not end", left)

    async def _part(self) -> None:
        """End at once what clients begin anew: the server is restarted because the code has changed."""
        self.app.stopping.cut_level = logging.DEBUG
        await first_of(self._idle(), asyncio.sleep(PARTING))
        self._linger_at_most(PARTING)
        self._cancel(STREAM, WEBSOCKET, None)

    def _linger_at_most(self, seconds: float) -> None:
        self.limits = replace(self.limits, linger_timeout=min(self.limits.linger_timeout, seconds))
        self._sweep_often(seconds / 8)

    def _cancel(self, *kinds: str | None) -> None:
        """Cancel what connections do, of these kinds of `under_way`."""
        for connection in list(self.connections):
            if connection.under_way in kinds:
                connection.cancel()

    async def _idle(self) -> None:
        """Return once no connection and no task remains, including those that come meanwhile."""
        while self._busy:
            self._empty.clear()
            await self._empty.wait()

    @property
    def _busy(self) -> bool:
        return bool(self.connections or self.going_on)

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

    def _sweep_often(self, interval: float) -> None:
        """Check the deadlines now, and from now on at least every `interval` seconds."""
        self._timer.cancel()
        self._sweep_interval = min(self._sweep_interval, interval)
        self._sweep()

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
        """Write the access log's line for a refusal, and count it."""
        for count in self.app.refusals:
            count(refusal.status)
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


def _behind(
    proxies: ProxyHeaders, call: Callable[Concatenate[BaseRequest, P], Awaitable[T]]
) -> Callable[Concatenate[BaseRequest, P], Awaitable[T]]:
    """Return a function that calls another one, with what the proxies say put into the request."""

    def forwarded(request: BaseRequest, /, *arguments: P.args, **options: P.kwargs) -> Awaitable[T]:
        if proxies.apply(request):
            request.raw_headers = with_host(request.raw_headers, request.host)
        return call(request, *arguments, **options)

    return forwarded
