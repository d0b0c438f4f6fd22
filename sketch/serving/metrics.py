"""Connects the metrics of an application with what shows them: the parent of workers, or an address of their own."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.processes.link import current_link
from sketch.serving.registry import load_object

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.observability.metrics.exposition import Exposition

logger = logging.getLogger("sketch")

PATH = "/metrics"
MOST_CONNECTIONS = 32
"""Connections to the metrics that may be open at once: few programs read them."""


def may_have_metrics() -> bool:
    """Whether an application of this process may have `Metrics`: their module is loaded."""
    return "sketch.observability.metrics" in sys.modules


def prepare_metrics(app: Application, address: str | None) -> None:
    """Let the metrics of an application tell the parent of this worker, or let them be served at an address.

    Args:
        app: gets metrics if it has none, and there is an address.
        address: as `ServeOptions.metrics_bind`. Of a worker, the parent serves it.

    Raises:
        ServeError: without prometheus-client.
    """
    from sketch.observability.metrics import METRICS, Metrics

    if METRICS not in app and address is None:  # their module is loaded all the same: by `from sketch import *`, say
        return
    check_installed(address)
    if METRICS not in app:
        Metrics().attach(app)
    link, metrics = current_link(), app[METRICS]
    metrics.listener = None if link is not None or address is None else partial(metrics_listener, address)
    if link is not None:
        link.report(metrics)


def check_installed(address: str | None) -> None:
    """Refuse an address for metrics where nothing can format them.

    Raises:
        ServeError: it says what to install.
    """
    from sketch.observability.metrics.metrics import check_installed as check

    try:
        check()
    except ImportError as exc:
        if address is not None:
            raise ServeError(str(exc), "metrics_bind") from None
        raise


@asynccontextmanager
async def metrics_listener(address: str, exposition: Exposition) -> AsyncIterator[None]:
    """Serve a text at `/metrics` of an address while the block runs, by the native server, with narrow limits.

    Raises:
        ServeError: if the address cannot be listened on.
    """
    from sketch.application import Application
    from sketch.limits import Limits
    from sketch.observability.metrics.metrics import show
    from sketch.response import Response
    from sketch.serving.server_limits import ServerLimits
    from sketch.serving.sockets import spell

    app = Application("metrics", limits=Limits(body=0, write_timeout=10))

    @app.get(PATH)
    async def answer() -> Response:
        return await show(exposition)

    limits = ServerLimits(connections=MOST_CONNECTIONS, header_timeout=5, keep_alive_timeout=30)
    options = ServeOptions(
        bind=(address,), server_limits=limits, access_log=False, shutdown_timeout=1, keep_alive_drain=0
    )
    async with load_object("sketch_native.server:serve")(app, options) as server:
        names = [spell(sock.getsockname()) for sock in server.sockets]
        shown = ", ".join(name if name.startswith("unix:") else f"http://{name}{PATH}" for name in names)
        logger.info("metrics are at %s", shown)
        yield
