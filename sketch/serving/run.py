"""Runs an application on a backend: `run_app` as a program, `serve` inside a running event loop.

Imports are lazy: no adapter, and hardly any core module, is imported before one of them is called.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from sketch.concurrency.workers import WorkerInfo, working_as
from sketch.observability.logs import flush, show, tell, tell_error
from sketch.serving import systemd
from sketch.serving.descriptors import open_standard
from sketch.serving.loading import check_app, is_loading, is_sketch_application, load_app
from sketch.serving.logging_options import log_files_reopened, set_up
from sketch.serving.loops import check_place
from sketch.serving.metrics import may_have_metrics, prepare_metrics
from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.processes.link import AcceptAlso, current_link
from sketch.serving.registry import check_supported, load_object, load_server
from sketch.serving.rereading import order_taken
from sketch.serving.sockets import places, spell
from sketch.serving.sources import explain
from sketch.serving.systemd import activate
from sketch.serving.tls.dev_cert import with_dev_cert

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.serving.asgi import ASGIApp
    from sketch.serving.registry import Server

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
        RuntimeError: in another thread than the main one, or inside a running event loop: use `serve` there. And while
            the application is imported.
        TypeError: for an option that does not exist.
    """
    _check_names(options)
    check_place()
    if current_link() is not None or is_loading():
        raise RuntimeError(
            "expected run_app to be called once, got a call while the application is imported: "
            "write it under `if __name__ == '__main__':`"
        )
    open_standard()
    try:
        chosen = with_dev_cert(
            activate(ServeOptions(host=host, port=port, server=server, loop=loop or "auto", **options))
        )
        code = _run_here(app, chosen) if chosen.workers is None and not chosen.reload else _run_workers(app, chosen)
    except ServeError as exc:
        tell_error(explain(exc))
        raise SystemExit(1) from None
    finally:
        flush()
    if code:
        raise SystemExit(code)
    return code


def _run_here(app: Application | ASGIApp | str, options: ServeOptions) -> int:
    check_supported(load_server(options.server), options)
    with working_as(WorkerInfo(0, 1, 1)), order_taken():
        return run_backend(app, options)


def _run_workers(app: Application | ASGIApp | str, options: ServeOptions) -> int:
    """Run the parent of workers, or of the one that is restarted. It does not import the application."""
    backend = check_workers(app, options)
    assert isinstance(app, str)
    set_up(options)
    show()
    with log_files_reopened():
        if options.reload:
            from sketch.serving.reload.parent import supervise_reloading  # as below

            return supervise_reloading(app, options, announce)
        from sketch.serving.processes.supervisor import supervise  # one process needs none of it

        return supervise(app, options, announce, spread=getattr(backend, "accepts_also", False))


_WHY = "each worker imports the application by itself"
_WHY_ANEW = "each start imports the application anew. Write run_app('module:app', reload=True)"


def check_workers(app: Application | ASGIApp | str, options: ServeOptions) -> Server:
    """Return the backend that workers run, or the one that is restarted, if they can serve the application.

    Raises:
        ServeError: if they cannot import it, and for a backend that takes no bound sockets.
    """
    kind, why = ("reload", _WHY_ANEW) if options.reload else ("workers", _WHY)
    if not isinstance(app, str):
        raise ServeError(
            f"expected an import string like 'package.module:app' with {kind}, got {app!r:.200}: {why}", "app"
        )
    if app.startswith("__main__:"):
        raise ServeError(f"expected the module's own name with {kind}, got {app!r}: {why}", "app")
    backend = load_server(options.server)
    check_supported(backend, options)
    if "bind" not in backend.options:
        fault = f"server {options.server!r} cannot honour the option {kind!r}: it takes no bound sockets"
        raise ServeError(fault, kind, "server")
    return backend


def run_backend(app: Application | ASGIApp | str, options: ServeOptions) -> int:
    """Load an application, and run it on the backend of the options. Returns the exit code.

    Raises:
        ServeError: if it cannot be served for a reason that one line explains.
    """
    load_server(options.server)  # one that is missing is told before the application is loaded
    return run_loaded(load_and_prepare(app, options), options)


def run_loaded(app: Application | ASGIApp, options: ServeOptions) -> int:
    """Run an application that is loaded and set up on the backend of the options. Returns the exit code.

    Raises:
        ServeError: as `run_backend`.
    """
    with log_files_reopened():
        return load_server(options.server).run(app, options)


def load_and_prepare(app: Application | ASGIApp | str, options: ServeOptions) -> Application | ASGIApp:
    """Load an application, and set it up as the options say.

    Raises:
        ServeError: if it cannot be served with them.
    """
    set_up(options)
    application = load_app(app) if isinstance(app, str) else check_app(app)
    show()
    prepare(application, options)
    return application


