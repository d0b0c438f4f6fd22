"""The descriptors of this process: the standard ones, and the limit on them; each connection takes one."""

from __future__ import annotations

import logging
import os
from typing import Any

logger = logging.getLogger("sketch")

RESERVE = 100
"""Descriptors beside the connections: the listening sockets, the event loop's own, the application's files."""

_AMPLE = 1 << 20
"""Descriptors for connections without a bound: Linux allows no more by default (`fs.nr_open`)."""


def open_standard() -> None:
    """Open each of standard input, output and error on the null device if it is closed, as after `2>&-`.

    The next file or socket would get its number: what writes to standard error would write into a connection, and a
    child process would get its own standard input in place of a socket that is passed on to it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it gets the lowest number that is free


def make_room(connections: int | None) -> None:
    """Raise the soft limit on open files to what so many connections need; warn if the hard limit is below that.

    The usual soft limit is 1,024, for the sake of programs that use `select`; the Go runtime, too, raises it at its
    start. It is never lowered. Systems without such a limit are left alone.

    Args:
        connections: how many may be open at once, None for no bound.
    """
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return
    soft = _raise_soft(resource, _AMPLE if connections is None else connections + RESERVE)
    if connections is not None and soft < connections:
        logger.warning(
            "this process may open %d files, but ServerLimits.connections is %d: further clients will have to wait; "
            "raise the limit (`ulimit -n`, `LimitNOFILE=`), or lower ServerLimits.connections",
            soft,
            connections,
        )


def _raise_soft(resource: Any, wanted: int) -> int:
    """Raise the soft limit as far as it is possible and needed. Returns it as it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    possible = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft >= possible:
        return int(soft)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (possible, hard))
    except (ValueError, OSError) as exc:  # macOS has a second bound, which nothing tells
        logger.debug("cannot raise the limit on open files from %d to %d: %s", soft, possible, exc)
        return int(soft)
    return int(possible)
