"""Server backends by name, and the one way to run an application on any of them.

Everything here is lazy: no adapter, and hardly anything of the core, is imported before somebody runs something.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, fields
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from sketch.serving.loading import ServeError as ServeError
from sketch.serving.loading import check_app, is_ours, load_app

if TYPE_CHECKING:
    import socket
    import ssl as tls

    from sketch.application import Application
    from sketch.serving.asgi import ASGIApp
    from sketch.transport import Served

logger = logging.getLogger("sketch")

BUILT_IN = {
    "native": "sketch_native.server:NativeServer",
    "uvicorn": "sketch_asgi.launchers.servers:UvicornServer",
    "hypercorn": "sketch_asgi.launchers.servers:HypercornServer",
    "granian": "sketch_asgi.launchers.servers:GranianServer",
}
"""A table and not entry points: a checkout that was never installed has to work."""
GROUP = "sketch.servers"
"""The entry-point group by which other packages add backends."""
LOOPS = ("auto", "asyncio", "uvloop")
LOG_LEVELS = ("debug", "info", "warning", "error", "critical")

# RFC 3986 section 3.3, without empty segments; one slash may follow.
_ROOT_PATH = re.compile(r"(?:/(?:[\w!$&'()*+,;=:@.~-]|%[0-9A-Fa-f]{2})+)*/?", re.ASCII)

# What run_app sees to itself, so that every backend honours it.
_COMMON = frozenset({"server", "log_level", "debug", "workers", "reload"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """How to serve an application; the same names on every backend, and as flags of `sketch run`.

    Raises:
        ServeError: for a value that no backend could honour.
    """

    host: str = "127.0.0.1"
    """The name or address to listen on."""
    port: int = 8080
    """The TCP port; 0 takes a free one."""
    server: str = "native"
    """The backend's name."""
    loop: str = "auto"
    """`"asyncio"`, `"uvloop"`, or `"auto"`: uvloop where it is installed."""
    root_path: str = ""
    """The prefix under which a proxy publishes the application, percent-encoded: `"/api"`."""
    access_log: bool = True
    """Whether to log a line per request."""
    log_level: str = "info"
    """From which level on the logger `sketch` logs."""
    debug: bool | None = None
    """Overrides the application's own `debug`."""
    shutdown_timeout: float = 20.0
    """How many seconds running requests get after the order to stop."""
    ssl: tls.SSLContext | None = None
    """A ready-made TLS context."""
    ssl_certfile: str | None = None
    """The path of a certificate chain in PEM. Serves HTTPS."""
    ssl_keyfile: str | None = None
    """The path of its private key."""
    uds: str | None = None
    """The path of a unix socket to listen on instead of a port."""
    sock: socket.socket | None = None
    """A bound socket to listen on instead of a port."""
    backlog: int = 2048
    """How many connections may wait to be accepted."""
    server_limits: Any = None
    """`sketch_native.limits.ServerLimits`: bounds of what comes before a request."""
    limits: Any = None
    """`sketch.Limits`: what a client may ask of an ASGI application that is not ours."""
    proxy_protocol: bool = False
    """Whether each connection begins with a header of the PROXY protocol, which names the client; one without is
    closed. Only where nobody but the load balancer reaches the server: the header is believed."""
    workers: int = 1
    """Processes. More than one is not supported yet."""
    reload: bool = False
    """Start anew when the code changes. Not supported yet."""

    def __post_init__(self) -> None:
        if not isinstance(self.port, int) or not 0 <= self.port <= 65535:
            raise ServeError(f"expected a port from 0 to 65535, got {self.port!r}")
        if not _ROOT_PATH.fullmatch(self.root_path):
            raise ServeError(f"expected a root path like '/api', percent-encoded, got {self.root_path!r}")
        if self.loop not in LOOPS:
            raise ServeError(f"expected a loop of {', '.join(LOOPS)}, got {self.loop!r}")
        if self.log_level not in LOG_LEVELS:
            raise ServeError(f"expected a log level of {', '.join(LOG_LEVELS)}, got {self.log_level!r}")
        if self.shutdown_timeout < 0:
            raise ServeError(f"expected a shutdown timeout of at least 0 seconds, got {self.shutdown_timeout!r}")
        if self.ssl_keyfile is not None and self.ssl_certfile is None:
            raise ServeError("expected ssl_certfile together with ssl_keyfile")
        if self.ssl is not None and self.ssl_certfile is not None:
            raise ServeError("expected either ssl or ssl_certfile, got both")
        if self.uds is not None and self.sock is not None:
            raise ServeError("expected either uds or sock, got both")
        if self.proxy_protocol and self.scheme == "https":
            raise ServeError("proxy_protocol together with TLS is not supported: let the load balancer end TLS")
        if self.workers != 1:
            raise ServeError(f"workers={self.workers!r} is not supported yet: start one process per worker")
        if self.reload:
            raise ServeError("reload is not supported yet: restart the server by hand")

    @property
    def scheme(self) -> str:
        """`"https"` if TLS was asked for, else `"http"`."""
        return "http" if self.ssl is None and self.ssl_certfile is None else "https"

    def given(self) -> set[str]:
        """The names of the options that differ from their default."""
        return {field.name for field in fields(self) if getattr(self, field.name) != field.default}


