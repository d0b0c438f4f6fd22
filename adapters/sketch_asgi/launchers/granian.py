"""The launcher of granian, embedded in this process."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from sketch.serving.listening import clear_path, reserved
from sketch.serving.options import ServeOptions
from sketch.serving.registry import missing_package
from sketch.serving.run import cannot_listen
from sketch_asgi.app import ASGIApplication
from sketch_asgi.hosting.served import as_application
from sketch_asgi.launchers.common import COMMON_OPTIONS, adapt, announced, prepare, run
from sketch_asgi.launchers.stopping import Stop
from sketch_asgi.lifespan import Life

if TYPE_CHECKING:
    from granian.server.embed import Server as Granian

    from sketch.application import Application
    from sketch.serving.asgi import ASGIApp


class GranianServer:
    """Runs granian embedded in this process: only its embedded server takes an application object."""

    options = COMMON_OPTIONS

    def run(self, app: Application | ASGIApp, options: ServeOptions) -> int:
        """Serve until told to stop. Returns the exit code.

        Raises:
            ServeError: if granian is missing, or cannot listen.
        """
        try:
            from granian.server.embed import Server  # noqa: F401  # checked before anything is bound
        except ModuleNotFoundError as exc:
            raise missing_package("granian", exc) from None
        prepare(options)
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
        application = as_application(app)
        asgi = adapt(application, options)

        async def main() -> None:
            server = _make_granian(application.wrapped(asgi), options, address, port)
            stop = Stop(application, asgi.life, options.shutdown_timeout, _cancel_granian_requests)
            waiting = asyncio.get_running_loop().create_task(_stop_granian(stop, server, asgi))
            names = _names(address, port)
            try:
                async with stop, announced(options, names, lambda: _answers(asgi.life, options, address, port)):
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
    await asgi.websockets_ended()  # granian would cut them off at once; `stop` bounds this wait
    server.stop()  # type: ignore[no-untyped-call]


REQUEST = "future_watcher"
"""The name of the coroutine in which granian runs a request: it keeps no list of their tasks. A test holds it."""


def _cancel_granian_requests() -> None:
    """Cancel the requests that granian waits for without a bound. It then ends in its own order."""
    for task in asyncio.all_tasks():
        coroutine = task.get_coro()
        if getattr(coroutine, "__name__", "") == REQUEST:
            task.cancel()


def _names(address: str, port: int) -> list[tuple[str, int]]:
    """Return what granian listens on: unlike the other servers it takes `::` for all addresses, IPv4 included."""
    if not port:
        return []
    return [(address, port), ("0.0.0.0", port)] if address == "::" else [(address, port)]  # noqa: S104


def _answers(life: Life, options: ServeOptions, address: str, port: int) -> bool:
    """Whether the server accepts a connection: granian's socket is out of reach."""
    if not life.started:
        return False
    with socket.socket(
        socket.AF_UNIX if options.uds else socket.AF_INET6 if ":" in address else socket.AF_INET
    ) as probe:
        return probe.connect_ex(options.uds or (address, port)) == 0


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
