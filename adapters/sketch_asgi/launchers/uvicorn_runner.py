"""uvicorn with settings that its command line does not offer. Imported only if uvicorn is installed."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import FrameType
from typing import Literal

import uvicorn

from sketch.serving.asgi import ASGIApp
from sketch.serving.loops import loop_factory
from sketch.serving.options import ServeOptions
from sketch.serving.run import announce
from sketch.websocket import DEFAULT_POLICY
from sketch_asgi.stop_signals import NUMBERS


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
        ssl_certfile=options.ssl_certfile,
        ssl_keyfile=options.ssl_keyfile,
        timeout_graceful_shutdown=options.shutdown_timeout,  # type: ignore[arg-type]  # fractions work as well
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=False,  # the application decides which X-Forwarded-For to trust, on every server alike
    )
    config.load()
    if options.ssl is not None:
        config.ssl = options.ssl
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
    """Whether a log record is true: uvicorn's websockets-sansio calls every denied handshake unanswered."""
    return record.msg != "ASGI callable returned without completing handshake."


class UvicornRunner(uvicorn.Server):
    """A uvicorn server that prints the same first output line as every backend, and ends with 0 after a signal."""

    def __init__(self, config: uvicorn.Config, options: ServeOptions) -> None:
        super().__init__(config)
        self._options = options

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Run as uvicorn does, in the event loop that every backend takes."""
        with asyncio.Runner(loop_factory=loop_factory(self._options.loop)) as runner:
            runner.run(self.serve(sockets=sockets))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does, then print the first output line."""
        await super().startup(sockets=sockets)
        if self.started and sockets:
            announce(self._options, [sock.getsockname() for sock in sockets])

    @contextmanager
    def signals_taken(self) -> Iterator[None]:
        """Take the signals that uvicorn raises again at its end, and those that come before it handles any."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = {number: signal.signal(number, self._take) for number in NUMBERS}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _take(self, _number: int, _frame: FrameType | None) -> None:
        self.should_exit = True