class Server(Protocol):
    """A backend."""

    options: frozenset[str]
    """The names of the options it honours."""

    def run(self, app: Application | ASGIApp, options: ServeOptions) -> int:
        """Serve until told to stop. Returns the exit code: 0 after SIGINT or SIGTERM, 1 after a failed start.

        Args:
            app: an application of ours (`is_ours`), or any ASGI 3 application.
            options: as they were given.

        Raises:
            ServeError: for what one line explains.
        """
        raise NotImplementedError


def run_app(
    app: Application | ASGIApp | str,
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    server: str = "native",
    loop: str | None = None,
    **options: Any,
) -> int:
    """Serve an application until SIGINT or SIGTERM.

    Args:
        app: the application, or an import string: `"package.module:app"`, `"package.module:create_app()"`. It may be
            any ASGI 3 application: FastAPI's, Starlette's, Django's.
        host, port, server, loop: as in `ServeOptions`.
        options: the other fields of `ServeOptions`.

    Returns:
        0 after an orderly stop.

    Raises:
        SystemExit: with code 1, and the reason on stderr, if the application could not be served.
        TypeError: for an option that does not exist.
    """
    _check_names(options)
    try:
        chosen = ServeOptions(host=host, port=port, server=server, loop=loop or "auto", **options)
        backend = load_server(server)
        check_supported(backend, chosen)
        _configure_logging(chosen.log_level)
        application = load_app(app) if isinstance(app, str) else check_app(app)
        _check_fitting(application, chosen)
        if is_ours(application) and chosen.debug is not None:
            application.debug = chosen.debug
        code = backend.run(application, chosen)
    except ServeError as exc:
        print(f"error: {exc}", file=sys.stderr, flush=True)
        raise SystemExit(1) from None
    if code:
        raise SystemExit(code)
    return code


def serve(
    app: Application | ASGIApp, host: str = "127.0.0.1", port: int = 0, **options: Any
) -> AbstractAsyncContextManager[Any]:
    """Serve an application natively inside a running event loop:

        async with serve(app) as server:
            port = server.sockets[0].getsockname()[1]

    No signal handler is set. Options are those of `ServeOptions`.

    Raises:
        ServeError: if it cannot be served.
        TypeError: for an option that does not exist.
    """
    _check_names(options)
    chosen = ServeOptions(host=host, port=port, **options)
    _check_fitting(check_app(app), chosen)
    context: AbstractAsyncContextManager[Any] = _load("sketch_native.server:serve")(app, chosen)
    return context


def load_asgi() -> Any:
    """The class that makes an ASGI callable of an application."""
    return _load("sketch_asgi.app:ASGIApplication")


