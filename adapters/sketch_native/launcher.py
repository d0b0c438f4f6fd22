"""The backend `native`: runs the server in its own event loop until a signal stops it."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from sketch.lifecycle.hook_deadline import StartCancelled
from sketch.serving.descriptors import make_room
from sketch.serving.endings import level_of_stops, log_stopped, log_stopping
from sketch.serving.loops import loop_factory, run_server
from sketch.serving.options import TLS_OPTIONS, ServeError, ServeOptions
from sketch.serving.orders import Orders, unless_given_up
from sketch.serving.run import announce, announce_stop, logger as startup_logger
from sketch.serving.server_limits import ServerLimits
from sketch.serving.starts import log_failed_start
from sketch.serving.tls.context import certificates_reread
from sketch_native.server import Server

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.serving.asgi import ASGIApp


class NativeServer:
    """The backend `native`: serves an application with the native server."""

    accepts_also = True
    options = frozenset(
        [
            "host",
            "port",
            "loop",
            "root_path",
            "reload",
            "access_log",
            "drain_delay",
            "keep_alive_drain",
            "shutdown_timeout",
            "ssl",
            "ssl_certfile",
            "ssl_keyfile",
            *TLS_OPTIONS,
            "bind",
            "uds",
            "uds_mode",
            "sock",
            "backlog",
            "server_limits",
            "limits",
            "proxy_protocol",
            "trusted_proxies",
            "proxy_hops",
        ]
    )

    def run(self, app: Application | ASGIApp, options: ServeOptions) -> int:
        """Serve until a signal orders to stop: see `sketch.serving.orders`."""
        make_room((options.server_limits or ServerLimits()).connections)
        return run_server(loop_factory(options.loop), _main(app, options))


async def _main(app: Application | ASGIApp, options: ServeOptions) -> int:
    server = Server(app, options)

    def stop(at_once: bool) -> None:
        if at_once:
            server.app.stopping.set(0)
        elif not server.sockets:  # the start is under way: the order cancels it
            server.app.stopping.set(options.shutdown_timeout)

    orders = Orders(stop)
    with orders.taken(), certificates_reread(server.tls, options):
        return await unless_given_up(_serve(server, orders), server.app, orders, 0)


async def _serve(server: Server, orders: Orders) -> int:
    """Serve until the order to stop. Returns the exit code."""
    try:
        await server.start()
    except ServeError:
        raise
    except StartCancelled as exc:
        startup_logger.info("%s", exc)
        return 0
    except Exception as exc:
        log_failed_start(startup_logger, exc)
        return 1
    announce(server.options, [sock.getsockname() for sock in server.sockets], server.accept_also)
    await orders.given.wait()
    announce_stop()
    log_stopping(server.under_way(), level_of_stops(server.options))
    began_at = monotonic()
    try:
        await server.stop()
    except Exception:
        startup_logger.exception("the application could not be stopped in order")
        return 1
    log_stopped(monotonic() - began_at, level_of_stops(server.options))
    return 0
