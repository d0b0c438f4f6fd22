"""uvicorn with settings that its command line does not offer. Imported only if uvicorn is installed."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Literal

import uvicorn

from sketch.serving.asgi import ASGIApp
from sketch.serving.options import ServeOptions
from sketch.serving.run import announce
from sketch.websocket import DEFAULT_POLICY
from sketch_asgi.launchers.accepted import count_accepted
from sketch_asgi.launchers.acceptor import Acceptor
from sketch_asgi.lifespan import START_FAILED


def make_config(asgi: ASGIApp, options: ServeOptions, largest_message: int) -> uvicorn.Config:
    """Return uvicorn's configuration for the options."""
    config = uvicorn.Config(
        asgi,
        interface="asgi3",
        lifespan="on",
        http=_http(),
        ws=_websockets(),
        ws_max_size=largest_message,
        ws_ping_interval=DEFAULT_POLICY.ping_interval,
        ws_ping_timeout=DEFAULT_POLICY.ping_timeout,
        loop="none",  # UvicornRunner.run chooses it
        backlog=options.backlog,
        timeout_graceful_shutdown=None,  # `Stop` ends the requests
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=False,  # the application decides which X-Forwarded-For to trust, on every server alike
    )
    config.load()
    logging.getLogger("uvicorn.error").addFilter(_is_true)
    return config


def _http() -> type[asyncio.Protocol] | Literal["h11"]:
    """Return the best implementation that is installed."""
    if find_spec("httptools") is None:
        return "h11"
    from sketch_asgi.launchers.uvicorn_http import UpgradesIgnored

    return UpgradesIgnored


def _websockets() -> Literal["websockets-sansio", "wsproto", "none"]:
    """Return the best implementation that is installed: older versions of uvicorn choose another one by themselves."""
    if find_spec("websockets") is not None:
        return "websockets-sansio"
    return "wsproto" if find_spec("wsproto") is not None else "none"


def _is_true(record: logging.LogRecord) -> bool:
    """Whether a log record is true, and news.

    uvicorn's websockets-sansio calls every denied handshake unanswered, and an exchange that was cancelled at the end
    of the grace period is no error of the application. Why a start has failed, or was cancelled, is logged already.
    """
    error = record.exc_info[1] if record.exc_info else None
    return not (isinstance(error, asyncio.CancelledError) or str(record.msg).startswith(_UNTRUE))


_UNTRUE = (
    "ASGI callable returned without completing handshake.",
    START_FAILED,
    "Application startup failed. Exiting.",
)
"""How messages of uvicorn begin that are left out."""


class UvicornRunner(uvicorn.Server):
    """A uvicorn server that prints the same first output line as every backend, and is led to its end by a `Stop`."""

    def __init__(self, config: uvicorn.Config, options: ServeOptions) -> None:
        super().__init__(config)
        self._options = options
        self._acceptor = Acceptor()
        self._names: list[Any] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does, then print the first output line."""
        await super().startup(sockets=sockets)
        if self.started and sockets:
            self._names = [sock.getsockname() for sock in sockets]
            announce(self._options, self._names, self._acceptor.accept_also)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `Stop`: uvicorn raises them again at its end."""
        yield

    async def close_listeners(self) -> None:
        """Accept no more connections: see `Ending`."""
        await self._acceptor.close()

    def has_idle(self) -> bool:
        """Whether a connection is open on which nothing is under way. One is that whose TLS handshake is under way."""
        connections = self.server_state.connections
        if any(_is_idle(connection) for connection in connections):
            return True
        return self._options.scheme == "https" and count_accepted(self._names) > len(connections)

    async def stop(self) -> None:
        """Tell uvicorn to end."""
        self.should_exit = True

    def abort(self) -> None:
        """Cut the connections that are left, whose clients do not read, and do not wait for them.

        asyncio cannot cut one with TLS that was closed twice, as uvicorn does: it waits for the client for 30 seconds.
        """
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        self.force_exit = True


def _is_idle(connection: object) -> bool:
    cycle: Any = getattr(connection, "cycle", connection)  # a websocket has none
    return cycle is None or (cycle is not connection and cycle.response_complete)
