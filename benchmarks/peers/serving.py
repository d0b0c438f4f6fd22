"""Starts the ASGI servers on which peers run, with their fastest settings."""

from __future__ import annotations

import asyncio
from typing import Any

HOST = "127.0.0.1"


def on_uvicorn(app: Any, port: int, *, websockets: bool = False) -> None:
    """Serve on uvicorn: one process, uvloop, httptools, no access log; its fastest websocket engine, uncompressed."""
    import uvicorn

    uvicorn.run(
        app, host=HOST, port=port, loop="uvloop", http="httptools", access_log=False, log_level="error",
        ws="websockets-sansio" if websockets else "none", ws_per_message_deflate=False, timeout_graceful_shutdown=1,
    )  # fmt: skip


def on_sketch(app: Any, port: int) -> None:
    """Serve on sketch's own server, which runs any ASGI application: uvloop, no access log."""
    from sketch import run_app

    run_app(app, host=HOST, port=port, loop="uvloop", access_log=False, log_level="error", shutdown_timeout=1)


def on_granian(app: Any, port: int) -> None:
    """Serve on granian inside this process, where it takes an application object: uvloop, no access log."""
    import signal

    import uvloop
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server.embed import Server

    async def main() -> None:
        server = Server(
            app, address=HOST, port=port, interface=Interfaces.ASGI, log_level=LogLevels.error, websockets=False
        )
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
        await server.serve()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def on_server(app: Any, port: int, server: str, *, websockets: bool = False) -> None:
    """Serve on the named server, or on uvicorn if none is named."""
    if server == "sketch":
        on_sketch(app, port)
    elif server == "granian":
        on_granian(app, port)
    else:
        on_uvicorn(app, port, websockets=websockets)


def on_hypercorn(app: Any, port: int) -> None:
    """Serve on hypercorn: one process, uvloop, no access log."""
    import uvloop
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"{HOST}:{port}"]
    config.accesslog = None
    config.graceful_timeout = 1
    config.keep_alive_max_requests = 1_000_000_000  # else it ends a connection after 1,000
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(app, config))
