"""What a process reads anew by an order, while it serves on: its certificates, its log files.

SIGUSR1 is the order, in one process and in each worker, to which the parent passes it on. In one process SIGHUP is it,
too, if there is anything to read anew; else it orders to stop.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sketch.serving.options import ServeError
from sketch.serving.sources import explain

logger = logging.getLogger("sketch")

Read = Callable[[], object]
"""Reads something anew. It raises ServeError or OSError for what cannot be used, and leaves the old one in use then."""

_entries: list[tuple[str, Read]] = []


@contextmanager
def reread(what: str, read: Read) -> Iterator[None]:
    """While the block runs, read something anew at each order.

    Args:
        what: names it in the log: `the certificate app.pem`.
        read: is called in the event loop.
    """
    entry = (what, read)
    _entries.append(entry)
    try:
        yield
    finally:
        _entries.remove(entry)


def has_any() -> bool:
    """Whether there is anything to read anew."""
    return bool(_entries)


def reread_all(order: str) -> None:
    """Read everything anew, and log a line for each; one that fails does not keep the others from it.

    Args:
        order: the name of the signal.
    """
    if not _entries:
        logger.info("%s: there is nothing to reread", order)
    for what, read in _entries:
        try:
            read()
        except ServeError as exc:
            logger.error("%s: %s stays as it was: %s", order, what, explain(exc))  # noqa: TRY400
        except OSError as exc:
            logger.error("%s: %s stays as it was: %s", order, what, exc)  # noqa: TRY400
        else:
            logger.info("%s: reread %s", order, what)


@contextmanager
def order_taken() -> Iterator[None]:
    """Take SIGUSR1 as the order while the block runs: by default it would end the process.

    An application that has a use for the signal takes it after this, in its module or in a start-up hook.
    """
    number: signal.Signals | None = getattr(signal, "SIGUSR1", None)
    if number is None or signal.getsignal(number) is not signal.SIG_DFL:
        yield
        return
    signal.signal(number, take_order)
    try:
        yield
    finally:
        if signal.getsignal(number) is take_order:
            signal.signal(number, signal.SIG_DFL)


def take_order(number: int, _: object) -> None:
    """Obey SIGUSR1: a signal handler. It waits for the next turn of the event loop, as it may interrupt anything."""
    name = signal.Signals(number).name
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # the server does not run yet, or no more
        logger.info("%s: there is nothing to reread", name)
    else:
        loop.call_soon_threadsafe(reread_all, name)
