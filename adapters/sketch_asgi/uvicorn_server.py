"""uvicorn, told what its command line would not tell it. Imported only where uvicorn is installed."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from sketch.servers import ServeOptions, announce
from sketch_asgi.app import ASGIApplication
from sketch_asgi.running import loop_factory
from sketch_asgi.stopsignals import NUMBERS


def make_config(asgi: ASGIApplication, options: ServeOptions) -> uvicorn.Config:
    """uvicorn's configuration for our options."""
    config = uvicorn.Config(
        asgi,
        lifespan="on",
        loop="asyncio" if loop_factory(options) is None else "uvloop",
        backlog=options.backlog,
        ssl_certfile=options.ssl_certfile,
        ssl_keyfile=options.ssl_keyfile,
        timeout_graceful_shutdown=options.shutdown_timeout,  # type: ignore[arg-type]  # fractions work as well
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=False,  # whom to believe X-Forwarded-For is for the application to say, alike on every server
    )
    config.load()
    if options.ssl is not None:
        config.ssl = options.ssl
    return config


class UvicornRunner(uvicorn.Server):
    """Announces itself as every backend does, and ends with 0 after a signal."""

    def __init__(self, config: uvicorn.Config, options: ServeOptions) -> None:
        super().__init__(config)
        self._options = options

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does, then print the first line."""
        await super().startup(sockets=sockets)
        if self.started and sockets:
            name = sockets[0].getsockname()
            announce(self._options, name[1] if isinstance(name, tuple) else None)

    @contextmanager
    def signals_taken(self) -> Iterator[None]:
        """Take the signals that uvicorn raises again at its end, and those that come before it listens to any."""
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
