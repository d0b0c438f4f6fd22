"""The options of `ServeOptions` as flags of the same names; only flags that were given are passed on."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, BooleanOptionalAction
from typing import Any

from sketch.serving.options import LOG_LEVELS, LOOPS, ServeOptions
from sketch.serving.registry import BUILT_IN

_DEFAULTS = ServeOptions()


def add_address_flags(parser: ArgumentParser) -> None:
    """Add the flags for the address to listen on and the server."""
    _add(parser, "host", "name or address to listen on", metavar="NAME")
    _add(parser, "port", "TCP port; 0 takes a free one", type=int, metavar="N")
    _add(parser, "server", f"server: {', '.join(BUILT_IN)}, or one that another package adds", metavar="NAME")


def add_serving_flags(parser: ArgumentParser) -> None:
    """Add the other flags for serving."""
    _add(parser, "loop", "event loop", choices=LOOPS)
    _add(parser, "root_path", "prefix under which a proxy publishes the application", metavar="PATH")
    _add(parser, "access_log", "a line per request", action=BooleanOptionalAction)
    _add(parser, "log_level", "from which level on to log", choices=LOG_LEVELS)
    _add(parser, "debug", "show details of unexpected errors to every client", action=BooleanOptionalAction)
    _add(parser, "shutdown_timeout", "grace period of running requests in seconds", type=float, metavar="SECONDS")
    _add(parser, "ssl_certfile", "certificate chain in PEM: serves HTTPS", metavar="FILE")
    _add(parser, "ssl_keyfile", "its private key", metavar="FILE")
    _add(parser, "uds", "unix socket to listen on instead of a port", metavar="PATH")
    _add(parser, "backlog", "connections that may wait to be accepted", type=int, metavar="N")
    _add(parser, "proxy_protocol", "expect PROXY protocol headers of a load balancer", action=BooleanOptionalAction)
    _add(parser, "workers", "processes; more than one is not supported yet", type=int, metavar="N")
    _add(parser, "reload", "start anew when the code changes; not supported yet", action=BooleanOptionalAction)


def _add(parser: ArgumentParser, name: str, text: str, **settings: Any) -> None:
    default = getattr(_DEFAULTS, name)
    shown = "" if default in (None, "") else f" (default: {default})"
    parser.add_argument(f"--{name.replace('_', '-')}", default=SUPPRESS, help=text + shown, **settings)
