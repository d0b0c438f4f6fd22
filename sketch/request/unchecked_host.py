"""Reports URLs with a host that a client has chosen."""

from __future__ import annotations

import logging
from weakref import WeakSet

from sketch.http.hosts import is_loopback

logger = logging.getLogger("sketch")

_reported: WeakSet[object] = WeakSet()


def report_unchecked(host: str, app: object) -> None:
    """Log a warning for the first URL of an application that has a host which nothing has checked.

    Args:
        host: of the URL; local ones, as in development, are not reported.
        app: the application.
    """
    if app not in _reported and not is_loopback(host):
        _reported.add(app)
        logger.warning(
            "%r makes URLs with the host that a client names, and any client may name any: "
            "add TrustedHosts([...]) to its outer_middlewares",
            app,
        )
