"""The launcher of hypercorn, in this process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sketch.serving.options import TLS_OPTIONS, ServeOptions
from sketch.serving.processes.link import counted
from sketch.serving.registry import missing_package
from sketch.serving.sockets import listening
from sketch.serving.tls.context import certificates_reread, server_context
from sketch_asgi.hosting.served import as_application
from sketch_asgi.launchers.accepted import count_accepted
from sketch_asgi.launchers.acceptor import Acceptor
from sketch_asgi.launchers.common import (
    COMMON_OPTIONS,
    adapt,
    announced,
    largest_message,
    listen_once_started,
    prepare,
    run,
)
from sketch_asgi.launchers.stopping import Stop
from sketch_asgi.lifespan import Life
from sketch_asgi.trusted_proxies import outermost

if TYPE_CHECKING:
    import ssl

    from hypercorn.config import Config as HypercornConfig

    from sketch.application import Application
    from sketch.serving.asgi import ASGIApp

PROTOCOLS = ("h2", "http/1.1")
"""The protocols that hypercorn speaks over TLS."""

_NO_LIMIT = 24 * 3600.0
"""Seconds for start-up and clean-up hooks: hypercorn insists on a bound, the other servers have none."""


class HypercornServer:
    """Runs hypercorn in this process: its own command line spawns workers that see no signal."""

    accepts_also = True
    options = COMMON_OPTIONS | TLS_OPTIONS | {"ssl"}

    def run(self, app: Application | ASGIApp, options: ServeOptions) -> int:
        """Serve until told to stop. Returns the exit code.

        Raises:
            ServeError: if hypercorn is missing, or cannot listen.
        """
        try:
            from hypercorn.asyncio import serve
            from hypercorn.config import Config
        except ModuleNotFoundError as exc:
            raise missing_package("hypercorn", exc) from None
        prepare()
        context = server_context(options, PROTOCOLS, logs=True)
        logging.getLogger("asyncio").addFilter(is_no_cancelled_connection)
        application = as_application(app)
        asgi = adapt(application, options)
        wrapped: Any = counted(outermost(application, asgi, options))
        config = configure_hypercorn(with_context(Config, context), options)
        config.websocket_max_message_size = largest_message(application)

        ending = _HypercornEnding(asgi.life, tls=options.scheme == "https")

        async def main() -> None:
            ending.task = asyncio.current_task()
            async with announced(options, sockets, asgi.life, ending.acceptor.accept_also):
                await serve(wrapped, config, shutdown_trigger=ending.told.wait, mode="asgi")

        with listening(options) as sockets:
            ending.names = [sock.getsockname() for sock in sockets]
            listen_once_started(asgi.life, sockets, options, duplicated=True)
            # hypercorn closes the descriptors it is given, so it gets duplicates.
            config.bind = [f"fd://{sock.dup().detach()}" for sock in sockets]
            stop = Stop(application, asgi.life, options, ending)
            with certificates_reread(context, options):
                return run(main, asgi.life, stop, options)


CONNECTION = "_server_callback"
"""The name of the coroutine in which hypercorn serves a connection: it keeps no list of them. A test holds it."""


class _HypercornEnding:
    """How hypercorn ends: see `Ending`.

    Args:
        life: of the application.
        tls: whether connections begin with a handshake.
    """

    names: Sequence[Any] = ()
    """The addresses at which it accepts connections."""

    def __init__(self, life: Life, *, tls: bool) -> None:
        self.told = asyncio.Event()
        self.acceptor = Acceptor()
        self.task: asyncio.Task[Any] | None = None
        self._life = life
        self._tls = tls

    async def close_listeners(self) -> None:
        """Accept no more connections: see `Ending`."""
        await self.acceptor.close()

    def has_idle(self) -> bool:
        """Whether there are more connections than exchanges. One whose TLS handshake is under way has no coroutine."""
        names = [getattr(task.get_coro(), "__name__", "") for task in asyncio.all_tasks()]
        exchanges = len(self._life.exchanges)
        return names.count(CONNECTION) > exchanges or (self._tls and count_accepted(self.names) > exchanges)

    async def stop(self) -> None:
        """Tell hypercorn to end."""
        self.told.set()

    def abort(self) -> None:
        """Cancel hypercorn: from Python 3.12 on it waits for connections without a bound."""
        if self.task is not None:
            self.task.cancel()


def is_no_cancelled_connection(record: logging.LogRecord) -> bool:
    """Whether a log record is about anything but a connection that was cancelled: until 3.12, asyncio has a traceback
    for each."""
    error = record.exc_info[1] if record.exc_info else None
    return not (isinstance(error, asyncio.CancelledError) and "StreamReaderProtocol.connection_made" in record.msg)


def with_context(kind: type[HypercornConfig], context: ssl.SSLContext | None) -> HypercornConfig:
    """Make a configuration with a TLS context that is there already: hypercorn has a place for its files alone."""

    class Configuration(kind):  # type: ignore[valid-type,misc]
        @property
        def ssl_enabled(self) -> bool:
            return context is not None

        def create_ssl_context(self) -> ssl.SSLContext | None:
            return context

    return Configuration()


def configure_hypercorn(config: HypercornConfig, options: ServeOptions) -> HypercornConfig:
    """Set hypercorn's configuration to the options, and return it."""
    config.backlog = options.backlog
    config.graceful_timeout = options.shutdown_timeout + 1
    config.startup_timeout = config.shutdown_timeout = _NO_LIMIT
    config.keep_alive_max_requests = 1_000_000_000  # no other server ends a connection after 1,000 requests
    config.websocket_ping_interval = None  # its pings outlive their websockets, and hold up the end of the server
    config.include_server_header = False
    config.errorlog = logging.getLogger("hypercorn.error")
    config.errorlog.setLevel(logging.WARNING)
    return config
