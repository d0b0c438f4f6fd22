"""The orders that a process gets by signals: to stop, and to stop at once."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from sketch.serving import rereading, systemd
from sketch.serving.processes.link import current_link

if TYPE_CHECKING:
    from sketch.lifecycle.stopping import Stopping

T = TypeVar("T")

_TO_STOP = ("SIGINT", "SIGTERM", "SIGHUP")
_AT_ONCE = "SIGQUIT"
_REREADS = "SIGHUP"
_MAY_BE_IGNORED = ("SIGHUP", "SIGQUIT")
"""Signals that stay ignored if they are when the server starts: `nohup` and shells ignore them for their programs."""


class Orders:
    """What the signals have ordered so far.

    SIGTERM, SIGINT or SIGHUP order to stop. Another one of them ends the grace period, and so does SIGQUIT, which needs
    no order before it. After that the signals have their default effects. Where there is something to reread, SIGHUP
    orders that instead: see `sketch.serving.rereading`.

    In a worker only SIGQUIT ends the grace period, and SIGTERM is ignored at the end: a service manager may send it to
    all processes, and so does the parent then.

    Args:
        stop: called in the event loop with each order; its argument is whether the grace period ends.
    """

    def __init__(self, stop: Callable[[bool], object]) -> None:
        self.given = asyncio.Event()
        """Set by the first order."""
        self._stop = stop

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Take the signals while the block runs. Outside the main thread, where Python allows no handler, take none."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        numbers = [number for name in (*_TO_STOP, _AT_ONCE) if (number := _number(name)) is not None]
        self._restore = partial(_restore, loop, numbers)
        for number in numbers:
            loop.add_signal_handler(number, self._take, number)
        try:
            yield
        finally:
            self._restore()
            if current_link() is not None:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it has no more to say, and would cut short the exit

    def _take(self, number: int) -> None:
        name = signal.Signals(number).name
        if name == _REREADS and rereading.has_any():
            _reread(name)
            return
        quits = name == _AT_ONCE
        again = self.given.is_set()
        if again and not quits and current_link() is not None:
            return
        at_once = again or quits
        if at_once:
            self._restore()
        self.given.set()
        self._stop(at_once)


def _number(name: str) -> signal.Signals | None:
    """Return the signal of that name; None where the system lacks it, or if it is to stay ignored."""
    number: signal.Signals | None = getattr(signal, name, None)
    return None if number is None or stays_ignored(number) else number


def stays_ignored(number: signal.Signals) -> bool:
    """Whether a signal is ignored, and has to stay so. Asked before a handler is installed."""
    return number.name in _MAY_BE_IGNORED and signal.getsignal(number) == signal.SIG_IGN


def _restore(loop: asyncio.AbstractEventLoop, numbers: list[signal.Signals]) -> None:
    for number in numbers:
        loop.remove_signal_handler(number)


def _reread(order: str) -> None:
    systemd.reloading()
    rereading.reread_all(order)
    systemd.notify("READY=1")


class Stoppable(Protocol):
    """An application that can be told to stop."""

    @property
    def stopping(self) -> Stopping:
        """The order to stop; a new one with each start."""
        ...


async def unless_given_up(serving: Awaitable[T], app: Stoppable, orders: Orders, code: T) -> T:
    """Await a server. If a hook goes on after its cancellation, return `code` instead, and leave the server behind."""
    task = asyncio.ensure_future(serving)
    given_up = asyncio.ensure_future(_given_up(app, orders))
    try:
        await asyncio.wait([task, given_up], return_when=asyncio.FIRST_COMPLETED)
        return await task if task.done() else code
    finally:
        given_up.cancel()
        await asyncio.wait([given_up])


async def _given_up(app: Stoppable, orders: Orders) -> None:
    await orders.given.wait()
    await app.stopping.wait_given_up()
