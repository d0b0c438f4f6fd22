"""Server backends by name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from sketch.serving.loading import is_sketch_application
from sketch.serving.options import OptionError, ServeError, ServeOptions

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.serving.asgi import ASGIApp
    from sketch.serving.contract import Served

BUILT_IN = {
    "native": "sketch_native.launcher:NativeServer",
    "uvicorn": "sketch_asgi.launchers.uvicorn:UvicornServer",
    "hypercorn": "sketch_asgi.launchers.hypercorn:HypercornServer",
    "granian": "sketch_asgi.launchers.granian:GranianServer",
}
"""A table instead of entry points: a checkout that was never installed has to work."""

GROUP = "sketch.servers"
"""The entry-point group by which other packages add backends."""

_OF_PARENTS = frozenset({"worker_timeout", "start_timeout", "max_requests", "max_requests_jitter"})
"""Options that are for the parent of workers."""

# Options that run_app handles itself, for every backend.
_COMMON = frozenset(
    [
        "server",
        "log_level",
        "log_format",
        "log_config",
        "access_log_format",
        "debug",
        "reload_dir",
        "reload_include",
        "dev_cert",
        "workers",
        "worker_timeout",
        "start_timeout",
        "max_requests",
        "max_requests_jitter",
        "metrics_bind",
    ]
)


class Server(Protocol):
    """A backend: runs applications on one server.

    One that has `accepts_also = True` gives `announce` a function that lets it accept on further sockets: each of its
    workers gets a socket of its own then.
    """

    options: frozenset[str]
    """The names of the options it honours. One that can `bind` a single address has `one_address = True`, too. One that
    can `reload` takes bound sockets, and ends streams and websockets at once if that is given."""

    def run(self, app: Application | ASGIApp, options: ServeOptions) -> int:
        """Serve until told to stop. Returns the exit code: 0 after SIGINT or SIGTERM, 1 after a failed start.

        Args:
            app: a sketch application (`is_sketch_application`), or any ASGI 3 application.
            options: as they were given.

        Raises:
            ServeError: if the application cannot be served for a reason that one line explains.
        """
        raise NotImplementedError


def load_asgi() -> Any:
    """Import the class that makes an ASGI callable of an application."""
    return load_object("sketch_asgi.app:ASGIApplication")


def load_rsgi() -> Any:
    """Import the class that serves an application by RSGI."""
    return load_object("sketch_rsgi.app:RSGIApplication")


def load_served(app: Application | ASGIApp, options: ServeOptions) -> Served:
    """Return what the native server serves: a sketch application without raw ASGI middleware itself, else its host."""
    if is_sketch_application(app) and not app.is_wrapped:
        return app
    served: Served = load_object("sketch_asgi.hosting.served:make_served")(app, options)
    return served


def load_host() -> Any:
    """Import the function that makes a host of an ASGI application: a handler with its own lifespan.

    The function raises TypeError for anything else.
    """
    return load_object("sketch_asgi.hosting.host:make_host")


def server_names() -> dict[str, str]:
    """Return the import strings of all backends by name; an entry point cannot replace a built-in one."""
    from importlib.metadata import entry_points  # slow to import, and seldom needed

    return {point.name: point.value for point in entry_points(group=GROUP)} | BUILT_IN


def load_server(name: str) -> Server:
    """Load the backend of that name.

    Raises:
        OptionError: for an unknown name; the message lists the known ones.
    """
    string = BUILT_IN.get(name)
    if string is None:
        names = server_names()
        string = names.get(name)
        if string is None:
            raise OptionError(f"expected a server of {', '.join(sorted(names))}, got {name!r}", "server")
    server: Server = load_object(string)()
    return server


def honours(backend: Server, name: str) -> bool:
    """Whether an option has an effect on a backend: it honours it itself, or `run_app` does so for every backend."""
    return name in backend.options or name in _COMMON


def check_supported(backend: Server, options: ServeOptions) -> None:
    """Refuse options that the backend cannot honour, and those of a parent where there is none.

    Raises:
        OptionError: the message says which backends can.
    """
    if options.workers is None and not options.reload and (asked := options.given() & _OF_PARENTS):
        name = min(asked)
        raise OptionError(f"expected workers together with {name}: without them no parent watches the process", name)
    for name in sorted(options.given() - backend.options - _COMMON):
        able = [other for other in BUILT_IN if name in load_server(other).options]
        raise _unsupported(options, name, f"cannot honour the option {name!r}", able)
    if len(options.bind) > 1 and _has_one_address(backend):
        able = [other for other in BUILT_IN if not _has_one_address(load_server(other))]
        raise _unsupported(options, "bind", f"listens on one address, got {', '.join(options.bind)}", able)


def _has_one_address(backend: Server) -> bool:
    return getattr(backend, "one_address", False)


def _unsupported(options: ServeOptions, name: str, fault: str, able: list[str]) -> OptionError:
    hint = f"servers that can: {', '.join(able)}" if able else "no built-in server can"
    return OptionError(f"server {options.server!r} {fault}; {hint}", name, "server")


def missing_package(server: str, exc: ImportError) -> ServeError:
    """Make the error for a backend without its package; the message names the extra to install."""
    return ServeError(f"server {server!r} is not installed ({exc}): pip install 'sketch-web[{server}]'", "server")


def load_object(string: str) -> Any:
    """Import what a string `package.module:name` names."""
    path, _, name = string.partition(":")
    return getattr(import_module(path), name)
