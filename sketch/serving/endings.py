"""What the server's log says of ends: of exchanges that ended early, and of the server's own. The same words, at the
same level, on every server."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sketch.observability.access_fields import place

if TYPE_CHECKING:
    from sketch.http.grammar import Address
    from sketch.lifecycle.stopping import Stopping
    from sketch.serving.options import ServeOptions
    from sketch.transport import ClientDisconnected

logger = logging.getLogger("sketch.server")


def log_left(method: str, path: str, exc: ClientDisconnected) -> None:
    """Log at level DEBUG that a client has left: streams and websockets usually end so.

    Args:
        method, path: of the request.
        exc: says when it has left.
    """
    logger.debug("%s %r: %s", method, path, exc)


def log_cancelled(method: str, path: str, stopping: Stopping) -> None:
    """Log that an exchange was cancelled: at level INFO, or at DEBUG while the server stops, whose report names it.

    Args:
        method, path: of the request.
        stopping: of the application.
    """
    logger.log(logging.DEBUG if stopping else logging.INFO, "%s %r was cancelled", method, path)
    stopping.note_cut(f"{method} {path!r}")


def log_stalled(client: Address | None) -> None:
    """Log at level INFO that a client reads nothing, and that its connection is cut for that.

    Args:
        client: its address, None without one.
    """
    logger.info("%sthe client reads nothing, the connection is cut", prefix(client))


def prefix(client: Address | None) -> str:
    """Return how a line about a client begins: `192.0.2.7:4711: `; without an address it is empty."""
    return "" if client is None else f"{place(client)}: "


REQUEST, WEBSOCKET, STREAM = "request", "websocket", "stream"
"""What a connection may be busy with. A stream is an answer of which a part is out."""

PARTING = 0.1
"""Seconds in which streams and websockets end by themselves when a server stops that is restarted with every change of
the code. Then they are cancelled: their clients connect anew, and there is no other reason to wait for them."""


def log_stopping(under_way: Iterable[str], level: int = logging.INFO) -> None:
    """Log that the server begins to stop, and what is under way.

    Args:
        level: of the record; see `level_of_stops`.
        under_way: what each busy connection does: `REQUEST`, `WEBSOCKET` or `STREAM`.
    """
    counts = Counter(under_way)
    parts = [
        f"{counts[kind]} {kind}{'s' * (counts[kind] > 1)}" for kind in (REQUEST, WEBSOCKET, STREAM) if counts[kind]
    ]
    logger.log(level, "stopping: %s", ", ".join(parts) or "nothing is under way")


def log_stopped(seconds: float, level: int = logging.INFO) -> None:
    """Log that the server has stopped.

    Args:
        level: of the record.
        seconds: how long that took.
    """
    logger.log(level, "stopped after %.1f s", seconds)


def level_of_stops(options: ServeOptions) -> int:
    """Return the level of these two lines: DEBUG for a server that stops with every change of the code, else INFO."""
    return logging.DEBUG if options.reload else logging.INFO
