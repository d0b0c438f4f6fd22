"""Watches files in a thread, and tells which have changed once their changes have come to rest."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any, Protocol

from sketch.serving.reload.files import Look, Stamp, Tree, differences

logger = logging.getLogger("sketch")

POLL = 0.4
"""Seconds between two looks at all files where nothing tells of changes."""

SHARE = 20
"""A look at many files takes long: the time between two looks is so many times as long."""

RESCAN = 2.0
"""Seconds between two looks where the system tells of changes: it does not tell of all on network file systems."""

REST = 0.05
"""Seconds without a change after which a save is complete. Editors and version control write in several steps."""

RESTLESS = 1.0
"""Seconds after which changes that do not come to rest are told of all the same."""

_STEP = 25
"""Milliseconds between two looks whether the system has told of changes."""


class Alarm(Protocol):
    """Says when it is time to look at the files."""

    def wait(self, folders: Collection[str], took: float) -> None:
        """Wait until something may have changed in these folders, or until the watcher wakes it.

        Args:
            folders: those of the last look.
            took: how many seconds it took.
        """

    def close(self) -> None:
        """Release what it holds."""


class Polling:
    """Says so at intervals.

    Args:
        woken: set when there is no more time to wait.
    """

    def __init__(self, woken: Event) -> None:
        self._woken = woken

    def wait(self, folders: Collection[str], took: float) -> None:  # noqa: ARG002 - whatever the folders
        """See `Alarm`."""
        self._woken.wait(max(POLL, SHARE * took))

    def close(self) -> None:
        """Nothing is held."""


class Notified:
    """Says so when the system tells of a change, by the package watchfiles. A folder that appears is a change.

    Args:
        woken: set when there is no more time to wait.
        concerns: whether what has happened at a path may matter.
        make: the class `RustNotify` of watchfiles.
    """

    def __init__(self, woken: Event, concerns: Callable[[str], bool], make: Callable[..., Any]) -> None:
        self._woken = woken
        self._concerns = concerns
        self._make = make
        self._folders: frozenset[str] = frozenset()
        self._notify: Any = None

    def wait(self, folders: Collection[str], took: float) -> None:  # noqa: ARG002 - it does not look often
        """See `Alarm`.

        Raises:
            OSError: if the system cannot watch so many folders, or one of them has just vanished.
        """
        if self._folders != frozenset(folders):
            self.close()
            self._notify = self._make(list(folders), False, False, 0, False, True)
            self._folders = frozenset(folders)
            return  # what has changed meanwhile is found at once
        until = monotonic() + RESCAN
        while (left := until - monotonic()) > 0:
            told = self._notify.watch(2 * _STEP, _STEP, max(1, int(left * 1000)), self._woken)
            if isinstance(told, str) or any(self._concerns(path) for _, path in told):
                return

    def close(self) -> None:
        """Stop watching."""
        if self._notify is not None:
            self._notify.close()
            self._notify = None
            self._folders = frozenset()


class Watcher:
    """Watches the files of a tree.

    Args:
        tree: the files.
        changed: called in the watcher's thread with the paths of the files that have changed.
    """

    def __init__(self, tree: Tree, changed: Callable[[list[str]], None]) -> None:
        self.tree = tree
        self._changed = changed
        self._woken = Event()
        self._closed = False
        self._alarm = self._make_alarm()
        self._seen = Look({}, [])
        self._news: deque[dict[str, Stamp]] = deque()
        self._thread = Thread(target=self._run, name="sketch-watcher", daemon=True)

    @property
    def polls(self) -> bool:
        """Whether it has to look at all files again and again."""
        return isinstance(self._alarm, Polling)

    def begin(self) -> None:
        """Note what there is, and watch it from now on."""
        self._seen = self.tree.look()
        self._thread.start()

    def add(self, paths: Iterable[str]) -> None:
        """Watch these files as well: what happens to them from now on."""
        self._news.append(self.tree.add(paths))
        self._woken.set()

    def close(self) -> None:
        """Stop watching."""
        self._closed = True
        self._woken.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _make_alarm(self) -> Alarm:
        try:
            from watchfiles._rust_notify import RustNotify  # an extra
        except ImportError:
            return Polling(self._woken)
        return Notified(self._woken, self.tree.concerns, RustNotify)

    def _run(self) -> None:
        try:
            self._watch()
        except Exception:
            logger.exception("the files are not watched any more: restart the server by hand")
        finally:
            self._alarm.close()

    def _watch(self) -> None:
        folders, took = self._seen.folders, 0.0
        while not self._closed:
            self._wait(folders, took)
            self._woken.clear()
            began = monotonic()
            found = self.tree.look()
            folders, took = found.folders, monotonic() - began
            while self._news:
                self._seen = self._seen._replace(files=self._news.popleft() | self._seen.files)
            if found.files != self._seen.files:
                self._tell_of(self._settled(found))

    def _tell_of(self, found: Look) -> None:
        before, self._seen = self._seen, found
        changes = differences(before, found)
        if changes and not self._closed:
            self._changed(changes)

    def _wait(self, folders: Collection[str], took: float) -> None:
        """Wait for the alarm; where the system refuses to tell of changes, go over to polling."""
        try:
            self._alarm.wait(folders, took)
        except FileNotFoundError:  # a folder has vanished since the look
            self._woken.wait(REST)
        except (OSError, RuntimeError) as exc:  # watchfiles has errors of its own that are RuntimeErrors
            logger.warning("the system cannot tell of changes (%s): the files are polled", exc)
            self._alarm.close()
            self._alarm = Polling(self._woken)

    def _settled(self, found: Look) -> Look:
        """Look again until nothing changes any more."""
        until = monotonic() + RESTLESS
        while monotonic() < until and not self._closed:
            sleep(REST)
            again = self.tree.look()
            if again.files == found.files:
                return again
            found = again
        return found
