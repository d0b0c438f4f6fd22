"""The servers of the test kit as coroutines: each starts the application, tells its port, and stops when it is told."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.registry import load_object, missing_package
from sketch.serving.sockets import listening
from sketch.serving.tls.context import server_context

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.testing.runners import Control, Serve

_TURNS = 10
"""Turns of the event loop between telling the application and telling the server: enough for each websocket to send
its close. uvicorn, once told, closes them itself."""

_LAST_STEPS = 0.5
"""Seconds in which a server has to end once its requests were cancelled."""

SHORT_DRAIN = 0.05
"""Seconds for which a server under test waits for the last request of an idle connection: its clients send none."""

_POLL = 0.005
"""Seconds between two checks whether hypercorn listens: it does not tell."""


async def native(app: Application, options: ServeOptions, control: Control) -> None:
    """Serve by sketch's own server."""
    server: Any = load_object("sketch_native.server:Server")(app, options)
    await server.start()
    control.started.set_result(server.port)
    try:
        await control.told.wait()
    finally:
        await server.stop()


async def uvicorn(app: Application, options: ServeOptions, control: Control) -> None:
    """Serve by uvicorn."""
    try:
        make_config = load_object("sketch_asgi.launchers.uvicorn_runner:make_config")
        make_server: Any = import_module("uvicorn").Server
    except ModuleNotFoundError as exc:
        raise missing_package("uvicorn", exc) from None
    asgi, wrapped, largest = _adapted(app, options)
    with listening(options) as sockets:
        config = make_config(wrapped, options, largest)
        config.ssl = server_context(options)
        server = make_server(config)
        server.startup = partial(_started, server, server.startup, control)

        def stop() -> None:
            server.should_exit = True

        async with _stopping(app, options, control, stop, asgi.life.exchanges.cut):
            with contextlib.suppress(SystemExit):  # how uvicorn may end after a failed start
                await server.serve(sockets=sockets)
    _check(asgi)


async def _started(server: Any, startup: Callable[..., Awaitable[None]], control: Control, sockets: Any) -> None:
    await startup(sockets=sockets)
    if server.started and not server.should_exit:
        control.started.set_result(sockets[0].getsockname()[1])


async def hypercorn(app: Application, options: ServeOptions, control: Control) -> None:
    """Serve by hypercorn."""
    try:
        serve: Any = import_module("hypercorn.asyncio").serve
        make_config = import_module("hypercorn.config").Config
    except ModuleNotFoundError as exc:
        raise missing_package("hypercorn", exc) from None
    asgi, wrapped, largest = _adapted(app, options)
    config: Any = load_object("sketch_asgi.launchers.hypercorn:with_context")(make_config, server_context(options))
    load_object("sketch_asgi.launchers.hypercorn:configure_hypercorn")(config, options)
    config.websocket_max_message_size = largest
    told = asyncio.Event()
    with listening(options) as sockets:
        # hypercorn closes the descriptors it is given, so it gets duplicates.
        given = [sock.dup().detach() for sock in sockets]
        config.bind = [f"fd://{number}" for number in given]
        listens = asyncio.create_task(_tell_port(sockets[0], control))
        serving = asyncio.create_task(serve(wrapped, config, shutdown_trigger=told.wait, mode="asgi"))
        try:
            async with _stopping(app, options, control, told.set, asgi.life.exchanges.cut, serving.cancel):
                await asyncio.wait([serving])
        finally:
            for task in (listens, serving):
                task.cancel()
            await asyncio.wait([listens, serving])
            if not _listens(sockets[0]):  # the start has failed before hypercorn took them
                for number in given:
                    os.close(number)
    _check(asgi)
    if not serving.cancelled():
        serving.result()


async def _tell_port(sock: Any, control: Control) -> None:
    while not _listens(sock):  # noqa: ASYNC110  # there is no event
        await asyncio.sleep(_POLL)
    control.started.set_result(sock.getsockname()[1])


def _listens(sock: socket.socket) -> bool:
    return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _adapted(app: Application, options: ServeOptions) -> tuple[Any, Any, int]:
    """Return the application as an ASGI callable, that with all that is around it, and its largest message."""
    asgi = load_object("sketch_asgi.launchers.common:adapt")(app, options)
    outermost = load_object("sketch_asgi.trusted_proxies:outermost")(app, asgi, options)
    return asgi, outermost, load_object("sketch_asgi.launchers.common:largest_message")(app)


def _check(asgi: Any) -> None:
    """Raise what the start or the stop of the application has raised."""
    error = asgi.life.error or asgi.life.stop_error
    if error is not None:
        raise error


@contextlib.asynccontextmanager
async def _stopping(
    app: Application,
    options: ServeOptions,
    control: Control,
    stop: Callable[[], object],
    cut: Callable[[], object],
    abort: Callable[[], object] | None = None,
) -> AsyncIterator[None]:
    """While the block runs, pass the order to stop on: to the application at once, to the server some turns later.

    At the end of the grace period `cut` ends the requests, and a little later `abort` the server.
    """

    async def wait() -> None:
        await control.told.wait()
        app.stopping.set(options.shutdown_timeout)
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        stop()
        await app.stopping.wait_grace()
        cut()
        if abort is not None:
            await asyncio.sleep(_LAST_STEPS)
            abort()

    task = asyncio.create_task(wait())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


SERVERS = {"native": native, "uvicorn": uvicorn, "hypercorn": hypercorn}


def make_serve(name: str, app: Application, options: dict[str, Any]) -> Serve:
    """Return the coroutine function that serves an application by the server of that name."""
    try:
        chosen = ServeOptions(server=name, port=0, **{"keep_alive_drain": SHORT_DRAIN, **options})
    except TypeError as exc:
        raise ServeError(f"expected options of run_app in server_options: {exc}") from None
    return partial(SERVERS[name], app, chosen)
