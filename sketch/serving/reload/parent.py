"""The parent that restarts its one worker when the code changes."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from dataclasses import replace
from importlib.util import cache_from_source, find_spec
from pathlib import Path
from typing import Any

from sketch.errors.debug.masking import FRAMEWORK
from sketch.errors.debug.traces import in_library
from sketch.serving.options import OptionError, ServeOptions
from sketch.serving.processes.order import Order, encode_options
from sketch.serving.processes.supervisor import Announce, Supervisor, WorkerProcess, policy_of
from sketch.serving.processes.table import Table
from sketch.serving.reload.files import Tree, default_roots
from sketch.serving.reload.table import ReloadTable
from sketch.serving.reload.watcher import Watcher
from sketch.serving.sockets import ADDRESSES, is_public, open_slots, spell

logger = logging.getLogger("sketch")

GRACE = 2.0
"""Seconds at most that running requests get to end, each time the code changes."""

SPARE_AFTER = 0.5
"""Seconds after a start in which the first requests are answered before the process of the next one is started."""

_FRAMEWORK = tuple(
    os.path.dirname(spec.origin)  # noqa: PTH120
    for name in FRAMEWORK
    if (spec := find_spec(name)) is not None and spec.origin is not None
)
"""The folders of this framework. They change for those that develop it."""

_NAMED = 3
"""How many of the files that have changed are named in the log."""


def supervise_reloading(app: str, options: ServeOptions, announce: Announce) -> int:
    """Serve an application by one worker, which is restarted when the code changes. Returns the exit code.

    Args:
        app: the import string of the application. Only the worker imports it.
        options: say what is watched.
        announce: tells the first line, once the worker is ready.

    Raises:
        ServeError: if the application cannot be served for another reason than its code, and for options that cannot
            be sent to a worker.
    """
    check_folders(options)
    options = in_development(options)
    given = encode_options(options)
    tree = Tree(options.reload_dir or default_roots(app), options.reload_include)
    with open_slots(options, 1) as slots:
        check_private(options, slots[0])
        # Not asyncio.Runner, which takes SIGINT for itself.
        loop = asyncio.SelectorEventLoop()
        try:
            return loop.run_until_complete(ReloadSupervisor(app, options, given, slots, announce, tree).run())
        finally:
            loop.close()


def in_development(options: ServeOptions) -> ServeOptions:
    """Return the options of a server that is restarted all the time: it waits for nothing that can be tried again.

    Its event loop may be blocked for as long as the developer likes: a debugger does that.
    """
    return replace(
        options,
        shutdown_timeout=min(options.shutdown_timeout, GRACE),
        keep_alive_drain=0.0,
        drain_delay=0.0,
        worker_timeout=0.0,
    )


def check_folders(options: ServeOptions) -> None:
    """Check that what shall be watched is there.

    Raises:
        OptionError: if it is not.
    """
    for path in options.reload_dir:
        if not Path(path).exists():
            raise OptionError(
                f"expected reload_dir as a directory or file that exists, got {path!r:.200}", "reload_dir"
            )


def check_private(options: ServeOptions, sockets: list[socket.socket]) -> None:
    """Check that only this machine reaches the server, unless the user has decided on `debug` by name.

    Raises:
        OptionError: if others do: they would be shown source code and variables if a proxy made them look local.
    """
    if options.debug is not None:
        return
    for sock in sockets:
        place = spell(sock.getsockname())
        if is_public(place):
            raise OptionError(
                f"expected an address of the loopback interface with reload, which turns debug on, got {place}: "
                "give debug (or no-debug) as well to serve other machines",
                "reload",
                *ADDRESSES,
            )


class ReloadSupervisor(Supervisor):
    """Runs the table of one worker, and watches its files.

    Args:
        app, options, given, slots, announce: as for `Supervisor`.
        tree: the files that are watched.
    """

    hopeless = ""  # the command is wrong
    terminal = True  # for `breakpoint()`
    _table: ReloadTable

    def __init__(
        self,
        app: str,
        options: ServeOptions,
        given: dict[str, Any],
        slots: list[list[socket.socket]],
        announce: Announce,
        tree: Tree,
    ) -> None:
        self._watcher = Watcher(tree, self._changed_in_thread)
        self._began_at: float | None = None
        self._stale: set[str] = set()
        self._spare: WorkerProcess | None = None
        super().__init__(app, options, given, slots, announce)

    def make_table(self) -> Table:
        """Return the table that decides."""
        return ReloadTable(policy_of(self._options), self._start, self._on_first, self._on_ready, self._watcher.add)

    async def run(self) -> int:
        """Run until the worker has ended. Returns the exit code.

        Raises:
            ServeError: if the application cannot be served for another reason than its code.
        """
        self._watcher.begin()  # before the worker reads any file
        try:
            return await super().run()
        finally:
            self._watcher.close()
            self._drop_spare()

    def _start(self, index: int, generation: int) -> WorkerProcess:
        """Start the worker, which must not take what Python has compiled of a file before it was changed."""
        for path in self._stale:
            forget_compiled(path)
        self._stale.clear()
        return super()._start(index, generation)

    def launch(self, index: int) -> WorkerProcess:
        """Return the spare process, or start one."""
        spare, self._spare = self._spare, None
        return spare if spare is not None and spare.started.poll() is None else super().launch(index)

    def _prepare_spare(self) -> None:
        """Start the process of the next restart: it loads what does not change, and waits."""
        if self._spare is None and not self._table.stopping:
            try:
                self._spare = super().launch(0)
            except OSError as exc:
                logger.debug("no spare process: %s", exc)
            else:
                path = [str(each) for each in sys.path]
                self._spare.send(prepare=self._options.server, loop=self._options.loop, path=path)

    def _drop_spare(self) -> None:
        spare, self._spare = self._spare, None
        if spare is not None:
            spare.pipe.close()
            spare.started.kill()
            spare.started.wait()

    def make_order(self, index: int, generation: int) -> Order:
        """Return what the worker is told."""
        return replace(super().make_order(index, generation), fault=self._table.fault)

    def replace(self) -> None:
        """Restart the worker: the order by SIGHUP."""
        if not self._table.stopping:
            self._began_at = self._loop.time()
            self._table.replace()

    def _changed_in_thread(self, paths: list[str]) -> None:
        self._loop.call_soon_threadsafe(self._changed, paths)

    def _changed(self, paths: list[str]) -> None:
        if not self._table.stopping:
            logger.info("changed: %s", describe(paths))
            self._stale.update(paths)
            if any(is_shared(path) for path in paths):
                self._drop_spare()  # it may have loaded them
            self.replace()

    def _on_first(self) -> None:
        super()._on_first()
        roots = ", ".join(self._watcher.tree.roots)
        how = "polling: pip install 'sketch-web[reload]' is faster" if self._watcher.polls else "watchfiles"
        logger.info("watching %s (%s)", roots, how)

    def _on_ready(self, works: bool) -> None:
        if works and self._began_at is not None:
            logger.info("restarted in %.2f s", self._loop.time() - self._began_at)
        self._began_at = None
        self._loop.call_later(SPARE_AFTER, self._prepare_spare)


def is_shared(path: str) -> bool:
    """Whether a file belongs to what every application loads: to a library, or to this framework."""
    return in_library(path) or any(path.startswith(f"{root}/") for root in _FRAMEWORK)


def forget_compiled(path: str) -> None:
    """Remove what Python has compiled of a file.

    It would be taken for the file's newest state if that was saved in the same second and has the same size.
    """
    try:
        Path(cache_from_source(path)).unlink(missing_ok=True)
    except (NotImplementedError, OSError) as exc:
        logger.debug("cannot remove what was compiled of %s: %s", path, exc)


def describe(paths: list[str]) -> str:
    """Name the first of some paths, below the working directory without it."""
    rest = len(paths) - _NAMED
    return ", ".join(_short(path) for path in paths[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _short(path: str) -> str:
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path
