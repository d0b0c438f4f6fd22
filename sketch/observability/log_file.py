"""Log files: a handler that writes one without blocking, and how those of the standard library are opened anew."""

from __future__ import annotations

import logging
import os

from sketch.observability.formatters import TextFormatter
from sketch.observability.line_writer import LineWriter


class LogFile(logging.Handler):
    """A logging handler that appends to a file from a thread of its own: a slow disk holds up no event loop.

        [handlers.file]
        class = "sketch.LogFile"
        filename = "/var/log/shop.log"

    At SIGUSR1 it opens the file anew, as logrotate needs it.

    Args:
        filename: of the file; it is made, with permissions 0o644 less the umask.

    Raises:
        OSError: if the file cannot be opened.
    """

    def __init__(self, filename: str) -> None:
        super().__init__()
        self.filename = os.path.abspath(filename)  # noqa: PTH100 - the program may change its directory
        self.setFormatter(TextFormatter())
        self._writer = LineWriter(self._open, self._lost, closing=True)
        self._writer.reopen()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        try:
            self._writer.put(f"{self.format(record)}\n")
        except Exception:
            self.handleError(record)

    def reopen(self) -> None:
        """Open the file anew: another one may have its name now.

        Raises:
            OSError: if it cannot be opened. The one before stays in use.
        """
        self._writer.reopen()

    def flush(self) -> None:
        """Wait until everything is written, but not for long."""
        if hasattr(self, "_writer"):
            self._writer.flush()

    def close(self) -> None:
        """Write what waits, and close the file."""
        self._writer.end()
        super().close()

    def _open(self) -> int:
        return os.open(self.filename, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def _lost(self, count: int) -> str:
        return lost_line(self, count)


def lost_line(handler: logging.Handler, count: int) -> str:
    """Return the line that tells of lost ones, in the format of a handler."""
    text = "%d log lines were lost: what takes the log is too slow, or takes no more"
    record = logging.LogRecord("sketch", logging.WARNING, __file__, 0, text, (count,), None)
    try:
        return f"{handler.format(record)}\n"
    except Exception:  # the format may be for lines of the access log alone
        return f"{TextFormatter().format(record)}\n"


def log_files() -> list[logging.FileHandler | LogFile]:
    """Return the handlers of this process that write files.

    They are found by the loggers that have them: the list of all handlers that `logging` keeps is emptied by each
    `dictConfig()`, which servers call, too.
    """
    known = [logging.getLogger(), *logging.getLogger().manager.loggerDict.values()]
    found = {handler for node in known if isinstance(node, logging.Logger) for handler in node.handlers}
    behind = {inner for handler in found for inner in _behind(handler)}
    return [handler for handler in found | behind if isinstance(handler, logging.FileHandler | LogFile)]


def _behind(handler: logging.Handler) -> list[logging.Handler]:
    """Return the handlers to which a handler passes records: of a `MemoryHandler`, or of the listener of a queue."""
    target, listener = getattr(handler, "target", None), getattr(handler, "listener", None)
    passed = [target, *getattr(listener, "handlers", ())]
    return [each for each in passed if isinstance(each, logging.Handler)]


def reopen_all() -> None:
    """Open all log files anew.

    Raises:
        OSError: for the first one that cannot be opened. It stays in use as it is; the others are opened anew.
    """
    failed: list[OSError] = []
    for handler in log_files():
        try:
            if isinstance(handler, LogFile):
                handler.reopen()
            else:
                _reopen(handler)
        except OSError as exc:
            failed.append(exc)
    if failed:
        raise failed[0]


def _reopen(handler: logging.FileHandler) -> None:
    """Open the file of a handler of the standard library anew, and close the old one then."""
    handler.acquire()
    try:
        before = handler.stream
        if before is not None:  # `delay`: it is not open yet
            handler.mode = handler.mode.replace("w", "a").replace("x", "a")
            handler.stream = handler._open()
            before.close()
    finally:
        handler.release()
