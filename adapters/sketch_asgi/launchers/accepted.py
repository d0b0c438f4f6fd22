"""The connections that this process has accepted, those included of which a server does not tell."""

from __future__ import annotations

import os
import socket
import stat
import sys
from collections.abc import Collection
from typing import Any


def count_accepted(names: Collection[Any]) -> int:
    """Count the sockets of this process that were accepted at some addresses.

    Args:
        names: the addresses, as `socket.getsockname()` returns them.
    """
    try:
        numbers = [int(number) for number in os.listdir("/proc/self/fd")]  # noqa: PTH208 - names, not paths
    except OSError:
        return sys.maxsize  # this system does not tell
    return sum(_is_accepted(number, names) for number in numbers)


def _is_accepted(number: int, names: Collection[Any]) -> bool:
    """Whether a descriptor is a connection that was accepted at one of the addresses."""
    try:
        if not stat.S_ISSOCK(os.fstat(number).st_mode):
            return False
        with socket.socket(fileno=os.dup(number)) as sock:
            own = sock.getsockname()
            sock.getpeername()  # a listening socket has none
    except OSError:  # or it was closed meanwhile
        return False
    return any(_is_at(own, name) for name in names)


def _is_at(own: Any, name: Any) -> bool:
    return bool(own[1] == name[1] if isinstance(own, tuple) and isinstance(name, tuple) else own == name)
