"""The connections that this process has accepted, those included of which a server does not tell."""

from __future__ import annotations

import os
import socket
import stat
import sys
from collections.abc import Collection, Iterator
from typing import Any


def count_accepted(names: Collection[Any]) -> int:
    """Count the sockets of this process that were accepted at some addresses.

    Args:
        names: the addresses, as `socket.getsockname()` returns them.
    """
    try:
        return sum(1 for _ in accepted_sockets(names))
    except OSError:
        return sys.maxsize  # this system does not tell


def accepted_sockets(names: Collection[Any]) -> Iterator[socket.socket]:
    """Yield the sockets of this process that were accepted at some addresses.

    Each is a duplicate, open until the next one: a second duplicate could get the number of a descriptor to come.

    Args:
        names: the addresses, as `socket.getsockname()` returns them.

    Raises:
        OSError: where the system does not tell of descriptors.
    """
    for number in [int(entry) for entry in os.listdir("/proc/self/fd")]:  # noqa: PTH208 - names, not paths
        sock = _duplicate(number)
        if sock is not None:
            with sock:
                if _is_accepted(sock, names):
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


def _is_accepted(sock: socket.socket, names: Collection[Any]) -> bool:
    """Whether a socket is a connection that was accepted at one of the addresses."""
    try:
        own = sock.getsockname()
        sock.getpeername()  # a listening socket has none
    except OSError:
        return False
    return any(_is_at(own, name) for name in names)


def _is_at(own: Any, name: Any) -> bool:
    return bool(own[1] == name[1] if isinstance(own, tuple) and isinstance(name, tuple) else own == name)
