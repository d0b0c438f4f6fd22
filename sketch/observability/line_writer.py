"""Writes lines to a descriptor from a thread of its own, so that a slow reader of the log holds up no event loop."""

from __future__ import annotations

import atexit
import os
import select
import stat
import threading
from collections import deque
from collections.abc import Callable
from weakref import WeakSet

MOST = 8192
"""Lines that may wait; further ones are dropped, and counted."""

PAUSE = 0.02
"""Seconds for which lines are gathered: to wake the thread for each of them would cost more than the rest."""

WHOLE = 4096
"""Bytes that a pipe takes as a whole (PIPE_BUF), so that lines of several processes do not mix."""

OF_A_FILE = 65536
"""Bytes of one write to a file, which takes any number as a whole."""

LAST_WAIT = 2.0
"""Seconds for which the end of the program waits for a slow reader."""

SHORT_WAIT = 0.1
"""Seconds for which it waits once more."""


class LineWriter:
    """A bounded queue of lines, and the thread that writes them. The thread begins with the first line.

    Args:
        opened: returns the descriptor to write to; called before the first line, and by `reopen`.
        lost: makes the line that tells of dropped ones, of their number.
        closing: whether the descriptor is closed when it is not used any more.
    """

    def __init__(self, opened: Callable[[], int], lost: Callable[[int], str], *, closing: bool = False) -> None:
        self.queue: deque[str] = deque()
        """What waits; callers that cannot afford `put` append to it, as `put` does."""
        self.most = MOST
        self._opened = opened
        self._lost = lost
        self._closing = closing
        self._descriptor = -1
        self._most_at_once = WHOLE
        self._begin()
        _writers.add(self)

    def _begin(self) -> None:
        """Begin without lines and without a thread: also in a child of `fork`, where the parent has both."""
        self.queue.clear()
        self._actions: deque[Callable[[], None]] = deque()  # done once what was put before is written
        self._dropped = 0
        self._told = 0
        self.awake = False
        """Whether the thread is going to look at the queue."""
        self._closed = False
        self._stuck = False
        self._something = threading.Event()
        self._hurry = threading.Event()
        self._lock = threading.RLock()  # a handler of a signal may log while its thread writes
        self._thread: threading.Thread | None = None

    @property
    def dropped(self) -> int:
        """How many lines were lost so far."""
        return self._dropped

    def put(self, line: str) -> None:
        """Add a line, with its end. It never waits."""
        if len(self.queue) >= self.most:
            self.drop()
            return
        self.queue.append(line)
        if not self.awake:
            self.wake()

    def drop(self) -> None:
        """Count a line that there is no room for."""
        self._dropped += 1

    def hurry(self) -> None:
        """Let what waits be written now: an error should not wait for more lines."""
        self._hurry.set()

    def flush(self, timeout: float = LAST_WAIT) -> bool:
        """Wait until all lines are written. Returns whether they are.

        Args:
            timeout: seconds to wait at most; less if the last wait was in vain.
        """
        return self._do(lambda: None, SHORT_WAIT if self._stuck else timeout)

    def reopen(self) -> None:
        """Open the descriptor anew, once what was put before is written.

        Raises:
            OSError: if it cannot be opened, or what was put before is not taken. The one before stays in use.
        """
        failed: list[OSError] = []

        def open_anew() -> None:
            try:
                self._open()
            except OSError as exc:
                failed.append(exc)

        if not self._do(open_anew, LAST_WAIT):
            raise TimeoutError("what reads the log is too slow")
        if failed:
            raise failed[0]

    def close(self, timeout: float = LAST_WAIT) -> None:
        """Write what waits, for at most `timeout` seconds; later lines are written at once, where they are put.

        So nothing is lost of what is logged while the program ends.
        """
        if not self._closed and self.flush(timeout):
            self._closed = True

    def end(self, timeout: float = LAST_WAIT) -> None:
        """Write what waits, and close the descriptor; a later line opens it again."""
        self._do(self._shut, timeout)

    # -- the queue ----------------------------------------------------------------------------------------------------

    def _do(self, action: Callable[[], None], timeout: float) -> bool:
        """Do something once everything before is written; returns whether it was done in time."""
        done = threading.Event()

        def act() -> None:
            action()
            done.set()

        self._actions.append(act)
        if self._thread is None:
            self._write_all()
        else:
            self._hurry.set()
            self.wake()
        found = done.wait(timeout)
        self._stuck = not found
        return found

    def wake(self) -> None:
        """Let the thread write what was appended, unless `awake` says that it is going to."""
        self.awake = True
        if self._closed:
            self._write_all()
            return
        if self._thread is None:
            with self._lock:
                self._start()
        self._something.set()

    def _start(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="sketch log", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the interpreter ends, or the system has no more threads
                self._closed = True
                self._write_all()
            else:
                self._thread = thread

    def _run(self) -> None:
        while True:
            self._something.wait()
            self._something.clear()
            self._hurry.wait(PAUSE)
            self._hurry.clear()
            self._write_all()

    def _write_all(self) -> None:
        """Write what waits, and tell what was dropped."""
        self.awake = False  # before the queue is read: a line that is put from here on wakes the thread again
        with self._lock:
            for _ in range(len(self._actions)):
                action = self._actions.popleft()
                self._drain()
                action()
            self._drain()
            if self._dropped > self._told:
                lost, self._told = self._dropped - self._told, self._dropped
                self._write([self._lost(lost)])

    def _drain(self) -> None:
        """Write what waits, whole lines at a time."""
        queue = self.queue
        while count := len(queue):
            lines = [queue.popleft() for _ in range(count)]
            begin = size = 0
            for at, line in enumerate(lines):
                size += len(line)
                if size > self._most_at_once and at > begin:
                    self._write(lines[begin:at])
                    begin, size = at, len(line)
            self._write(lines[begin:])

    # -- the descriptor -----------------------------------------------------------------------------------------------

    def _open(self) -> None:
        before, self._descriptor = self._descriptor, self._opened()
        mode = os.fstat(self._descriptor).st_mode
        self._most_at_once = OF_A_FILE if stat.S_ISREG(mode) else WHOLE
        if self._closing and before >= 0:
            os.close(before)

    def _shut(self) -> None:
        if self._closing and self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def _write(self, lines: list[str]) -> None:
        """Write lines in one piece; count them as dropped if the descriptor does not take them."""
        try:
            if self._descriptor < 0:
                self._open()
            self._write_whole("".join(lines).encode("utf-8", "backslashreplace"))
        except OSError:  # a closed pipe, a full disk: there is nowhere to tell it before it takes lines again
            self._dropped += len(lines)

    def _write_whole(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:  # whoever shares the descriptor has made it non-blocking
                select.select([], [self._descriptor], [])


_writers: WeakSet[LineWriter] = WeakSet()


@atexit.register
def _close_all() -> None:
    for writer in list(_writers):
        writer.close()


def _begin_in_child() -> None:
    for writer in list(_writers):
        writer._begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)