def load_served(app: Application | ASGIApp, options: ServeOptions) -> Served:
    """What our own server serves for an application: itself, if it is ours and has no raw ASGI middleware round it."""
    if is_ours(app) and not app.is_wrapped:
        return app
    served: Served = _load("sketch_asgi.hosting.served:make_served")(app, options)
    return served


def load_host() -> Any:
    """What makes a host of an ASGI application: a handler with a life of its own. It raises TypeError for any other."""
    return _load("sketch_asgi.hosting.host:make_host")


def announce(options: ServeOptions, port: int | None = None) -> None:
    """Print `Started server on http://host:port (name)`: the first line of every backend, once it really listens.

    Args:
        options: with which the server was started.
        port: on which it listens, if not on that of the options.
    """
    if options.uds is not None:
        place = f"unix:{options.uds}"
    else:
        host = f"[{options.host}]" if ":" in options.host else options.host
        place = f"{options.scheme}://{host}:{options.port if port is None else port}"
    print(f"Started server on {place} ({options.server})", file=sys.stderr, flush=True)


def cannot_listen(options: ServeOptions, exc: OSError) -> ServeError:
    """One line for a port in use, a missing permission, an unknown host."""
    place = options.uds if options.uds is not None else f"{options.host}:{options.port}"
    reason = exc.strerror or str(exc)
    if exc.errno is not None and reason.startswith("error while attempting to bind"):
        reason = os.strerror(exc.errno)  # asyncio repeats the address in its own words
    return ServeError(f"cannot listen on {place}: {reason}")


# -- backends ---------------------------------------------------------------------------------------------------------


def server_names() -> dict[str, str]:
    """The import strings of all backends by name; an entry point cannot replace a built-in one."""
    from importlib.metadata import entry_points  # slow to import, and seldom needed

    return {point.name: point.value for point in entry_points(group=GROUP)} | BUILT_IN


def load_server(name: str) -> Server:
    """The backend of that name.

    Raises:
        ServeError: for an unknown name; the message lists what there is.
    """
    string = BUILT_IN.get(name)
    if string is None:
        names = server_names()
        string = names.get(name)
        if string is None:
            raise ServeError(f"expected a server of {', '.join(sorted(names))}, got {name!r}")
    server: Server = _load(string)()
    return server


def check_supported(backend: Server, options: ServeOptions) -> None:
    """Refuse an option that the backend cannot honour.

    Raises:
        ServeError: the message says which backends can.
    """
    for name in sorted(options.given() - backend.options - _COMMON):
        able = [other for other in BUILT_IN if name in load_server(other).options]
        hint = f"servers that can: {', '.join(able)}" if able else "no built-in server can"
        raise ServeError(f"server {options.server!r} cannot honour the option {name!r}; {hint}")


def missing_package(server: str, exc: ImportError) -> ServeError:
    """One line for a backend whose package is not installed, which names the extra."""
    return ServeError(f"server {server!r} is not installed ({exc}): pip install 'sketch-web[{server}]'")


def _check_fitting(app: Application | ASGIApp, options: ServeOptions) -> None:
    """Refuse what concerns the other kind of application only."""
    if is_ours(app):
        if options.limits is not None:
            raise ServeError("limits are for ASGI applications that are not ours, one of ours has Application(limits=)")
    elif options.debug is not None:
        raise ServeError("expected no debug for an ASGI application that is not ours: it has a switch of its own")


def _load(string: str) -> Any:
    path, _, name = string.partition(":")
    return getattr(import_module(path), name)


def _check_names(options: dict[str, Any]) -> None:
    names = [field.name for field in fields(ServeOptions)]
    for name in options:
        if name not in names:
            raise TypeError(f"expected options of {', '.join(names)}, got {name!r}")


def _configure_logging(level: str) -> None:
    """Show what `sketch` logs on stderr, unless the program has set up logging itself."""
    logger.setLevel(level.upper())
    if not logger.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logger.addHandler(handler)
