"""Runs an application on a backend: `run_app` as a program, `serve` inside a running event loop.

Imports are lazy: no adapter, and hardly any core module, is imported before one of them is called.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from sketch.serving.loading import check_app, is_sketch_application, load_app
from sketch.serving.logs import handled, show, tell
from sketch.serving.loops import check_place
from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.registry import check_supported, load_object, load_server

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.serving.asgi import ASGIApp

logger = logging.getLogger("sketch")


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
        RuntimeError: in another thread than the main one, or inside a running event loop: use `serve` there.
        TypeError: for an option that does not exist.
    """
    _check_names(options)
    check_place()
    try:
        chosen = ServeOptions(host=host, port=port, server=server, loop=loop or "auto", **options)
        backend = load_server(server)
        check_supported(backend, chosen)
        logger.setLevel(chosen.log_level.upper())
        application = load_app(app) if isinstance(app, str) else check_app(app)
        show()
        _prepare(application, chosen)
        code = backend.run(application, chosen)
    except ServeError as exc:
        print(f"error: {exc}", file=sys.stderr, flush=True)
        if handled():
            logger.error("%s", exc)  # noqa: TRY400 - one line explains it
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

    No signal handler is set, and logging is left alone. Options are those of `ServeOptions`, except `server`, `loop`
    and `log_level`.

    Raises:
        ServeError: if it cannot be served, or for an option that would have no effect.
        TypeError: for an option that does not exist.
    """
    _check_names(options)
    chosen = ServeOptions(host=host, port=port, **options)
    for name in _NOT_EMBEDDED:
        if name in chosen.given():
            raise ServeError(f"serve cannot honour the option {name!r}: {_NOT_EMBEDDED[name]}")
    _prepare(check_app(app), chosen)
    context: AbstractAsyncContextManager[Any] = load_object("sketch_native.server:serve")(app, chosen)
    return context


_NOT_EMBEDDED = {
    "server": "it runs the native server, run_app starts the others",
    "loop": "it serves in the event loop that is running",
    "log_level": "it leaves logging to your program",
}
"""Options that have no effect inside a running event loop, and why."""


def announce(options: ServeOptions, names: Sequence[object] = ()) -> None:
    """Tell `Started server on http://host:port (name)`: the first line of every backend, once it listens.

    It is printed to stderr, or logged if the program has set up logging.

    Args:
        options: the options of the server.
        names: what it listens on, as `socket.getsockname()` returns them. Without any, it is what the options say.
    """
    note = ", IPv6 only" if options.host == "::" and len(names) == 1 and not _named(options) else ""
    tell(f"Started server on {', '.join(_places(options, names))} ({options.server}{note})")


def _places(options: ServeOptions, names: Sequence[object]) -> list[str]:
    """Return the URL of each address, one for a host that was given by name."""
    if options.uds is not None:
        return [f"unix:{options.uds}"]
    addresses = [name for name in names if isinstance(name, tuple)]
    if names and not addresses:
        return [f"unix:{name}" for name in names]
    port = addresses[0][1] if addresses else options.port
    if not addresses or _named(options):
        addresses = [(options.host, port)]
    hosts = [f"[{host}]" if ":" in host else host for host, *_ in addresses]
    return [f"{options.scheme}://{host}:{port}" for host in hosts]


def _named(options: ServeOptions) -> bool:
    """Whether the host of the options says where the server can be reached."""
    return options.sock is None and options.host not in ("", "::")


def cannot_listen(options: ServeOptions, exc: OSError) -> ServeError:
    """Make the one-line error for a port in use, a missing permission, an unknown host."""
    place = options.uds if options.uds is not None else f"{options.host}:{options.port}"
    reason = exc.strerror or str(exc)
    if exc.errno is not None and reason.startswith("error while attempting to bind"):
        reason = os.strerror(exc.errno)  # asyncio repeats the address in its own words
    return ServeError(f"cannot listen on {place}: {reason}")


# -- checks -----------------------------------------------------------------------------------------------------------


def _prepare(app: Application | ASGIApp, options: ServeOptions) -> None:
    """Check the options that are about the application, and set its `debug`."""
    _check_fitting(app, options)
    if is_sketch_application(app) and options.debug is not None:
        app.debug = options.debug


def _check_fitting(app: Application | ASGIApp, options: ServeOptions) -> None:
    """Refuse an option that is only for the other kind of application."""
    if is_sketch_application(app):
        if options.limits is not None:
            raise ServeError("limits are for foreign ASGI applications: a sketch application has Application(limits=)")
    elif options.debug is not None:
        raise ServeError("expected no debug for a foreign ASGI application: it has a switch of its own")


def _check_names(options: dict[str, Any]) -> None:
    names = [field.name for field in fields(ServeOptions)]
    for name in options:
        if name not in names:
            raise TypeError(f"expected options of {', '.join(names)}, got {name!r}")
