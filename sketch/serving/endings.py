"""What the server's log says of exchanges that ended early: the same words, at the same level, on every server."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sketch.http.grammar import Address
    from sketch.transport import ClientDisconnected

logger = logging.getLogger("sketch.server")


def log_left(method: str, path: str, exc: ClientDisconnected) -> None:
    """Log at level DEBUG that a client has left: streams and websockets usually end so.

    Args:
        method, path: of the request.
        exc: says when it has left.
    """
    logger.debug("%s %r: %s", method, path, exc)


def log_cancelled(method: str, path: str) -> None:
    """Log at level INFO that the server has cut off an exchange, at the end of its grace period.

    Args:
        method, path: of the request.
    """
    logger.info("%s %r was cancelled", method, path)


def log_stalled(client: Address | None) -> None:
    """Log at level INFO that a client reads nothing, and that its connection is cut for that.

    Args:
        client: its address, None without one.
    """
    logger.info("%s: the client reads nothing, the connection is cut", client)