def serve(
    app: Application | ASGIApp, host: str = "127.0.0.1", port: int = 0, **options: Any
) -> AbstractAsyncContextManager[Any]:
    """Serve an application natively inside a running event loop:

        async with serve(app) as server:
            port = server.sockets[0].getsockname()[1]

    No signal handler is set, and logging is left alone. Options are those of `ServeOptions`, except `server`, `loop`
    and those of the log.

    Raises:
        ServeError: if it cannot be served, or for an option that would have no effect.
        TypeError: for an option that does not exist.
    """
    _check_names(options)
    chosen = with_dev_cert(ServeOptions(host=host, port=port, **options))
    for name in _NOT_EMBEDDED:
        if name in chosen.given():
            raise ServeError(f"serve cannot honour the option {name!r}: {_NOT_EMBEDDED[name]}")
    prepare(check_app(app), chosen)
    context: AbstractAsyncContextManager[Any] = load_object("sketch_native.server:serve")(app, chosen)
    return context


_YOURS = "it leaves logging to your program"
_NOT_EMBEDDED = {
    "server": "it runs the native server, run_app starts the others",
    "loop": "it serves in the event loop that is running",
    "log_level": _YOURS,
    "log_format": _YOURS,
    "log_config": _YOURS,
    "access_log_format": f"{_YOURS}, whose formatters find the fields as attributes of the records",
    "workers": "it serves in this process",
    "worker_timeout": "no parent watches it",
    "start_timeout": "no parent watches it",
    "max_requests": "no parent could replace it",
    "max_requests_jitter": "no parent could replace it",
    "reload": "no parent could restart it",
    "reload_dir": "no parent could restart it",
    "reload_include": "no parent could restart it",
}
"""Options that have no effect inside a running event loop, and why."""


def announce(options: ServeOptions, names: Sequence[object] = (), accept_also: AcceptAlso | None = None) -> None:
    """Tell `Started server on http://host:port (name)`: the first line of every backend, once it listens.

    It is printed to stderr, or logged if the program has set up logging. It lists every address. systemd is told, too.
    A worker tells its parent instead, which tells it once for all. Called in the event loop of the server.

    Args:
        options: the options of the server.
        names: what it listens on, as `socket.getsockname()` returns them. Without any, it is what the options say.
        accept_also: how the server accepts connections on the sockets of other workers, if it can.
    """
    link = current_link()
    if link is not None:
        link.ready(accept_also)
        return
    workers = "" if options.workers is None else f", {options.workers} worker{'s' if options.workers > 1 else ''}"
    if options.reload:
        workers = ", reload"
    note = ", IPv6 only" if options.host == "::" and len(names) == 1 and not _named(options) else ""
    tell(f"Started server on {', '.join(_urls(options, names))} ({options.server}{workers}{note})")
    systemd.ready()


def announce_stop() -> None:
    """Tell that the server was told to stop: a worker tells its parent, any other process systemd."""
    link = current_link()
    if link is None:
        systemd.stopping()
    else:
        link.stopping()


def _urls(options: ServeOptions, names: Sequence[object]) -> list[str]:
    """Return the URL of each address, one for a host that was given by name."""
    found = [spell(name) for name in names]
    if not found:
        found = places(options)
    elif _named(options):
        found = [spell((options.host, found[0].rpartition(":")[2]))]
    return [place if place.startswith(("unix:", "fd:")) else f"{options.scheme}://{place}" for place in found]


def _named(options: ServeOptions) -> bool:
    """Whether the host of the options, and nothing else, says where the server can be reached."""
    elsewhere = options.bind or options.uds is not None or options.sock is not None
    return not elsewhere and options.host not in ("", "::")


# -- checks -----------------------------------------------------------------------------------------------------------


def prepare(app: Application | ASGIApp, options: ServeOptions) -> None:
    """Check the options that are about the application, and set its `debug`.

    Raises:
        ServeError: for an option that does not go together with it.
    """
    _check_fitting(app, options)
    if options.trusted_proxies:
        _check_trust(app)
    if is_sketch_application(app):
        if options.debug is not None:
            app.debug = options.debug
        elif options.reload and not app.debug:
            app.debug, app.debug_locally = True, True
        if options.metrics_bind is not None or may_have_metrics():
            prepare_metrics(app, options.metrics_bind)


def _check_fitting(app: Application | ASGIApp, options: ServeOptions) -> None:
    """Refuse an option that is only for the other kind of application."""
    if is_sketch_application(app):
        if options.limits is not None:
            raise ServeError("limits are for foreign ASGI applications: a sketch application has Application(limits=)")
        return
    if options.metrics_bind is not None:
        fault = "expected no metrics_bind for a foreign ASGI application: metrics count requests of sketch applications"
        raise ServeError(fault, "metrics_bind")
    if options.debug is not None:
        raise ServeError("expected no debug for a foreign ASGI application: it has a switch of its own", "debug")


def _check_trust(app: Application | ASGIApp) -> None:
    """Refuse an application that chooses its proxies itself."""
    from sketch.middleware.proxy_headers import ProxyHeaders  # few servers have the option

    if any(isinstance(each, ProxyHeaders) for each in getattr(app, "outer_middlewares", ())):
        fault = "expected either trusted_proxies or the application's own ProxyHeaders, got both"
        raise ServeError(fault, "trusted_proxies")


def _check_names(options: dict[str, Any]) -> None:
    names = [field.name for field in fields(ServeOptions)]
    for name in options:
        if name not in names:
            raise TypeError(f"expected options of {', '.join(names)}, got {name!r}")
