"""The logger `sketch` of a program that serves: shown on stderr for as long as the program does not log by itself."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

from sketch.observability import formatters
from sketch.observability.access_format import DEFAULT, AccessFormat
from sketch.observability.line_writer import LineWriter
from sketch.observability.log_file import lost_line
from sketch.transport import AccessLog

logger = logging.getLogger("sketch")
_access = logging.getLogger(formatters.ACCESS)
_root = logging.getLogger()


class FallbackHandler(logging.Handler):
    """Writes a record to stderr, unless another handler gets it, too.

    It looks at each record: a program may set up its logging when it is imported, in a startup hook, or later.
    """

    def __init__(self) -> None:
        super().__init__()
        self._alone: list[logging.Handler] = [self]
        self.access_format = AccessFormat()
        self.as_json = False
        self.stream = sys.stderr
        found = _descriptor(sys.stderr)
        self._writer = None if found is None else LineWriter(lambda: found, self._lost)
        self.use("auto", None)

    def use(self, log_format: str, access_format: str | None) -> None:
        """Choose the format.

        Args:
            log_format: `"auto"`, `"text"` or `"json"`, as in `ServeOptions`.
            access_format: the format of the access log's line, None for the default.
        """
        self.as_json = log_format == "json"
        given = None if access_format is None else AccessFormat(access_format)
        self.access_format = given or AccessFormat()
        if log_format == "auto" and is_terminal(self.stream):
            colours = not os.environ.get("NO_COLOR")
            self.setFormatter(formatters.TerminalFormatter(given or formatters.TERMINAL, colours=colours))
        else:
            self.setFormatter(formatters.JSONFormatter() if self.as_json else formatters.TextFormatter())

    def access_writer(self, otherwise: AccessLog) -> AccessLog:
        """Return the function that writes the access log's lines without a record, as long as no other handler gets it.

        Args:
            otherwise: logs an exchange by a record.
        """
        if self._writer is None or isinstance(self.formatter, formatters.TerminalFormatter):
            return otherwise
        from sketch.observability import access_lines  # not in programs without an access log

        if self.as_json:
            return access_lines.json_writer(self._writer, self._is_alone, otherwise)
        if self.access_format.text == DEFAULT:
            return access_lines.text_writer(self._writer, self._is_alone, otherwise)
        return access_lines.format_writer(self.access_format, self._writer, self._is_alone, otherwise)

    def _is_alone(self) -> bool:
        """Whether this handler alone gets the lines of the access log: as `handled`, in less time."""
        return (
            logger.handlers == self._alone
            and _access.propagate
            and not (_access.handlers or _access.filters or _root.handlers or self.filters)
            and _access.isEnabledFor(logging.INFO)
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, if nothing else does."""
        if handled(record.name):
            return
        try:
            self.write(self.format(record))
        except Exception:
            self.handleError(record)
        if self._writer is not None and record.name != formatters.ACCESS:
            self._writer.hurry()  # there are few of them

    def write(self, line: str) -> None:
        """Write a line as it is, in its order with the records. To what is no file it is written at once."""
        if self._writer is None:
            print(line, file=self.stream, flush=True)  # None, for a process without stderr: to stdout
        else:
            self._writer.put(f"{line}\n")

    def flush(self) -> None:
        """Wait until everything is written, but not for long."""
        if getattr(self, "_writer", None) is not None:
            assert self._writer is not None
            self._writer.flush()

    def close(self) -> None:
        """Write what waits. `dictConfig()` closes every handler that there is: this one goes on."""
        self.flush()
        super().close()

    def _lost(self, count: int) -> str:
        return lost_line(self, count)


fallback: FallbackHandler | None = None
"""The handler that shows what `sketch` logs, None in a program that sketch does not run."""


def _descriptor(stream: Any) -> int | None:
    """Return the descriptor of a stream, None for one that is no file, as in notebooks and tests."""
    try:
        found: int = stream.fileno()
    except (AttributeError, OSError, ValueError):  # pythonw and closed streams have none
        return None
    return found


def is_terminal(stream: Any) -> bool:
    """Whether a stream is a terminal that knows colours and columns."""
    return _descriptor(stream) is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


_chosen: tuple[str, str | None] = ("auto", None)


def show(log_format: str | None = None, access_format: str | None = None) -> None:
    """Show what `sketch` logs, until something else handles it.

    Args:
        log_format: see `FallbackHandler.use`; None leaves both formats as they are.
        access_format: see there.
    """
    global fallback, _chosen
    enable()
    found = next((handler for handler in logger.handlers if isinstance(handler, FallbackHandler)), None)
    if found is None:  # it is new, or `dictConfig()` has removed it
        found = FallbackHandler() if fallback is None or fallback.stream is not sys.stderr else fallback
        logger.addHandler(found)
    if log_format is not None:
        _chosen = log_format, access_format
    if log_format is not None or found is not fallback:
        found.use(*_chosen)
    fallback = found


def enable() -> None:
    """Enable the loggers of `sketch` again if all of them are disabled.

    `dictConfig()` and `fileConfig()` disable the loggers that they do not name, unless they are told not to. Then no
    error would be seen. A logger that a program disables by itself stays so, as the others are not.
    """
    known = list(logger.manager.loggerDict.items())
    ours = [node for name, node in known if f"{name}.".startswith("sketch.") and isinstance(node, logging.Logger)]
    if all(node.disabled for node in ours):
        for node in ours:
            node.disabled = False


def handled(name: str = "sketch") -> bool:
    """Whether the program itself handles the records of the logger with this name."""
    node: logging.Logger | None = logging.getLogger(name)
    while node is not None:
        if any(not isinstance(handler, FallbackHandler) for handler in node.handlers):
            return True
        node = node.parent if node.propagate else None
    return False


def tell(line: str, level: int = logging.INFO) -> None:
    """Log a line if the program handles it, or if the log is JSON; else print it to stderr as it is."""
    enable()  # a startup hook may have set up logging
    shown = fallback if fallback in logger.handlers else None
    if handled() or (shown is not None and shown.as_json):
        logger.log(level, "%s", line)
    elif shown is not None:
        shown.write(line)
    else:
        print(line, file=sys.stderr, flush=True)


def tell_error(message: str) -> None:
    """Print an error that ends the program, and log it if the program handles that, or if the log is JSON."""
    as_json = fallback is not None and fallback in logger.handlers and fallback.as_json
    if handled() or as_json:
        logger.error("%s", message)
    flush()
    if not as_json or handled():
        print(f"error: {message}", file=sys.stderr, flush=True)


def flush() -> None:
    """Wait until what was logged is written, but not for long."""
    if fallback is not None:
        fallback.flush()
