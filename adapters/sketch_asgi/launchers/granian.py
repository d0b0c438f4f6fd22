"""The launcher of granian, embedded in this process."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from sketch.serving.options import ServeOptions
from sketch.serving.processes.link import counted
from sketch.serving.registry import missing_package
from sketch.serving.sockets import listening
from sketch.serving.tls.context import check_files
from sketch_asgi.hosting.served import as_application
from sketch_asgi.launchers.accepted import accepted_sockets, count_accepted
from sketch_asgi.launchers.common import COMMON_OPTIONS, adapt, announced, listen_once_started, prepare, run
from sketch_asgi.launchers.stopping import Stop
from sketch_asgi.lifespan import Life
from sketch_asgi.trusted_proxies import outermost

if TYPE_CHECKING:
    from granian.server.embed import Server as Granian

    from sketch.application import Application
    from sketch.serving.asgi import ASGIApp


class GranianServer:
    """Runs granian embedded in this process: only its embedded server takes an application object."""

    options = COMMON_OPTIONS - {"reload"}  # it holds its socket itself: what waits there would be lost
    one_address = True

    def run(self, app: Application | ASGIApp, options: ServeOptions) -> int:
        """Serve until told to stop. Returns the exit code.

        Raises:
            ServeError: if granian is missing, or cannot listen.
        """
        try:
            from granian.server.embed import Server  # noqa: F401  # checked before anything is bound
        except ModuleNotFoundError as exc:
            raise missing_package("granian", exc) from None
        prepare()
        check_files(options)
        with listening(options) as sockets:  # of a host with several addresses granian gets the first
            return self._run(app, options, sockets[0])

    def _run(self, app: Application | ASGIApp, options: ServeOptions, sock: socket.socket) -> int:
        application = as_application(app)
        asgi = adapt(application, options)
        listen_once_started(asgi.life, [sock], options, duplicated=True)

        ending = _GranianEnding(asgi.life, sock.getsockname())

        async def main() -> None:
            outer = counted(outermost(application, asgi, options))
            server = ending.server = _make_granian(outer, asgi.life, options, sock)
            async with announced(options, [sock], asgi.life):
                await server.serve()

        with native_threads_ended():
            stop = Stop(application, asgi.life, options, ending)
            return run(main, asgi.life, stop, options)


class _GranianEnding:
    """How granian ends: see `Ending`. Its listener is out of reach, so it accepts connections until it is told.

    Args:
        life: of the application.
        name: of the socket that granian listens on.
    """

    server: Granian

    def __init__(self, life: Life, name: Any) -> None:
        self._life = life
        self._name = name

    async def close_listeners(self) -> None:
        """Do nothing: see the class."""

    def has_idle(self) -> bool:
        """Whether there are more connections than exchanges."""
        return count_accepted([self._name]) > len(self._life.exchanges)

    async def stop(self) -> None:
        """Tell granian to end, once the websockets have: it would cut them off at once."""
        await self._life.exchanges.websockets_ended()
        self.server.stop()  # type: ignore[no-untyped-call]

    def abort(self) -> None:
        """Shut the connections that are left: granian waits up to 30 s for the rest of a request's head."""
        with suppress(OSError):  # this system does not tell of them
            for sock in accepted_sockets([self._name]):
                with suppress(OSError):  # the client has left meanwhile
                    sock.shutdown(socket.SHUT_RDWR)


def _is_true(record: logging.LogRecord) -> bool:
    """Whether a record of granian's log is true: an exchange that was cancelled is no error of the application."""
    message = record.getMessage()
    last = message.rstrip().rpartition("\n")[2]
    return not (message.startswith("Application callable raised an exception") and last.startswith("CancelledError"))


def _make_granian(asgi: ASGIApp, life: Life, options: ServeOptions, sock: socket.socket) -> Granian:
    from granian.constants import Interfaces, SSLProtocols
    from granian.log import LOGGING_CONFIG, LogLevels
    from granian.server.embed import Server

    def is_news(record: logging.LogRecord) -> bool:
        return life.error is None and _is_true(record)  # why a start has failed, or was cancelled, is logged already

    given: Any = LOGGING_CONFIG["handlers"]
    changed = {"stream": "ext://sys.stderr", "filters": ["is_news"]}
    handlers = {name: {**handler, **changed} for name, handler in given.items()}
    authorities = options.ssl_ca_certs
    certificate, key = options.ssl_certfile, options.ssl_keyfile or options.ssl_certfile
    server = Server(
        asgi,
        interface=Interfaces.ASGI,
        backlog=options.backlog,
        log_level=LogLevels.error,
        log_dictconfig={"handlers": handlers, "filters": {"is_news": {"()": lambda: is_news}}},
        ssl_cert=Path(certificate) if certificate else None,
        ssl_key=Path(key) if key else None,
        ssl_protocol_min={"1.2": SSLProtocols.tls12, "1.3": SSLProtocols.tls13}[options.ssl_minimum_version],
        ssl_ca=Path(authorities) if authorities else None,
        ssl_client_verify=authorities is not None,
    )
    _give(server, sock, options.backlog)
    return server


def _give(server: Any, sock: socket.socket, backlog: int) -> None:
    """Give granian a socket that is bound already: it has a place for one, and no option. A test holds it."""

    def place() -> None:
        # granian closes the descriptor that it is given, so it gets a duplicate.
        holder = import_module("granian.net").SocketHolder
        server._ssp, server._shd = None, holder(sock.dup().detach(), sock.family == socket.AF_UNIX, backlog)
        server._sfd = server._shd.get_fd()

    server._init_shared_socket = place


THREADS_END = 1.0
"""Seconds that native threads get to end. They take a few milliseconds, more on a busy machine."""


@contextmanager
def native_threads_ended() -> Iterator[None]:
    """At the end of the block, wait until the native threads that were started in it have ended.

    granian's threads still run when it says that it has ended. A thread that releases Python objects while the
    interpreter shuts down aborts the process. Where the system does not list threads, there is no wait.
    """
    before = _native_threads()
    try:
        yield
    finally:
        deadline = monotonic() + THREADS_END
        while _native_threads() - before and monotonic() < deadline:
            sleep(0.001)


def _native_threads() -> set[str]:
    python_threads = {str(thread.native_id) for thread in threading.enumerate()}
    try:
        return {*os.listdir("/proc/self/task")} - python_threads  # noqa: PTH208 - names, not paths
    except OSError:
        return set()
