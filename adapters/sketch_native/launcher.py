"""The backend `native`: runs the server in its own event loop until a signal stops it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

from sketch.serving.descriptors import make_room
from sketch.serving.loops import loop_factory
from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.run import announce, logger as startup_logger
from sketch_native.limits import ServerLimits
from sketch_native.server import CANCELLED_GRACE, Server, logger

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.serving.asgi import ASGIApp

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class NativeServer:
    """The backend `native`: serves an application with the native server."""

    options = frozenset(
        [
            "host",
            "port",
            "loop",
            "root_path",
            "access_log",
            "shutdown_timeout",
            "ssl",
            "ssl_certfile",
            "ssl_keyfile",
            "uds",
            "sock",
            "backlog",
            "server_limits",
            "limits",
            "proxy_protocol",
        ]
    )

    def run(self, app: Application | ASGIApp, options: ServeOptions) -> int:
        """Serve until SIGINT or SIGTERM. A second signal ends the grace period, a third one the process."""
        make_room(ServerLimits.of(options.server_limits).connections)
        # Not asyncio.Runner: it waits for every task, so a task that swallows its cancellation would keep a stopped
        # server alive for ever.
        loop = loop_factory(options.loop)()
        try:
            return loop.run_until_complete(_main(app, options))
        finally:
            loop.close()


async def _main(app: Application | ASGIApp, options: ServeOptions) -> int:
    server = Server(app, options)
    told = asyncio.Event()
    restore = _watch_signals(server, told)
    try:
        try:
            await server.start()
        except ServeError:
            raise
        except Exception:
            startup_logger.exception("the application could not be started")
            return 1
        announce(options, [sock.getsockname() for sock in server.sockets])
        await told.wait()
        await server.stop()
    except ServeError:
        raise
    except Exception:
        startup_logger.exception("the application could not be stopped in order")
        return 1
    finally:
        await _end_tasks()
        restore()
    return 0


async def _end_tasks() -> None:
    """Cancel the tasks that the application has left running and close its generators, within a bounded time."""
    loop = asyncio.get_running_loop()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    closing = loop.create_task(loop.shutdown_asyncgens())
    _, left = await asyncio.wait([*tasks, closing], timeout=CANCELLED_GRACE)
    for task in left:
        logger.warning("left behind: %r does not end", task)


def _watch_signals(server: Server, told: asyncio.Event) -> Callable[[], None]:
    """Set `told` at the first signal, end the grace period at the second; the third one has its default effect.

    Returns a function that restores the default effect.
    """

    def restore() -> None:
        for number in SIGNALS:
            server.loop.remove_signal_handler(number)

    def on_signal() -> None:
        if told.is_set():
            restore()
        server.app.stopping.set(0 if told.is_set() else server.options.shutdown_timeout)
        told.set()

    for number in SIGNALS:
        server.loop.add_signal_handler(number, on_signal)
    return restore
