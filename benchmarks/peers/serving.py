"""The ASGI servers on which peers run, at their fastest."""

from __future__ import annotations

import asyncio
from typing import Any

HOST = "127.0.0.1"


def on_uvicorn(app: Any, port: int, *, websockets: bool = False) -> None:
    """One process, uvloop, httptools, no access log; websockets by the fastest of its engines, uncompressed."""
    import uvicorn

    uvicorn.run(
        app, host=HOST, port=port, loop="uvloop", http="httptools", access_log=False, log_level="error",
        ws="websockets-sansio" if websockets else "none", ws_per_message_deflate=False, timeout_graceful_shutdown=1,
    )  # fmt: skip


def on_hypercorn(app: Any, port: int) -> None:
    """One process, uvloop, no access log."""
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
