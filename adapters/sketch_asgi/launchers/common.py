"""Shared by the launchers: the run in an event loop, the first output line and the ASGI callable."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sketch.concurrency.seldom import Seldom
from sketch.routing import WEBSOCKET
from sketch.serving.descriptors import make_room
from sketch.serving.loops import loop_factory, run_server
from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.processes.link import AcceptAlso
from sketch.serving.run import announce
from sketch.serving.sockets import listen
from sketch.websocket import DEFAULT_POLICY, WebSocketPolicy
from sketch_asgi.app import ASGIApplication
from sketch_asgi.hosting.served import HostedApplication
from sketch_asgi.launchers.passthrough import PassthroughApplication
from sketch_asgi.launchers.stopping import Stop
from sketch_asgi.lifespan import Life

if TYPE_CHECKING:
    from sketch.application import Application

_USUAL_MESSAGE = 16 * 1024 * 1024
"""Bytes of a websocket message that servers let through by default."""

_POLL = 0.01
"""Seconds between two checks whether a server listens."""


def prepare() -> None:
    """Do what precedes the start of any server: make room for connections."""
    make_room(None)
    logging.getLogger("asyncio").addFilter(AcceptErrors())


class AcceptErrors(logging.Filter):
    """Puts one line a second in the place of those about connections for which there is no descriptor.

    For each of them asyncio logs a traceback, up to `backlog` at a time.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lines = Seldom(logging.getLogger("sketch.server"), logging.WARNING, 1.0)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged."""
        if not record.getMessage().startswith("socket.accept() out of system resource"):
            return True
        self._lines.log("cannot accept (%s): new clients wait", _reason(record))
        return False


def _reason(record: logging.LogRecord) -> str:
    error = record.exc_info[1] if record.exc_info else None
    return (isinstance(error, OSError) and error.strerror) or "no descriptor"


def largest_message(app: Application) -> int:
    """Return the bytes of a websocket message that a server has to let through: the most that any route allows."""
    policies = [getattr(route.handler, "policy", None) for route in app.router.walk() if WEBSOCKET in route.methods]
    # The policy of a plain handler is not known before it answers; that of a foreign application, never.
    allowed = [policy.max_message if isinstance(policy, WebSocketPolicy) else _USUAL_MESSAGE for policy in policies]
    return max(allowed, default=DEFAULT_POLICY.max_message)


def run(serve: Callable[[], Coroutine[Any, Any, None]], life: Life, stop: Stop, options: ServeOptions) -> int:
    """Run a server's coroutine in a loop of its own, and lead it to its end. Returns the exit code.

    After a failed start a server raises an exception or ends silently. `life` knows, and has logged why.

    Raises:
        ServeError: if it could not listen.
    """
    try:
        run_server(loop_factory(options.loop), stop.run(_to_its_end(serve, life)))
    except asyncio.CancelledError:
        pass  # it did not end by itself
    except (Exception, SystemExit):  # uvicorn ends so after a failed start
        if life.error is None and life.stop_error is None:
            raise
    return exit_code(life)


def exit_code(life: Life) -> int:
    """Return the exit code of a server that has ended.

    Raises:
        ServeError: if it could not listen.
    """
    if isinstance(life.error, ServeError):
        raise life.error
    return life.exit_code


async def _to_its_end(serve: Callable[[], Coroutine[Any, Any, None]], life: Life) -> None:
    try:
        await serve()
    finally:
        await life.end()


def listen_once_started(
    life: Life, sockets: list[socket.socket], options: ServeOptions, *, duplicated: bool = False
) -> None:
    """Let `life` listen on the sockets, so that a port in use is the same error on every server.

    Args:
        life: of the application.
        sockets: that are bound.
        options: have the backlog.
        duplicated: whether the server has duplicates of the sockets. They are closed then: while they are open, clients
            would wait at them although the server has closed its own.
    """

    def begin() -> None:
        listen(sockets, options.backlog)
        if duplicated:
            for sock in sockets:
                sock.close()

    life.listen = begin


@asynccontextmanager
async def announced(
    options: ServeOptions, sockets: list[socket.socket], life: Life, accept_also: AcceptAlso | None = None
) -> AsyncIterator[None]:
    """Tell the first line as soon as the server listens, while the block runs; `accept_also` is as for `announce`."""
    names = [sock.getsockname() for sock in sockets]

    async def wait() -> None:
        while not life.listening:  # noqa: ASYNC110  # the server needs some turns more: nothing tells when it accepts
            await asyncio.sleep(_POLL)
        announce(options, names, accept_also)

    task = asyncio.get_running_loop().create_task(wait())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


COMMON_OPTIONS = frozenset(
    {"access_log", "backlog", "bind", "drain_delay", "host", "keep_alive_drain", "loop", "port", "reload", "root_path"}
    | {"shutdown_timeout", "sock", "ssl_certfile", "ssl_keyfile", "uds", "uds_mode"}
    | {"ssl_ca_certs", "ssl_minimum_version"}
    | {"trusted_proxies", "proxy_hops"}
)


def adapt(app: Application, options: ServeOptions) -> ASGIApplication:
    """Return the application as an ASGI callable, which is told when to stop.

    A foreign application is passed through as it is.
    """
    log, prefix, grace = options.access_log, options.root_path, options.shutdown_timeout
    if isinstance(app, HostedApplication):
        return PassthroughApplication(app, access_log=log, root_path=prefix, grace=grace, signals=False)
    return ASGIApplication(app, access_log=log, root_path=prefix, grace=grace, signals=False)
