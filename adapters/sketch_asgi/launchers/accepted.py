"""The connections that this process has accepted, those included of which a server does not tell."""

from __future__ import annotations

import socket
import sys
from collections.abc import Collection, Iterator
from typing import Any

from sketch_gateway.descriptors import open_sockets


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

    Each is a duplicate that is open until the next one: see `open_sockets`.

    Args:
        names: the addresses, as `socket.getsockname()` returns them.

    Raises:
        OSError: where the system does not tell of descriptors.
    """
    return (sock for sock in open_sockets() if _is_accepted(sock, names))


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
