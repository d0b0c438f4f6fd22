"""The launcher of hypercorn, in this process."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, Any

from sketch.serving.listening import listening
from sketch.serving.options import ServeOptions
from sketch.serving.registry import missing_package
from sketch_asgi.hosting.served import as_application
from sketch_asgi.launchers.common import COMMON_OPTIONS, adapt, announced, largest_message, prepare, run
from sketch_asgi.launchers.stopping import Stop

if TYPE_CHECKING:
    from hypercorn.config import Config as HypercornConfig

    from sketch.application import Application
    from sketch.serving.asgi import ASGIApp

_NO_LIMIT = 24 * 3600.0
"""Seconds for start-up and clean-up hooks: hypercorn insists on a bound, the other servers have none."""


class HypercornServer:
    """Runs hypercorn in this process: its own command line spawns workers that see no signal."""

    options = COMMON_OPTIONS | {"sock"}

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
        prepare(options)
        application = as_application(app)
        asgi = adapt(application, options)
        wrapped: Any = application.wrapped(asgi)
        config = configure_hypercorn(Config(), options)
        config.websocket_max_message_size = largest_message(application)

        async def main() -> None:
            task = asyncio.current_task()
            assert task is not None
            # From Python 3.12 on hypercorn waits for connections without a bound: only cancelling it helps.
            stop = Stop(application, asgi.life, options.shutdown_timeout + 1, task.cancel)
            async with stop, announced(options, [sock.getsockname() for sock in sockets], lambda: _listens(sockets[0])):
                await serve(wrapped, config, shutdown_trigger=stop.wait, mode="asgi")

        with listening(options) as sockets:
            # hypercorn closes the descriptors it is given, so it gets duplicates.
            config.bind = [f"fd://{sock.dup().detach()}" for sock in sockets]
            return run(main, asgi.life, options)


def configure_hypercorn(config: HypercornConfig, options: ServeOptions) -> HypercornConfig:
    """Set hypercorn's configuration to the options, and return it."""
    config.backlog = options.backlog
    config.certfile, config.keyfile = options.ssl_certfile, options.ssl_keyfile or options.ssl_certfile
    config.graceful_timeout = options.shutdown_timeout
    config.startup_timeout = config.shutdown_timeout = _NO_LIMIT
    config.keep_alive_max_requests = 1_000_000_000  # no other server ends a connection after 1,000 requests
    config.websocket_ping_interval = None  # its pings outlive their websockets, and hold up the end of the server
    config.include_server_header = False
    config.errorlog = logging.getLogger("hypercorn.error")
    config.errorlog.setLevel(logging.WARNING)
    return config


def _listens(sock: socket.socket) -> bool:
    return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
