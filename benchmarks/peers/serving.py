"""Starts the ASGI servers on which peers run, with their fastest settings."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from benchmarks.work import Variant

HOST = "127.0.0.1"
HOSTED = "benchmarks.peers.hosted:app"

COMMANDS = {
    "granian-rsgi": "granian --interface rsgi --loop uvloop --runtime-threads 1 --backlog 2048 --no-log --no-ws "
    "--host HOST --port PORT --workers-kill-timeout 1",
    "peregrine": "peregrine --protocol asgi --host HOST --port PORT --log-level error --graceful-timeout 1000 "
    "--no-websockets",
    "daphne": "daphne -b HOST -p PORT --verbosity 0",
    "gunicorn": "gunicorn --worker-class asgi --asgi-loop uvloop --bind HOST:PORT --keep-alive 75 --log-level error "
    "--graceful-timeout 1",
}
"""The servers that are started by their own commands."""

LOGGING = {"peregrine": "--access-log", "gunicorn": "--access-logfile -", "daphne": "--access-log -"}
TLS = {"granian-rsgi": ("--ssl-certificate", "--ssl-keyfile"), "peregrine": ("--tls-cert", "--tls-key")} | {
    "gunicorn": ("--certfile", "--keyfile")
}


def certificate(variant: Variant) -> tuple[Path, Path] | tuple[()]:
    """The files of certificate and key, for HTTPS."""
    return (Path(variant.tls) / "cert.pem", Path(variant.tls) / "key.pem") if variant.tls else ()


def by_command(server: str, module: str, variant: Variant, port: int) -> NoReturn:
    """Become a server's own command, which imports the application of a module of `benchmarks.peers`."""
    words = COMMANDS[server].replace("HOST", HOST).replace("PORT", str(port)).split()
    if variant.realistic:
        words += LOGGING.get(server, "").split()
    for flag, path in zip(TLS.get(server, ()), certificate(variant), strict=False):
        words += [flag, str(path)]
    os.environ |= {"BENCHMARK_MODULE": module, "BENCHMARK_VARIANT": json.dumps(asdict(variant))}
    os.execv(sys.executable, [sys.executable, "-m", *words, HOSTED])


def on_uvicorn(app: Any, port: int, variant: Variant | None = None) -> None:
    """Serve on uvicorn: one process, uvloop, httptools, no access log; its fastest websocket engine, uncompressed."""
    import uvicorn

    variant = variant or Variant()
    files = dict(zip(("ssl_certfile", "ssl_keyfile"), certificate(variant), strict=False))
    uvicorn.run(
        app, host=HOST, port=port, loop="uvloop", http="httptools", access_log=variant.realistic,
        log_level="info" if variant.realistic else "error", timeout_graceful_shutdown=1,
        ws="websockets-sansio" if variant.websockets else "none", ws_per_message_deflate=False, **files,
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


def on_server(app: Any, port: int, server: str, variant: Variant) -> None:
    """Serve on the named server, or on uvicorn if none is named."""
    if server == "sketch":
        on_sketch(app, port)
    elif server == "granian":
        on_granian(app, port)
    else:
        on_uvicorn(app, port, variant)


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
