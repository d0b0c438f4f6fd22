"""The parent of the workers: its event loop, its signals, and the processes that it starts."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sketch.concurrency.workers import WorkerInfo
from sketch.serving import rereading, systemd
from sketch.serving.options import ServeError, ServeOptions
from sketch.serving.orders import stays_ignored
from sketch.serving.processes.command import start_worker
from sketch.serving.processes.cpus import usable_cpus
from sketch.serving.processes.order import Order, encode_options
from sketch.serving.processes.pipe import Pipe
from sketch.serving.processes.table import Policy, Table
from sketch.serving.sockets import open_slots
from sketch.serving.sources import known_sources

if TYPE_CHECKING:
    from sketch.observability.metrics.families import Workers
    from sketch.serving.processes.gathering import Gathering

logger = logging.getLogger("sketch")

TICK = 0.2
"""Seconds between two looks at what is due."""

_OF_METRICS = frozenset({"figures", "active", "text"})
"""What messages have that are about metrics."""

Announce = Callable[[ServeOptions, Sequence[object]], None]
"""Tells the first line: `sketch.serving.run.announce`."""


def supervise(app: str, options: ServeOptions, announce: Announce, *, spread: bool) -> int:
    """Serve an application by workers until told to stop. Returns the exit code.

    Args:
        app: the import string of the application. Only the workers import it.
        options: `workers` says how many there are.
        announce: tells the first line, once the first worker is ready.
        spread: whether each worker gets a socket of its own. Else all have the same one.

    Raises:
        ServeError: if no worker could start, and for options that cannot be sent to workers.
    """
    options = replace(options, workers=options.workers or usable_cpus())
    assert options.workers is not None
    given = encode_options(options)
    with open_slots(options, options.workers if spread else 1) as opened:
        slots = opened if spread else opened * options.workers
        # Not asyncio.Runner, which takes SIGINT for itself.
        loop = asyncio.SelectorEventLoop()
        try:
            return loop.run_until_complete(Supervisor(app, options, given, slots, announce).run())
        finally:
            loop.close()


class WorkerProcess:
    """A process that was started: a `child.Process`."""

    def __init__(self, started: subprocess.Popen[bytes], pipe: Pipe) -> None:
        self.started = started
        self.pid = started.pid
        self.pipe = pipe
        self.send = pipe.send

    def signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        self.started.send_signal(number)


class Supervisor:
    """Runs a table of workers in an event loop.

    Args:
        app, options, announce: as for `supervise`.
        given: the options as the workers get them.
        slots: the sockets of each worker.
    """

    hopeless = "no worker could start: "
    """How the error begins that ends the parent."""
    terminal = False
    """Whether workers may read from the terminal."""

    def __init__(
        self,
        app: str,
        options: ServeOptions,
        given: dict[str, Any],
        slots: list[list[socket.socket]],
        announce: Announce,
    ) -> None:
        self._app = app
        self._options = options
        self._given = given
        self._slots = slots
        self._announce = announce
        self._processes: list[WorkerProcess] = []
        self._table = self.make_table()
        self._ended = asyncio.Event()
        self._reloading = False  # whether systemd has to be told of the end
        self._gathered: Gathering | None = None

    def make_table(self) -> Table:
        """Return the table that decides."""
        return Table(len(self._slots), policy_of(self._options), self._start, self._on_first)

    async def run(self) -> int:
        """Run until all workers have ended. Returns the exit code.

        Raises:
            ServeError: if no worker could start.
        """
        self._loop = asyncio.get_running_loop()
        self._ticked_at = self._loop.time()
        restore = self._take_signals()
        try:
            async with self._metrics_listener():
                self._table.begin()
                self._tick()
                try:
                    await self._ended.wait()
                finally:
                    self._timer.cancel()
        finally:
            restore()
        if self._table.failure is not None:
            raise ServeError(self.hopeless + self._table.failure)
        return 1 if self._table.failed_ends else 0

    # -- signals ------------------------------------------------------------------------------------------------------

    def _take_signals(self) -> Callable[[], None]:
        """Handle the signals of the process. Returns a function that restores their default effect."""
        every: dict[signal.Signals, Callable[[], None]] = {
            signal.SIGTERM: self._stop,
            signal.SIGINT: self._stop,
            signal.SIGQUIT: self._stop_now,
            signal.SIGHUP: self.replace,
            signal.SIGUSR1: self._pass_on,
            signal.SIGCHLD: self._reap,
        }
        handlers = {number: handler for number, handler in every.items() if not stays_ignored(number)}
        for number, handler in handlers.items():
            self._loop.add_signal_handler(number, handler)

        def restore() -> None:
            for number in handlers:
                self._loop.remove_signal_handler(number)

        return restore

    def _stop(self) -> None:
        if self._table.stopping:
            self._table.hurry()
        else:
            logger.info("stopping the workers")
            self._reloading = False
            systemd.stopping()
            self._table.stop()

    def _stop_now(self) -> None:
        """Stop as at the second SIGTERM."""
        if not self._table.stopping:
            self._stop()
        self._table.hurry()

    def replace(self) -> None:
        """Replace the workers: the order by SIGHUP."""
        if not self._table.stopping:
            logger.info("replacing the workers, one after the other")
            systemd.reloading()
            self._reloading = True
            self._table.replace()

    def _pass_on(self) -> None:
        if rereading.has_any():
            rereading.reread_all("SIGUSR1")
        logger.info("SIGUSR1: the workers reread what they can")
        self._table.pass_on(signal.SIGUSR1)

    # -- processes ----------------------------------------------------------------------------------------------------

    def make_order(self, index: int, generation: int) -> Order:
        """Return what the process of a slot is told."""
        own = self._slots[index]
        others = {
            other: [sock.fileno() for sock in sockets if sock not in own]
            for other, sockets in enumerate(self._slots)
            if other != index
        }
        return Order(
            app=self._app,
            options=self._given,
            info=WorkerInfo(index, len(self._slots), generation),
            own=[sock.fileno() for sock in own],
            others=others,
            path=[str(each) for each in sys.path],
            arguments=sys.argv,
            sources=known_sources(),
        )

    def _start(self, index: int, generation: int) -> WorkerProcess:
        """Start the process of a slot, and send it its order."""
        process = self.launch(index)
        self._processes.append(process)
        process.send(**self.make_order(index, generation).encode())
        self._loop.add_reader(process.pipe.fileno(), self._read, process)
        return process

    def launch(self, index: int) -> WorkerProcess:
        """Start a process that waits for its order."""
        pipe, theirs = Pipe.pair()
        descriptors = {sock.fileno() for sockets in self._slots for sock in sockets}
        try:
            with theirs:
                started = start_worker(self._app, index, theirs.fileno(), descriptors, terminal=self.terminal)
                return WorkerProcess(started, pipe)
        except OSError:
            pipe.close()
            raise

    def _read(self, process: WorkerProcess) -> None:
        """Tell the table what a worker has sent."""
        for message in process.pipe.receive():
            self._table.received(process, message)
            if not _OF_METRICS.isdisjoint(message):
                self._gathering.received(process, message)
        if process.pipe.closed:
            self._loop.remove_reader(process.pipe.fileno())

    def _reap(self) -> None:
        """Tell the table of the processes that have ended."""
        for process in list(self._processes):
            status = process.started.poll()
            if status is None:
                continue
            self._read(process)  # what it has said at its end
            self._loop.remove_reader(process.pipe.fileno())
            process.pipe.close()
            self._processes.remove(process)
            if self._gathered is not None:
                self._gathered.ended(process)
            self._table.ended(process, status)
        if os.getpid() == 1:
            reap_orphans({process.pid for process in self._processes})
        self._end_if_empty()

    def _end_if_empty(self) -> None:
        if self._table.stopping and not self._processes:
            self._ended.set()

    # -- time ---------------------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        """Move the table's time on, but not by more than two ticks.

        A later tick was held up: this process was stopped (Ctrl-Z, a suspended machine), and the workers maybe with it.
        That time must not count against them.
        """
        self._timer = self._loop.call_later(TICK, self._tick)
        now = self._loop.time()
        passed, self._ticked_at = min(now - self._ticked_at, 2 * TICK), now
        for process in self._processes:
            process.pipe.flush()
        self._table.tick(self._table.now + passed)
        if self._reloading and not self._table.replacing:
            self._reloading = False
            systemd.notify("READY=1")
        self._end_if_empty()

    # -- metrics ------------------------------------------------------------------------------------------------------

    def _metrics_listener(self) -> AbstractAsyncContextManager[None]:
        """Serve the metrics of all workers at an address of their own, if there is one."""
        if self._options.metrics_bind is None:
            return nullcontext()
        from sketch.serving.metrics import metrics_listener

        return metrics_listener(self._options.metrics_bind, self._gathering.exposition)

    @property
    def _gathering(self) -> Gathering:
        """What adds up the metrics of the workers; made when the first of them tells something."""
        if self._gathered is None:
            from sketch.serving.processes.gathering import Gathering  # most applications have no metrics

            self._gathered = Gathering(self._processes, self._workers)
        return self._gathered

    def _workers(self) -> Workers:
        from sketch.observability.metrics.families import Workers

        table = self._table
        return Workers(len(table.slots), table.ready, table.restarts, table.failures)

    def _on_first(self) -> None:
        self._announce(self._options, [sock.getsockname() for sock in self._slots[0]])


def policy_of(options: ServeOptions) -> Policy:
    """Return the bounds of the table."""
    return Policy(
        start_timeout=options.start_timeout or math.inf,
        worker_timeout=options.worker_timeout or math.inf,
        stop_timeout=options.drain_delay + options.shutdown_timeout,
        max_requests=options.max_requests or math.inf,
        jitter=options.max_requests_jitter,
    )


def reap_orphans(own: Collection[int]) -> None:
    """Take the exit status of processes whose parents have left them to this one, the first of a container.

    Args:
        own: the processes whose exit status is taken elsewhere.
    """
    look = os.WEXITED | os.WNOHANG | os.WNOWAIT
    try:
        while (ended := os.waitid(os.P_ALL, 0, look)) is not None and ended.si_pid not in own:
            os.waitpid(ended.si_pid, 0)
    except ChildProcessError:
        pass
