"""systemd: the sockets that it has opened for this process, and what it wants to be told (sd_listen_fds, sd_notify)."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import MutableMapping
from dataclasses import replace
from functools import partial
from time import monotonic_ns

from sketch.observability.logs import tell
from sketch.serving.loops import repeat
from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.sockets import ADDRESSES

logger = logging.getLogger("sketch")

_FIRST = 3
"""The first descriptor that is passed."""

_PATIENCE = 1.0
"""Seconds that systemd gets to take a message."""

NOTIFY_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
"""What concerns the main process alone: a worker starts without them, as its parent tells of all."""


# -- socket activation ------------------------------------------------------------------------------------------------


def activate(options: ServeOptions) -> ServeOptions:
    """Return the options with the sockets that systemd has passed to this process, if there are any, as addresses.

    Raises:
        ServeError: for sockets beside addresses that were given, and for variables that make no sense.
    """
    watchdog_interval()  # to see now whether it makes sense
    found = take_sockets(os.environ)
    if not found:
        return options
    given = sorted(options.given() & {*ADDRESSES})
    if given:
        raise ServeError(
            f"expected either {', '.join(given)} or socket activation, got both: systemd has passed "
            f"{', '.join(found)}; leave the addresses to the .socket unit (`sketch run --unset {given[0]}` ignores "
            "a file's), or start the server without it",
            *given,
        )
    return replace(options, bind=found)


def take_sockets(environ: MutableMapping[str, str]) -> tuple[str, ...]:
    """Return the sockets that systemd has passed to this process as addresses, `fd:3` and so on.

    The variables are removed: child processes do not have these descriptors.

    Raises:
        ServeError: for a number of sockets that is none.
    """
    pid, count = environ.pop("LISTEN_PID", None), environ.pop("LISTEN_FDS", None)
    names = environ.pop("LISTEN_FDNAMES", "")
    environ.pop("LISTEN_PIDFDID", None)
    if pid is None or count is None:
        return ()
    if pid != str(os.getpid()):
        logger.warning(
            "ignoring the sockets of systemd: it has passed them to process %s, and this one is %d; let the unit start "
            "the server itself, not a program that starts it",
            pid,
            os.getpid(),
        )
        return ()
    if not (count.isascii() and count.isdecimal()):
        raise ServeError(f"expected LISTEN_FDS to be a number, got {count!r:.200}")
    found = tuple(f"fd:{_FIRST + each}" for each in range(int(count)))
    if found:
        tell(f"systemd has passed {', '.join(found)}{f' ({names})' if names else ''}")
    return found


# -- notifications ----------------------------------------------------------------------------------------------------


def ready() -> None:
    """Tell that the server listens, and send the watchdog's heartbeats from now on, if systemd waits for them.

    They come from the running event loop until that is closed: a loop that is blocked sends none, and systemd ends the
    process.
    """
    notify("READY=1")
    interval = watchdog_interval()
    if interval is not None:
        repeat(partial(notify, "WATCHDOG=1"), interval)


def reloading() -> None:
    """Tell that a reload has begun; `notify("READY=1")` ends it."""
    notify("RELOADING=1", f"MONOTONIC_USEC={monotonic_ns() // 1000}")


def stopping() -> None:
    """Tell that the server has begun to stop."""
    notify("STOPPING=1")


def watchdog_interval() -> float | None:
    """Return the seconds between two heartbeats, half of what systemd allows; None if it waits for none.

    Raises:
        ServeError: for a time that is none.
    """
    time, pid = os.environ.get("WATCHDOG_USEC"), os.environ.get("WATCHDOG_PID")
    if time is None or (pid is not None and pid != str(os.getpid())):
        return None
    if not (time.isascii() and time.isdecimal()) or int(time) == 0:
        raise ServeError(f"expected WATCHDOG_USEC to be a number of microseconds, got {time!r:.200}")
    return int(time) / 2_000_000


def notify(*lines: str) -> None:
    """Send a message to systemd if it waits for one: `notify("STATUS=warming up")`.

    A failure is logged, as the server works without.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.settimeout(_PATIENCE)
            sock.connect(f"\0{address[1:]}" if address.startswith("@") else address)
            sock.sendall("\n".join(lines).encode())
    except OSError as exc:
        logger.warning("cannot notify systemd on NOTIFY_SOCKET=%s: %s", address, exc.strerror or exc)
