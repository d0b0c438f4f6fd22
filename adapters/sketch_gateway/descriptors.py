"""The sockets of this process, those included of which a server does not tell."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator


def open_sockets() -> Iterator[socket.socket]:
    """Yield a duplicate of each socket of this process.

    It is open until the next one: a second duplicate could get the number of a descriptor to come. Who keeps it takes
    its descriptor by `detach()`.

    Raises:
        OSError: where the system does not tell of descriptors.
    """
    for number in [int(entry) for entry in os.listdir("/dev/fd")]:  # noqa: PTH208 - names, not paths
        sock = _duplicate(number)
        if sock is not None:
            with sock:
                yield sock


def _duplicate(number: int) -> socket.socket | None:
    """Return a duplicate of a descriptor, if that is a socket."""
    try:
        duplicate = os.dup(number)
    except OSError:  # it was closed meanwhile
        return None
    if stat.S_ISSOCK(os.fstat(duplicate).st_mode):  # asked of the duplicate, which no other thread closes
        return socket.socket(fileno=duplicate)
    os.close(duplicate)
    return None
