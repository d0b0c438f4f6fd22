"""Launchers: the same options, the same first line, the same exit codes on uvicorn, hypercorn and granian.

No server is told of `root_path`: each would do something else with it. It goes to the adapter alone.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sketch.serving.run import ServeOptions, cannot_listen, missing_package
from sketch_asgi.app import ASGIApplication
from sketch_asgi.hosting.served import HostedApplication, make_ours
from sketch_asgi.launchers.common import Stop, announced, check_certificate, largest_message, run
from sketch_asgi.launchers.listeners import clear_path, listening, reserved
from sketch_asgi.launchers.nativethreads import native_threads_ended
from sketch_asgi.launchers.passthrough import PassedOn
from sketch_asgi.lifespan import Life

if TYPE_CHECKING:
    from granian.server.embed import Server as Granian
    from hypercorn.config import Config as HypercornConfig

    from sketch.application import Application
    from sketch.serving.asgi import ASGIApp

_EVERYWHERE = frozenset(
    {"access_log", "backlog", "host", "loop", "port", "root_path", "shutdown_timeout"}
    | {"ssl_certfile", "ssl_keyfile", "uds"}
)
_NO_LIMIT = 24 * 3600.0
"""Seconds for start-up and clean-up hooks, where a server insists on a bound that the others do not have."""


class UvicornServer:
    """uvicorn, in this process."""

    options = _EVERYWHERE | {"sock", "ssl"}

    def run(self, app: Application | ASGIApp, options: ServeOptions) -> int:
        """Serve until told to stop. Returns the exit code.

        Raises:
            ServeError: if uvicorn is missing, or cannot listen.
        """
        try:
            from sketch_asgi.launchers.uvicorn_runner import UvicornRunner, make_config
        except ModuleNotFoundError as exc:
            raise missing_package("uvicorn", exc) from None
        check_certificate(options)
        ours = make_ours(app)
        asgi = _adapted(ours, options)
        runner = UvicornRunner(make_config(ours.wrapped(asgi), options, largest_message(ours)), options)
        with listening(options) as sockets, runner.signals_taken():
            try:
                runner.run(sockets=sockets)
            except SystemExit:  # how uvicorn ends after a failed start; the reason is in the log
                return 1
        return asgi.life.exit_code


class HypercornServer:
    """hypercorn, in this process: its own command line spawns workers that see no signal."""

    options = _EVERYWHERE | {"sock"}

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
        check_certificate(options)
        ours = make_ours(app)
        asgi = _adapted(ours, options)
        wrapped: Any = ours.wrapped(asgi)
        config = _configure_hypercorn(Config(), options)
        config.websocket_max_message_size = largest_message(ours)

        async def main() -> None:
            task = asyncio.current_task()
            assert task is not None
            # Where it waits for connections without a bound (Python 3.12 on), only cancelling it helps.
            stop = Stop(ours, asgi.life, options.shutdown_timeout + 1, task.cancel)
            async with stop, announced(options, _port(sockets[0]), lambda: _listens(sockets[0])):
                await serve(wrapped, config, shutdown_trigger=stop.wait, mode="asgi")

        with listening(options) as sockets:
            # It closes what it is given: it gets descriptors of its own.
            config.bind = [f"fd://{sock.dup().detach()}" for sock in sockets]
            return run(main, asgi.life, options)


def _configure_hypercorn(config: HypercornConfig, options: ServeOptions) -> HypercornConfig:
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


def _adapted(app: Application, options: ServeOptions) -> ASGIApplication:
    log, prefix, grace = options.access_log, options.root_path, options.shutdown_timeout
    if isinstance(app, HostedApplication):
        return PassedOn(app, access_log=log, root_path=prefix, grace=grace)
    return ASGIApplication(app, access_log=log, root_path=prefix, grace=grace)


def _listens(sock: socket.socket) -> bool:
    return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _port(sock: socket.socket) -> int | None:
    name = sock.getsockname()
    return name[1] if isinstance(name, tuple) else None


class GranianServer:
    """granian, embedded in this process: only so does it serve an application object."""

    options = _EVERYWHERE

    def run(self, app: Application | ASGIApp, options: ServeOptions) -> int:
        """Serve until told to stop. Returns the exit code.

        Raises:
            ServeError: if granian is missing, or cannot listen.
        """
        try:
            from granian.server.embed import Server  # noqa: F401  # found out before anything is bound
        except ModuleNotFoundError as exc:
            raise missing_package("granian", exc) from None
        check_certificate(options)
        if options.uds is None:
            with reserved(options) as (address, port):
                return self._run(app, options, address, port)
        try:
            clear_path(options.uds)
        except OSError as exc:
            raise cannot_listen(options, exc) from exc
        try:
            return self._run(app, options, "", 0)
        finally:
            Path(options.uds).unlink(missing_ok=True)

    def _run(self, app: Application | ASGIApp, options: ServeOptions, address: str, port: int) -> int:
        ours = make_ours(app)
        asgi = _adapted(ours, options)

        async def main() -> None:
            server = _make_granian(ours.wrapped(asgi), options, address, port)
            stop = Stop(ours, asgi.life, options.shutdown_timeout, _cancel_granian_requests)
            waiting = asyncio.get_running_loop().create_task(_stop_granian(stop, server, asgi))
            try:
                async with stop, announced(options, port or None, lambda: _answers(asgi.life, options, address, port)):
                    await server.serve()
            finally:
                waiting.cancel()

        with native_threads_ended():
            return run(main, asgi.life, options)


def _make_granian(asgi: ASGIApp, options: ServeOptions, address: str, port: int) -> Granian:
    from granian.constants import Interfaces, SSLProtocols
    from granian.log import LOGGING_CONFIG, LogLevels
    from granian.server.embed import Server

    given: Any = LOGGING_CONFIG["handlers"]
    handlers = {name: {**handler, "stream": "ext://sys.stderr"} for name, handler in given.items()}
    certificate, key = options.ssl_certfile, options.ssl_keyfile or options.ssl_certfile
    return Server(
        asgi,
        address=address,
        port=port,
        uds=Path(options.uds) if options.uds is not None else None,
        interface=Interfaces.ASGI,
        backlog=options.backlog,
        log_level=LogLevels.error,
        log_dictconfig={"handlers": handlers},
        ssl_cert=Path(certificate) if certificate else None,
        ssl_key=Path(key) if key else None,
        ssl_protocol_min=SSLProtocols.tls12,
    )


async def _stop_granian(stop: Stop, server: Granian, asgi: ASGIApplication) -> None:
    await stop.wait()
    await asgi.websockets_ended()  # granian cuts them off at once; `stop` sees to it that this has an end
    server.stop()  # type: ignore[no-untyped-call]


def _cancel_granian_requests() -> None:
    """granian waits for its requests without a bound. Cancelled one by one, they let it end in its own order."""
    for task in asyncio.all_tasks():
        coroutine = task.get_coro()
        if getattr(coroutine, "__name__", "") == "future_watcher":
            task.cancel()


def _answers(life: Life, options: ServeOptions, address: str, port: int) -> bool:
    """Whether it takes a connection: granian's socket is out of reach."""
    if not life.started:
        return False
    with socket.socket(
        socket.AF_UNIX if options.uds else socket.AF_INET6 if ":" in address else socket.AF_INET
    ) as probe:
        return probe.connect_ex(options.uds or (address, port)) == 0
