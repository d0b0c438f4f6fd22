"""Runs an application on a backend: `run_app` as a program, `serve` inside a running event loop.

Imports are lazy: no adapter, and hardly any core module, is imported before one of them is called.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import AbstractAsyncContextManager
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from sketch.serving.loading import check_app, is_sketch_application, load_app
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
        if is_sketch_application(application) and chosen.debug is not None:
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
    context: AbstractAsyncContextManager[Any] = load_object("sketch_native.server:serve")(app, chosen)
    return context


def announce(options: ServeOptions, port: int | None = None) -> None:
    """Print `Started server on http://host:port (name)`: the first line of every backend, once it listens.

    Args:
        options: the options of the server.
        port: the port that it listens on, if that is not the one of the options.
    """
    if options.uds is not None:
        place = f"unix:{options.uds}"
    else:
        host = f"[{options.host}]" if ":" in options.host else options.host
        place = f"{options.scheme}://{host}:{options.port if port is None else port}"
    print(f"Started server on {place} ({options.server})", file=sys.stderr, flush=True)


def cannot_listen(options: ServeOptions, exc: OSError) -> ServeError:
    """Make the one-line error for a port in use, a missing permission, an unknown host."""
    place = options.uds if options.uds is not None else f"{options.host}:{options.port}"
    reason = exc.strerror or str(exc)
    if exc.errno is not None and reason.startswith("error while attempting to bind"):
        reason = os.strerror(exc.errno)  # asyncio repeats the address in its own words
    return ServeError(f"cannot listen on {place}: {reason}")


# -- checks -----------------------------------------------------------------------------------------------------------


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


def _configure_logging(level: str) -> None:
    """Show what `sketch` logs on stderr, unless the program has set up logging itself."""
    logger.setLevel(level.upper())
    if not logger.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logger.addHandler(handler)
